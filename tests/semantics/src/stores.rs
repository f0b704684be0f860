//! The stores that every law is tested on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use rome_orm::store::Store;
use rome_orm::store::memory::MemoryStore;
use rome_redis::RedisStore;
use rome_redis::testkit::{LocalCluster, LocalServer};

/// A store of a test, with what has to be cleared away at the end.
pub struct Place {
    pub name: &'static str,
    at: At,
}

enum At {
    Memory(Arc<MemoryStore>),
    Folder(PathBuf),
    /// A server that tests share, and the prefix that is this place's own.
    Redis(Arc<LocalServer>, u32),
    /// The same with a cluster of three primaries and three replicas.
    Cluster(Arc<LocalCluster>, u32),
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The Redis server of this process, as long as a test uses it.
fn server() -> Arc<LocalServer> {
    static SHARED: Mutex<Weak<LocalServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(LocalServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// The Redis Cluster of this process, as long as a test uses it.
fn cluster() -> Arc<LocalCluster> {
    static SHARED: Mutex<Weak<LocalCluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(LocalCluster::start());
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}

/// An empty place on each kind of store.
pub fn places() -> [Place; 5] {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("rome-semantics-{}-{number}", std::process::id()));
    [
        Place { name: "memory", at: At::Memory(Arc::new(MemoryStore::new())) },
        Place { name: "memory in 5 partitions", at: At::Memory(Arc::new(MemoryStore::with_partitions(5))) },
        Place { name: "embedded", at: At::Folder(folder) },
        Place { name: "redis", at: At::Redis(server(), number) },
        Place { name: "redis cluster in 4 partitions", at: At::Cluster(cluster(), number) },
    ]
}

/// An empty place on each kind of store that has one partition.
pub fn places_of_one_partition() -> impl Iterator<Item = Place> {
    places().into_iter().filter(|place| !place.name.contains("partitions"))
}

impl Place {
    /// Opens what is there; a place in memory keeps its store until it is dropped.
    pub async fn open(&self) -> Arc<dyn Store> {
        match &self.at {
            At::Memory(store) => store.clone(),
            At::Folder(folder) => Arc::new(
                rome_orm::embedded::EmbeddedStore::open(folder, rome_orm::embedded::EmbeddedOptions::default())
                    .unwrap(),
            ),
            At::Redis(..) | At::Cluster(..) => Arc::new(RedisStore::open(&self.url().unwrap()).await.unwrap()),
        }
    }
}

impl Place {
    /// Its URL, if several processes can have it open at once.
    pub fn url(&self) -> Option<String> {
        match &self.at {
            At::Memory(_) | At::Folder(_) => None,
            At::Redis(server, number) => Some(format!("{}?prefix=place{number}", server.url())),
            At::Cluster(cluster, number) => Some(format!("{}?prefix=place{number}&partitions=4", cluster.url())),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let At::Folder(folder) = &self.at {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Opens a database with these entities on a place.
macro_rules! open {
    ($place:expr, [$($entity:ty),+]) => {
        rome_orm::Database::builder()$(.entity::<$entity>())+.open($place.open().await).await.unwrap()
    };
}
pub(crate) use open;
