//! Counts and logs the calls of a store.

use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply, SequenceId, Snapshot,
    Space, Store, StoreFuture,
};

/// What a [`Read`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadKind {
    /// [`Read::Get`]
    Get,
    /// [`Read::GetClaimed`]
    GetClaimed,
    /// [`Read::Scan`]
    Scan,
    /// [`Read::ScanRows`]
    ScanRows,
    /// [`Read::Count`]
    Count,
    /// One that this recorder does not know.
    Other,
}

impl From<&Read> for ReadKind {
    fn from(read: &Read) -> Self {
        match read {
            Read::Get { .. } => Self::Get,
            Read::GetClaimed { .. } => Self::GetClaimed,
            Read::Scan { .. } => Self::Scan,
            Read::ScanRows { .. } => Self::ScanRows,
            Read::Count { .. } => Self::Count,
            _ => Self::Other,
        }
    }
}

/// What a store goes through to answer reads, whether it returns it or not. A read that finds nothing counts as one visit: it
/// had to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visits {
    /// Rows, of scans and of gets.
    pub rows: u64,
    /// Entries of indexes, claims among them. A scan through an index visits an entry and its row.
    pub entries: u64,
    /// Rows and entries that were only counted.
    pub counted: u64,
}

impl Visits {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.rows + self.entries + self.counted
    }

    fn add(&mut self, read: &Read, reply: &Reply) {
        let visited = match reply {
            Reply::Record(record) => u64::from(record.is_some()),
            Reply::Claimed(claimed) => u64::from(claimed.is_some()),
            Reply::Scanned(scanned) => scanned.transferred(),
            Reply::Count(counted) => counted.n,
            _ => 0,
        };
        let visited = visited.max(1);
        match read {
            Read::Count { .. } => self.counted += visited,
            Read::GetClaimed { .. } | Read::ScanRows { .. } => {
                self.entries += visited;
                self.rows += visited;
            }
            Read::Get { space: Space::Rows(_), .. } => self.rows += visited,
            Read::Scan { span, .. } if matches!(span.space, Space::Rows(_)) => self.rows += visited,
            _ => self.entries += visited,
        }
    }
}

impl AddAssign for Visits {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.entries += other.entries;
        self.counted += other.counted;
    }
}

/// One call of a store: one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// [`Store::read`]
    Read {
        /// What was asked for, in order, over all partitions.
        kinds: Vec<ReadKind>,
        /// How many members its scans read.
        visited: u64,
        /// How many records it returned.
        records: u64,
        /// What the store went through to answer.
        visits: Visits,
    },
    /// [`Store::apply`]
    Apply {
        /// How many effects its minitransactions had.
        effects: usize,
        /// What became of them; empty if the call failed.
        outcomes: Vec<Applied>,
    },
    /// [`Store::reserve`]
    Reserve(SequenceId),
}

/// How many calls there were of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calls of [`Store::read`].
    pub reads: usize,
    /// Calls of [`Store::apply`].
    pub applies: usize,
    /// Calls of [`Store::reserve`].
    pub reserves: usize,
    /// Members that scans read: visited ones, and what a store read beyond them.
    pub visited: u64,
    /// Records that reads returned.
    pub records: u64,
    /// What the store went through to answer the reads.
    pub visits: Visits,
}

/// A store that passes all calls on and remembers them.
///
/// ```
/// use std::sync::Arc;
/// use rome_orm::store::{memory::MemoryStore, Consistency, Partition, Read, Space, Span, Store, TableId, ApplyOptions, ReadOptions, StoreFuture};
/// use rome_orm::testkit::Recorder;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rome_orm::store::StoreError> {
/// let store = Recorder::new(Arc::new(MemoryStore::new()));
/// let count = Read::count(Span::all(Space::Rows(TableId(1))));
/// store.read(&[(Partition(0), vec![count])], ReadOptions::new()).await?;
/// assert_eq!(store.tally().reads, 1);
/// # Ok(())
/// # }
/// ```
pub struct Recorder {
    inner: Arc<dyn Store>,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    /// Records the calls of this store.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, calls: Mutex::default() }
    }

    /// The calls since the start or the last [`clear`](Self::clear), in the order in which they were answered.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.log().clone()
    }

    /// How many calls those are.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for call in self.log().iter() {
            match call {
                Call::Read { visited, records, visits, .. } => {
                    tally.reads += 1;
                    tally.visited += visited;
                    tally.records += records;
                    tally.visits += *visits;
                }
                Call::Apply { .. } => tally.applies += 1,
                Call::Reserve(_) => tally.reserves += 1,
            }
        }
        tally
    }

    /// Forgets all calls so far.
    pub fn clear(&self) {
        self.log().clear();
    }

    fn log(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Recorder {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let result = self.inner.read(batch, options).await;
            let kinds = batch.iter().flat_map(|(_, reads)| reads).map(ReadKind::from).collect();
            let (mut visited, mut records, mut visits) = (0, 0, Visits::default());
            let reads = batch.iter().map(|(_, reads)| reads).zip(result.iter().flatten());
            for (read, reply) in reads.flat_map(|(reads, reply)| reads.iter().zip(&reply.replies)) {
                visits.add(read, reply);
                records += reply.returned();
                if let Reply::Scanned(scanned) = reply {
                    visited += scanned.transferred();
                }
            }
            self.log().push(Call::Read { kinds, visited, records, visits });
            result
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let effects = batch.iter().map(|(_, tx)| tx.effects.len()).sum();
            let result = self.inner.apply(batch, options).await;
            let outcomes = result.as_ref().map(Clone::clone).unwrap_or_default();
            self.log().push(Call::Apply { effects, outcomes });
            result
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.inner.snapshot()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let result = self.inner.reserve(sequence, n).await;
            self.log().push(Call::Reserve(sequence));
            result
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let result = self.inner.raise(sequence, least).await;
            self.log().push(Call::Reserve(sequence));
            result
        })
    }
}
