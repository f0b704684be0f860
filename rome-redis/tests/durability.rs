//! What outlives the server, and what does not.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use harness::*;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{
    Applied, ApplyOptions, Certainty, Durability, MiniTx, Partition, Read, SequenceId, Span, Store, StoreErrorKind,
    TxId,
};

const COUNT: Read = Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: false };

/// Kills the server in the middle of the clients' writes, round after round; each waits for it to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let mut server = LocalServer::durable();
    let client = open(&server).await;
    assert_eq!(client.store.capabilities().durability, Durability::Local);
    let store = Arc::new(client.store);
    let mut acknowledged = 0;
    for round in 0..6_u64 {
        let clients = (0..4).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let lane = 100 + round * 10 + n;
                for seq in 1..=40 {
                    let rows = ["a", "b"].map(|half| put(ROWS, format!("{lane}/{seq}/{half}"), "1"));
                    let effects = [&rows[..], &[add("n", 1)]].concat();
                    let tx = MiniTx::one(TxId { lane, seq }).effects(effects);
                    let applied =
                        store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Local)).await.unwrap();
                    assert!(matches!(applied[..], [Applied::Done { .. }]), "{applied:?}");
                }
            })
        });
        let clients: Vec<_> = clients.collect();
        tokio::time::sleep(Duration::from_millis(7 + 5 * round)).await;
        server.kill();
        server.restart();
        for client in clients {
            client.await.unwrap();
        }
        acknowledged += 4 * 40;
        let client = Client::by(&server.url(), RedisOptions::default(), 9000 + round).await;
        assert_eq!(client.sum("n").await, acknowledged, "commits after {round} kills");
        assert_eq!(client.scan(COUNT).await.len() as i128, 2 * acknowledged, "rows after {round} kills");
    }
}

#[tokio::test]
async fn numbers_of_lost_writes_do_not_come_again() {
    let mut server = LocalServer::with(&["--appendonly", "no"]);
    let client = open(&server).await;
    assert_eq!(client.store.capabilities().durability, Durability::Memory);
    let kept = client.write(vec![put(ROWS, "kept", "1")]).await;
    assert_eq!(client.store.reserve(SequenceId::Keys(TABLE), 10).await.unwrap(), 1);
    ask::<()>(&mut raw(&server).await, "SAVE").await;
    let lost = client.write(vec![put(ROWS, "lost", "1")]).await;
    let lane = client.store.reserve(SequenceId::Lanes, 1).await.unwrap();
    let key = client.store.reserve(SequenceId::Keys(TABLE), 10).await.unwrap();
    server.kill();
    server.restart();
    assert_eq!((client.get(ROWS, "kept").await.is_some(), client.get(ROWS, "lost").await), (true, None));
    let now = client.read(vec![]).await.unwrap().seq;
    assert!(kept < lost && lost < now, "the seq of a lost write, {lost}, may come again after {now}");
    assert!(client.store.reserve(SequenceId::Lanes, 1).await.unwrap() > lane);
    assert!(client.store.reserve(SequenceId::Keys(TABLE), 1).await.unwrap() > key + 9);
    // A transaction that had read the lost state is not taken for up to date.
    let reads = vec![rome_store::Check::Version { space: ROWS, key: "lost".into(), expect: Some(TxId::default()) }];
    let tx = client.tx(vec![put(ROWS, "x", "1")]).unchanged_since(Some(lost)).reads(reads);
    assert!(matches!(client.apply(tx).await.unwrap(), Applied::Conflict { .. }));
}

#[tokio::test]
async fn a_server_that_lost_everything_is_not_taken_for_the_database() {
    let mut server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    server.kill();
    server.restart();
    let error = client.apply(client.tx(vec![put(ROWS, "b", "1")])).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Gone, "{error}");
    assert!(error.to_string().contains("gone"), "{error}");
}

