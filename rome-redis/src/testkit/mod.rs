//! For tests: Redis servers of the test's own, on free loopback ports, in temporary folders.

mod cluster;

pub use cluster::LocalCluster;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue};

/// A `redis-server` process. It is killed when this is dropped, and its folder removed.
#[derive(Debug)]
pub struct LocalServer {
    folder: PathBuf,
    port: u16,
    /// For what a cluster's nodes say to each other.
    bus_port: u16,
    tls_port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl LocalServer {
    /// A server that keeps nothing on disk.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&["--appendonly", "no"])
    }

    /// A server that syncs each write to its disk before it answers.
    #[must_use]
    pub fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// A server with these settings on its command line. In them `{port}` stands for its port, `{bus}` for another one, and `{tls}`
    /// for one to speak TLS on.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("rome-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let settings = settings.iter().map(|word| (*word).to_owned()).collect();
        let mut server = Self { folder, port: 0, bus_port: 0, tls_port: 0, settings, process: None };
        // Another process may take the free port before the server does.
        for _ in 0..5 {
            (server.port, server.bus_port, server.tls_port) = (free_port(), free_port(), free_port());
            if server.spawn() {
                return server;
            }
        }
        panic!("redis-server does not start; its log: {}", server.log());
    }

    /// Its port on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its port on loopback for TLS, if its settings name one.
    #[must_use]
    pub const fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A URL of it, without prefix.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Kills it at once, as a crash would (`SIGKILL`).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// Starts it again after [`kill`](Self::kill), on the same port and folder.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        assert!(self.spawn(), "redis-server does not start again; its log: {}", self.log());
    }

    /// Asks it and gives its answer.
    ///
    /// # Panics
    /// When it refuses or does not answer.
    pub fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("`{command}`: {error}"))
    }

    /// Asks it, on a connection for this alone.
    ///
    /// # Errors
    /// When it refuses or does not answer.
    pub fn try_ask<T: FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let mut words = command.split_whitespace();
        let mut cmd = redis::cmd(words.next().unwrap_or_default());
        cmd.arg(words.collect::<Vec<_>>());
        cmd.query(&mut self.connect()?)
    }

    fn connect(&self) -> redis::RedisResult<Connection> {
        let connection = redis::Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(1))?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(connection)
    }

    /// Sends it a signal, such as `STOP` or `CONT`.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let id = process.id().to_string();
        let sent = Command::new("kill").args([format!("-{name}"), id]).status().expect("`kill` can be run");
        assert!(sent.success(), "the signal {name} was not sent");
    }

    fn spawn(&mut self) -> bool {
        let starts = self.starts();
        let mut command = Command::new("redis-server");
        let port = self.port.to_string();
        let folder = self.folder.to_string_lossy().into_owned();
        if !self.settings.iter().any(|word| word == "--port") {
            command.args(["--port", &port]);
        }
        command.args(["--bind", "127.0.0.1", "--dir", &folder, "--logfile", "log", "--save", ""]);
        let names = [("{port}", self.port), ("{bus}", self.bus_port), ("{tls}", self.tls_port)];
        let named =
            |word: &String| names.iter().fold(word.clone(), |word, (name, n)| word.replace(name, &n.to_string()));
        command.args(self.settings.iter().map(named));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("the tests need redis-server, and it cannot be run ({error}): apt-get install redis-server")
        });
        self.process = Some(process);
        self.is_up(starts)
    }

    /// Waits until it takes connections; false if it ended instead. Its own log tells, for what answers on the port may
    /// be another process that was quicker.
    fn is_up(&mut self, starts: usize) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if self.starts() > starts {
                return true;
            }
            if self.process.as_mut().is_some_and(|process| process.try_wait().is_ok_and(|ended| ended.is_some())) {
                self.process = None;
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// How often it has become ready.
    fn starts(&self) -> usize {
        self.log().matches("Ready to accept connections").count()
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.kill();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A free port below those that the system gives to clients: a client that tries to reach a server which is down could get
/// the server's own port, and then talk to itself.
fn free_port() -> u16 {
    let random = || RandomState::new().build_hasher().finish() % 15_000;
    let ports = std::iter::repeat_with(|| 15_000 + u16::try_from(random()).expect("it is below 15,000"));
    let mut free = ports.take(1000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a loopback port is free")
}
