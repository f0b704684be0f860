//! The in-memory store: the specification of the contract.
//!
//! One partition, one lock. An [`apply`](Store::apply) holds the lock for writing from its first check to its last
//! effect, a [`read`](Store::read) holds it for reading from its first record to its last: so everything has one order
//! and is seen whole, and the guarantees of [`Store`] can be read off the code. All that can fail is tested before the
//! first effect.
//!
//! It keeps nothing when the process ends, and it takes no part in transactions over several partitions: there is
//! only one.

mod apply;
mod key;
mod scan;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::{
    Applied, Capabilities, Consistency, Durability, MiniTx, OwnerTag, Partition, Read, ReadReply, SequenceId, Store,
    StoreError, StoreErrorKind, StoreResult,
};
use state::State;

/// A store that keeps all data in the memory of the process.
///
/// ```
/// use rome_core::store::memory::MemoryStore;
/// use rome_core::store::{Applied, Durability, Effect, MiniTx, Partition, Space, Store, TableId, TxId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rome_core::store::StoreError> {
/// let store = MemoryStore::new();
/// let mut tx = MiniTx::one(TxId { lane: 1, seq: 1 });
/// tx.effects.push(Effect::Put { space: Space::Rows(TableId(1)), key: "ann".into(), value: "Lyon".into() });
/// let applied = store.apply(vec![(Partition(0), tx)], Durability::Memory).await?;
/// assert_eq!(applied, [Applied::Done { seq: 1 }]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    capabilities: Capabilities,
    state: RwLock<State>,
}

impl MemoryStore {
    /// An empty store with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities::new("memory", Durability::Memory, false),
            state: RwLock::new(State::default()),
        }
    }

    fn reading(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("nothing panics while it holds the lock for writing")
    }

    fn writing(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("nothing panics while it holds the lock for writing")
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn read(&self, batch: &[(Partition, Vec<Read>)], _: Consistency) -> StoreResult<Vec<ReadReply>> {
        let state = self.reading();
        batch
            .iter()
            .map(|(partition, reads)| {
                is_the_one(*partition)?;
                let replies = reads.iter().map(|read| state.answer(read)).collect::<StoreResult<_>>()?;
                Ok(ReadReply { seq: state.seq, replies })
            })
            .collect()
    }

    async fn apply(&self, batch: Vec<(Partition, MiniTx)>, _: Durability) -> StoreResult<Vec<Applied>> {
        for (partition, tx) in &batch {
            is_the_one(*partition)?;
            apply::is_acceptable(tx, &self.capabilities)?;
        }
        let mut state = self.writing();
        let mut outcomes = Vec::with_capacity(batch.len());
        for (_, tx) in batch {
            match state.apply(tx) {
                Ok(outcome) => outcomes.push(outcome),
                // The outcomes of those before it get lost with this answer.
                Err(error) if !outcomes.is_empty() => return Err(error.with_unknown_outcome()),
                Err(error) => return Err(error),
            }
        }
        Ok(outcomes)
    }

    async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        let mut state = self.writing();
        let next = state.sequences.entry(sequence).or_insert(1);
        let first = *next;
        *next = first.checked_add(u64::from(n)).ok_or_else(|| {
            StoreError::new(StoreErrorKind::Overflow, format!("the sequence {sequence:?} is used up"))
        })?;
        Ok(first)
    }

    fn owner(&self, _: Partition) -> OwnerTag {
        OwnerTag::default()
    }
}

fn is_the_one(partition: Partition) -> StoreResult<()> {
    if partition == Partition(0) {
        return Ok(());
    }
    let message = format!("there is no partition {}; the memory store has one, number 0", partition.0);
    Err(StoreError::new(StoreErrorKind::Invalid, message))
}
