//! The in-memory store keeps the laws.

use std::sync::Arc;

use rome_core::store::Store;
use rome_core::store::memory::MemoryStore;

rome_conformance::suite!(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>);

mod with_four_partitions {
    use super::*;

    rome_conformance::suite!(async || Arc::new(MemoryStore::with_partitions(4)) as Arc<dyn Store>);
}

rome_conformance::workloads!(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>);