#[tokio::test]
async fn a_replicated_write_is_at_the_replica_when_it_is_acknowledged() {
    let primary = LocalServer::with(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port().to_string();
    let replica = LocalServer::with(&["--replicaof", "127.0.0.1", &port]);
    let options = RedisOptions::default().replica_timeout(Duration::from_secs(3));
    let client = Client::by(&primary.url(), options, 1).await;
    let mut there = raw(&replica).await;
    for n in 1..=30_u64 {
        let tx = client.tx(vec![put(ROWS, format!("{n}"), "1")]);
        let applied = client.apply_at(tx, Durability::Replicated(1)).await.unwrap();
        assert_eq!(applied, Applied::Done { seq: n });
        // Not counting the member that each key keeps.
        assert_eq!(ask::<u64>(&mut there, "HLEN {rome.0}:t7").await - 1, n, "rows at the replica");
    }
}

#[tokio::test]
async fn too_few_replicas_leave_the_outcome_open() {
    let server = LocalServer::start();
    let options = RedisOptions::default().replica_timeout(Duration::from_millis(50));
    let client = Client::by(&server.url(), options.patience(Duration::from_millis(200)), 1).await;
    let tx = client.tx(vec![add("n", 1)]);
    let error = client.apply_at(tx.clone(), Durability::Replicated(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::Unknown), "{error}");
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    // It is at the primary, once, however often it is asked for; a repeat waits for replicas again.
    assert_eq!(client.sum("n").await, 1);
    assert!(client.apply_at(tx, Durability::Replicated(1)).await.is_err());
    assert_eq!(client.sum("n").await, 1);
}

/// `WAIT` for 0 milliseconds is one for ever, and one for too many is refused after the write.
#[tokio::test]
async fn the_shortest_and_the_longest_wait_for_replicas_are_waits() {
    let server = LocalServer::with(&["--repl-diskless-sync-delay", "0"]);
    let hasty =
        RedisOptions::default().replica_timeout(Duration::from_micros(10)).response_timeout(Duration::from_secs(5));
    let client = Client::by(&server.url(), hasty.patience(Duration::from_millis(1)), 1).await;
    let error = client.apply_at(client.tx(vec![add("n", 1)]), Durability::Replicated(1)).await.unwrap_err();
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");

    let port = server.port().to_string();
    let _replica = LocalServer::with(&["--replicaof", "127.0.0.1", &port]);
    let client = Client::by(&server.url(), RedisOptions::default().replica_timeout(Duration::MAX), 2).await;
    let applied = client.apply_at(client.tx(vec![add("n", 1)]), Durability::Replicated(1)).await.unwrap();
    assert!(matches!(applied, Applied::Done { .. }));
}

/// To adopt a partition is a write.
#[tokio::test]
async fn a_new_process_is_not_read_before_it_may_be_written() {
    let mut server =
        LocalServer::with(&["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]);
    let options = || RedisOptions::default().patience(Duration::from_secs(1));
    let client = Client::by(&server.url(), options(), 1).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    server.kill();
    server.restart();
    ask::<()>(&mut raw(&server).await, "CONFIG SET min-replicas-to-write 1").await;
    let error = client.read(vec![COUNT]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("NOREPLICAS"), "{error}");

    let replica = LocalServer::with(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
    let patient = RedisOptions::default().patience(Duration::from_secs(20));
    let other = Client::by(&server.url(), patient, 2).await;
    assert_eq!(other.get(ROWS, "a").await.unwrap(), "1");
    // Once it is adopted, reads need no replicas.
    drop(replica);
    assert_eq!(client.get(ROWS, "a").await.unwrap(), "1");
}

/// `WAIT` on a connection that has written nothing is answered at once, by replicas that have nothing.
#[tokio::test]
async fn a_repeat_waits_for_the_replicas_too() {
    let primary = LocalServer::with(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port().to_string();
    let replica = LocalServer::with(&["--replicaof", "127.0.0.1", &port]);
    let options = || RedisOptions::default().replica_timeout(Duration::from_millis(200));
    let client = Client::by(&primary.url(), options(), 1).await;
    let replicated = Durability::Replicated(1);
    client.apply_at(client.tx(vec![add("n", 1)]), replicated).await.unwrap();
    let tx = client.tx(vec![add("n", 1)]);
    let hurried = || options().patience(Duration::from_millis(300));
    let (first, second) =
        (Client::by(&primary.url(), hurried(), 1).await, Client::by(&primary.url(), hurried(), 1).await);
    replica.signal("STOP");
    for client in [first, second] {
        let error = client.apply_at(tx.clone(), replicated).await.unwrap_err();
        assert_eq!(error.certainty(), Certainty::Unknown, "{error}");
    }
    replica.signal("CONT");
    let known = client.apply_at(tx, replicated).await.unwrap();
    assert_eq!(known, Applied::Already(rome_store::Decision::Committed));
    assert_eq!(client.sum("n").await, 2);
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_left() {
    let server = LocalServer::start();
    let options = RedisOptions::default().patience(Duration::from_secs(1));
    let client = Client::by(&server.url(), options, 1).await;
    client.write(vec![add("n", 1)]).await;
    let other = LocalServer::start();
    ask::<()>(&mut raw(&server).await, &format!("REPLICAOF 127.0.0.1 {}", other.port())).await;
    let error = client.apply(client.tx(vec![add("n", 1)])).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
    // Its data may be old from now on.
    let error = client.read(vec![COUNT]).await.unwrap_err();
    assert!(error.to_string().contains("replica"), "{error}");
}
