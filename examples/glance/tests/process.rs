//! The program itself: its command line, its logs, and how it stops.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod program;
mod stores;

use std::process::Command;

use bytes::Bytes;
use program::Program;
use serde_json::Value;
use stores::Place;

#[tokio::test]
async fn a_stop_waits_for_an_upload_and_logs_are_json() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("embedded", folder.path());
    let mut program = Program::start(&place.url, folder.path());
    let path = program.make().await;
    let (data, upload) = program.begin_upload(&path).await;
    program.signal("-TERM");
    data.unbounded_send(Ok(Bytes::from_static(b"second"))).unwrap();
    drop(data);
    assert_eq!(upload.await.unwrap(), Some(204));
    assert!(program.child.wait().unwrap().success());
    let log = std::fs::read_to_string(&program.log).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|event| event["message"] == "data received" && event["bytes"] == 12), "{log}");
    assert_eq!(events.last().unwrap()["message"], "stopped");

    let program = Program::start(&place.url, folder.path());
    assert_eq!(program.client.get(&format!("{path}/file")).await.unwrap().text(), "first second");
}

#[tokio::test]
async fn a_killed_service_loses_nothing_that_it_acknowledged() {
    for store in stores::LASTING {
        println!("on {store}");
        nothing_acknowledged_is_lost_on(store).await;
    }
}

async fn nothing_acknowledged_is_lost_on(store: &str) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(store, folder.path());
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let program = Program::start(&place.url, folder.path());
        for path in &acknowledged {
            let answer = program.client.get(&format!("{path}/file")).await.unwrap();
            assert_eq!(answer.text(), *path, "round {round}");
        }
        let path = program.make().await;
        let answer = program.client.put_data(&format!("{path}/file"), path.clone()).await.unwrap();
        assert_eq!(answer.status, 204);
        acknowledged.push(path);
        let cut = program.make().await;
        let (_data, upload) = program.begin_upload(&cut).await;
        program.signal("-KILL");
        assert_eq!(upload.await.unwrap(), None);
        drop(program);

        let program = Program::start(&place.url, folder.path());
        assert_eq!(program.client.get(&cut).await.unwrap().json()["status"], "queued");
        let data = folder.path().join("data");
        let count = |area: &str| data.join(area).read_dir().unwrap().count();
        assert_eq!((count("incoming"), count("busy"), count("store1")), (0, 0, acknowledged.len()));
    }
}

#[tokio::test]
async fn data_for_which_there_is_no_room_is_refused_and_the_image_queued_again() {
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond a megabyte, and being told so is no signal but an error, as on a full disk.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_glance")]);
    command.env("GLANCE_STORE", "memory:");
    let program = Program::run(command, folder.path());
    let path = program.make().await;
    let answer = program.client.put_data(&format!("{path}/file"), vec![1; 2 << 20]).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text().contains("full")), (413, true), "{}", answer.text());
    assert_eq!(program.client.get(&path).await.unwrap().json()["status"], "queued");
    assert_eq!(folder.path().join("data/incoming").read_dir().unwrap().count(), 0);
    let answer = program.client.put_data(&format!("{path}/file"), "small").await.unwrap();
    assert_eq!(answer.status, 204);
}

#[test]
fn the_demonstration_shows_an_image_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_glance")).arg("demo").env("TMPDIR", folder.path()).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}");
    assert!(said.contains("sha512 verified") && said.contains("stopped"), "{said}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_cannot_be_done_is_said_and_fails() {
    for (arguments, said) in [
        (["--store", "sql:x"], "names no store"),
        (["--listen", "nowhere"], "invalid value 'nowhere'"),
        (["--hash", "md4"], "invalid value 'md4'"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let done =
            Command::new(env!("CARGO_BIN_EXE_glance")).args(arguments).current_dir(folder.path()).output().unwrap();
        let error = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && error.contains(said), "{error}");
    }
}
