//! A store may read more than once before it answers: what a filter has seen then is no answer.

use std::sync::Arc;

use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use rome_orm::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Store,
    StoreFuture,
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

impl Store for Twice {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            self.0.read(batch, options).await?;
            self.0.read(batch, options).await
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        self.0.apply(batch, options)
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.0.reserve(sequence, n)
    }
}

#[tokio::test]
async fn a_count_counts_each_row_once() {
    for partitions in [1, 4] {
        let store = Arc::new(Twice(MemoryStore::with_partitions(partitions)));
        let db = Database::builder().entity::<Dog>().open(store).await.unwrap();
        db.insert_many((0..20).map(|id| Dog { id, age: 3, name: format!("dog {}", id % 2) })).await.unwrap();
        let named = db.query::<Dog>().filter(Dog::NAME.eq("dog 1"));
        assert_eq!(named.count().await.unwrap(), 10, "over rows in {partitions} partitions");
        let by_index = db.query::<Dog>().filter(Dog::AGE.eq(3)).filter(Dog::NAME.eq("dog 1"));
        assert_eq!(by_index.count().await.unwrap(), 10, "over an index in {partitions} partitions");
    }
}
