//! Drops a future at one of its awaits.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a future, and drops it when it waits for the `at`-th time; then there is no result.
pub(super) async fn drop_at<F: Future>(at: u64, future: F) -> Option<F::Output> {
    DropAt { left: at, future: Some(Box::pin(future)) }.await
}

struct DropAt<F> {
    left: u64,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for DropAt<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        self.left -= 1;
        if self.left > 0 {
            return Poll::Pending;
        }
        self.future = None;
        Poll::Ready(None)
    }
}
