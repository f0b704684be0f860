//! Connections of their own for writes that replicas have to confirm.
//!
//! `WAIT` speaks for the writes of its own connection alone, and stops that connection until it is answered. So such a write
//! takes a connection from a small pool, sends the call and the `WAIT` behind it in one go, and gives it back.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

use rome_store::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::link::{Link, Live};

/// How many writes wait for replicas at once; others queue.
const MOST: usize = 16;

/// The pool.
#[derive(Debug)]
pub(crate) struct Replicas {
    idle: Mutex<Vec<Live>>,
    turns: Arc<Semaphore>,
}

/// A connection for one call. Dropping it closes the connection, as is right when a call failed.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) live: Live,
    _turn: OwnedSemaphorePermit,
}

impl Default for Replicas {
    fn default() -> Self {
        Self { idle: Mutex::default(), turns: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Replicas {
    /// Takes a connection, a new one if none is idle.
    pub(crate) async fn take(&self, link: &Link, until: Instant) -> StoreResult<Taken> {
        let turn = tokio::time::timeout_at(until, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let message = format!("{MOST} writes already wait for replicas");
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        };
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|live| !live.is_over());
            idle.iter().position(Live::is_here).map(|at| idle.swap_remove(at))
        };
        let live = match idle {
            Some(live) => live,
            None => link.another(until, true).await?,
        };
        Ok(Taken { live, _turn: turn })
    }

    /// Gives a connection back after its call was answered.
    pub(crate) fn give_back(&self, taken: Taken) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(taken.live);
    }

    /// Closes idle connections: what made one fail has probably hit all, or there is another process by now.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
