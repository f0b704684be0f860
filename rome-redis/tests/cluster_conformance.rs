//! The store on a cluster keeps the laws of the contract.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use rome_conformance::Subject;
use rome_redis::testkit::LocalCluster;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{Store, StoreResult};

/// One cluster of three primaries and three replicas for all laws that run at the same time; each place is a prefix of its own.
static CLUSTER: LazyLock<Mutex<Weak<LocalCluster>>> = LazyLock::new(|| Mutex::new(Weak::new()));

struct OnCluster {
    always_by_script: bool,
}

struct Place {
    cluster: Arc<LocalCluster>,
    prefix: String,
}

fn cluster() -> Arc<LocalCluster> {
    let mut shared = CLUSTER.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(LocalCluster::start());
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}

impl Subject for OnCluster {
    type Place = Place;

    fn place(&self) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Place { cluster: cluster(), prefix: format!("law{}", NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    async fn open(&self, place: &Place) -> StoreResult<Arc<dyn Store>> {
        let url = format!("{}?prefix={}&partitions=3", place.cluster.url(), place.prefix);
        let mut options = RedisOptions::default();
        options.always_by_script = self.always_by_script;
        Ok(Arc::new(RedisStore::open_with(&url, options).await?))
    }
}

mod by_rounds {
    rome_conformance::suite!(super::OnCluster { always_by_script: false });
    rome_conformance::workloads!(super::OnCluster { always_by_script: false });
}

mod by_script {
    rome_conformance::suite!(super::OnCluster { always_by_script: true });
    rome_conformance::workloads!(super::OnCluster { always_by_script: true });
}
