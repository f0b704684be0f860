//! Every example runs to its end; what they print they also assert.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs in `examples/`, by name.
fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Where Cargo puts examples: beside the folder of this test's own program.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

#[test]
fn every_example_runs() {
    let names = names();
    assert!(names.len() >= 25, "only {} examples were found", names.len());
    for name in names {
        if matches!(name.as_str(), "stores" | "quickstart") && cfg!(not(feature = "embedded")) {
            continue;
        }
        let program = program(&name);
        assert!(
            program.exists(),
            "{} is not built: `cargo test` builds the examples, `cargo test --test examples` alone does not",
            program.display()
        );
        let output = Command::new(&program).output().unwrap();
        assert!(
            output.status.success(),
            "example `{name}` failed\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.stdout.is_empty(), "example `{name}` shows nothing");
    }
}

#[cfg(feature = "redis")]
#[test]
fn an_example_runs_on_the_store_that_its_argument_names() {
    let server = rome_redis::testkit::LocalServer::start();
    for url in [format!("{}?prefix=examples", server.url()), "memory:?partitions=16".to_owned()] {
        let output = Command::new(program("any_store")).arg(&url).output().unwrap();
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let wrong = Command::new(program("any_store")).arg("rediss:").output().unwrap();
    assert!(!wrong.status.success(), "it went to the store of its argument");
}
