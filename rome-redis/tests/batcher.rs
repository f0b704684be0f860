//! Calls that go out together: what one caller does is no other's harm.
#![allow(clippy::unwrap_used)]

mod harness;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::poll;
use harness::*;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{
    Applied, ApplyOptions, Certainty, Check, CheckRef, Decision, Durability, Effect, MiniTx, Partition, Read, Reply,
    Space, Span, Step, Store, StoreErrorKind, StoreResult, TxId,
};

fn get(space: Space, key: &'static str) -> Vec<Read> {
    vec![Read::Get { space, key: key.into() }]
}

#[tokio::test]
async fn readers_are_answered_though_the_one_who_came_first_is_dropped() {
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
async fn commits_are_carried_out_once_though_the_one_who_came_first_is_dropped() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![add("n", 0)]).await;
    let add_one = |lane: u64| {
        let tx = MiniTx::one(TxId { lane, seq: 1 }).effects(vec![add("n", 1)]);
        client.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory))
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
    // Nobody waits for the one that was dropped; it was on its way with the other.
    assert_eq!(client.sum("n").await, 3);
}

/// A task may wait for one call while another of its own, begun before, is not looked after.
#[tokio::test]
async fn calls_are_answered_though_those_before_them_are_not_looked_after() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), add("n", 0)]).await;
    let mut begun = Vec::new();
    for lane in 101..105 {
        let mut read = Box::pin(client.read(get(ROWS, "a")));
        assert!(poll!(&mut read).is_pending());
        let write = client.apply(tx(lane, vec![], vec![add("n", 1)]));
        tokio::time::timeout(Duration::from_secs(5), write).await.expect("nobody is waited for").unwrap();
        let mut write = Box::pin(client.apply(tx(lane + 100, vec![], vec![add("n", 1)])));
        assert!(poll!(&mut write).is_pending());
        begun.push((read, write));
    }
    let sum = tokio::time::timeout(Duration::from_secs(5), client.sum("n")).await.expect("nobody is waited for");
    assert!((7..=8).contains(&sum), "{sum}");
    for (read, write) in begun {
        assert!(matches!(read.await.unwrap().replies[..], [Reply::Record(Some(_))]));
        assert!(matches!(write.await.unwrap(), Applied::Done { .. }));
    }
    assert_eq!(client.sum("n").await, 8);
}

#[tokio::test]
async fn each_caller_gets_its_own_refusal() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![add("full", i128::MAX), add("n", 0)]).await;
    let apply = |lane: u64, key: &'static str| {
        let tx = MiniTx::one(TxId { lane, seq: 1 }).effects(vec![add(key, 1)]);
        client.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory))
    };
    let keys = ["n", "n", "full", "n", "full", "n"];
    let applied = futures::future::join_all((101..).zip(keys).map(|(lane, key)| apply(lane, key))).await;
    for (applied, key) in applied.into_iter().zip(keys) {
        assert_eq!(applied.is_err(), key == "full", "{applied:?}");
    }
    assert_eq!(client.sum("n").await, 4);
}

/// What becomes of transactions that go out in one call of the script: another one is under way when they come.
async fn together(client: &Client, txs: Vec<MiniTx>) -> Vec<StoreResult<Applied>> {
    let mut first = pin!(client.read(get(ROWS, "a")));
    assert!(poll!(&mut first).is_pending());
    let apply = |tx| async {
        Ok(client.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await?.remove(0))
    };
    let applied = join_all(txs.into_iter().map(apply)).await;
    first.await.unwrap();
    applied
}

fn tx(lane: u64, checks: Vec<Check>, effects: Vec<Effect>) -> MiniTx {
    MiniTx::one(TxId { lane, seq: 1 }).checks(checks).effects(effects)
}

fn absent(key: &'static str) -> Check {
    Check::Version { space: ROWS, key: key.into(), expect: None }
}

