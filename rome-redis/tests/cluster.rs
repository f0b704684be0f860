//! Moved slots, failovers, nodes that are down: what was acknowledged stays, and what cannot be done is said.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use harness::*;
use rome_redis::testkit::LocalCluster;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, ApplyOptions, Certainty, Decision, Durability, Effect, MiniTx, Partition, Read, ReadOptions, Reply,
    SequenceId, Span, Step, Store, StoreErrorKind, StoreResult, TxId,
};

const P: u32 = 6;

async fn store(cluster: &LocalCluster) -> RedisStore {
    store_with(cluster, RedisOptions::default().patience(Duration::from_secs(30))).await
}

async fn store_with(cluster: &LocalCluster, options: RedisOptions) -> RedisStore {
    RedisStore::open_with(&cluster.url(), options.partitions(P)).await.unwrap()
}

/// The hash tag of each partition, as the keys on the nodes have it.
fn tags(cluster: &LocalCluster) -> Vec<String> {
    let names = (0..cluster.len()).filter(|node| cluster.is_primary(*node));
    let mut tags: Vec<String> = names
        .flat_map(|node| cluster.ask::<Vec<String>>(node, "KEYS {rome.*:m"))
        .map(|name| name.trim_end_matches(":m").to_owned())
        .collect();
    tags.sort_by_key(|tag| tag[6..].split(['/', '}']).next().unwrap().parse::<u32>().unwrap());
    tags
}

fn slot_of(cluster: &LocalCluster, partition: usize) -> u16 {
    cluster.ask(0, &format!("CLUSTER KEYSLOT {}", tags(cluster)[partition]))
}

async fn one(store: &RedisStore, partition: u32, id: TxId, effects: Vec<Effect>) -> StoreResult<Applied> {
    step(store, partition, MiniTx::one(id).effects(effects)).await
}

async fn step(store: &RedisStore, partition: u32, tx: MiniTx) -> StoreResult<Applied> {
    Ok(store.apply(vec![(Partition(partition), tx)], ApplyOptions::new(Durability::default())).await?.remove(0))
}

async fn seq(store: &RedisStore, partition: u32) -> u64 {
    store.read(&[(Partition(partition), vec![])], ReadOptions::new()).await.unwrap()[0].seq
}

/// The counter `n` and the number of rows of each partition, by one read.
async fn totals(store: &RedisStore) -> Vec<(i128, u64)> {
    let reads = || vec![Read::Get { space: SUMS, key: "n".into() }, Read::count(Span::all(ROWS))];
    let batch: Vec<_> = (0..P).map(|partition| (Partition(partition), reads())).collect();
    let replies = store.read(&batch, ReadOptions::new()).await.unwrap();
    let of = |replies: &[Reply]| match replies {
        [Reply::Record(sum), Reply::Count(rows)] => {
            let sum = sum.as_ref().map_or(0, |(_, sum)| i128::from_be_bytes(sum.as_ref().try_into().unwrap()));
            (sum, rows.n)
        }
        other => panic!("{other:?}"),
    };
    replies.iter().map(|reply| of(&reply.replies)).collect()
}

#[tokio::test]
async fn partitions_are_spread_over_the_nodes_and_their_number_stays() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let first = store(&cluster).await;
    assert_eq!(first.capabilities().partitions, P);
    let on_node = |node| cluster.ask::<Vec<String>>(node, "KEYS {rome.*:m").len();
    assert_eq!([on_node(0), on_node(1), on_node(2)], [2, 2, 2]);
    let again = RedisStore::open(&cluster.url()).await.unwrap();
    assert_eq!(again.capabilities().partitions, P, "a database that is there says how many partitions it has");
    let other = RedisStore::open(&format!("{}?partitions=4", cluster.url())).await.unwrap_err();
    assert!(other.to_string().contains("6 partitions and was opened for 4"), "{other}");
    assert_eq!(other.kind(), StoreErrorKind::Invalid);

    let default = RedisStore::open(&format!("{}?prefix=other", cluster.url())).await.unwrap();
    assert_eq!(default.capabilities().partitions, 16);

    // A partition that is gone is not made again as an empty one.
    let tag = &tags(&cluster)[3];
    cluster.ask::<()>(cluster.serving(slot_of(&cluster, 3)), &format!("DEL {tag}:m"));
    let gone = RedisStore::open(&cluster.url()).await.unwrap_err();
    assert_eq!(gone.kind(), StoreErrorKind::Gone, "{gone}");
}

