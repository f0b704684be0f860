//! Connections that are slow, or do nothing at all.

use std::process::Command;

use glance::client::Client;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::program::Program;
use super::stores::Place;
use super::{answer, head, send, start, status};

/// Waits until a caller gets an answer.
async fn until(client: &Client, path: &str, status: u16) {
    while client.get(path).await.unwrap().status != status {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn idle_connections_of_anybody_keep_nobody_out() {
    // As many as fit, and more than the process may have files open.
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("embedded", folder.path());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 200; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_glance")]);
    command.env("GLANCE_STORE", &place.url);
    let program = Program::run(command, folder.path());
    let (mut idle, mut half) = (Vec::new(), Vec::new());
    for _ in 0..260 {
        idle.push(TcpStream::connect(program.address).await.unwrap());
    }
    assert!(program.is_well().await);
    for _ in 0..260 {
        half.push(send(program.address, "GET /healthz HTTP/1.1\r\nHost: loc").await);
    }
    for _ in 0..20 {
        assert!(program.is_well().await);
    }
    program.make().await;
    // The oldest of them had to go.
    assert_eq!(answer(idle.remove(0)).await, "");
}

#[tokio::test]
async fn a_head_has_to_come_in_time() {
    let (program, _folder) = start(&["--header-timeout", "1"]);
    for begun in ["", "GET", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n"] {
        let said = answer(send(program.address, begun).await).await;
        assert!(matches!(status(&said), 0 | 408), "{begun}: {said}");
    }
    // Nor does the next one of a connection.
    let said = answer(send(program.address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea").await).await;
    assert_eq!((status(&said), said.matches("HTTP/1.1").count()), (200, 1), "{said}");
    assert!(program.is_well().await);
}

#[tokio::test]
async fn slow_bodies_have_a_time_and_a_number_for_each_caller() {
    let options = ["--body-timeout", "3", "--max-waiting-bodies", "4", "--project-share", "50"];
    let (program, _folder) = start(&options);
    let path = program.make().await;
    let slow = |token: &str, method: &str, path: &str, media: &str| {
        let more = format!("Content-Type: {media}\r\nContent-Length: 100\r\n\r\n{{");
        let head = head(method, path, token, &more);
        tokio::spawn(async move { answer(send(program.address, &head).await).await })
    };
    let (json, patch) = ("application/json", "application/openstack-images-v2.1-json-patch");
    let all: Vec<_> = [
        ("POST", "/v2/images", json),
        ("PATCH", &path, patch),
        ("POST", &format!("{path}/members"), json),
        ("POST", &format!("{path}/import"), json),
        ("PUT", &format!("{path}/members/p1"), json),
        ("POST", "/v2/images", json),
    ]
    .into_iter()
    .map(|(method, path, media)| slow("ann:p1:member", method, path, media))
    .collect();
    let by_admin: Vec<_> = ["/v2/tasks", "/v2/metadefs/namespaces"]
        .into_iter()
        .map(|path| slow("root:p0:admin", "POST", path, json))
        .collect();
    assert!(program.is_well().await);
    let mut statuses = Vec::new();
    for said in all {
        let said = said.await.unwrap();
        let waited = said.contains("--body-timeout") || said.contains("for one project is 2");
        assert!(waited, "{said}");
        statuses.push(status(&said));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [408, 408, 503, 503, 503, 503]);
    for said in by_admin {
        assert_eq!(status(&said.await.unwrap()), 408);
    }
    program.make().await;
}

#[tokio::test]
async fn a_caller_without_identity_is_refused_before_its_body_is_waited_for() {
    let (program, _folder) = start(&["--body-timeout", "3600"]);
    for (method, path) in [("POST", "/v2/images"), ("PUT", "/v2/images/x/file"), ("POST", "/v2/tasks"), ("POST", "/no")]
    {
        let more = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
        let said = answer(send(program.address, &head(method, path, "", more)).await).await;
        assert!(matches!(status(&said), 401 | 404), "{said}");
    }
}

#[tokio::test]
async fn above_the_number_of_connections_the_answer_is_503_and_says_when_to_try_again() {
    let (program, _folder) = start(&["--max-connections", "4", "--project-share", "100", "--body-timeout", "3600"]);
    // Each of them has a request under way.
    let more = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let (mut busy, mut said) = (Vec::new(), String::new());
    while status(&said) != 503 {
        // One whose head was not read yet makes room for the question.
        busy.push(send(program.address, &head("POST", "/v2/images", "ann:p1:member", more)).await);
        said = answer(
            send(program.address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await,
        )
        .await;
    }
    assert!(said.contains("retry-after: 1\r\n") && said.contains("--max-connections"), "{said}");
    drop(busy);
    while !program.is_well().await {}
}

#[tokio::test]
async fn a_download_has_to_be_taken_in_time_and_downloads_have_a_number() {
    let options = ["--answer-timeout", "2", "--max-downloads", "2", "--project-share", "50"];
    let (program, _folder) = start(&options);
    let path = program.make().await;
    let data = vec![7_u8; 32 << 20];
    assert_eq!(program.client.put_data(&format!("{path}/file"), data.clone()).await.unwrap().status, 204);
    let publish = json!([{"op": "replace", "path": "/visibility", "value": "public"}]);
    assert_eq!(program.client_of("root:p0:admin").patch(&path, &publish).await.unwrap().status, 200);
    let file = format!("{path}/file");
    // One that takes the head of the answer, and nothing more.
    let mut stuck = send(program.address, &head("GET", &file, "ann:p1:member", "\r\n")).await;
    let mut begin = [0; 12];
    stuck.read_exact(&mut begin).await.unwrap();
    assert!(begin.ends_with(b"200"));
    let refused = program.client.get(&file).await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("--max-downloads") && refused.header("retry-after") == "1", "{}", refused.text());
    let bob = program.client_of("bob:p2:member");
    assert!(bob.get(&file).await.unwrap().body == data);
    // It is cut off, and then there is room again.
    until(&program.client, &file, 200).await;
    let mut rest = Vec::new();
    let ended = stuck.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.len() < data.len(), "{}", rest.len());
}
