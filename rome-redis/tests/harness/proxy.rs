//! A way to the server that can lose a request, a reply, or everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify};

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
    trick: Mutex<Option<Trick>>,
    closed: std::sync::atomic::AtomicBool,
    tricked: AtomicU32,
    release: Notify,
    arrived: Notify,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let for_all = shared.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if !for_all.closed.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, server, for_all.clone()));
                }
            }
        });
        Self { port, shared, accepting }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn play(&self, trick: Trick) {
        *self.shared.trick.lock().await = Some(trick);
    }

    /// How often a trick was played.
    pub fn tricked(&self) -> u32 {
        self.shared.tricked.load(Ordering::SeqCst)
    }

    /// Lets the delayed request go on, and waits until the server has answered it.
    pub async fn release(&self) {
        self.shared.release.notify_one();
        self.shared.arrived.notified().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, server: u16, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (mut request, mut reply) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            n = client.read(&mut request) => {
                let Ok(n @ 1..) = n else { return };
                let trick = shared.trick.lock().await.take();
                if let Some(trick) = trick {
                    shared.tricked.fetch_add(1, Ordering::SeqCst);
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
    let mut reply = vec![0; 1 << 16];
    match trick {
        Trick::LoseRequest => {}
        Trick::LoseReply | Trick::LoseReplyAndWay => {
            shared.closed.store(trick == Trick::LoseReplyAndWay, Ordering::SeqCst);
            server.write_all(request).await.unwrap();
            assert!(server.read(&mut reply).await.unwrap() > 0);
        }
        Trick::Delay => {
            drop(client);
            shared.release.notified().await;
            server.write_all(request).await.unwrap();
            assert!(server.read(&mut reply).await.unwrap() > 0);
            shared.arrived.notify_one();
        }
    }
}