async fn calls(server: &LocalServer) -> usize {
    let stats: String = ask(&mut raw(server).await, "INFO commandstats").await;
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap_or("0,");
    calls.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_commit_sees_those_before_it_in_the_same_call_and_each_is_judged_by_itself() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), add("n", 0)]).await;
    ask::<()>(&mut raw(&server).await, "CONFIG RESETSTAT").await;
    let counts = |n| Check::Count { span: Span::all(ROWS), n };
    let txs = vec![
        tx(101, vec![absent("b")], vec![put(ROWS, "b", "first")]),
        tx(102, vec![absent("b")], vec![put(ROWS, "b", "second"), put(ROWS, "c", "1")]),
        tx(103, vec![counts(1)], vec![add("n", 1)]),
        tx(104, vec![counts(2)], vec![add("n", 10)]),
        tx(105, vec![absent("d"), absent("a")], vec![put(ROWS, "d", "1"), put(ROWS, "a", "2")]),
        tx(106, vec![absent("d")], vec![delete(ROWS, "b")]),
        tx(107, vec![absent("b")], vec![]),
    ];
    let applied: Vec<_> = together(&client, txs).await.into_iter().map(Result::unwrap).collect();
    let conflict = |check| Applied::Conflict { check: CheckRef::Check(check) };
    let done = |seq| Applied::Done { seq };
    assert_eq!(applied, [done(2), conflict(0), conflict(0), done(3), conflict(1), done(4), done(4)]);
    assert_eq!(calls(&server).await, 1);
    assert_eq!((client.get(ROWS, "a").await, client.sum("n").await), (Some("1".into()), 10));
    for key in ["b", "c", "d"] {
        assert_eq!(client.get(ROWS, key).await, None, "{key}");
    }
    // Refusals were recorded too: a late copy is not carried out, though its checks would hold now.
    let copy = client.apply(tx(102, vec![absent("b")], vec![put(ROWS, "b", "late")])).await.unwrap();
    assert_eq!((copy, client.get(ROWS, "b").await), (conflict(0), None));
    let copy = client.apply(tx(101, vec![], vec![put(ROWS, "b", "late")])).await.unwrap();
    assert_eq!((copy, client.get(ROWS, "b").await), (Applied::Already(Decision::Committed), None));
}

/// Entries of several commits are added by one command; who looks, removes or adds again meets them all the same.
#[tokio::test]
async fn a_commit_sees_the_entries_of_those_before_it_in_the_same_call() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), put(INDEX, entry(b"x", b"a"), "")]).await;
    let row = |key: &'static str| vec![put(ROWS, key, "1"), put(INDEX, entry(b"x", key.as_bytes()), "")];
    let gone = |key: &'static str| vec![delete(ROWS, key), delete(INDEX, entry(b"x", key.as_bytes()))];
    let entries = |n| Check::Count { span: Span::all(INDEX), n };
    let rows = |n| Check::Count { span: Span::all(ROWS), n };
    let txs = vec![
        tx(101, vec![absent("b")], row("b")),
        tx(102, vec![], row("c")),
        tx(103, vec![entries(3), rows(3)], gone("b")),
        tx(104, vec![absent("b")], row("b")),
        tx(105, vec![], gone("b")),
        tx(106, vec![entries(2), rows(2), absent("b")], row("d")),
        tx(107, vec![absent("e")], row("e")),
    ];
    let applied: Vec<_> = together(&client, txs).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(applied, [2, 3, 4, 5, 6, 7, 8].map(|seq| Applied::Done { seq }));
    let scan = |space| Read::Scan { span: Span::all(space), filter: None, want: None, track: false };
    assert_eq!(client.scan(scan(INDEX)).await.len(), 4);
    assert_eq!(client.scan(scan(ROWS)).await.len(), 4);
}

