//! A store whose writes are as safe as was asked for, whatever those who write ask for.

use std::sync::Arc;

use rome_orm::store::{
    Applied, ApplyOptions, Capabilities, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId,
    Snapshot, Store, StoreFuture,
};

/// The store, and how safe each write to it is at least.
pub struct AtLeast {
    pub store: Arc<dyn Store>,
    pub durability: Durability,
}

impl Store for AtLeast {
    fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        self.store.read(batch, options)
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        let durability = options.durability.max(self.durability);
        self.store.apply(batch, options.durability(durability))
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.store.snapshot()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.store.reserve(sequence, n)
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        self.store.raise(sequence, least)
    }
}
