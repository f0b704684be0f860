//! It keeps the contract: all laws that can be seen from outside, and programs that use it through ROME.

use std::sync::Arc;

use own_store::MapStore;
use rome_store::Store;

rome_conformance::suite!(async || Arc::new(MapStore::new()) as Arc<dyn Store>);

mod workloads {
    use super::*;

    rome_conformance::workloads!(async || Arc::new(MapStore::new()) as Arc<dyn Store>);
}
