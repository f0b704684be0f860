//! The service under its unmodified Python client.
//!
//! Makes a virtual environment with `python-glanceclient` under the target folder, once, and runs `client.py` against a
//! service on each store that lasts. Needs `python3` with `venv` and, the first time, the package index.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod stores;

use std::path::{Path, PathBuf};
use std::process::Command;

use glance::config::Config;
use glance::service;
use stores::Place;

/// The release of the client that is tested.
const CLIENT: &str = "python-glanceclient==4.13.0";

/// Runs a command and stops the test with all that it said if it fails.
#[track_caller]
fn run(command: &mut Command, hint: &str) {
    let done = command.output().unwrap_or_else(|e| panic!("{command:?} cannot be run: {e}. {hint}"));
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?} failed. {hint}\n{said}");
    println!("{said}");
}

/// The folder of the virtual environment; it is made if it is not there whole.
fn environment() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = target.join("glanceclient-4.13.0");
    let done = folder.join("installed");
    if !done.exists() {
        let hint =
            "Install Python 3 with its venv module (on Debian and Ubuntu: apt-get install python3 python3-venv).";
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), hint);
        let hint = "The client is installed from the Python package index; is it in reach?";
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", CLIENT]), hint);
        std::fs::write(done, CLIENT).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_finds_the_service_it_expects() {
    let environment = tokio::task::block_in_place(environment);
    for store in stores::LASTING {
        println!("on {store}");
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(store, folder.path());
        let running = service::start(Config::local(&*place.url, folder.path().join("data"))).await.unwrap();
        let mut client = Command::new(environment.join("bin/python"));
        client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client.py"));
        client.arg(format!("http://{}", running.address())).arg(environment.join("bin/glance")).arg(folder.path());
        tokio::task::block_in_place(|| run(&mut client, "The service does not behave as the client expects."));
        running.stop().await;
    }
}
