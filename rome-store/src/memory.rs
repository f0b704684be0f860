//! The in-memory store: the specification of the contract.
//!
//! One lock for all partitions, of which there is one unless more are asked for. An [`apply`](Store::apply) holds the lock for writing from its first check to its last
//! effect, a [`read`](Store::read) holds it for reading from its first record to its last, or keeps the state that it began with where
//! it is long and lets other tasks run in between: so everything has one order and is seen whole, and the guarantees of [`Store`] can be read off the code. All that can fail is tested before the
//! first effect.
//!
//! It keeps nothing when the process ends. With several partitions it is the specification of the steps of
//! [`Step`](crate::Step), and a program can be tried as it will run on a cluster.

mod apply;
mod key;
mod past;
mod scan;
mod state;
#[cfg(test)]
mod tests;
mod url;

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    Applied, ApplyOptions, CONTRACT, Capabilities, Consistency, Durability, MiniTx, Partition, Read, ReadOptions,
    ReadReply, Scheme, SequenceId, Snapshot, Snapshots, Store, StoreError, StoreErrorKind, StoreFuture, StoreResult,
};
use past::Past;
use state::{Answering, State};

/// How many members of spans a read visits before other tasks run.
const SLICE: u32 = 1_024;

/// A store that keeps all data in the memory of the process.
///
/// ```
/// use rome_store::memory::MemoryStore;
/// use rome_store::{Applied, ApplyOptions, Durability, Effect, MiniTx, Partition, Space, Store, TableId, TxId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rome_store::StoreError> {
/// let store = MemoryStore::new();
/// let put = Effect::Put { space: Space::Rows(TableId(1)), key: "ann".into(), value: "Lyon".into() };
/// let tx = MiniTx::one(TxId { lane: 1, seq: 1 }).effects(vec![put]);
/// let applied = store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await?;
/// assert_eq!(applied, [Applied::Done { seq: 1 }]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    capabilities: Capabilities,
    state: RwLock<Content>,
    snapshots: Snapshots<Arc<Past>>,
}

#[derive(Debug)]
struct Content {
    partitions: Vec<State>,
    /// The next number of each sequence that was used.
    sequences: HashMap<SequenceId, u64>,
}

impl Content {
    fn partition(&self, partition: Partition) -> StoreResult<&State> {
        self.partitions.get(partition.0 as usize).ok_or_else(|| no_partition(partition, self.partitions.len()))
    }

    fn partition_mut(&mut self, partition: Partition) -> StoreResult<&mut State> {
        let n = self.partitions.len();
        self.partitions.get_mut(partition.0 as usize).ok_or_else(|| no_partition(partition, n))
    }
}

impl MemoryStore {
    /// An empty store with one partition and the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_partitions(1)
    }

    /// An empty store with this many partitions, at least one, as a cluster has them.
    #[must_use]
    pub fn with_partitions(partitions: u32) -> Self {
        let mut capabilities = Capabilities::new(CONTRACT, "memory", Durability::Memory, false);
        capabilities.partitions = partitions.max(1);
        capabilities.cheap_reverse_scans = true;
        // Of several partitions a state may show a part of a transaction that is decided and not finished.
        capabilities.snapshots = capabilities.partitions == 1;
        let partitions = (0..capabilities.partitions).map(|_| State::default()).collect();
        let content = Content { partitions, sequences: HashMap::new() };
        Self { capabilities, state: RwLock::new(content), snapshots: Snapshots::new() }
    }

    /// The scheme `memory`. Each URL of it is a new store: `memory:` has one partition, `memory:?partitions=16` as many as it says.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rome_store::StoreError> {
    /// let store = rome_store::memory::MemoryStore::scheme().open("memory:?partitions=4").await?;
    /// assert_eq!(store.capabilities().partitions, 4);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn scheme() -> Scheme {
        Scheme::new("memory", "memory:", async |url: String| {
            Ok(Self::with_partitions(url::partitions(url.strip_prefix("memory:").unwrap_or(&url))?))
        })
    }

    /// Goes on with reads for one slice. Whether all are answered; if not, other tasks run before the next slice, which reads the same
    /// state.
    fn answer(
        &self,
        batch: &[(Partition, Vec<Read>)],
        how: ReadOptions,
        past: Option<&Arc<Past>>,
        answering: &mut Vec<Answering>,
    ) -> StoreResult<bool> {
        let state = self.reading();
        if answering.is_empty() {
            for (partition, reads) in batch {
                answering.push(state.partition(*partition)?.begin(reads, how, past.cloned())?);
            }
        }
        let mut left = SLICE;
        for ((partition, reads), answering) in batch.iter().zip(answering.iter_mut()) {
            if !state.partition(*partition)?.go_on(reads, answering, &mut left)? {
                break;
            }
        }
        let is_done = batch.iter().zip(answering.iter()).all(|((_, reads), of)| of.reply.replies.len() == reads.len());
        if !is_done {
            for ((partition, _), answering) in batch.iter().zip(answering.iter_mut()) {
                if answering.past.is_none() {
                    answering.past = Some(state.partition(*partition)?.keep());
                }
            }
        }
        Ok(is_done)
    }

    fn reading(&self) -> RwLockReadGuard<'_, Content> {
        self.state.read().expect("nothing panics while it holds the lock for writing")
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Content> {
        self.state.write().expect("nothing panics while it holds the lock for writing")
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let past = match options.consistency {
                Consistency::At(id) => Some(self.snapshots.get(id)?),
                _ => None,
            };
            let mut answering = Vec::with_capacity(batch.len());
            while !self.answer(batch, options, past.as_ref(), &mut answering)? {
                tokio::task::yield_now().await;
            }
            Ok(answering.into_iter().map(|answering| answering.reply).collect())
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, _: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            self.snapshots.give_up_old();
            let mut state = self.writing();
            for (partition, tx) in &batch {
                state.partition(*partition)?;
                apply::is_acceptable(tx, &self.capabilities)?;
            }
            let mut outcomes = Vec::with_capacity(batch.len());
            for (partition, tx) in batch {
                match state.partition_mut(partition)?.apply(tx) {
                    Ok(outcome) => outcomes.push(outcome),
                    // The outcomes of those before it get lost with this answer.
                    Err(error) if !outcomes.is_empty() => return Err(error.with_unknown_outcome()),
                    Err(error) => return Err(error),
                }
            }
            Ok(outcomes)
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        let state = self.reading();
        match state.partitions.as_slice() {
            [only] => self.snapshots.keep(only.keep()),
            _ => None,
        }
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut state = self.writing();
            let next = state.sequences.entry(sequence).or_insert(1);
            let first = *next;
            *next = first.checked_add(u64::from(n)).ok_or_else(|| {
                StoreError::new(StoreErrorKind::Overflow, format!("the sequence {sequence:?} is used up"))
            })?;
            Ok(first)
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut state = self.writing();
            let next = state.sequences.entry(sequence).or_insert(1);
            *next = least.max(*next);
            Ok(*next)
        })
    }
}

fn no_partition(partition: Partition, n: usize) -> StoreError {
    let message = format!("there is no partition {}; the store has {n}, numbered from 0", partition.0);
    StoreError::new(StoreErrorKind::Invalid, message)
}
