//! What the program says, and whom it lets read what it makes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use axum::http::Method;
use serde_json::json;

use super::program::Program;
use super::start;
use super::stores::Place;

fn glance(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glance"));
    command.args(arguments).arg("--data").arg(folder.join("data")).args(["--listen", "127.0.0.1:0"]);
    command.current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn no_password_of_a_store_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (url, host) in [
        ("redis://:s3cretpw@127.0.0.1:1/?prefix=a", "redis://127.0.0.1:1 cannot"),
        ("redis://user:s3cretpw@127.0.0.1:1/?prefix=a&s3cret=1", "redis://127.0.0.1:1 cannot"),
        ("redis://:pa?s3cretpw@127.0.0.1:1", "redis://127.0.0.1:1 cannot"),
        ("redis://:s3cretpw@127.0.0.1:port/", "redis://127.0.0.1:port cannot"),
        ("sql://:s3cretpw@host/", "sql://host cannot"),
    ] {
        let output = glance(folder.path(), &["--store", url]);
        assert!(!output.status.success());
        let said = said(&output);
        assert!(!said.contains("s3cretpw") && said.contains(host), "{said}");
        let output =
            Command::new(env!("CARGO_BIN_EXE_glance")).arg("--help").env("GLANCE_STORE", url).output().unwrap();
        let said = self::said(&output);
        assert!(!said.contains("s3cret") && said.contains("GLANCE_STORE"), "{said}");
    }
    fs::write(folder.path().join("secret"), "s3cretpw").unwrap();
    let said = said(&glance(folder.path(), &["--store", "memory:", "--trust-proxy-secret-file", "secret"]));
    assert!(!said.contains("s3cretpw") && said.contains("at least 16 bytes"), "{said}");
}

#[tokio::test]
async fn a_line_of_the_log_is_bounded_and_has_nothing_of_what_is_stored() {
    let (program, _folder) = start(&["--log", "trace"]);
    let image = json!({"name": "n4me-of-it", "p": "v4lue-of-it".repeat(1000), "tags": ["t4g-of-it"]});
    assert_eq!(program.client.json(Method::POST, "/v2/images", &image).await.unwrap().status, 201);
    for path in [format!("/{}", "x".repeat(60_000)), format!("/v2/images?name={}", "y".repeat(60_000))] {
        program.client.get(&path).await.unwrap();
    }
    assert_eq!(program.client.get("/v2/images").await.unwrap().json()["images"].as_array().unwrap().len(), 1);
    let log = fs::read_to_string(&program.log).unwrap();
    let longest = log.lines().map(str::len).max().unwrap();
    assert!(longest <= 4096 && log.contains("xxxx"), "{longest}");
    for stored in ["n4me-of-it", "v4lue-of-it", "t4g-of-it"] {
        assert!(!log.contains(stored), "{stored}");
    }
}

/// All that is in a folder, with what its mode lets others do.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        all.push((path.display().to_string(), meta.permissions().mode() & 0o077));
        if meta.is_dir() {
            all.extend(modes(&path));
        }
    }
    all
}

#[tokio::test]
async fn what_the_service_makes_is_for_its_user_alone() {
    for umask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new("embedded", folder.path());
        let mut command = Command::new("sh");
        let script = format!("umask {umask}; exec \"$@\"");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_glance")]).env("GLANCE_STORE", &place.url);
        let program = Program::run(command, folder.path());
        let (path, staged, begun) = (program.make().await, program.make().await, program.make().await);
        assert_eq!(program.client.put_data(&format!("{path}/file"), "data").await.unwrap().status, 204);
        assert_eq!(program.client.put_data(&format!("{staged}/stage"), "data").await.unwrap().status, 204);
        let (_data, _upload) = program.begin_upload(&begun).await;
        let all = modes(folder.path());
        // The log is the test's own.
        let open: Vec<_> = all.iter().filter(|(path, mode)| *mode != 0 && !path.contains("/log-")).collect();
        assert!(open.is_empty() && all.len() > 10, "{umask}: {all:?}");
    }
}

#[test]
fn links_in_the_data_folder_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (target, data) = (folder.path().join("target"), folder.path().join("data"));
    fs::write(&target, "something").unwrap();
    fs::create_dir(&data).unwrap();
    symlink(&target, data.join("mending")).unwrap();
    let output = glance(folder.path(), &["--store", "memory:"]);
    assert!(!output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_to_string(&target).unwrap(), "something");
    fs::remove_file(data.join("mending")).unwrap();
    // What a start removes is not what a link leads to.
    fs::remove_dir_all(data.join("incoming")).unwrap();
    symlink(folder.path(), data.join("incoming")).unwrap();
    let output = glance(folder.path(), &["--store", "memory:"]);
    assert!(!output.status.success() && said(&output).contains("incoming"), "{}", said(&output));
    assert_eq!(fs::read_to_string(&target).unwrap(), "something");
}

#[tokio::test]
async fn data_is_not_read_through_a_link() {
    let (program, folder) = start(&[]);
    let path = program.make().await;
    assert_eq!(program.client.put_data(&format!("{path}/file"), "data").await.unwrap().status, 204);
    let own = folder.path().join("data/store1").join(path.rsplit_once('/').unwrap().1);
    fs::write(folder.path().join("secret"), "secret").unwrap();
    fs::remove_file(&own).unwrap();
    symlink(folder.path().join("secret"), &own).unwrap();
    let answer = program.client.get(&format!("{path}/file")).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
}
