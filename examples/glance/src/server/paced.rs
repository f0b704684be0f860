//! A connection whose other side has to take what is sent.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::connections::Busy;

/// How many bytes have to be taken in the time.
const STEP: usize = 64 * 1024;

/// A connection that fails when the other side takes longer than a time for the next 64 KiB of an answer, or for what is left
/// of it. A time for the whole answer would have to be that of the largest image.
#[derive(Debug)]
pub(super) struct Paced {
    stream: TcpStream,
    time: Duration,
    /// Runs while there is something that the other side does not take.
    waits: Option<Pin<Box<Sleep>>>,
    /// What it took since that began.
    taken: usize,
    unsent: Unsent,
}

/// What is dropped when all that was written is sent.
pub(super) type Unsent = Arc<Mutex<Vec<Busy>>>;

impl Paced {
    pub fn new(stream: TcpStream, time: Duration) -> Self {
        Self { stream, time, waits: None, taken: 0, unsent: Unsent::default() }
    }

    /// Where to put what is to be dropped then.
    pub fn unsent(&self) -> Unsent {
        Arc::clone(&self.unsent)
    }

    /// What becomes of an attempt to write.
    fn paced(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Ready(Ok(n)) => {
                self.taken = self.taken.saturating_add(n);
                if self.taken >= STEP {
                    self.rest();
                }
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => {
                let waits = self.waits.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.time)));
                ready!(waits.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not taken (--answer-timeout)")))
            }
        }
    }

    fn rest(&mut self) {
        self.waits = None;
        self.taken = 0;
    }
}

impl AsyncRead for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.paced(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.paced(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when all that it had is written.
        self.rest();
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