#[tokio::test]
async fn a_put_that_is_also_the_check_refuses_before_anything_is_written() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let row = |key: &'static str| vec![put(INDEX, entry(b"x", key.as_bytes()), ""), put(ROWS, key, "1")];
    client.write(row("a")).await;
    let refused = client.apply(tx(101, vec![absent("b"), absent("a")], [row("b"), row("a")].concat())).await.unwrap();
    assert_eq!(refused, Applied::Conflict { check: CheckRef::Check(1) });
    let seen = client.read(vec![Read::count(Span::all(ROWS)), Read::count(Span::all(INDEX))]).await.unwrap();
    assert_eq!((seen.seq, seen.replies), (1, vec![Reply::Count(1.into()), Reply::Count(1.into())]));
    // Of two puts of one key the last one counts, as without the check.
    let twice = vec![put(ROWS, "b", "1"), delete(ROWS, "b"), put(ROWS, "b", "2")];
    assert_eq!(client.apply(tx(102, vec![absent("b")], twice)).await.unwrap(), Applied::Done { seq: 2 });
    assert_eq!(client.get(ROWS, "b").await, Some("2".into()));
    let deleted = vec![put(ROWS, "c", "1"), delete(ROWS, "c")];
    assert_eq!(client.apply(tx(103, vec![absent("c")], deleted)).await.unwrap(), Applied::Done { seq: 3 });
    assert_eq!(client.get(ROWS, "c").await, None);
}

#[tokio::test]
async fn a_commit_that_fails_takes_nobody_along() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), put(CLAIMS, "c", "a")]).await;
    // Someone has broken a key of ours.
    let mut raw = raw(&server).await;
    ask::<()>(&mut raw, "DEL {rome.0}:u9").await;
    ask::<()>(&mut raw, "SET {rome.0}:u9 1").await;
    let claimed = Check::Version { space: CLAIMS, key: "d".into(), expect: None };
    let broken = tx(102, vec![claimed], vec![put(ROWS, "lost", "1")]);
    let txs = vec![tx(101, vec![], vec![put(ROWS, "b", "1")]), broken, tx(103, vec![], vec![put(ROWS, "c", "1")])];
    let mut applied = together(&client, txs).await;
    assert_eq!(applied.remove(1).unwrap_err().kind(), StoreErrorKind::Corrupt);
    let applied: Vec<_> = applied.into_iter().map(Result::unwrap).collect();
    assert_eq!(applied, [2, 3].map(|seq| Applied::Done { seq }));
    let seen = client.read(vec![Read::count(Span::all(ROWS))]).await.unwrap();
    assert_eq!((seen.seq, seen.replies), (3, vec![Reply::Count(3.into())]));
}

#[tokio::test]
async fn a_broken_set_of_entries_is_told_to_those_who_write_there() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), put(INDEX, entry(b"x", b"a"), "")]).await;
    let mut raw = raw(&server).await;
    let names: Vec<String> = ask(&mut raw, "KEYS {rome.0}:?8").await;
    assert_eq!(names.len(), 1, "{names:?}");
    ask::<()>(&mut raw, &format!("DEL {}", names[0])).await;
    ask::<()>(&mut raw, &format!("SET {} 1", names[0])).await;
    let row = |key: &'static str| vec![put(ROWS, key, "1")];
    let with_entry = [row("c"), vec![put(INDEX, entry(b"x", b"c"), "")]].concat();
    let txs = vec![tx(101, vec![], row("b")), tx(102, vec![], with_entry), tx(103, vec![], row("d"))];
    let mut applied = together(&client, txs).await;
    assert_eq!(applied.remove(1).unwrap_err().kind(), StoreErrorKind::Corrupt);
    for applied in applied {
        assert!(matches!(applied, Ok(Applied::Done { .. })), "{applied:?}");
    }
    assert_eq!(client.read(vec![]).await.unwrap().seq, 4);
    for key in ["b", "d"] {
        assert_eq!(client.get(ROWS, key).await, Some("1".into()));
    }
}

