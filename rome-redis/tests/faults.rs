//! Lost requests, lost replies, killed connections: what was applied is known, or it is said that it is not.
#![allow(clippy::unwrap_used)]

mod harness;

use std::time::Duration;

use harness::*;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{Applied, Certainty, Check, CheckRef, Decision, MiniTx, Space, Span, StoreErrorKind};

async fn through(proxy: &Proxy) -> Client {
    Client::by(&proxy.url(), RedisOptions::default(), 1).await
}

#[tokio::test]
async fn a_lost_reply_is_recovered_from_the_record() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let client = through(&proxy).await;
    client.write(vec![add("n", 1)]).await;
    ask::<()>(&mut raw(&server).await, "CONFIG RESETSTAT").await;
    proxy.play(Trick::LoseReply);
    let tx = client.tx(vec![add("n", 1)]);
    assert_eq!(client.apply(tx.clone()).await.unwrap(), Applied::Done { seq: 2 });
    // It was not sent again, and the partition was adopted for this process before.
    let stats: String = ask(&mut raw(&server).await, "INFO commandstats").await;
    assert!(stats.contains("cmdstat_evalsha:calls=1,"), "{stats}");
    assert_eq!((proxy.tricked(), client.sum("n").await), (1, 2));
    assert_eq!(client.apply(tx).await.unwrap(), Applied::Already(Decision::Committed));

    proxy.play(Trick::LoseReply);
    let fails = vec![Check::Count { span: Span::all(ROWS), n: 5 }];
    let refused = client.apply(client.tx(vec![add("n", 1)]).checks(fails)).await.unwrap();
    assert_eq!(refused, Applied::Conflict { check: CheckRef::Check(0) });
    assert_eq!((proxy.tricked(), client.sum("n").await), (2, 2));
}

#[tokio::test]
async fn a_lost_request_is_carried_out_once() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let client = through(&proxy).await;
    proxy.play(Trick::LoseRequest);
    assert_eq!(client.write(vec![add("n", 1)]).await, 1);
    assert_eq!((proxy.tricked(), client.sum("n").await), (1, 1));
}

#[tokio::test]
async fn a_request_that_comes_late_has_no_effect() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let client = through(&proxy).await;
    proxy.play(Trick::Delay);
    assert_eq!(client.write(vec![add("n", 1)]).await, 1);
    proxy.release().await;
    assert_eq!((proxy.tricked(), client.sum("n").await), (1, 1));
    // Also after the lane has gone on.
    proxy.play(Trick::Delay);
    client.write(vec![add("n", 1)]).await;
    client.write(vec![add("n", 1)]).await;
    proxy.release().await;
    assert_eq!((proxy.tricked(), client.sum("n").await), (2, 3));
}

#[tokio::test]
async fn what_cannot_be_found_out_is_unknown() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let options = RedisOptions::default().patience(Duration::from_millis(300));
    let client = Client::by(&proxy.url(), options, 1).await;
    proxy.play(Trick::LoseReplyAndWay);
    let error = client.apply(client.tx(vec![add("n", 1)])).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::Unknown), "{error}");
    // What was not sent at all is certain.
    let error = client.apply(client.tx(vec![add("n", 1)])).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
    let error = client.read(vec![]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert_eq!(open(&server).await.sum("n").await, 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_unknown_and_then_goes_on() {
    let server = LocalServer::start();
    let options = RedisOptions::default().patience(Duration::from_secs(1));
    let options = options.response_timeout(Duration::from_millis(500));
    let client = Client::by(&server.url(), options, 1).await;
    client.write(vec![add("n", 1)]).await;
    server.signal("STOP");
    let tx = client.tx(vec![add("n", 1)]);
    let error = client.apply(tx.clone()).await.unwrap_err();
    server.signal("CONT");
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::Unknown), "{error}");
    // The request was in the server's socket; a repeat finds out, whichever of the two is carried out.
    let known = client.apply(tx).await.unwrap();
    assert!(matches!(known, Applied::Done { .. } | Applied::Already(Decision::Committed)), "{known:?}");
    assert_eq!(client.sum("n").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_lose_and_repeat_nothing() {
    let server = LocalServer::start();
    let store = std::sync::Arc::new(open(&server).await.store);
    let clients = (2..8).map(|lane| {
        let store = store.clone();
        tokio::spawn(async move {
            for seq in 1..=150 {
                let id = rome_store::TxId { lane, seq };
                let row = put(ROWS, format!("{lane}/{seq}"), "1");
                let tx = MiniTx::one(id).effects(vec![add("n", 1), row]);
                let batch = vec![(rome_store::Partition(0), tx)];
                let applied = rome_store::Store::apply(&*store, batch, Default::default()).await.unwrap();
                assert!(matches!(applied[..], [Applied::Done { .. }]), "{applied:?}");
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut killer = raw(&server).await;
    let mut killed = 0;
    while clients.iter().any(|client| !client.is_finished()) {
        killed += ask::<u32>(&mut killer, "CLIENT KILL TYPE normal SKIPME yes").await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    for client in clients {
        client.await.unwrap();
    }
    let client = open(&server).await;
    assert!(killed > 0);
    assert_eq!(client.sum("n").await, 6 * 150);
    let all = rome_store::Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: false };
    assert_eq!(client.scan(all).await.len(), 6 * 150);
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    let mut raw = raw(&server).await;
    ask::<()>(&mut raw, "SCRIPT FLUSH").await;
    let batch = [vec![add("n", 1)], vec![add("n", 2)], vec![put(Space::Meta, "x", "1")]];
    let batch = batch.map(|effects| (rome_store::Partition(0), client.tx(effects))).to_vec();
    let applied = rome_store::Store::apply(&client.store, batch, Default::default()).await.unwrap();
    assert_eq!(applied, [2, 3, 4].map(|seq| Applied::Done { seq }));
    assert_eq!(client.sum("n").await, 3);
    ask::<()>(&mut raw, "SCRIPT FLUSH").await;
    let reserved = rome_store::Store::reserve(&client.store, rome_store::SequenceId::Lanes, 4).await;
    assert_eq!(reserved.unwrap(), 1);
}
