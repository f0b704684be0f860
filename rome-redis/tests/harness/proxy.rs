//! A way to the server that can lose a request, a reply, or everything, and can lead to another one.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// It gets there, its reply does not, and the connection is closed.
    LoseReply,
    /// It does not get there, and the connection is closed.
    LoseRequest,
    /// It gets there after `release`, and the connection is closed at once.
    Delay,
    /// As `LoseReply`, and after that no connection is taken.
    LoseReplyAndWay,
}

pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    server: AtomicU16,
    trick: Mutex<Option<Trick>>,
    /// Whether a trick waits for a call of a script.
    scripts_only: AtomicBool,
    closed: AtomicBool,
    tricked: AtomicU32,
    release: Notify,
    arrived: Notify,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { server: server.into(), ..Shared::default() });
        let for_all = shared.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if !for_all.closed.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, for_all.clone()));
                }
            }
        });
        Self { port, shared, accepting }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on new connections lead to this server.
    pub fn lead_to(&self, server: u16) {
        self.shared.server.store(server, Ordering::SeqCst);
    }

    /// Plays a trick with the next request.
    pub fn play(&self, trick: Trick) {
        *self.shared.trick.lock().unwrap() = Some(trick);
    }

    /// Plays a trick with the next request that calls a script.
    pub fn play_with_scripts(&self, trick: Trick) {
        self.shared.scripts_only.store(true, Ordering::SeqCst);
        self.play(trick);
    }

    /// Takes back a trick that was not played.
    pub fn play_nothing(&self) {
        *self.shared.trick.lock().unwrap() = None;
    }

    /// How often a trick was played.
    pub fn tricked(&self) -> u32 {
        self.shared.tricked.load(Ordering::SeqCst)
    }

    /// Lets the delayed request go on, and waits until the server has answered it.
    pub async fn release(&self) {
        self.let_go();
        self.shared.arrived.notified().await;
    }

    /// Lets the delayed request go on.
    pub fn let_go(&self) {
        self.shared.release.notify_one();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    /// The trick to play with this request.
    fn trick(&self, request: &[u8]) -> Option<Trick> {
        let fits = !self.scripts_only.load(Ordering::SeqCst) || request.windows(7).any(|word| word == b"EVALSHA");
        let trick = if fits { self.trick.lock().unwrap().take() } else { None };
        self.tricked.fetch_add(u32::from(trick.is_some()), Ordering::SeqCst);
        trick
    }
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let server = shared.server.load(Ordering::SeqCst);
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (mut request, mut reply) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            n = client.read(&mut request) => {
                let Ok(n @ 1..) = n else { return };
                if let Some(trick) = shared.trick(&request[..n]) {
                    return play(trick, client, server, &request[..n], &shared).await;
                }
                if server.write_all(&request[..n]).await.is_err() { return }
            }
            n = server.read(&mut reply) => {
                let Ok(n @ 1..) = n else { return };
                if client.write_all(&reply[..n]).await.is_err() { return }
            }
        }
    }
}

async fn play(trick: Trick, client: TcpStream, mut server: TcpStream, request: &[u8], shared: &Shared) {
    match trick {
        Trick::LoseRequest => {}
        Trick::LoseReply | Trick::LoseReplyAndWay => {
            shared.closed.store(trick == Trick::LoseReplyAndWay, Ordering::SeqCst);
            // A server that was killed meanwhile has lost the reply by itself.
            is_answered(&mut server, request).await;
        }
        Trick::Delay => {
            drop(client);
            shared.release.notified().await;
            is_answered(&mut server, request).await;
            shared.arrived.notify_one();
        }
    }
}

/// Sends a request and says whether a reply came.
async fn is_answered(server: &mut TcpStream, request: &[u8]) -> bool {
    let mut reply = vec![0; 1 << 16];
    server.write_all(request).await.is_ok() && matches!(server.read(&mut reply).await, Ok(1..))
}
