//! Records transactions while they run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Op, Outcome, Transaction};

/// Records the transactions of many clients, in the order in which they began and ended.
///
/// ```
/// use rome_conformance::history::{check, Level, Log, Op, Outcome};
///
/// let log = Log::new();
/// let mut first = log.begin();
/// first.did(Op::Append { key: 1, value: 7 });
/// first.ended(Outcome::Committed);
/// let mut second = log.begin();
/// second.did(Op::Read { key: 1, list: vec![] });
/// second.ended(Outcome::Committed);
///
/// let history = log.finish();
/// assert!(check(&history, Level::Serializable).is_empty());
/// assert!(!check(&history, Level::StrictSerializable).is_empty(), "the second did not see the first");
/// ```
#[derive(Debug, Default)]
pub struct Log {
    clock: AtomicU64,
    ended: Mutex<Vec<Transaction>>,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a transaction. Call it before the transaction's first request.
    pub fn begin(&self) -> Running<'_> {
        Running { log: self, began: self.tick(), ops: Vec::new(), outcome: Outcome::Unknown }
    }

    /// All transactions that ended.
    #[must_use]
    pub fn finish(self) -> Vec<Transaction> {
        self.ended.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// All transactions that have ended by now.
    #[must_use]
    pub fn so_far(&self) -> Vec<Transaction> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }
}

/// A transaction that runs. If it is dropped, its outcome is unknown.
#[derive(Debug)]
pub struct Running<'l> {
    log: &'l Log,
    began: u64,
    ops: Vec<Op>,
    outcome: Outcome,
}

impl Running<'_> {
    /// Records an operation. Record an append before it can take effect.
    pub fn did(&mut self, op: Op) {
        self.ops.push(op);
    }

    /// Forgets the operations so far: the attempt failed, and another one begins.
    pub fn retries(&mut self) {
        self.ops.clear();
    }

    /// Ends it. Call it after the answer to the commit has come.
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let ops = std::mem::take(&mut self.ops);
        let transaction = Transaction { ops, outcome: self.outcome, began: self.began, ended: self.log.tick() };
        self.log.ended.lock().unwrap_or_else(PoisonError::into_inner).push(transaction);
    }
}