#[tokio::test]
async fn calls_for_several_partitions_cost_one_round_trip_to_each_node() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let store = store(&cluster).await;
    for partition in 0..P {
        one(&store, partition, TxId { lane: 1, seq: 1 }, vec![put(ROWS, "a", "1"), add("n", 1)]).await.unwrap();
    }
    let reset = || (0..3).for_each(|node| cluster.ask::<()>(node, "CONFIG RESETSTAT"));
    let trips = |node| {
        let stats: String = cluster.ask(node, "INFO stats");
        let reads = stats.lines().find_map(|line| line.strip_prefix("total_reads_processed:")).unwrap();
        // Each question has a connection of its own, which says who it is before it asks.
        reads.trim().parse::<u64>().unwrap()
    };
    let calls = |node, command: &str| {
        let stats: String = cluster.ask(node, "INFO commandstats");
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    reset();
    let idle = trips(0);
    reset();
    let reads = || vec![Read::Get { space: ROWS, key: "a".into() }];
    let batch: Vec<_> = (0..P).map(|partition| (Partition(partition), reads())).collect();
    store.read(&batch, ReadOptions::new()).await.unwrap();
    for node in 0..3 {
        assert_eq!(trips(node) - idle, 1, "round trips to node {node} for reads");
        assert_eq!((calls(node, "hget"), calls(node, "hmget")), (2, 4), "two partitions, two looks at each");
    }
    reset();
    let batch = (0..P)
        .map(|partition| (Partition(partition), MiniTx::one(TxId { lane: 1, seq: 2 }).effects(vec![add("n", 1)])));
    store.apply(batch.collect(), ApplyOptions::new(Durability::default())).await.unwrap();
    for node in 0..3 {
        assert_eq!(trips(node) - idle, 1, "round trips to node {node} for writes");
        assert_eq!(calls(node, "evalsha"), 2);
    }
    reset();
    let id = TxId { lane: 1, seq: 3 };
    let prepare = Step::Prepare { primary: Partition(0), lease: 10_000 };
    step(&store, 1, MiniTx::one(id).step(prepare).effects(vec![add("n", 1)])).await.unwrap();
    step(&store, 1, MiniTx::one(id).step(Step::Finish(Decision::Committed))).await.unwrap();
    let evals: u64 = (0..3).map(|node| calls(node, "evalsha")).sum();
    assert_eq!(
        (evals, (0..3).map(|node| calls(node, "hget")).sum::<u64>()),
        (2, 2),
        "the preparer knows what to finish"
    );
}

/// Writers that each commit to all partitions in turn; what was acknowledged is counted.
fn writers(
    store: &Arc<RedisStore>,
    durability: Durability,
    done: &Arc<AtomicBool>,
) -> Vec<tokio::task::JoinHandle<Vec<u64>>> {
    static LANE: AtomicU64 = AtomicU64::new(1000);
    let write = |_| {
        let (store, done, lane) = (store.clone(), done.clone(), LANE.fetch_add(1, Ordering::Relaxed));
        tokio::spawn(async move {
            let mut acknowledged = vec![0; P as usize];
            for seq in 1.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let partition = u32::try_from((lane + seq) % u64::from(P)).unwrap();
                let effects = vec![add("n", 1), put(ROWS, format!("{lane}/{seq}"), "1")];
                let tx = MiniTx::one(TxId { lane, seq }).effects(effects);
                match store.apply(vec![(Partition(partition), tx)], ApplyOptions::new(durability)).await {
                    Ok(applied) => {
                        assert!(matches!(applied[..], [Applied::Done { .. }]), "{applied:?}");
                        acknowledged[partition as usize] += 1;
                    }
                    Err(error) => assert_eq!(error.certainty(), Certainty::Unknown, "{error}"),
                }
            }
            acknowledged
        })
    };
    (0..6).map(write).collect()
}

