//! The Redis store keeps the laws of the contract.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use rome_conformance::Subject;
use rome_redis::testkit::LocalServer;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{Store, StoreResult};

/// One server for all laws that run at the same time; each place is a prefix of its own.
static SERVER: LazyLock<Mutex<Weak<LocalServer>>> = LazyLock::new(|| Mutex::new(Weak::new()));

/// How the subject reads: in rounds of commands, or always by the script that is their way out.
struct OnRedis {
    always_by_script: bool,
}

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
        let mut options = RedisOptions::default();
        options.always_by_script = self.always_by_script;
        Ok(Arc::new(RedisStore::open_with(&url, options).await?))
    }
}

mod by_rounds {
    rome_conformance::suite!(super::OnRedis { always_by_script: false });
    rome_conformance::workloads!(super::OnRedis { always_by_script: false });
}

mod by_script {
    rome_conformance::suite!(super::OnRedis { always_by_script: true });
    rome_conformance::workloads!(super::OnRedis { always_by_script: true });
}

/// A server of its own, whose connections are killed again and again.
struct Killing;

impl Subject for Killing {
    type Place = LocalServer;

    fn place(&self) -> LocalServer {
        LocalServer::start()
    }

    async fn open(&self, server: &LocalServer) -> StoreResult<Arc<dyn Store>> {
        let store = RedisStore::open(&server.url()).await?;
        let client = redis::Client::open(server.url()).unwrap();
        let mut killer = client.get_multiplexed_async_connection().await.unwrap();
        tokio::spawn(async move {
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes");
            while kill.exec_async(&mut killer).await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        Ok(Arc::new(store))
    }
}

mod while_connections_are_killed {
    rome_conformance::workloads!(super::Killing);
}
