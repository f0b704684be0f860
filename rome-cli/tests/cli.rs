//! The tool as a person uses it, on databases on disk.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Output};

use rome::SchemaChange;
use rome::prelude::*;

mod first {
    use rome::prelude::*;

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
    db.insert_all((0..40).map(dog)).await.unwrap();
    drop(db);
    Database::builder().entity::<Dog>().schema(SchemaChange::Defer).open(url).await.unwrap();
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
    assert!(says(&url, &["plan"], 0).contains("index `unique_name` of `dogs` is to be built, over 40 rows"));
    assert!(says(&url, &["apply", "--batch", "7"], 0).contains("built index `unique_name` of `dogs`"));
    assert!(says(&url, &["plan"], 0).contains("nothing to do"));
    assert!(says(&url, &["check"], 0).contains("40 rows and 80 entries were read; 0 things are wrong"));
    assert!(says(&url, &["get", "dogs", "3"], 0).contains(r#"{"age":2,"id":3,"name":"dog 2"}"#));
    assert!(says(&url, &["get", "dogs", "99"], 1).contains("no row (99)"));
    assert!(says(&url, &["get", "cats", "3"], 2).contains("no table `cats`"));
    let query = folder.file("query.json");
    std::fs::write(&query, r#"{"table": "dogs", "where": [["name", "=", "dog 7"]]}"#).unwrap();
    assert!(says(&url, &["explain", &query], 0).contains("unique index unique_name"));
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
