//! Counters and histograms.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;
use super::snapshot::{CallStats, Latency, Snapshot};
use super::{CallKind, Event, Metrics, StoreCall, TransactionEnd};

/// Counts all events and keeps how long they took. With it a call of the store costs 100 to 200 nanoseconds more, readings of the
/// clock among it, and nobody waits for anybody; several databases can share one. About 21 KiB.
///
/// ```
/// # use std::sync::Arc;
/// use rome_orm::metrics::Collector;
///
/// let metrics = Arc::new(Collector::new());
/// let builder = rome_orm::Database::builder().metrics(metrics.clone());
/// assert_eq!(metrics.snapshot().committed, 0);
/// ```
#[derive(Debug)]
pub struct Collector {
    calls: [Counted; 3],
    conflicts: AtomicU64,
    retries: AtomicU64,
    pushes: AtomicU64,
    pushes_decided: AtomicU64,
    committed: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    transactions: Histogram,
}

#[derive(Debug)]
struct Counted {
    failed: AtomicU64,
    partitions: AtomicU64,
    asked: AtomicU64,
    rows: AtomicU64,
    latency: Histogram,
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// One that has counted nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            calls: std::array::from_fn(|_| Counted::new()),
            conflicts: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            pushes: AtomicU64::new(0),
            pushes_decided: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            transactions: Histogram::new(),
        }
    }

    /// All that was counted so far. For what came between two times, take [`since`](Snapshot::since) of two snapshots. What is
    /// being added meanwhile may be there in part.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [reads, applies, reserves] = self.calls.each_ref().map(Counted::snapshot);
        Snapshot {
            reads,
            applies,
            reserves,
            conflicts: read(&self.conflicts),
            retries: read(&self.retries),
            pushes: read(&self.pushes),
            pushes_decided: read(&self.pushes_decided),
            committed: read(&self.committed),
            failed: read(&self.failed),
            unknown: read(&self.unknown),
            transactions: Latency(self.transactions.counts()),
        }
    }
}

impl Counted {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { failed: zero(), partitions: zero(), asked: zero(), rows: zero(), latency: Histogram::new() }
    }

    fn add(&self, call: &StoreCall) {
        if call.failed {
            add(&self.failed, 1);
        }
        add(&self.partitions, call.partitions as u64);
        add(&self.asked, call.asked);
        add(&self.rows, call.rows);
        self.latency.add(call.elapsed);
    }

    fn snapshot(&self) -> CallStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let latency = Latency(self.latency.counts());
        CallStats {
            calls: latency.count(),
            failed: read(&self.failed),
            partitions: read(&self.partitions),
            asked: read(&self.asked),
            rows: read(&self.rows),
            latency,
        }
    }
}

impl Metrics for Collector {
    fn record(&self, event: &Event) {
        let [reads, applies, reserves] = &self.calls;
        match event {
            Event::Call(call) => match call.kind {
                CallKind::Read => reads.add(call),
                CallKind::Apply => applies.add(call),
                CallKind::Reserve => reserves.add(call),
            },
            Event::Conflict { again, .. } => {
                add(&self.conflicts, 1);
                add(&self.retries, u64::from(*again));
            }
            Event::Push { decided } => {
                add(&self.pushes, 1);
                add(&self.pushes_decided, u64::from(*decided));
            }
            Event::Transaction { end, elapsed, .. } => {
                let counter = match end {
                    TransactionEnd::Committed => &self.committed,
                    TransactionEnd::Failed => &self.failed,
                    TransactionEnd::Unknown => &self.unknown,
                };
                add(counter, 1);
                self.transactions.add(*elapsed);
            }
        }
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
