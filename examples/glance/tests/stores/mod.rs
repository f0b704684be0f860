//! The stores that the service is tested on. A new one needs its name in a list, and its URL.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rome_redis::testkit::{LocalCluster, LocalServer};

/// All kinds of stores.
pub const ALL: [&str; 5] = ["memory", "partitions", "embedded", "redis", "redis-cluster"];
/// Those that keep their data when the service ends.
pub const LASTING: [&str; 3] = ["embedded", "redis", "redis-cluster"];
/// Those that several services can use at once.
pub const SHARED: [&str; 2] = ["redis", "redis-cluster"];

/// An empty store of a test's own.
pub struct Place {
    pub url: String,
    servers: Option<Servers>,
}

/// What has to run as long as the place is used.
#[expect(dead_code, reason = "it is held, not looked at")]
enum Servers {
    One(Arc<LocalServer>),
    Cluster(Arc<LocalCluster>),
}

impl Place {
    /// A store of a kind; if it needs a folder, it is in this one.
    pub fn new(kind: &str, folder: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match kind {
            "memory" => Self { url: "memory:".to_owned(), servers: None },
            // As on a cluster: a commit can need several of them.
            "partitions" => Self { url: "memory:?partitions=4".to_owned(), servers: None },
            "embedded" => Self { url: format!("embedded:{}", folder.join("db").display()), servers: None },
            "redis" => {
                let server = server();
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                Self { url: format!("{}?prefix=glance{number}", server.url()), servers: Some(Servers::One(server)) }
            }
            "redis-cluster" => {
                let cluster = cluster();
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let url = format!("{}?prefix=glance{number}&partitions=4", cluster.url());
                Self { url, servers: Some(Servers::Cluster(cluster)) }
            }
            other => panic!("{other} is no kind of store"),
        }
    }
}

/// The Redis server of this process, as long as a test uses it.
fn server() -> Arc<LocalServer> {
    static SHARED: Mutex<Weak<LocalServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(LocalServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// The Redis Cluster of this process, as long as a test uses it.
fn cluster() -> Arc<LocalCluster> {
    static SHARED: Mutex<Weak<LocalCluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(LocalCluster::start());
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}
