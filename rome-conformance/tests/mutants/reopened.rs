//! Stores that say they are persistent, and keep or forget things when they are opened again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use rome_conformance::Subject;
use rome_conformance::laws::acknowledged_writes_outlive_the_store;
use rome_store::memory::MemoryStore;
use rome_store::{
    Applied, ApplyOptions, Capabilities, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId,
    Store, StoreFuture, StoreResult,
};

/// What is gone after opening again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forgets {
    Nothing,
    Everything,
    Outcomes,
    Numbers,
    Gate,
    LastWrite,
}

/// A folder, so to say.
struct Disk {
    store: Arc<MemoryStore>,
    openings: AtomicU64,
}

struct Reopened {
    inner: Arc<MemoryStore>,
    capabilities: Capabilities,
    forgets: Forgets,
    opening: u64,
    numbers: AtomicU64,
}

impl Subject for Forgets {
    type Place = Disk;

    fn place(&self) -> Disk {
        Disk { store: Arc::new(MemoryStore::new()), openings: AtomicU64::new(0) }
    }

    async fn open(&self, disk: &Disk) -> StoreResult<Arc<dyn Store>> {
        let inner = if *self == Self::Everything { Arc::new(MemoryStore::new()) } else { disk.store.clone() };
        let opening = disk.openings.fetch_add(1, SeqCst);
        let capabilities = Capabilities::new(1, "reopened", Durability::Local, true);
        Ok(Arc::new(Reopened { inner, capabilities, forgets: *self, opening, numbers: AtomicU64::new(1) }))
    }
}

impl Store for Reopened {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let mut replies = self.inner.read(batch, options).await?;
            if self.forgets == Forgets::LastWrite && self.opening > 0 {
                replies.iter_mut().for_each(|reply| reply.seq -= 1);
            }
            Ok(replies)
        })
    }

    fn apply(&self, mut batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            for (_, tx) in &mut batch {
                match self.forgets {
                    Forgets::Outcomes => tx.id.lane += self.opening << 32,
                    Forgets::Gate if self.opening > 0 => tx.schema = u32::MAX,
                    _ => {}
                }
            }
            self.inner.apply(batch, options).await
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            if self.forgets == Forgets::Numbers {
                return Ok(self.numbers.fetch_add(u64::from(n), SeqCst));
            }
            self.inner.reserve(sequence, n).await
        })
    }
}

#[tokio::test]
async fn what_a_store_forgets_is_noticed() {
    assert_eq!(acknowledged_writes_outlive_the_store(&Forgets::Nothing).await, Ok(()));
    for (forgets, seen) in [
        (Forgets::Everything, "contents"),
        (Forgets::Outcomes, "repeat after opening"),
        (Forgets::Numbers, "given again"),
        (Forgets::Gate, "gate after opening"),
        (Forgets::LastWrite, "seq went back"),
    ] {
        let violation = acknowledged_writes_outlive_the_store(&forgets).await.unwrap_err().to_string();
        assert!(violation.contains(seen), "{seen}: {violation}");
    }
}
