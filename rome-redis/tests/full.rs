//! Servers without memory: what adds is refused whole, and the rest goes on.
#![allow(clippy::unwrap_used)]

mod harness;

use harness::*;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{
    Applied, ApplyOptions, Certainty, Decision, Durability, MiniTx, Partition, Read, SequenceId, Span, Step, Store,
    StoreErrorKind, StoreResult, TxId,
};

async fn fill_up(server: &LocalServer) {
    ask::<()>(&mut raw(server).await, "CONFIG SET maxmemory 1").await;
}

fn is_full<T: std::fmt::Debug>(result: StoreResult<T>) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{error}");
}

#[tokio::test]
async fn a_full_server_refuses_writes_whole_and_takes_removals() {
    let server = LocalServer::with(&["--maxmemory", "4mb"]);
    let client = open(&server).await;
    let mut written = 0;
    let error = loop {
        let key = format!("{written:05}");
        let row = [put(ROWS, key.clone(), vec![b'x'; 10_000]), put(INDEX, entry(b"x", key.as_bytes()), "")];
        match client.apply(client.tx([&row[..], &[add("n", 1)]].concat())).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{error}");
    assert!(error.to_string().contains("maxmemory"), "{error}");
    let count = |space| Read::count(Span::all(space));
    let counted = client.read(vec![count(ROWS), count(INDEX)]).await.unwrap().replies;
    assert_eq!(counted, [written, written].map(|n| rome_store::Reply::Count(n.into())));
    assert_eq!(client.sum("n").await, i128::from(written));
    // A read-only transaction is judged, and rows can be removed by a client that has just come.
    assert!(client.apply(client.tx(vec![])).await.is_ok());
    let other = Client::by(&server.url(), RedisOptions::default(), 2).await;
    for n in 0..written / 2 {
        let key = format!("{n:05}");
        other.write(vec![delete(ROWS, key.clone()), delete(INDEX, entry(b"x", key.as_bytes()))]).await;
    }
    client.write(vec![put(ROWS, "again", "1")]).await;
}

/// What is prepared holds locks; a server without memory must be able to let go of them.
#[tokio::test]
async fn what_is_prepared_is_finished_also_on_a_full_server() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let prepare = async |lane, effects| {
        let step = Step::Prepare { primary: Partition(0), lease: 1000 };
        let id = TxId { lane, seq: 1 };
        let done = client.apply(MiniTx::one(id).step(step).effects(effects)).await.unwrap();
        assert!(matches!(done, Applied::Done { .. }), "{done:?}");
        id
    };
    let kept = prepare(101, vec![put(ROWS, "a", "1"), add("n", 1)]).await;
    let dropped = prepare(102, vec![put(ROWS, "b", "1")]).await;
    ask::<()>(&mut raw(&server).await, "CONFIG SET maxmemory 1").await;
    let full = client.apply(client.tx(vec![put(ROWS, "c", "1")])).await.unwrap_err();
    assert_eq!(full.kind(), StoreErrorKind::Full, "{full}");
    let finish = |id, decision| MiniTx::one(id).step(Step::Finish(decision));
    for step in [finish(kept, Decision::Committed), finish(dropped, Decision::Aborted)] {
        let done = client.apply(step).await.unwrap();
        assert!(matches!(done, Applied::Done { .. }), "{done:?}");
    }
    assert_eq!((client.get(ROWS, "a").await.unwrap(), client.sum("n").await), ("1".into(), 1));
}

#[tokio::test]
async fn a_full_server_that_was_started_again_goes_on_with_reads_and_removals() {
    let mut server = LocalServer::durable();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), put(ROWS, "b", "1")]).await;
    client.store.reserve(SequenceId::Keys(TABLE), 1).await.unwrap();
    server.kill();
    server.restart();
    fill_up(&server).await;
    assert_eq!(client.get(ROWS, "a").await.unwrap(), "1", "by a handle from before");

    let fresh = Client::by(&server.url(), RedisOptions::default(), 2).await;
    assert_eq!(fresh.get(ROWS, "a").await.unwrap(), "1");
    assert!(fresh.store.reserve(SequenceId::Lanes, 1).await.unwrap() > 1, "who removes needs a lane");
    fresh.write(vec![delete(ROWS, "a")]).await;
    assert_eq!(client.get(ROWS, "a").await, None);

    is_full(fresh.store.reserve(SequenceId::Keys(TABLE), 1).await);
    is_full(fresh.apply(fresh.tx(vec![put(ROWS, "c", "1")])).await);
    is_full(fresh.apply(fresh.tx(vec![put(ROWS, "b", "2")])).await);
    let absent = rome_store::Check::Version { space: ROWS, key: "d".into(), expect: None };
    is_full(fresh.apply(fresh.tx(vec![put(ROWS, "d", "1")]).checks(vec![absent])).await);
    assert_eq!(
        fresh.read(vec![Read::count(Span::all(ROWS))]).await.unwrap().replies,
        [rome_store::Reply::Count(1.into())]
    );
}