async fn joined(writers: Vec<tokio::task::JoinHandle<Vec<u64>>>) -> Vec<u64> {
    let mut acknowledged = vec![0; P as usize];
    for writer in writers {
        for (sum, n) in acknowledged.iter_mut().zip(writer.await.unwrap()) {
            *sum += n;
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_under_load_lose_and_repeat_nothing() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let store = Arc::new(store(&cluster).await);
    let done = Arc::new(AtomicBool::new(false));
    let writers = writers(&store, Durability::default(), &done);
    let cluster = tokio::task::spawn_blocking(move || {
        for round in 0..3 {
            for partition in 0..P as usize {
                let slot = slot_of(&cluster, partition);
                cluster.move_slot(slot, (cluster.serving(slot) + 1 + round % 2) % 3);
            }
        }
        cluster
    });
    let cluster = cluster.await.unwrap();
    done.store(true, Ordering::Relaxed);
    let acknowledged = joined(writers).await;
    let totals = totals(&store).await;
    assert!(acknowledged.iter().all(|n| *n > 0), "{acknowledged:?}");
    for (partition, (sum, rows)) in totals.iter().enumerate() {
        // Nothing was lost for good here, so each is known.
        assert_eq!(
            (*sum, *rows),
            (i128::from(acknowledged[partition]), acknowledged[partition]),
            "partition {partition}"
        );
    }
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_on_its_way_is_read_and_written() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let store = Arc::new(store(&cluster).await);
    let write = |seq| one(&store, 0, TxId { lane: 1, seq }, vec![put(ROWS, "a", "1"), add("n", 1)]);
    write(1).await.unwrap();
    let slot = slot_of(&cluster, 0);
    let (from, to) = (cluster.serving(slot), (cluster.serving(slot) + 1) % 3);
    cluster.begin_move(slot, from, to);
    // All keys are still there.
    assert!(matches!(write(2).await.unwrap(), Applied::Done { .. }));
    let before = seq(&store, 0).await;
    while cluster.move_keys(slot, from, to, 2) > 0 {}
    // All keys are at the new node, and the old one still says where to ask: the new one is another process, so `seq` moves on.
    assert!(seq(&store, 0).await > before, "what was adopted for another process may have lost writes");
    assert!(matches!(write(3).await.unwrap(), Applied::Done { .. }));
    assert_eq!(totals(&store).await[0], (3, 1));
    assert_eq!(store.reserve(SequenceId::Keys(TABLE), 1).await.unwrap(), 1);
    cluster.end_move(slot, from, to);
    assert!(matches!(write(4).await.unwrap(), Applied::Done { .. }));

    // Half of the keys here and half there: neither node can do it, so it waits.
    cluster.begin_move(slot, to, from);
    assert!(cluster.move_keys(slot, to, from, 2) > 0);
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { one(&store, 0, TxId { lane: 1, seq: 5 }, vec![put(ROWS, "b", "1"), add("n", 1)]).await }
    });
    tokio::task::yield_now().await;
    while cluster.move_keys(slot, to, from, 2) > 0 {}
    cluster.end_move(slot, to, from);
    assert!(matches!(waiting.await.unwrap().unwrap(), Applied::Done { .. }));
    assert_eq!(totals(&store).await[0], (5, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_under_load_loses_nothing_that_a_replica_confirmed() {
    let mut cluster = LocalCluster::start();
    let store = Arc::new(store(&cluster).await);
    for paused in [false, true] {
        let before = totals(&store).await;
        let done = Arc::new(AtomicBool::new(false));
        let writers = writers(&store, Durability::Replicated(1), &done);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let primary = cluster.serving(slot_of(&cluster, 0));
        let slot = slot_of(&cluster, 0);
        // One that hangs keeps its connections, and its replies never come.
        if paused {
            cluster.pause(primary)
        } else {
            cluster.kill(primary)
        }
        cluster = tokio::task::spawn_blocking(move || {
            while cluster.serving(slot) == primary {
                std::thread::sleep(Duration::from_millis(50));
            }
            cluster
        })
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        if paused {
            cluster.resume(primary)
        } else {
            cluster.restart(primary)
        }
        done.store(true, Ordering::Relaxed);
        let acknowledged = joined(writers).await;
        cluster.wait_until_ok();
        let after = totals(&store).await;
        for (partition, n) in acknowledged.iter().enumerate() {
            let rows = after[partition].1 - before[partition].1;
            assert!(
                rows >= *n && *n > 0,
                "partition {partition}: {n} were acknowledged, {rows} are there (paused: {paused})"
            );
            assert_eq!(after[partition].0, i128::from(after[partition].1), "a commit of partition {partition} is torn");
        }
    }
}

#[tokio::test]
async fn numbers_do_not_come_again_after_a_failover_and_back() {
    let cluster = LocalCluster::start();
    let (first, second) = (store(&cluster).await, store(&cluster).await);
    let slot = slot_of(&cluster, 0);
    let primary = cluster.serving(slot);
    let mut last = 0;
    let mut lanes = first.reserve(SequenceId::Lanes, 1).await.unwrap();
    let mut number = 0;
    for round in 0..2 {
        // The second handle follows to the replica; the first one keeps its connection to the primary and meets it again.
        for store in [&second, &first] {
            let replica = cluster.replica_of(cluster.serving(slot));
            cluster.fail_over(replica, "");
            cluster.wait_until_ok();
            number += 1;
            let Applied::Done { seq } = one(store, 0, TxId { lane: 1, seq: number }, vec![add("n", 1)]).await.unwrap()
            else {
                panic!("a write that nothing forbids");
            };
            assert!(seq > last + (1 << 32), "round {round}: {seq} after {last}");
            let next = store.reserve(SequenceId::Lanes, 1).await.unwrap();
            assert!(next > lanes + (1 << 32), "round {round}: lane {next} after {lanes}");
            (last, lanes) = (seq, next);
        }
        assert_eq!(cluster.serving(slot), primary);
    }
    assert_eq!(totals(&first).await[0].0, 4);
}

#[tokio::test]
async fn what_is_prepared_outlives_a_failover_and_is_finished_by_another() {
    let cluster = LocalCluster::start();
    let first = store(&cluster).await;
    let id = TxId { lane: 5, seq: 1 };
    let prepare = Step::Prepare { primary: Partition(1), lease: 60_000 };
    let effects = vec![add("n", 7), put(ROWS, "a", "1")];
    let tx = MiniTx::one(id).step(prepare).effects(effects);
    first.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Replicated(1))).await.unwrap();
    let replica = cluster.replica_of(cluster.serving(slot_of(&cluster, 0)));
    cluster.fail_over(replica, "");
    let second = store(&cluster).await;
    let blocked = one(&second, 0, TxId { lane: 6, seq: 1 }, vec![add("n", 1)]).await.unwrap();
    assert!(matches!(blocked, Applied::Blocked { by } if by.id == id && !by.expired), "{blocked:?}");
    let finish = MiniTx::one(id).step(Step::Finish(Decision::Committed));
    assert!(matches!(step(&second, 0, finish.clone()).await.unwrap(), Applied::Done { .. }));
    assert_eq!(step(&first, 0, finish).await.unwrap(), Applied::Already(Decision::Committed));
    assert_eq!(totals(&second).await[0], (7, 1));
}

#[tokio::test]
async fn a_node_that_comes_back_is_used_again() {
    let mut cluster = LocalCluster::with(3, 0, &["--appendonly", "yes", "--appendfsync", "always"]);
    let store = store(&cluster).await;
    let node = cluster.serving(slot_of(&cluster, 2));
    one(&store, 2, TxId { lane: 1, seq: 1 }, vec![add("n", 1)]).await.unwrap();
    cluster.kill(node);
    cluster.restart(node);
    one(&store, 2, TxId { lane: 1, seq: 2 }, vec![add("n", 1)]).await.unwrap();
    assert_eq!(totals(&store).await[2].0, 2);
}

#[tokio::test]
async fn a_slot_that_nobody_serves_is_said_to_be_so() {
    let mut cluster = LocalCluster::with(3, 0, &["--cluster-require-full-coverage", "no"]);
    let store = store_with(&cluster, RedisOptions::default().patience(Duration::from_secs(2))).await;
    let (down, slot) = (cluster.serving(slot_of(&cluster, 0)), slot_of(&cluster, 0));
    let other = (0..P).find(|partition| cluster.serving(slot_of(&cluster, *partition as usize)) != down).unwrap();
    cluster.kill(down);
    let error = one(&store, 0, TxId { lane: 1, seq: 1 }, vec![add("n", 1)]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    // The others go on.
    one(&store, other, TxId { lane: 1, seq: 2 }, vec![add("n", 1)]).await.unwrap();

    for node in (0..3).filter(|node| *node != down) {
        match cluster.try_ask::<()>(node, &format!("CLUSTER DELSLOTS {slot}")) {
            // The other one may have told it.
            Err(error) if error.to_string().contains("already unassigned") => {}
            done => done.unwrap(),
        }
    }
    let error = one(&store, 0, TxId { lane: 1, seq: 3 }, vec![add("n", 1)]).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
    assert!(error.to_string().contains(&format!("slot {slot}")), "{error}");
}

#[tokio::test]
async fn a_cluster_that_is_down_for_a_while_is_waited_for() {
    // A busy server that syncs once a second also writes late, and would lose what it was just told.
    let mut cluster = LocalCluster::with(3, 0, &["--appendonly", "yes", "--appendfsync", "always"]);
    let impatient = store_with(&cluster, RedisOptions::default().patience(Duration::from_millis(300))).await;
    let store = store_with(&cluster, RedisOptions::default().patience(Duration::from_secs(30))).await;
    let down = cluster.serving(slot_of(&cluster, 0));
    let other = (0..P).find(|partition| cluster.serving(slot_of(&cluster, *partition as usize)) != down).unwrap();
    let up = cluster.serving(slot_of(&cluster, other as usize));
    cluster.kill(down);
    // With one slot down the others are not served either.
    while !cluster.ask::<String>(up, "CLUSTER INFO").contains("cluster_state:fail") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = one(&impatient, other, TxId { lane: 1, seq: 1 }, vec![add("n", 1)]).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
    assert!(error.to_string().contains("no node serves"), "{error}");
    let waiting = tokio::spawn(async move {
        one(&store, other, TxId { lane: 2, seq: 1 }, vec![add("n", 1)]).await.unwrap();
        store
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    cluster.restart(down);
    let store = waiting.await.unwrap();
    assert_eq!(totals(&store).await[other as usize].0, 1);
}

#[tokio::test]
async fn wrong_passwords_and_wrong_kinds_of_servers_are_named_as_such() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let soon = || RedisOptions::default().patience(Duration::from_secs(2));
    let single = rome_redis::testkit::LocalServer::start();
    let error = RedisStore::open_with(&single.url().replace("redis:", "redis-cluster:"), soon()).await.unwrap_err();
    assert!(error.kind() == StoreErrorKind::Invalid && error.to_string().contains("`redis://`"), "{error}");
    let error = RedisStore::open_with(&cluster.node(0).url(), soon()).await.unwrap_err();
    assert!(error.kind() == StoreErrorKind::Invalid && error.to_string().contains("redis-cluster://"), "{error}");

    (0..3).for_each(|node| cluster.ask::<()>(node, "CONFIG SET requirepass secret"));
    for user in ["", ":wrong@", "nobody:secret@"] {
        let url = cluster.url().replace("://", &format!("://{user}"));
        let error = RedisStore::open_with(&url, soon()).await.unwrap_err();
        assert!(error.kind() == StoreErrorKind::Denied && error.to_string().contains("password"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(RedisStore::open(&cluster.url().replace("://", "://:secret@")).await.is_ok());
}
