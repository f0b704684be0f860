//! What was counted, to read and to print.

use std::fmt;
use std::time::Duration;

use super::histogram::Counts;

/// What a [`Collector`](super::Collector) had counted at some time, or between two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Reads of the store.
    pub reads: CallStats,
    /// Writes, and steps of commits.
    pub applies: CallStats,
    /// Blocks of numbers, for keys and transactions.
    pub reserves: CallStats,
    /// Attempts of transactions that met another one.
    pub conflicts: u64,
    /// Those of them that were tried again.
    pub retries: u64,
    /// How often the outcome of another transaction was asked for.
    pub pushes: u64,
    /// How often it had one.
    pub pushes_decided: u64,
    /// Transactions that were committed.
    pub committed: u64,
    /// Transactions that changed nothing.
    pub failed: u64,
    /// Transactions of which nobody knows whether they were applied.
    pub unknown: u64,
    /// How long transactions took, all attempts and pauses of each among it.
    pub transactions: Latency,
}

/// What calls of one kind took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallStats {
    /// How many there were.
    pub calls: u64,
    /// How many of them failed.
    pub failed: u64,
    /// To how many partitions they went, together.
    pub partitions: u64,
    /// What they asked for, together: reads, effects, or numbers.
    pub asked: u64,
    /// How many rows, index entries and claims they brought.
    pub rows: u64,
    /// How long they took.
    pub latency: Latency,
}

/// How long something took, many times. What is read out is at most a sixteenth above the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency(pub(super) Counts);

impl Latency {
    /// How many times.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.total()
    }

    /// What half of them were not above; zero if there were none.
    #[must_use]
    pub fn p50(&self) -> Duration {
        self.per_mille(500)
    }

    /// What 99 of 100 were not above.
    #[must_use]
    pub fn p99(&self) -> Duration {
        self.per_mille(990)
    }

    /// What this many of a thousand were not above.
    #[must_use]
    pub fn per_mille(&self, share: u16) -> Duration {
        self.0.per_mille(u64::from(share.min(1000)))
    }

    /// The longest; exact, unless it is of a time [between two](Snapshot::since).
    #[must_use]
    pub fn max(&self) -> Duration {
        self.0.max()
    }

    /// The mean, exactly.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.0.mean()
    }
}

impl Snapshot {
    /// What came after an earlier snapshot of the same collector.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            reads: self.reads.since(&earlier.reads),
            applies: self.applies.since(&earlier.applies),
            reserves: self.reserves.since(&earlier.reserves),
            conflicts: self.conflicts.saturating_sub(earlier.conflicts),
            retries: self.retries.saturating_sub(earlier.retries),
            pushes: self.pushes.saturating_sub(earlier.pushes),
            pushes_decided: self.pushes_decided.saturating_sub(earlier.pushes_decided),
            committed: self.committed.saturating_sub(earlier.committed),
            failed: self.failed.saturating_sub(earlier.failed),
            unknown: self.unknown.saturating_sub(earlier.unknown),
            transactions: Latency(self.transactions.0.since(&earlier.transactions.0)),
        }
    }
}

impl CallStats {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            failed: self.failed.saturating_sub(earlier.failed),
            partitions: self.partitions.saturating_sub(earlier.partitions),
            asked: self.asked.saturating_sub(earlier.asked),
            rows: self.rows.saturating_sub(earlier.rows),
            latency: Latency(self.latency.0.since(&earlier.latency.0)),
        }
    }
}

/// A table of three kinds of calls and the transactions, and a line of counters.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "count", "failed", "partitions", "asked", "rows", "p50", "p99", "max"];
        line(f, head.map(str::to_owned))?;
        for (name, calls) in [("read", &self.reads), ("apply", &self.applies), ("reserve", &self.reserves)] {
            let counters =
                [calls.calls, calls.failed, calls.partitions, calls.asked, calls.rows].map(|n| n.to_string());
            row(f, name, counters, &calls.latency)?;
        }
        let none = String::new;
        let counters = [self.transactions.count().to_string(), self.failed.to_string(), none(), none(), none()];
        row(f, "transaction", counters, &self.transactions)?;
        let Self { committed, failed, unknown, conflicts, retries, pushes, pushes_decided, .. } = self;
        write!(
            f,
            "committed {committed}, failed {failed}, unknown {unknown}; conflicts {conflicts}, retries {retries}; \
             pushes {pushes}, decided {pushes_decided}"
        )
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, counters: [String; 5], latency: &Latency) -> fmt::Result {
    let [count, failed, partitions, asked, rows] = counters;
    let times = [latency.p50(), latency.p99(), latency.max()].map(|time| format!("{time:.1?}"));
    let [p50, p99, max] = times;
    line(f, [name.to_owned(), count, failed, partitions, asked, rows, p50, p99, max])
}

fn line(f: &mut fmt::Formatter<'_>, cells: [String; 9]) -> fmt::Result {
    let [name, counters @ ..] = cells;
    write!(f, "{name:11}")?;
    for cell in counters {
        write!(f, " {cell:>10}")?;
    }
    writeln!(f)
}
