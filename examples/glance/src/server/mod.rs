//! The connections of the service: how many there are, how long each may take over what it sends and takes, and how they end.
//!
//! A connection that waits for a request costs its caller nothing, so it must not keep others out: where there are as many
//! connections as may be, the one that waited longest makes room for a new one. Only where each has a request under way
//! the new one is answered 503. How long a head may take is watched by hyper, how long an answer may take by `Paced`, how
//! long a body may take by those who read it.

mod connections;
mod paced;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::config::{Bounds, KIB};
use connections::{Busy, Connections, Seat};
use paced::{Paced, Unsent};

/// Where a request comes from, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How long to wait when no connection can be taken, such as when the process has too many files open.
const PAUSE: Duration = Duration::from_millis(50);

/// How many connections may be told at once that there is no room for them; others are just closed.
const TURNED_AWAY: usize = 64;

/// Serves until `stopped`, then until all requests are answered.
pub async fn serve(listener: TcpListener, router: Router, bounds: &Bounds, stopped: impl Future<Output = ()>) {
    let connections = Connections::new(usize::try_from(bounds.max_connections).unwrap_or(usize::MAX));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.header_time());
    http.max_buf_size(usize::try_from(u64::from(bounds.max_header_size) * KIB).unwrap_or(usize::MAX));
    let (stop, stopping) = watch::channel(());
    let mut stopped = pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                tracing::warn!(error = %e, "a connection cannot be taken");
                connections.make_room();
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Answers are small and whole: waiting to fill a packet would only make them late.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!(error = %e, "a connection keeps its delay");
        }
        let Some(seat) = connections.take() else {
            if let Ok(permit) = Arc::clone(&turned_away).try_acquire_owned() {
                tokio::spawn(async move {
                    let _permit = permit;
                    turn_away(stream).await.ok();
                });
            }
            continue;
        };
        let connection =
            Connection { http: http.clone(), router: router.clone(), peer, seat, stopping: stopping.clone() };
        tokio::spawn(connection.run(Paced::new(stream, bounds.answer_time())));
    }
    drop((listener, stopping));
    stop.send(()).ok();
    stop.closed().await;
}

/// Says that there is no room, and waits a moment until that is read.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    const SAID: &str = "There are too many connections (--max-connections). Please try again later.\n";
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
         content-type: text/plain; charset=UTF-8\r\ncontent-length: {}\r\n\r\n{SAID}",
        SAID.len()
    );
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // What is not read when a connection is closed can take the answer with it.
        let (mut dropped, mut buffer) = (0, [0; 4096]);
        while dropped < 64 * 1024 {
            match stream.read(&mut buffer).await? {
                0 => break,
                n => dropped += n,
            }
        }
        Ok(())
    };
    tokio::time::timeout(Duration::from_secs(1), told).await.unwrap_or(Ok(()))
}

struct Connection {
    http: http1::Builder,
    router: Router,
    peer: SocketAddr,
    seat: Seat,
    stopping: watch::Receiver<()>,
}

impl Connection {
    /// Answers the requests of a connection until it ends, is to make room, or the service stops.
    async fn run(self, stream: Paced) {
        let Self { http, router, peer, seat, mut stopping } = self;
        let router = TowerToHyperService::new(router);
        let unsent = stream.unsent();
        let service = service_fn(|request: Request<Incoming>| {
            let (busy, unsent) = (seat.busy(), Arc::clone(&unsent));
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let answer = router.call(request);
            async move {
                let Ok(answer) = answer.await;
                Ok::<_, Infallible>(answer.map(|body| Answer { body, busy: Some(busy), unsent }))
            }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = seat.evicted() => return,
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(e) = ended {
            tracing::debug!(%peer, error = %e, "a connection ended early");
        }
    }
}

/// The body of an answer. The connection waits for its next request once the end of it is sent.
struct Answer {
    body: Body,
    busy: Option<Busy>,
    unsent: Unsent,
}

impl Drop for Answer {
    fn drop(&mut self) {
        // hyper has all of it, and has not sent the end yet.
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).extend(self.busy.take());
    }
}

impl HttpBody for Answer {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
