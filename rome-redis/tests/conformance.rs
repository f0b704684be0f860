//! The Redis store keeps the laws of the contract.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use rome_conformance::Subject;
use rome_core::store::{Store, StoreResult};
use rome_redis::RedisStore;
use rome_redis::testkit::LocalServer;

/// One server for all laws that run at the same time; each place is a prefix of its own.
static SERVER: LazyLock<Mutex<Weak<LocalServer>>> = LazyLock::new(|| Mutex::new(Weak::new()));

struct OnRedis;

struct Place {
    server: Arc<LocalServer>,
    prefix: String,
}

fn server() -> Arc<LocalServer> {
    let mut shared = SERVER.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(LocalServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

impl Subject for OnRedis {
    type Place = Place;

    fn place(&self) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Place { server: server(), prefix: format!("law{}", NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    async fn open(&self, place: &Place) -> StoreResult<Arc<dyn Store>> {
        let url = format!("{}?prefix={}", place.server.url(), place.prefix);
        Ok(Arc::new(RedisStore::open(&url).await?))
    }
}

rome_conformance::suite!(OnRedis);
