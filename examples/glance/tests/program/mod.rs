//! The program as a process of its own.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures::channel::mpsc;
use glance::client::Client;
use serde_json::json;

/// A running service; killed when dropped.
pub struct Program {
    pub child: Child,
    pub client: Client,
    pub address: SocketAddr,
    /// What it says on standard error.
    pub log: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            log.lines().filter(|line| line.contains("ERROR")).for_each(|line| println!("{line}"));
        }
    }
}

impl Program {
    /// Starts one on a store, its data in a folder.
    pub fn start(store: &str, folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glance"));
        command.env("GLANCE_STORE", store);
        Self::run(command, folder)
    }

    /// Starts one on a store with some options.
    pub fn with(store: &str, folder: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glance"));
        command.env("GLANCE_STORE", store).args(options);
        Self::run(command, folder)
    }

    /// Starts one by a command, on any free port of the loopback address unless it says where.
    pub fn run(mut command: Command, folder: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let log = folder.join(format!("log-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        if command.get_args().all(|argument| argument != "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .args(["--log-format", "json", "--data"])
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address: SocketAddr = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, client: Client::new(address, "ann:p1:member"), address, log }
    }

    /// Another client of it.
    pub fn client_of(&self, token: &str) -> Client {
        Client::new(self.address, token)
    }

    /// The most memory that it has had, in MiB.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Whether it says that it is well.
    pub async fn is_well(&self) -> bool {
        self.client_of("").get("/healthz").await.is_ok_and(|answer| answer.status == 200)
    }

    /// Sends it a signal, such as `-KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Starts an upload and gives the end of the stream that feeds it, once the service has begun with it.
    pub async fn begin_upload(
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

    /// Makes an image and gives its path.
    pub async fn make(&self) -> String {
        let answer = self.client.json(Method::POST, "/v2/images", &json!({})).await.unwrap();
        answer.json()["self"].as_str().unwrap().to_owned()
    }
}
