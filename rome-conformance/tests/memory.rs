//! The in-memory store keeps the laws.

use std::sync::Arc;

use rome_store::Store;
use rome_store::memory::MemoryStore;

rome_conformance::suite!(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>);

mod with_four_partitions {
    use super::*;

    rome_conformance::suite!(async || Arc::new(MemoryStore::with_partitions(4)) as Arc<dyn Store>);
    rome_conformance::workloads!(async || Arc::new(MemoryStore::with_partitions(4)) as Arc<dyn Store>);

    /// Tasks meet in the middle of commits, which a store without a wire would let pass at once.
    mod with_pauses {
        use rome_core::testkit::Faults;

        use super::*;

        rome_conformance::workloads!(async || {
            let store = Faults::new(Arc::new(MemoryStore::with_partitions(4)));
            store.yield_around_calls();
            Arc::new(store) as Arc<dyn Store>
        });
    }
}

rome_conformance::workloads!(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>);