/// Redis looks at the first write of a script alone.
#[tokio::test]
async fn what_begins_with_a_removal_is_carried_out_whole_on_a_full_server() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let rows = ["a", "b"].map(|key| [put(ROWS, key, "1"), put(INDEX, entry(b"old", key.as_bytes()), "")]);
    client.write(rows.concat()).await;
    fill_up(&server).await;
    let (gone, new) = (delete(INDEX, entry(b"old", b"a")), put(INDEX, entry(b"new", b"a"), ""));
    is_full(client.apply(client.tx(vec![put(ROWS, "a", "2"), gone.clone(), new.clone()])).await);
    assert_eq!(client.get(ROWS, "a").await.unwrap(), "1");
    client.write(vec![gone, new, put(ROWS, "a", "2")]).await;
    assert_eq!(client.get(ROWS, "a").await.unwrap(), "2");

    let alone = |lane, effects| (Partition(0), MiniTx::one(TxId { lane, seq: 1 }).effects(effects));
    let batch = vec![alone(201, vec![delete(ROWS, "b")]), alone(202, vec![put(ROWS, "c", "1")])];
    let applied = client.store.apply(batch, ApplyOptions::new(Durability::default())).await.unwrap();
    assert!(matches!(applied[..], [Applied::Done { .. }, Applied::Done { .. }]), "{applied:?}");

    let step = Step::Prepare { primary: Partition(0), lease: 1000 };
    let prepare = MiniTx::one(TxId { lane: 101, seq: 1 }).step(step).effects(vec![delete(ROWS, "c")]);
    is_full(client.apply(prepare).await);
}

#[tokio::test]
async fn a_full_server_decides_what_a_client_left_behind() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let id = TxId { lane: 101, seq: 1 };
    let step = Step::Prepare { primary: Partition(0), lease: 1 };
    // Its primary is another place, where it never came.
    let left = MiniTx::one(id).step(step).effects(vec![put(ROWS, "a", "1")]);
    assert!(matches!(client.apply(left).await.unwrap(), Applied::Done { .. }));
    let elsewhere = Client::by(&format!("{}/1", server.url()), RedisOptions::default(), 1).await;
    fill_up(&server).await;
    let push = |abort| MiniTx::one(id).step(Step::Push { abort });
    assert_eq!(elsewhere.apply(push(false)).await.unwrap(), Applied::Undecided);
    assert_eq!(elsewhere.apply(push(true)).await.unwrap(), Applied::Already(Decision::Aborted));
    let finish = MiniTx::one(id).step(Step::Finish(Decision::Aborted));
    assert!(matches!(client.apply(finish.clone()).await.unwrap(), Applied::Done { .. }));
    // Once more, as after a lost reply.
    assert_eq!(client.apply(finish).await.unwrap(), Applied::Already(Decision::Aborted));
}

/// With replicas what is only repeated is written again, so that they confirm it.
#[tokio::test]
async fn a_full_server_repeats_what_replicas_have_to_confirm() {
    let server = LocalServer::start();
    let replica = LocalServer::with(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
    let client = open(&server).await;
    let replicated = Durability::Replicated(1);
    let prepare = MiniTx::one(TxId { lane: 101, seq: 1 })
        .step(Step::Prepare { primary: Partition(0), lease: 1000 })
        .effects(vec![put(ROWS, "a", "1")]);
    let done = client.tx(vec![put(ROWS, "b", "1")]);
    for tx in [&prepare, &done] {
        assert!(matches!(client.apply_at(tx.clone(), replicated).await.unwrap(), Applied::Done { .. }));
    }
    fill_up(&server).await;
    assert!(matches!(client.apply_at(prepare.clone(), replicated).await.unwrap(), Applied::Done { .. }));
    assert_eq!(client.apply_at(done, replicated).await.unwrap(), Applied::Already(Decision::Committed));
    let push = MiniTx::one(TxId { lane: 102, seq: 1 }).step(Step::Push { abort: false });
    assert_eq!(client.apply_at(push, replicated).await.unwrap(), Applied::Undecided);
    drop(replica);
}
