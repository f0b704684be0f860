//! How a database gets its store: by URLs of its own or of other crates, or as it is; and which contract it may be of.

use std::sync::Arc;

use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use rome_orm::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, Scheme, SequenceId, Store,
    StoreError, StoreErrorKind, StoreFuture,
};

use super::{Dog, dog};

fn builder() -> rome_orm::DatabaseBuilder {
    Database::builder().entity::<Dog>()
}

#[tokio::test]
async fn a_store_is_given_by_a_url_or_as_it_is() {
    let url = String::from("memory:");
    builder().open(&url).await.unwrap();
    builder().open(url).await.unwrap();
    let store: Arc<dyn Store> = rome_orm::open_store("memory:").await.unwrap();
    let db = builder().open(store.clone()).await.unwrap();
    db.insert(dog("Rex", 3)).await.unwrap();
    assert_eq!(builder().open(store).await.unwrap().query::<Dog>().count().await.unwrap(), 1);
}

#[tokio::test]
async fn the_errors_of_an_added_scheme_come_out_as_they_are() {
    let full = async |_: String| Err::<MemoryStore, _>(StoreError::new(StoreErrorKind::Full, "the shelf is full"));
    let error = builder().scheme(Scheme::new("shelf", "shelf:N", full)).open("shelf:1").await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("the shelf is full"), "{error}");
}

/// A store that says that it was written for another contract.
struct Of(MemoryStore, Capabilities);

impl Of {
    fn contract(contract: u32) -> Arc<Self> {
        let inner = MemoryStore::new();
        let mut capabilities = inner.capabilities().clone();
        capabilities.contract = contract;
        Arc::new(Self(inner, capabilities))
    }
}

impl Store for Of {
    fn capabilities(&self) -> &Capabilities {
        &self.1
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        self.0.read(batch, options)
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        self.0.apply(batch, options)
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.0.reserve(sequence, n)
    }
}

#[tokio::test]
async fn a_store_of_a_contract_that_is_not_known_is_refused() {
    builder().open(Of::contract(1)).await.unwrap();
    for contract in [0, 2, u32::MAX] {
        for error in [
            builder().open(Of::contract(contract)).await.unwrap_err(),
            builder().plan(Of::contract(contract)).await.unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(error.is_invalid() && text.contains(&contract.to_string()) && text.contains("1 to 1"), "{text}");
        }
    }
}
