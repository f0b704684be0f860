//! A store whose writes are as safe as was asked for, whatever those who write ask for.

use std::sync::Arc;

use async_trait::async_trait;
use rome_orm::store::{
    Applied, Capabilities, Consistency, Durability, MiniTx, Partition, Read, ReadReply, SequenceId, Snapshot, Store,
    StoreResult,
};

/// The store, and how safe each write to it is at least.
pub struct AtLeast {
    pub store: Arc<dyn Store>,
    pub durability: Durability,
}

#[async_trait]
impl Store for AtLeast {
    fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    async fn read(&self, batch: &[(Partition, Vec<Read>)], consistency: Consistency) -> StoreResult<Vec<ReadReply>> {
        self.store.read(batch, consistency).await
    }

    async fn apply(&self, batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>> {
        self.store.apply(batch, durability.max(self.durability)).await
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.store.snapshot()
    }

    async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        self.store.reserve(sequence, n).await
    }

    async fn raise(&self, sequence: SequenceId, least: u64) -> StoreResult<u64> {
        self.store.raise(sequence, least).await
    }
}
