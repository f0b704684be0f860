//! Slots of which some keys have moved and others have not.
#![allow(clippy::unwrap_used)]

mod harness;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use harness::*;
use rome_redis::testkit::LocalCluster;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, ApplyOptions, Certainty, Durability, MiniTx, Partition, Read, ReadOptions, Reply, Span, Store,
    StoreErrorKind, TxId,
};

/// Where the rows of a table have moved and the rest of its partition has not, the node that they came to knows nothing of the
/// partition. That is no loss.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_of_which_the_rows_move_first_is_not_taken_for_gone() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let options = RedisOptions::default().partitions(3).patience(Duration::from_secs(30));
    let store = Arc::new(RedisStore::open_with(&cluster.url(), options).await.unwrap());
    let tx = MiniTx::one(TxId { lane: 1, seq: 1 }).effects(vec![put(ROWS, "a", "1")]);
    store.apply(vec![(Partition(1), tx)], ApplyOptions::new(Durability::default())).await.unwrap();
    let rows: Vec<String> = (0..3).flat_map(|node| cluster.ask::<Vec<String>>(node, "KEYS {rome.1*:?7")).collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let slot: u16 = cluster.ask(0, &format!("CLUSTER KEYSLOT {}", rows[0]));
    let (from, to) = (cluster.serving(slot), (cluster.serving(slot) + 1) % 3);
    cluster.begin_move(slot, from, to);
    for key in &rows {
        cluster.ask::<()>(from, &format!("MIGRATE 127.0.0.1 {} {key} 0 5000", cluster.node(to).port()));
    }
    let reads = [
        vec![Read::Get { space: ROWS, key: "a".into() }],
        vec![Read::count(Span::all(ROWS))],
        vec![Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: true }],
    ];
    let reading = reads.map(|reads| {
        let store = store.clone();
        tokio::spawn(async move { store.read(&[(Partition(1), reads)], ReadOptions::new()).await })
    });
    // Long enough for them to be sent there and back.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(reading.iter().all(|reading| !reading.is_finished()), "they wait");
    while cluster.move_keys(slot, from, to, 1) > 0 {}
    cluster.end_move(slot, from, to);
    for reading in reading {
        match reading.await.unwrap().unwrap().remove(0).replies.remove(0) {
            Reply::Record(record) => assert_eq!(record.unwrap().1, "1"),
            Reply::Count(counted) => assert_eq!(counted.n, 1),
            Reply::Scanned(scanned) => assert_eq!(scanned.len(), 1),
            other => panic!("{other:?}"),
        }
    }
}

/// A commit whose keys are not there yet is served nowhere while its slot moves. Those that came with it are.
#[tokio::test]
async fn a_commit_that_has_to_wait_for_its_slot_lets_others_pass() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let options = RedisOptions::default().partitions(3).patience(Duration::from_secs(30));
    let store = RedisStore::open_with(&cluster.url(), options).await.unwrap();
    let tx = |lane, effects| (Partition(1), MiniTx::one(TxId { lane, seq: 1 }).effects(effects));
    store.apply(vec![tx(1, vec![put(ROWS, "a", "1")])], ApplyOptions::new(Durability::default())).await.unwrap();
    let rows: Vec<String> = (0..3).flat_map(|node| cluster.ask::<Vec<String>>(node, "KEYS {rome.1*:?7")).collect();
    let slot: u16 = cluster.ask(0, &format!("CLUSTER KEYSLOT {}", rows[0]));
    let (from, to) = (cluster.serving(slot), (cluster.serving(slot) + 1) % 3);
    cluster.begin_move(slot, from, to);
    let batch = vec![tx(2, vec![put(CLAIMS, "c", "1")]), tx(3, vec![put(ROWS, "b", "1")])];
    let mut both = pin!(store.apply(batch, ApplyOptions::new(Durability::default())));
    let passed = async {
        let reads = || vec![Read::Get { space: ROWS, key: "b".into() }];
        let read = async || store.read(&[(Partition(1), reads())], ReadOptions::new()).await.unwrap().remove(0);
        while !matches!(read().await.replies[..], [Reply::Record(Some(_))]) {}
    };
    let passed = tokio::time::timeout(Duration::from_secs(10), passed);
    match future::select(&mut both, pin!(passed)).await {
        Either::Left((both, _)) => panic!("one of them has to wait: {both:?}"),
        Either::Right((passed, _)) => passed.expect("it does not wait for the other"),
    }
    while cluster.move_keys(slot, from, to, 1) > 0 {}
    cluster.end_move(slot, from, to);
    assert!(matches!(both.await.unwrap()[..], [Applied::Done { .. }, Applied::Done { .. }]));
}

/// A partition has come to a node, and before it is adopted there the node hangs and is replaced.
#[tokio::test]
async fn a_commit_that_was_never_sent_is_not_applied_for_certain() {
    let cluster = LocalCluster::start();
    let options = RedisOptions::default().partitions(3).patience(Duration::from_secs(1));
    let store = RedisStore::open_with(&cluster.url(), options).await.unwrap();
    let tx = |seq| (Partition(1), MiniTx::one(TxId { lane: 1, seq }).effects(vec![put(ROWS, "a", "1")]));
    store.apply(vec![tx(1)], ApplyOptions::new(Durability::default())).await.unwrap();
    let meta: Vec<String> = (0..3).flat_map(|node| cluster.ask::<Vec<String>>(node, "KEYS {rome.1*:m")).collect();
    let slot: u16 = cluster.ask(0, &format!("CLUSTER KEYSLOT {}", meta[0]));
    let to = (cluster.serving(slot) + 1) % 3;
    cluster.move_slot(slot, to);
    cluster.pause(to);
    let error = store.apply(vec![tx(2)], ApplyOptions::new(Durability::default())).await.unwrap_err();
    cluster.resume(to);
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
}
