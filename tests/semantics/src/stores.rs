//! The stores that every law is tested on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rome::store::Store;
use rome::store::memory::MemoryStore;

/// A store of a test, with its folder if it has one, which is removed at the end.
pub struct Place {
    pub name: &'static str,
    folder: Option<PathBuf>,
    memory: Option<Arc<MemoryStore>>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An empty place on each kind of store.
pub fn places() -> [Place; 2] {
    let folder = std::env::temp_dir().join(format!(
        "rome-semantics-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    [
        Place { name: "memory", folder: None, memory: Some(Arc::new(MemoryStore::new())) },
        Place { name: "embedded", folder: Some(folder), memory: None },
    ]
}

impl Place {
    /// Opens what is there; a place in memory keeps its store until it is dropped.
    pub fn open(&self) -> Arc<dyn Store> {
        match (&self.memory, &self.folder) {
            (Some(store), _) => store.clone(),
            (None, Some(folder)) => Arc::new(
                rome::embedded::EmbeddedStore::open(folder, rome::embedded::EmbeddedOptions::default()).unwrap(),
            ),
            (None, None) => unreachable!("a place is in memory or in a folder"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Opens a database with these entities on a place.
macro_rules! open {
    ($place:expr, [$($entity:ty),+]) => {
        rome::Database::builder()$(.entity::<$entity>())+.open_store($place.open()).await.unwrap()
    };
}
pub(crate) use open;
