//! A store may read more than once before it answers: what a filter has seen then is no answer.

use std::sync::Arc;

use async_trait::async_trait;
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use rome_orm::store::{
    Applied, Capabilities, Consistency, Durability, MiniTx, Partition, Read, ReadReply, SequenceId, Store, StoreResult,
};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    age: u32,
    name: String,
}

/// A store that reads everything twice.
struct Twice(MemoryStore);

#[async_trait]
impl Store for Twice {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn read(&self, batch: &[(Partition, Vec<Read>)], consistency: Consistency) -> StoreResult<Vec<ReadReply>> {
        self.0.read(batch, consistency).await?;
        self.0.read(batch, consistency).await
    }

    async fn apply(&self, batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>> {
        self.0.apply(batch, durability).await
    }

    async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        self.0.reserve(sequence, n).await
    }
}

#[tokio::test]
async fn a_count_counts_each_row_once() {
    for partitions in [1, 4] {
        let store = Arc::new(Twice(MemoryStore::with_partitions(partitions)));
        let db = Database::builder().entity::<Dog>().open_store(store).await.unwrap();
        db.insert_many((0..20).map(|id| Dog { id, age: 3, name: format!("dog {}", id % 2) })).await.unwrap();
        let named = db.query::<Dog>().filter(Dog::NAME.eq("dog 1"));
        assert_eq!(named.count().await.unwrap(), 10, "over rows in {partitions} partitions");
        let by_index = db.query::<Dog>().filter(Dog::AGE.eq(3)).filter(Dog::NAME.eq("dog 1"));
        assert_eq!(by_index.count().await.unwrap(), 10, "over an index in {partitions} partitions");
    }
}
