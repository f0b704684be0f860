//! The on-disk store keeps the laws of the contract.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::Arc;

use harness::Folder;
use rome_conformance::Subject;
use rome_embedded::{EmbeddedOptions, EmbeddedStore};
use rome_store::{Store, StoreResult};

struct OnDisk;

impl Subject for OnDisk {
    type Place = Folder;

    fn place(&self) -> Folder {
        Folder::new("law")
    }

    async fn open(&self, place: &Folder) -> StoreResult<Arc<dyn Store>> {
        Ok(Arc::new(EmbeddedStore::open(place.path(), EmbeddedOptions::default())?))
    }
}

rome_conformance::suite!(OnDisk);
rome_conformance::workloads!(OnDisk);
