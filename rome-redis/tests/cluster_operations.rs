//! What `docs/running-on-redis.md` says about running a cluster: restarts one after the other, backups of one moment, and replicas
//! that are not there.
#![allow(clippy::unwrap_used)]

mod harness;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::*;
use rome_redis::testkit::LocalCluster;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, ApplyOptions, Certainty, Decision, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply,
    Step, Store, StoreErrorKind, TxId,
};

async fn store(cluster: &LocalCluster) -> RedisStore {
    let options = RedisOptions::default().partitions(3).patience(Duration::from_secs(30));
    RedisStore::open_with(&cluster.url(), options).await.unwrap()
}

async fn apply(store: &RedisStore, partition: u32, tx: MiniTx, durability: Durability) -> Applied {
    store.apply(vec![(Partition(partition), tx)], ApplyOptions::new(durability)).await.unwrap().remove(0)
}

async fn read(store: &RedisStore, partition: u32) -> ReadReply {
    let get = Read::Get { space: SUMS, key: "n".into() };
    store.read(&[(Partition(partition), vec![get])], ReadOptions::new()).await.unwrap().remove(0)
}

/// The counter of a partition.
async fn sum(store: &RedisStore, partition: u32) -> i128 {
    match &read(store, partition).await.replies[..] {
        [Reply::Record(sum)] => {
            sum.as_ref().map_or(0, |(_, sum)| i128::from_be_bytes(sum.as_ref().try_into().unwrap()))
        }
        other => panic!("{other:?}"),
    }
}

/// A transaction that counts in partition 0 and in partition 1.
async fn count_in_both(store: &RedisStore, seq: u64, durability: Durability) {
    let id = TxId { lane: 1, seq };
    let step = |step| MiniTx::one(id).step(step);
    let counts = |tx: MiniTx| tx.effects(vec![add("n", 1)]);
    let prepare = Step::Prepare { primary: Partition(0), lease: 60_000 };
    let done = |applied| assert!(matches!(applied, Applied::Done { .. }), "{applied:?}");
    done(apply(store, 1, counts(step(prepare)), durability).await);
    done(apply(store, 0, counts(step(Step::One)), durability).await);
    let finished = apply(store, 1, step(Step::Finish(Decision::Committed)), durability).await;
    // A first copy may have finished it, whose reply was lost.
    let is_finished = matches!(finished, Applied::Done { .. } | Applied::Already(Decision::Committed));
    assert!(is_finished, "{finished:?}");
}

/// Counts until it is stopped; gives how often.
fn load(store: RedisStore, durability: Durability) -> (tokio::task::JoinHandle<(RedisStore, u64)>, Arc<AtomicBool>) {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let counting = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::SeqCst) || n < 50 {
            n += 1;
            count_in_both(&store, n, durability).await;
        }
        (store, n)
    });
    (counting, stop)
}

/// Every node is started again, as for an upgrade: first the replica, which then takes over in agreement with its primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_can_be_restarted_one_after_the_other_under_load() {
    let mut cluster = LocalCluster::start();
    let (counting, stop) = load(store(&cluster).await, Durability::Replicated(1));
    let cluster = tokio::task::spawn_blocking(move || {
        for primary in 0..cluster.primaries() {
            let replica = cluster.replica_of(primary);
            for node in [replica, primary] {
                if node == primary {
                    cluster.fail_over(replica, "");
                    cluster.wait_until_ok();
                }
                cluster.kill(node);
                cluster.restart(node);
                cluster.wait_until_ok();
            }
            assert!(cluster.is_primary(replica) && !cluster.is_primary(primary));
        }
        cluster
    });
    let _cluster = cluster.await.unwrap();
    stop.store(true, Ordering::SeqCst);
    let (store, n) = counting.await.unwrap();
    assert_eq!((sum(&store, 0).await, sum(&store, 1).await), (i128::from(n), i128::from(n)));
}

/// While writes are held at all primaries, their snapshots are of one moment: a transaction over several of them is there whole, or can
/// be ended as one that a client left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_one_moment_is_restored_on_another_cluster() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let (counting, stop) = load(store(&cluster).await, Durability::Memory);
    while cluster.try_ask::<u64>(0, "DBSIZE").unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let primaries = 0..3;
    primaries.clone().for_each(|node| cluster.ask(node, "CLIENT PAUSE 20000 WRITE"));
    primaries.clone().for_each(|node| cluster.ask(node, "BGSAVE"));
    for node in primaries.clone() {
        while !cluster.ask::<String>(node, "INFO persistence").contains("rdb_bgsave_in_progress:0") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    primaries.clone().for_each(|node| cluster.ask(node, "CLIENT UNPAUSE"));
    stop.store(true, Ordering::SeqCst);
    let (first, n) = counting.await.unwrap();
    assert_eq!((sum(&first, 0).await, sum(&first, 1).await), (i128::from(n), i128::from(n)));

    let mut other = LocalCluster::with(3, 0, &[]);
    for node in primaries {
        other.kill(node);
        fs::copy(cluster.node(node).folder().join("dump.rdb"), other.node(node).folder().join("dump.rdb")).unwrap();
        other.restart(node);
    }
    other.wait_until_ok();
    let restored = store(&other).await;
    for met in read(&restored, 1).await.blockers {
        let push = MiniTx::one(met.id).step(Step::Push { abort: true });
        let Applied::Already(decision) = apply(&restored, 0, push, Durability::Memory).await else {
            panic!("a push that aborts has an outcome");
        };
        let finish = MiniTx::one(met.id).step(Step::Finish(decision));
        apply(&restored, 1, finish, Durability::Memory).await;
    }
    let (one, two) = (sum(&restored, 0).await, sum(&restored, 1).await);
    assert!(one == two && one <= i128::from(n), "{one} and {two} of {n}");
    // It is the same database, and goes on.
    count_in_both(&restored, n + 1, Durability::Memory).await;
    assert_eq!(sum(&restored, 1).await, two + 1);
}

/// Also a part of a transaction over several partitions is refused before anything is done.
#[tokio::test]
async fn a_primary_can_be_told_to_take_no_writes_without_replicas() {
    let cluster = LocalCluster::with(3, 0, &["--min-replicas-to-write", "0"]);
    let store = store(&cluster).await;
    (0..3).for_each(|node| cluster.ask(node, "CONFIG SET min-replicas-to-write 1"));
    for step in [Step::One, Step::Prepare { primary: Partition(0), lease: 1000 }] {
        let tx = MiniTx::one(TxId { lane: 1, seq: 1 }).step(step).effects(vec![add("n", 1)]);
        let error = store.apply(vec![(Partition(1), tx)], ApplyOptions::new(Durability::Memory)).await.unwrap_err();
        assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
        assert!(error.to_string().contains("NOREPLICAS"), "{error}");
    }
    assert_eq!(sum(&store, 1).await, 0);
}
