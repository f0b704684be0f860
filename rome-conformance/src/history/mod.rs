//! Recorded transactions, and whether they are strictly serializable.
//!
//! The workload is *list-append* (Elle: Kingsbury and Alvaro, VLDB 2020): transactions append unique values to lists and
//! read whole lists. A read shows the order of all appends before it, so the dependencies between transactions follow
//! from what was read: ww (who appended next), wr (who read it), rw (who did not see it yet), and besides, who ended before
//! another began. A cycle of them is a proof that no serial order explains the history; its kinds carry the names of
//! Adya's thesis.
//!
//! What a list is, is the workload's affair: a column of one row, or the rows that a scan of an index found. A scan that
//! misses a row reads a shorter list, so phantoms are found like any stale read. Aborted transactions may have read
//! anything; only what they wrote must never be seen.
//!
//! The check knows only what was read. Read all lists at the end, or the last appends stay unseen.

mod check;
mod graph;
mod jepsen;
mod lists;
mod log;
#[cfg(test)]
mod tests;

pub use check::{Anomaly, Kind, Level, check};
pub use jepsen::to_jepsen;
pub use log::{Log, Running};

/// Something a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Put a value at the end of a list. No value is appended to the same list twice.
    Append {
        /// Which list.
        key: u64,
        /// What.
        value: u64,
    },
    /// Read a whole list.
    Read {
        /// Which list.
        key: u64,
        /// What it was.
        list: Vec<u64>,
    },
}

impl Op {
    /// What was read; empty for an append.
    #[must_use]
    pub fn list(&self) -> &[u64] {
        match self {
            Self::Read { list, .. } => list,
            Self::Append { .. } => &[],
        }
    }
}

/// How a transaction ended, as far as its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was acknowledged.
    Committed,
    /// It was refused for certain.
    Aborted,
    /// Either may be true, or may yet become true.
    Unknown,
}

/// A transaction as its client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// What it did, in order. Of one whose outcome is unknown at least the appends.
    pub ops: Vec<Op>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began, on a clock that all transactions share.
    pub began: u64,
    /// When its client knew the outcome.
    pub ended: u64,
}