#[tokio::test]
async fn a_full_server_takes_the_removals_that_come_with_a_write() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), put(ROWS, "b", "1")]).await;
    ask::<()>(&mut raw(&server).await, "CONFIG SET maxmemory 1").await;
    let txs = vec![tx(101, vec![], vec![put(ROWS, "c", "1")]), tx(102, vec![], vec![delete(ROWS, "a")])];
    let mut applied = together(&client, txs).await;
    assert!(matches!(applied.remove(1), Ok(Applied::Done { .. })));
    let full = applied.remove(0).unwrap_err();
    assert_eq!((full.kind(), full.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{full}");
    assert_eq!((client.get(ROWS, "a").await, client.get(ROWS, "c").await), (None, None));
}

/// A removal is never refused for want of memory, a write is: neither may come without the other.
#[tokio::test]
async fn a_full_server_keeps_rows_and_entries_of_a_shared_call_together() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let options = RedisOptions::default().patience(Duration::from_millis(300));
    let client = Client::by(&proxy.url(), options, 1).await;
    let row = |key: &'static str| [put(ROWS, key, "old"), put(INDEX, entry(b"x", key.as_bytes()), "")];
    let moved = |key: &'static str| {
        let entry = |columns| entry(columns, key.as_bytes());
        vec![delete(INDEX, entry(b"x")), put(ROWS, key, "new"), put(INDEX, entry(b"y"), "")]
    };
    client.write([row("a"), row("b")].concat()).await;
    ask::<()>(&mut raw(&server).await, "CONFIG SET maxmemory 1").await;
    // A batch is one call, and nobody is left to repeat what was refused.
    proxy.play(Trick::LoseReplyAndWay);
    let batch = vec![(Partition(0), tx(101, vec![], moved("a"))), (Partition(0), tx(102, vec![], moved("b")))];
    let error = client.store.apply(batch, ApplyOptions::new(Durability::Memory)).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::Unknown), "{error}");
    ask::<()>(&mut raw(&server).await, "CONFIG SET maxmemory 0").await;

    let other = open(&server).await;
    let found = other.scan(Read::Scan { span: Span::all(INDEX), filter: None, want: None, track: false }).await;
    let mut entries = Vec::new();
    for key in ["a", "b"] {
        let is_new = other.get(ROWS, key).await == Some("new".into());
        entries.push(entry(if is_new { b"y" } else { b"x" }, key.as_bytes()));
    }
    entries.sort();
    assert_eq!(found.iter().map(|found| Bytes::copy_from_slice(found.key)).collect::<Vec<_>>(), entries);
    let seq = other.read(vec![]).await.unwrap().seq;
    let moved = entries.iter().filter(|entry| entry.starts_with(b"y")).count();
    assert_eq!(usize::try_from(seq).unwrap(), 1 + moved);
}

#[tokio::test]
async fn lost_replies_of_a_shared_call_are_each_recovered_from_their_records() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let client = Client::by(&proxy.url(), RedisOptions::default(), 1).await;
    client.write(vec![put(ROWS, "a", "1"), add("n", 0)]).await;
    ask::<()>(&mut raw(&server).await, "CONFIG RESETSTAT").await;
    let adds = (101..109).map(|lane| {
        let checks = if lane == 105 { vec![absent("a")] } else { vec![] };
        tx(lane, checks, vec![add("n", 1)])
    });
    // The read that keeps the way busy must be through before the trick is played.
    let apply = |tx| async {
        Ok(client.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await?.remove(0))
    };
    let mut all = adds.map(|tx| Box::pin(apply(tx))).collect::<Vec<_>>();
    proxy.play(Trick::LoseReply);
    let others = all.split_off(1);
    // The first goes out at once, the others with the next one of them; both calls are lost with the connection.
    let (first, others) = futures::join!(all.remove(0), join_all(others));
    let applied: Vec<StoreResult<Applied>> = [first].into_iter().chain(others).collect();
    for (lane, applied) in (101..).zip(&applied) {
        let applied = applied.as_ref().unwrap();
        let is_fine = match applied {
            Applied::Done { .. } => lane != 105,
            Applied::Conflict { check } => lane == 105 && *check == CheckRef::Check(0),
            _ => false,
        };
        assert!(is_fine, "{lane}: {applied:?}");
    }
    assert_eq!((proxy.tricked(), client.sum("n").await), (1, 7));
    let seqs: std::collections::BTreeSet<_> =
        applied.iter().filter_map(|applied| applied.as_ref().ok()).map(|applied| format!("{applied:?}")).collect();
    assert_eq!(seqs.len(), 8, "each has an outcome of its own: {seqs:?}");
}

