//! Calls that go out together: what one caller does is no other's harm.
#![allow(clippy::unwrap_used)]

mod harness;

use std::pin::pin;

use futures::poll;
use harness::*;
use rome_core::store::{Applied, Durability, MiniTx, Partition, Read, Reply, Space, Store, TxId};
use rome_redis::testkit::LocalServer;

fn get(space: Space, key: &'static str) -> Vec<Read> {
    vec![Read::Get { space, key: key.into() }]
}

#[tokio::test]
async fn readers_are_answered_though_the_one_who_would_send_is_dropped() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;

    let mut first = pin!(client.read(get(ROWS, "a")));
    assert!(poll!(&mut first).is_pending());
    let mut leader = Box::pin(client.read(get(ROWS, "a")));
    assert!(poll!(&mut leader).is_pending());
    let mut follower = pin!(client.read(get(ROWS, "a")));
    assert!(poll!(&mut follower).is_pending());
    drop(leader);
    for reply in [follower.await, first.await] {
        assert!(matches!(reply.unwrap().replies[..], [Reply::Record(Some(_))]));
    }
}

#[tokio::test]
async fn commits_are_carried_out_once_though_the_one_who_would_send_is_dropped() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![add("n", 0)]).await;
    let add_one = |lane: u64| {
        let tx = MiniTx { effects: vec![add("n", 1)], ..MiniTx::one(TxId { lane, seq: 1 }) };
        client.store.apply(vec![(Partition(0), tx)], Durability::Memory)
    };

    let mut first = pin!(add_one(101));
    assert!(poll!(&mut first).is_pending());
    let mut leader = Box::pin(add_one(102));
    assert!(poll!(&mut leader).is_pending());
    let mut follower = pin!(add_one(103));
    assert!(poll!(&mut follower).is_pending());
    drop(leader);
    for applied in [follower.await, first.await] {
        assert!(matches!(applied.unwrap()[..], [Applied::Done { .. }]));
    }
    // The one that was dropped had not been sent.
    assert_eq!(client.sum("n").await, 2);
}

#[tokio::test]
async fn each_caller_gets_its_own_refusal() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![add("full", i128::MAX), add("n", 0)]).await;
    let apply = |lane: u64, key: &'static str| {
        let tx = MiniTx { effects: vec![add(key, 1)], ..MiniTx::one(TxId { lane, seq: 1 }) };
        client.store.apply(vec![(Partition(0), tx)], Durability::Memory)
    };
    let keys = ["n", "n", "full", "n", "full", "n"];
    let applied = futures::future::join_all((101..).zip(keys).map(|(lane, key)| apply(lane, key))).await;
    for (applied, key) in applied.into_iter().zip(keys) {
        assert_eq!(applied.is_err(), key == "full", "{applied:?}");
    }
    assert_eq!(client.sum("n").await, 4);
}
