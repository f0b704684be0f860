//! What runs in a session, without its types: what begins sessions, repeats and ends them is compiled once, and not for each
//! transaction of a program.

use futures::future::BoxFuture;

use super::{Session, TxBody};
use crate::error::{Error, Result};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// With an error that is not a conflict, or that is not asked for one.
    Failed,
    /// With a conflict.
    Conflict,
}

/// What can run in a session, each time from the beginning.
pub(super) trait Attempts: Send {
    /// Runs it, and keeps what it gives.
    fn attempt<'s>(&'s mut self, session: &'s Session) -> BoxFuture<'s, Ended>;
}

/// A body, and what its last attempt gave.
pub(super) struct Body<F, T, E> {
    body: F,
    result: Option<Result<T, E>>,
    failed: fn(&E) -> Ended,
}

impl<F, T, E> Body<F, T, E> {
    /// `failed` says how an attempt with this error ended.
    pub fn new(body: F, failed: fn(&E) -> Ended) -> Self {
        Self { body, result: None, failed }
    }
}

impl<F, T, E: From<Error>> Body<F, T, E> {
    /// What the last attempt gave, unless what ran it met an error of its own.
    pub fn result(self, ran: Result<()>) -> Result<T, E> {
        ran?;
        self.result.unwrap_or_else(|| Err(Error::internal("a transaction ended before its body").into()))
    }
}

impl<F, T, E> Attempts for Body<F, T, E>
where
    F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Clone + Send,
    T: Send,
    E: Send,
{
    fn attempt<'s>(&'s mut self, session: &'s Session) -> BoxFuture<'s, Ended> {
        let attempt = self.body.clone()(session);
        Box::pin(async move {
            let result = attempt.await;
            let ended = result.as_ref().map_or_else(self.failed, |_| Ended::Well);
            self.result = Some(result);
            ended
        })
    }
}
