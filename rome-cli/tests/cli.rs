//! The tool as a person uses it, on databases on disk.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rome_orm::SchemaPolicy;
use rome_orm::prelude::*;

mod first {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog {
        #[rome(key, auto)]
        pub id: Id<Dog>,
        pub name: String,
        #[rome(index)]
        pub age: u32,
    }
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(unique)]
    name: String,
    #[rome(index)]
    age: u32,
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rome-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn url(&self, name: &str) -> String {
        format!("embedded:{}", self.0.join(name).display())
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A database with 40 dogs, two of them of one name if asked for, and a unique index on names that is not built.
async fn kennel(url: &str, twins: bool) {
    let db = Database::builder().entity::<first::Dog>().open(url).await.unwrap();
    let name = |n: u32| if twins && n == 39 { "dog 0".to_owned() } else { format!("dog {n}") };
    let dog = |n: u32| first::Dog { name: name(n), age: n % 10, ..Default::default() };
    db.insert_many((0..40).map(dog)).await.unwrap();
    drop(db);
    Database::builder().entity::<Dog>().schema_policy(SchemaPolicy::Defer).open(url).await.unwrap();
}

fn rome(url: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rome")).args(args).arg("--quiet").env("ROME_URL", url).output().unwrap()
}

/// What a command prints; it has to end with this code.
fn says(url: &str, args: &[&str], code: i32) -> String {
    let output = rome(url, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    text
}

/// What a command prints that reads this on its standard input.
fn with_input(url: &str, args: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rome"));
    command.args(args).env("ROME_URL", url).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn a_build_that_was_left_is_shown_and_finished() {
    let folder = Folder::new("apply");
    let url = folder.url("db");
    kennel(&url, false).await;
    let status = says(&url, &["status"], 0);
    assert!(
        status.contains("dogs (40 rows)") && status.contains("unique index unique_name (name), not built yet"),
        "{status}"
    );
    assert!(says(&url, &["pending"], 0).contains("index `unique_name` of `dogs` is to be built, over 40 rows"));
    assert!(says(&url, &["apply", "--batch", "7"], 0).contains("built index `unique_name` of `dogs`"));
    assert!(says(&url, &["pending"], 0).contains("nothing to do"));
    assert!(says(&url, &["check"], 0).contains("40 rows and 80 entries were read; 0 things are wrong"));
    assert!(says(&url, &["get", "dogs", "3"], 0).contains(r#"{"age":2,"id":3,"name":"dog 2"}"#));
    assert!(says(&url, &["get", "dogs", "99"], 1).contains("no row (99)"));
    assert!(says(&url, &["get", "cats", "3"], 2).contains("no table `cats`"));
    let query = folder.file("query.json");
    std::fs::write(&query, r#"{"table": "dogs", "where": [["name", "=", "dog 7"]]}"#).unwrap();
    assert!(says(&url, &["explain", &query], 0).contains("unique index unique_name"));
    let inline = r#" {"table": "dogs", "where": [["name", "=", "dog 7"]]}"#;
    assert!(says(&url, &["explain", inline], 0).contains("unique index unique_name"));
    let piped = with_input(&url, &["explain", "-"], inline);
    assert!(piped.contains("unique index unique_name"), "{piped}");
    assert!(says(&url, &["explain", "nothing.json"], 2).contains("`nothing.json`"));
    assert!(says(&url, &["explain", "{"], 2).contains("query"));
    assert!(says(&url, &["drop-index", "dogs", "unique_name"], 0).contains("with 40 entries"));
    assert!(says(&url, &["check", "--repair"], 0).contains("40 entries were read"));
    Database::builder().entity::<first::Dog>().open(&url).await.unwrap();
}

#[tokio::test]
async fn duplicates_are_listed() {
    let folder = Folder::new("duplicates");
    let url = folder.url("db");
    kennel(&url, true).await;
    let listed = says(&url, &["apply"], 1);
    assert!(listed.contains("both have name = 'dog 0', which `unique_name` does not allow"), "{listed}");
    assert!(says(&url, &["status"], 0).contains("not built yet"));
}

#[tokio::test]
async fn a_dump_is_loaded_and_one_that_is_cut_is_not() {
    let folder = Folder::new("dump");
    let (url, other, dump) = (folder.url("db"), folder.url("other"), folder.file("dump"));
    kennel(&url, false).await;
    assert!(says(&url, &["dump", "--output", &dump], 0).contains("40 rows"));
    assert_eq!(rome(&url, &["dump"]).stdout, std::fs::read(&dump).unwrap());
    let whole = std::fs::read(&dump).unwrap();
    let cut = folder.file("cut");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert!(says(&other, &["load", &cut], 2).contains("nothing was loaded"));
    assert!(says(&other, &["load", &folder.file("none")], 2).contains("none"));
    assert!(says(&other, &["load", &dump], 0).contains("dogs: 40 rows"));
    // The unique index was not built where the dump was taken, so the copy has it when a program declares it.
    assert!(says(&other, &["check"], 0).contains("40 rows and 40 entries"));
    assert!(says(&other, &["load", &dump], 2).contains("has rows"));
    let db = Database::builder().entity::<Dog>().open(&other).await.unwrap();
    assert_eq!(db.query::<Dog>().filter(Dog::NAME.eq("dog 5")).one().await.unwrap().age, 5);
    drop(db);
    assert!(says(&other, &["check"], 0).contains("40 rows and 80 entries"));
}

#[tokio::test]
async fn writes_are_as_safe_as_was_asked_for() {
    let folder = Folder::new("durability");
    let (url, other, dump) = (folder.url("db"), folder.url("other"), folder.file("dump"));
    kennel(&url, false).await;
    assert!(says(&url, &["dump", "--output", &dump], 0).contains("40 rows"));
    // A store on disk has no replicas, and refuses what asks for some.
    for (at, command) in
        [(&url, &["apply"][..]), (&url, &["drop-index", "dogs", "unique_name"]), (&other, &["load", &dump])]
    {
        let refused = says(at, &[command, &["--durability", "replicated:1"]].concat(), 2);
        assert!(refused.contains("Replicated(1)"), "{command:?}: {refused}");
    }
    assert!(says(&url, &["--durability", "replicated:1", "status"], 0).contains("40 rows"), "a look writes nothing");
    assert!(says(&url, &["--durability", "memory", "apply"], 0).contains("built index"));
    for wrong in ["disk", "replicated", "replicated:0", "replicated:256", "local:1"] {
        let refused = says(&url, &["status", "--durability", wrong], 2);
        assert!(refused.contains("`replicated:N`"), "{wrong}: {refused}");
    }
}

#[test]
fn what_is_not_there_is_not_made() {
    let folder = Folder::new("nothing");
    let url = folder.url("db");
    assert!(says(&url, &["status"], 2).contains("there is no database"));
    assert!(!folder.0.join("db").exists());
    assert!(says("", &["status"], 2).contains("--url"));
    assert!(says("memory:", &["status"], 2).contains("memory"));
    let secret = says("mysql://user:hunter2@host", &["status"], 2);
    assert!(!secret.contains("hunter2"), "{secret}");
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_output_without_a_word() {
    let folder = Folder::new("pipe");
    let url = folder.url("db");
    let db = Database::builder().entity::<first::Dog>().open(&url).await.unwrap();
    // More than a pipe holds.
    let dog = |n: u32| first::Dog { name: format!("{n:0200}"), ..Default::default() };
    db.insert_many((0..2000).map(dog)).await.unwrap();
    drop(db);
    for args in [&["dump"][..], &["dump", "--quiet"], &["status"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rome"));
        command.args(args).env("ROME_URL", &url).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        if args[0] == "dump" {
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
            assert!(!first.is_empty());
        } else {
            drop(child.stdout.take());
        }
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && errors.is_empty(), "{args:?}: {:?} {errors}", output.status);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_dump_is_its_owners_alone_and_goes_through_no_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new("private");
    let (url, dump) = (folder.url("db"), folder.file("dump"));
    kennel(&url, false).await;
    let target = folder.file("target");
    std::fs::write(&target, "someone's").unwrap();
    for to in [target.clone(), folder.file("missing")] {
        let link = folder.file("link");
        symlink(&to, &link).unwrap();
        assert!(says(&url, &["dump", "--output", &link], 2).contains("a link"));
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        std::fs::remove_file(&link).unwrap();
    }
    assert_eq!(std::fs::read(&target).unwrap(), b"someone's");
    assert!(!folder.0.join("missing").exists());
    std::fs::write(&dump, "an older one").unwrap();
    std::fs::set_permissions(&dump, std::fs::Permissions::from_mode(0o644)).unwrap();
    says(&url, &["dump", "--output", &dump], 0);
    assert_eq!(std::fs::metadata(&dump).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(says(&url, &["dump", "--output", &folder.file("no/such/folder")], 2).contains("no/such/folder"));
    says(&url, &["dump", "--output", "/dev/null"], 0);
    // One that fails leaves the older one, and nothing of its own.
    let whole = std::fs::read(&dump).unwrap();
    assert!(says(&folder.url("none"), &["dump", "--output", &dump], 2).contains("there is no database"));
    assert_eq!(std::fs::read(&dump).unwrap(), whole);
    let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[tokio::test]
async fn names_from_the_database_do_not_reach_the_terminal_as_commands() {
    #[derive(Entity, Clone, Debug, Default)]
    #[rome(table = "do\u{1b}]0;gs\u{7}\u{202e}", index(age, name = "by\u{1b}[2J"))]
    struct Escaping {
        #[rome(key)]
        id: u64,
        #[rome(column = "na\u{1b}[31mme")]
        name: String,
        age: u32,
    }
    let folder = Folder::new("escapes");
    let url = folder.url("db");
    let db = Database::builder().entity::<Escaping>().open(&url).await.unwrap();
    db.insert(Escaping { id: 1, name: "a\u{1b}[2J".into(), ..Default::default() }).await.unwrap();
    drop(db);
    let query = r#"{"table": "do\u001b]0;gs\u0007\u202e", "where": [["age", "=", "1"]]}"#;
    let table = "do\u{1b}]0;gs\u{7}\u{202e}";
    let all = [
        (&["status"][..], 0),
        (&["check"], 0),
        (&["pending"], 0),
        (&["explain", query], 0),
        (&["get", table, "1"], 0),
        (&["get", table, "2"], 1),
        (&["get", "x\u{1b}[2J", "1"], 2),
        (&["drop-index", table, "no\u{1b}[2J"], 2),
        (&["drop-index", table, "by\u{1b}[2J"], 0),
    ];
    for (args, code) in all {
        let output = says(&url, args, code);
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!output.contains(obeyed), "{args:?}: {output:?}");
    }
    assert!(says(&url, &["status"], 0).contains("\\u{1b}"));
}

#[test]
fn a_url_of_another_form_is_refused_before_anything_is_made() {
    let folder = Folder::new("urls");
    for (url, says_so) in [("embedded://./x", "embedded:./x"), ("embedded:~/x", "in full"), ("redis:h", "redis://HOST")]
    {
        for command in [&["status"][..], &["load", "nothing"]] {
            let mut rome = Command::new(env!("CARGO_BIN_EXE_rome"));
            let output = rome.args(command).env("ROME_URL", url).current_dir(&folder.0).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(2) && text.contains(says_so), "{url}: {text}");
        }
    }
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_given_has_units_and_levels() {
    let folder = Folder::new("units");
    let url = folder.url("db");
    kennel(&url, false).await;
    for given in [&["apply", "--pause", "1ms"][..], &["apply", "--pause", "0s"], &["--durability", "local", "status"]] {
        says(&url, given, 0);
    }
    for given in [
        &["apply", "--pause", "10"][..],
        &["apply", "--pause", "1d"],
        &["--durability", "replicated-local:0", "status"],
    ] {
        says(&url, given, 2);
    }
}
