//! What runs in a session, without its types: what begins sessions, repeats and ends them is compiled once, and not for each
//! transaction of a program.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::retry::repeat;
use super::{Purpose, Session, Shared, TransactionOptions, TxBody};
use crate::error::{Error, Result};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
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
pub(crate) struct Body<F, T, E> {
    body: F,
    result: Option<Result<T, E>>,
    failed: fn(&E) -> Ended,
}

impl<F, T, E> Body<F, T, E> {
    pub fn new(body: F) -> Self {
        Self { body, result: None, failed: |_| Ended::Failed }
    }

    /// `failed` says how an attempt with this error ended.
    pub fn that_fails(self, failed: fn(&E) -> Ended) -> Self {
        Self { failed, ..self }
    }
}

impl<F, T, E: From<Error>> Body<F, T, E> {
    /// What the last attempt gave, unless what ran it met an error of its own.
    pub fn result(self, ran: Result<()>) -> Result<T, E> {
        let error = match ran {
            Ok(()) => match self.result {
                Some(result) => return result,
                None => Error::internal("a transaction ended before its body"),
            },
            Err(error) => error,
        };
        Err(error.into())
    }
}

impl<F, T, E> Body<F, T, E>
where
    F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Clone + Send,
    T: Send,
    E: Send,
{
    /// Runs it as a transaction, again after each conflict.
    pub fn run<'a>(&'a mut self, shared: &'a Arc<Shared>, options: TransactionOptions) -> BoxFuture<'a, Result<()>> {
        repeat(shared, options, Purpose::Transaction, self)
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
            self.result = Some(attempt.await);
            match &self.result {
                Some(Err(error)) => (self.failed)(error),
                _ => Ended::Well,
            }
        })
    }
}
