//! Requests that are made to harm, sent to the program itself: what they may take has a bound, what they get is a clear refusal,
//! and others are answered meanwhile.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod connections;
#[path = "../program/mod.rs"]
mod program;
mod requests;
mod secrets;
#[path = "../stores/mod.rs"]
mod stores;
mod trust;
mod uploads;

use std::io;
use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use program::Program;
use stores::Place;

/// A service on the embedded store with some options.
fn start(options: &[&str]) -> (Program, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("embedded", folder.path());
    (Program::with(&place.url, folder.path(), options), folder)
}

/// A connection on which something was sent.
async fn send(address: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// The head of a request of a caller, without the empty line that ends it.
fn head(method: &str, path: &str, token: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {token}\r\n{more}")
}

/// What is answered until the service closes the connection; a connection that it breaks off ends there, too.
async fn answer(mut stream: TcpStream) -> String {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut part).await {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&part[..n]),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => break,
            Err(e) => panic!("{e}"),
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The status of an answer, 0 if there is none.
fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").map_or(0, |rest| rest[..3].parse().unwrap())
}
