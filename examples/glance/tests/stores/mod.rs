//! The stores that the service is tested on. A new one needs its name in a list, and its URL.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rome_redis::testkit::LocalServer;

/// All kinds of stores.
pub const ALL: [&str; 4] = ["memory", "partitions", "embedded", "redis"];
/// Those that keep their data when the service ends.
pub const LASTING: [&str; 2] = ["embedded", "redis"];
/// Those that several services can use at once.
pub const SHARED: [&str; 1] = ["redis"];

/// An empty store of a test's own.
pub struct Place {
    pub url: String,
    server: Option<Arc<LocalServer>>,
}

impl Place {
    /// A store of a kind; if it needs a folder, it is in this one.
    pub fn new(kind: &str, folder: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match kind {
            "memory" => Self { url: "memory:".to_owned(), server: None },
            // As on a cluster: a commit can need several of them.
            "partitions" => Self { url: "memory:?partitions=4".to_owned(), server: None },
            "embedded" => Self { url: format!("embedded:{}", folder.join("db").display()), server: None },
            "redis" => {
                let server = server();
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                Self { url: format!("{}?prefix=glance{number}", server.url()), server: Some(server) }
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
