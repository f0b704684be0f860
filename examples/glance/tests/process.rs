//! The program itself: its command line, its logs, and how it stops.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures::channel::mpsc;
use glance::client::Client;
use serde_json::{Value, json};

struct Program {
    child: Child,
    client: Client,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Program {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glance"));
        command.env("GLANCE_STORE", format!("embedded:{}", folder.join("db").display()));
        Self::run(command, folder)
    }

    fn run(mut command: Command, folder: &Path) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--data"])
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address: SocketAddr = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, client: Client::new(address, "ann:p1:member") }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Starts an upload and gives the end of the stream that feeds it, once the service has begun with it.
    async fn begin_upload(
        &self,
        path: &str,
    ) -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, tokio::task::JoinHandle<Option<u16>>) {
        let (sender, data) = mpsc::unbounded();
        sender.unbounded_send(Ok(Bytes::from_static(b"first "))).unwrap();
        let (client, file) = (self.client.clone(), format!("{path}/file"));
        let upload = tokio::spawn(async move {
            client.put_data(&file, Body::from_stream(data)).await.ok().map(|answer| answer.status.as_u16())
        });
        while self.client.get(path).await.unwrap().json()["status"] != "saving" {
            tokio::task::yield_now().await;
        }
        (sender, upload)
    }

    async fn make(&self) -> String {
        let answer = self.client.json(Method::POST, "/v2/images", &json!({})).await.unwrap();
        answer.json()["self"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_stop_waits_for_an_upload_and_logs_are_json() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path());
    let path = program.make().await;
    let (data, upload) = program.begin_upload(&path).await;
    program.signal("-TERM");
    data.unbounded_send(Ok(Bytes::from_static(b"second"))).unwrap();
    drop(data);
    assert_eq!(upload.await.unwrap(), Some(204));
    assert!(program.child.wait().unwrap().success());
    let mut log = String::new();
    program.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|event| event["message"] == "data received" && event["bytes"] == 12), "{log}");
    assert_eq!(events.last().unwrap()["message"], "stopped");

    let program = Program::start(folder.path());
    assert_eq!(program.client.get(&format!("{path}/file")).await.unwrap().text(), "first second");
}

#[tokio::test]
async fn a_killed_service_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let program = Program::start(folder.path());
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

        let program = Program::start(folder.path());
        assert_eq!(program.client.get(&cut).await.unwrap().json()["status"], "queued");
        let data = folder.path().join("data");
        let count = |area: &str| data.join(area).read_dir().unwrap().count();
        assert_eq!((count("incoming"), count("store1")), (0, acknowledged.len()));
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
