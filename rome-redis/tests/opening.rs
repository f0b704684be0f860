//! Programs that open a database that is not there, all at once: one of them makes it, and all have the same.
#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::BTreeSet;

use futures::future::join_all;
use harness::raw;
use rome_redis::RedisStore;
use rome_redis::testkit::{LocalCluster, LocalServer};
use rome_store::{SequenceId, Store};

/// Opens databases by many programs each; `parameters` stand behind the prefix.
async fn open_at_once(url: &str, databases: u32, parameters: &str) {
    for number in 0..databases {
        let url = format!("{url}?prefix=d{number}{parameters}");
        let opening = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { RedisStore::open(&url).await })
        });
        let stores = join_all(opening).await.into_iter().map(|opened| opened.unwrap().unwrap());
        let mut numbers = BTreeSet::new();
        for store in stores {
            numbers.insert(store.reserve(SequenceId::Lanes, 1).await.unwrap());
        }
        assert_eq!(numbers.len(), 8, "programs have different databases of the same name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_programs_that_open_an_empty_server_one_makes_the_database() {
    let server = LocalServer::start();
    // The keys of others make looking at all names take a while.
    let fill = "for i = 1, 10000 do redis.call('SET', 'other' .. i, '') end";
    redis::cmd("EVAL").arg(fill).arg(0).query_async::<()>(&mut raw(&server).await).await.unwrap();
    open_at_once(&server.url(), 20, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_programs_that_open_an_empty_cluster_one_makes_the_database() {
    let cluster = LocalCluster::with(3, 0, &[]);
    open_at_once(&cluster.url(), 20, "&partitions=5").await;
}
