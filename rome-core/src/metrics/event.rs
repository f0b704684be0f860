//! What is told.

use std::time::Duration;

use crate::error::Error;

/// Is told what a database does. Called on the task that does it, so it should neither block nor take long.
///
/// ```
/// use rome_orm::metrics::{TransactionEnd, Event, Metrics};
///
/// /// Logs transactions that needed many attempts.
/// struct Contention;
///
/// impl Metrics for Contention {
///     fn record(&self, event: &Event) {
///         if let Event::Transaction { attempts: attempts @ 10.., elapsed, .. } = event {
///             eprintln!("a transaction took {attempts} attempts and {elapsed:?}");
///         }
///     }
/// }
/// ```
pub trait Metrics: Send + Sync + 'static {
    /// Something happened. There may be more kinds of events one day.
    fn record(&self, event: &Event);
}

/// Something that happened in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A call of the store ended. One that was given up, because its future was dropped, is not told.
    Call(StoreCall),
    /// An attempt of a transaction met another one and ended for that.
    Conflict {
        /// The how manieth attempt it was, from 1.
        attempt: u32,
        /// Whether it is tried again.
        again: bool,
    },
    /// Another transaction was in the way in a partition, and its outcome was asked for. Only stores of several partitions
    /// know this.
    Push {
        /// Whether it had one, or has one now.
        decided: bool,
    },
    /// A transaction ended: one of [`transaction`](crate::Database::transaction), a statement of its own that writes, or a
    /// [`commit`](crate::session::Session::commit). So is a read on the database itself if it goes to several partitions; one that goes to
    /// one is a call and nothing else. A session that is rolled back is not told.
    Transaction {
        /// How it ended.
        end: TransactionEnd,
        /// How often its body ran.
        attempts: u32,
        /// From the first attempt to the end, pauses among it; of an explicit session that of its commit alone.
        elapsed: Duration,
    },
}

/// A call of the store: one round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCall {
    /// What was called.
    pub kind: CallKind,
    /// How many partitions it went to.
    pub partitions: usize,
    /// What it asked for: reads, effects, or numbers of a sequence.
    pub asked: u64,
    /// How many rows, index entries and claims came back.
    pub rows: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether it failed. A check that does not hold is an answer and no failure.
    pub failed: bool,
}

/// The functions of a [`Store`](crate::store::Store).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallKind {
    /// [`read`](crate::store::Store::read)
    Read,
    /// [`apply`](crate::store::Store::apply)
    Apply,
    /// [`reserve`](crate::store::Store::reserve)
    Reserve,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionEnd {
    /// It was committed, or only read, from one consistent state.
    Committed,
    /// It changed nothing: its body returned an error, a constraint was violated, each attempt met another transaction, or
    /// the store failed.
    Failed,
    /// The store was lost during the commit; it may have been applied.
    Unknown,
}

impl TransactionEnd {
    pub(crate) fn of(error: &Error) -> Self {
        if error.is_outcome_unknown() { Self::Unknown } else { Self::Failed }
    }
}
