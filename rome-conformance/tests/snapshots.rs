//! A statement of several reads is of one state without being checked, where the store keeps snapshots.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use rome_core::Database;
use rome_core::model::{Many, One};
use rome_derive::Entity;
use rome_store::memory::MemoryStore;
use rome_store::{
    Applied, ApplyOptions, Capabilities, Consistency, Durability, Effect, MiniTx, Partition, Read, ReadOptions,
    ReadReply, SequenceId, Snapshot, Space, Store, StoreError, StoreFuture, StoreResult, TableId, TxId,
};

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    id: u64,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "dogs", index(owner_id))]
struct Dog {
    #[rome(key)]
    id: u64,
    owner_id: u64,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
}

/// A store in which something is committed after each read, once it is busy.
struct Busy {
    inner: MemoryStore,
    is_busy: AtomicBool,
    /// Whether it gives snapshots, and whether it then keeps them.
    gives: bool,
    keeps: bool,
    reads: AtomicU64,
    commits: AtomicU64,
}

impl Busy {
    async fn open(gives: bool, keeps: bool) -> (Arc<Self>, Database) {
        let (is_busy, inner) = (AtomicBool::new(false), MemoryStore::new());
        let store =
            Arc::new(Self { inner, is_busy, gives, keeps, reads: AtomicU64::new(0), commits: AtomicU64::new(0) });
        let db = Database::builder().entity::<Owner>().entity::<Dog>().open(store.clone()).await.unwrap();
        db.insert_many((0..3).map(|id| Owner { id, ..Owner::default() })).await.unwrap();
        db.insert_many((0..9).map(|id| Dog { id, owner_id: id % 3, ..Dog::default() })).await.unwrap();
        store.reads.store(0, SeqCst);
        store.is_busy.store(true, SeqCst);
        (store, db)
    }

    async fn commit(&self) -> StoreResult<()> {
        let seq = self.commits.fetch_add(1, SeqCst) + 1;
        let mut tx = MiniTx::one(TxId { lane: u64::MAX, seq });
        tx.effects.push(Effect::Put { space: Space::Rows(TableId(u32::MAX)), key: "k".into(), value: "v".into() });
        self.inner.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await.map(drop)
    }
}

impl Store for Busy {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let nth = self.reads.fetch_add(1, SeqCst);
            if !self.keeps && nth > 0 && matches!(options.consistency, Consistency::At(_)) {
                return Err(StoreError::snapshot_gone());
            }
            let replies = self.inner.read(batch, options).await;
            if self.is_busy.load(SeqCst) {
                self.commit().await?;
            }
            replies
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        self.inner.apply(batch, options)
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.inner.snapshot().filter(|_| self.gives)
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.inner.reserve(sequence, n)
    }
}

/// How many reads a query and its relation cost.
async fn reads_of_owners_with_dogs(gives: bool, keeps: bool) -> u64 {
    let (store, db) = Busy::open(gives, keeps).await;
    let owners = db.query::<Owner>().with(Owner::DOGS).all().await.unwrap();
    assert!(owners.iter().all(|owner| owner.dogs.get().unwrap().len() == 3));
    store.reads.load(SeqCst)
}

#[tokio::test]
async fn a_query_of_several_reads_is_not_repeated_whatever_is_committed_between_them() {
    assert_eq!(reads_of_owners_with_dogs(true, true).await, 2);
    assert_eq!(reads_of_owners_with_dogs(false, true).await, 4, "without snapshots it is repeated, and then checked");
}

#[tokio::test]
async fn a_query_whose_snapshot_is_gone_begins_anew() {
    assert_eq!(reads_of_owners_with_dogs(true, false).await, 4);
}