#[tokio::test]
async fn what_of_a_shared_call_cannot_be_found_out_is_unknown_for_each() {
    let server = LocalServer::start();
    let proxy = Proxy::to(server.port()).await;
    let options = RedisOptions::default().patience(Duration::from_millis(300));
    let client = Client::by(&proxy.url(), options, 1).await;
    client.write(vec![add("n", 0)]).await;
    let apply = |lane| {
        client
            .store
            .apply(vec![(Partition(0), tx(lane, vec![], vec![add("n", 1)]))], ApplyOptions::new(Durability::Memory))
    };
    proxy.play(Trick::LoseReplyAndWay);
    // A batch is one call: nothing is under way, and all of it was sent.
    let batch = (101..105).map(|lane| (Partition(0), tx(lane, vec![], vec![add("n", 1)]))).collect();
    let error = client.store.apply(batch, ApplyOptions::new(Durability::Memory)).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::Unknown), "{error}");
    let error = apply(105).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
    let other = open(&server).await;
    assert_eq!(other.sum("n").await, 4);
    for lane in 101..105 {
        let found = other.apply(tx(lane, vec![], vec![add("n", 1)])).await.unwrap();
        assert_eq!(found, Applied::Already(Decision::Committed), "{lane}");
    }
}

#[tokio::test]
async fn copies_of_one_transaction_that_come_together_are_carried_out_once() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), add("n", 0)]).await;
    let copies = vec![tx(101, vec![], vec![add("n", 1)]); 3];
    let applied: Vec<_> = together(&client, copies).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        applied,
        [Applied::Done { seq: 2 }, Applied::Already(Decision::Committed), Applied::Already(Decision::Committed)]
    );
    assert_eq!(client.sum("n").await, 1);
}

#[tokio::test]
async fn commits_that_come_together_meet_who_is_prepared() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1"), add("n", 0)]).await;
    let step = Step::Prepare { primary: Partition(0), lease: 60_000 };
    let prepared = tx(100, vec![], vec![put(ROWS, "b", "1")]).step(step);
    client.apply(prepared.clone()).await.unwrap();
    let txs = vec![
        tx(101, vec![], vec![add("n", 1)]),
        tx(102, vec![absent("b")], vec![put(ROWS, "b", "2")]),
        tx(103, vec![Check::Count { span: Span::all(ROWS), n: 1 }], vec![add("n", 1)]),
        tx(104, vec![absent("c")], vec![put(ROWS, "c", "2")]),
    ];
    let applied: Vec<_> = together(&client, txs).await.into_iter().map(Result::unwrap).collect();
    let blocked = |applied: &Applied| matches!(applied, Applied::Blocked { by } if by.id == prepared.id);
    assert_eq!(applied.iter().map(blocked).collect::<Vec<_>>(), [false, true, true, false], "{applied:?}");
    assert_eq!(client.sum("n").await, 1);
}

#[tokio::test]
async fn commits_that_take_the_server_long_do_not_share_a_call() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write((0..1100).map(|n| put(INDEX, entry(format!("{n:04}").as_bytes(), b"a"), "")).collect()).await;
    client.write(vec![add("n", 0)]).await;
    let mut lane = 100;
    for (members, commits, expected) in [(1000, 5, 2), (1100, 3, 3), (10, 5, 1)] {
        let span = Span::all(INDEX).limited(Some(members));
        let scan = Read::Scan { span: span.clone(), filter: None, want: None, track: true };
        let digest = client.scan(scan).await.digest;
        let same = || Check::Same { span: span.clone(), rows: None, n: members, digest: digest.clone() };
        let txs = (0..commits).map(|n| tx(lane + n, vec![same()], vec![add("n", 1)])).collect();
        lane += commits;
        ask::<()>(&mut raw(&server).await, "CONFIG RESETSTAT").await;
        for applied in together(&client, txs).await {
            assert!(matches!(applied, Ok(Applied::Done { .. })), "{applied:?}");
        }
        assert_eq!(calls(&server).await, expected, "{commits} commits that visit {members}");
    }
    assert_eq!(client.sum("n").await, 13);
}
