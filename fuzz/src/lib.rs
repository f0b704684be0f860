//! The bodies of the fuzz targets, which are also tests of `rome-core` and of `rome-semantics`: there they run for a moment in
//! each test run.

#[path = "../../rome-core/tests/value/decoders.rs"]
pub mod decoders;
#[path = "../../tests/semantics/src/forged/forge.rs"]
pub mod forge;
#[path = "../../tests/semantics/src/sequences"]
pub mod sequences {
    pub mod play;
    pub mod statement;
    pub mod view;
    pub mod world;
}

use std::future::Future;

use rome_orm::Database;
use rome_orm::store::memory::MemoryStore;
use sequences::world::{Child, Line, Parent, Ticket};

fn run(body: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(body);
}

/// Plays statements on a database in memory, in one partition and in several, which have to answer the same.
pub fn statements(data: &[u8]) {
    run(async {
        let mut answers = Vec::new();
        for partitions in [1, 5] {
            let store = std::sync::Arc::new(MemoryStore::with_partitions(partitions));
            let builder = Database::builder().entity::<Parent>().entity::<Child>().entity::<Ticket>().entity::<Line>();
            let db = builder.open(store).await.expect("an empty store opens");
            answers.push(sequences::play::play(&db, None, data).await);
        }
        assert_eq!(answers[0], answers[1]);
    });
}

/// Forges a record of a database in memory, in one partition or in several, and asks for everything.
pub fn forged(data: &[u8]) {
    run(async {
        let (partitions, data) =
            data.split_first().map_or((1, data), |(first, rest)| (1 + u32::from(first % 2) * 2, rest));
        let store: std::sync::Arc<dyn rome_orm::store::Store> =
            std::sync::Arc::new(MemoryStore::with_partitions(partitions));
        forge::fill(store.clone()).await;
        forge::forge(&store, data).await;
    });
}
