//! What is easy to get wrong in Lua on Redis: undeclared keys, numbers, long argument lists, keys that vanish.
#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::BTreeSet;

use futures::StreamExt;
use harness::*;
use rome_redis::testkit::LocalServer;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, ApplyOptions, Check, Decision, Durability, MiniTx, Partition, Read, SequenceId, Span, Store,
    StoreErrorKind, TableId, TxId,
};

/// A transaction with every kind of check and effect.
async fn of_all_kinds(client: &Client) -> MiniTx {
    client
        .write(vec![put(ROWS, "a", "1"), put(INDEX, entry(b"x", b"a"), ""), put(CLAIMS, "c", "a"), add("n", 1)])
        .await;
    let scan = Read::ScanRows { index: Span::all(INDEX), table: TABLE, filter: None, want: None, track: true };
    let seen = client.scan(scan).await;
    let same = Check::Same { span: Span::all(INDEX), rows: Some(TABLE), n: 1, digest: seen.digest };
    let absent = Check::Version { space: CLAIMS, key: "d".into(), expect: None };
    let count = Check::Count { span: Span::all(INDEX), n: 1 };
    let effects = vec![
        delete(ROWS, "a"),
        delete(INDEX, entry(b"x", b"a")),
        delete(CLAIMS, "c"),
        put(ROWS, "b", "1"),
        put(INDEX, entry(b"x", b"b"), ""),
        put(CLAIMS, "d", "b"),
        add("n", 5),
        rome_store::Effect::RaiseGate { oldest: 1 },
    ];
    client.tx(effects).reads(vec![same]).checks(vec![absent, count])
}

/// A script that touches a key which it did not declare is torn by the migration of a slot.
#[tokio::test]
async fn scripts_touch_only_keys_that_they_declare() {
    let server = LocalServer::start();
    let mut options = RedisOptions::default();
    options.always_by_script = true;
    let client = Client::by(&server.url(), options, 1).await;
    let info = redis::Client::open(server.url()).unwrap();
    let monitor = info.get_async_monitor().await.unwrap();
    let mut lines = monitor.into_on_message::<String>();
    let tx = of_all_kinds(&client).await;
    assert!(matches!(client.apply(tx).await.unwrap(), Applied::Done { .. }));
    client.store.reserve(SequenceId::Lanes, 1).await.unwrap();
    let claimed = Read::GetClaimed { index: rome_store::IndexId(9), columns: "d".into(), table: TABLE };
    let get = Read::Get { space: ROWS, key: "b".into() };
    client.read(vec![claimed, get, Read::count(Span::all(ROWS))]).await.unwrap();
    ask::<()>(&mut raw(&server).await, "ECHO end").await;

    let (mut declared, mut by_scripts, mut scripts) = (BTreeSet::new(), 0, 0);
    while let Some(line) = lines.next().await {
        let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        if words.first() == Some(&"ECHO") {
            break;
        }
        if words.first() == Some(&"EVALSHA") {
            let n: usize = words[2].parse().unwrap();
            declared = words[3..3 + n].iter().map(|key| (*key).to_owned()).collect();
            scripts += 1;
        } else if line.contains(" lua]") {
            assert!(declared.contains(words[1]), "a script touches {} and declares {declared:?}", words[1]);
            by_scripts += 1;
        }
    }
    assert!(scripts >= 5 && by_scripts > 30, "the monitor saw {scripts} scripts and {by_scripts} commands of them");
}

/// A key that a script empties and touches again is gone in between.
#[tokio::test]
async fn no_key_vanishes_when_its_last_record_does() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let tx = of_all_kinds(&client).await;
    client.apply(tx).await.unwrap();
    let names = async || {
        let names: Vec<String> = ask(&mut raw(&server).await, "KEYS *").await;
        BTreeSet::from_iter(names)
    };
    let before = names().await;
    let all = vec![delete(ROWS, "b"), delete(INDEX, entry(b"x", b"b")), delete(CLAIMS, "d"), delete(SUMS, "n")];
    client.write(all).await;
    assert_eq!(names().await, before);
    let all = [ROWS, INDEX, CLAIMS, SUMS].map(|space| Read::count(Span::all(space))).to_vec();
    let counts = client.read(all).await.unwrap().replies;
    assert!(counts.iter().all(|count| *count == rome_store::Reply::Count(0.into())), "{counts:?}");
}

/// Lua's numbers are doubles: above 2^53 they run together.
#[tokio::test]
async fn numbers_of_64_bits_stay_exact() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    ask::<()>(&mut raw(&server).await, "HSET {rome.0}:m seq 9007199254740991").await;
    for expected in 9_007_199_254_740_992..9_007_199_254_740_996_u64 {
        assert_eq!(client.write(vec![put(ROWS, "a", "1")]).await, expected);
        assert_eq!(client.read(vec![]).await.unwrap().seq, expected);
        let fails = || vec![Check::Count { span: Span::all(ROWS), n: 99 }];
        for (since, skipped) in [(expected, true), (expected - 1, false), (expected + 1, false)] {
            let tx = client.tx(vec![]).unchanged_since(Some(since)).reads(fails());
            let done = matches!(client.apply(tx).await.unwrap(), Applied::Done { .. });
            assert_eq!(done, skipped, "unchanged since {since} at {expected}");
        }
    }
    // A call of several counts by itself, as far as it can.
    let batch = (101..113).map(|lane| {
        let tx = MiniTx::one(TxId { lane, seq: 1 }).effects(vec![put(ROWS, "a", "1")]);
        (Partition(0), tx)
    });
    let applied = client.store.apply(batch.collect(), ApplyOptions::new(Durability::default())).await.unwrap();
    let first = 9_007_199_254_740_996_u64;
    assert_eq!(applied, (first..first + 12).map(|seq| Applied::Done { seq }).collect::<Vec<_>>());
    assert_eq!(client.read(vec![]).await.unwrap().seq, first + 11);
    let steps = [1, 255, 256, (1 << 31) - 1, 1 << 32, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, u64::MAX - 1, u64::MAX];
    for (at, seq) in steps.into_iter().enumerate() {
        let of = |seq| MiniTx::one(TxId { lane: u64::MAX - 1, seq }).effects(vec![add("n", 1)]);
        assert!(matches!(client.apply(of(seq)).await.unwrap(), Applied::Done { .. }), "{seq} is new");
        assert_eq!(client.apply(of(seq)).await.unwrap(), Applied::Already(Decision::Committed), "{seq} again");
        for late in &steps[..at] {
            assert_eq!(
                client.apply(of(*late)).await.unwrap(),
                Applied::Already(Decision::Aborted),
                "{late} after {seq}"
            );
        }
    }
    assert_eq!(client.sum("n").await, steps.len() as i128);
}

#[tokio::test]
async fn a_sequence_is_exact_up_to_its_end() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut raw = raw(&server).await;
    ask::<()>(&mut raw, "HSET {rome.0}:q q:k3 9007199254740992").await;
    let sequence = SequenceId::Keys(TableId(3));
    assert_eq!(client.store.reserve(sequence, 1).await.unwrap(), 9_007_199_254_740_993);
    assert_eq!(client.store.reserve(sequence, 2).await.unwrap(), 9_007_199_254_740_994);
    ask::<()>(&mut raw, &format!("HSET {{rome.0}}:q q:k3 {}", i64::MAX - 1)).await;
    assert_eq!(client.store.reserve(sequence, 2).await.unwrap_err().kind(), StoreErrorKind::Overflow);
    assert_eq!(client.store.reserve(sequence, 1).await.unwrap(), i64::MAX as u64);
}

#[tokio::test]
async fn sums_carry_over_all_their_bytes() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut expected = 0_i128;
    let parts = [1, -1, 1 << 31, 1 << 32, (1 << 32) - 1, -(1 << 33), 1 << 63, (1 << 64) - 1, -(1 << 96), 1 << 95, -1];
    for delta in parts.into_iter().chain(parts.map(|part| part * 3 - 7)).chain([i128::MAX / 2, -3, i128::MIN / 2]) {
        client.write(vec![add("n", delta)]).await;
        expected += delta;
        assert_eq!(client.sum("n").await, expected, "after adding {delta}");
    }
}

/// Long argument lists, long spans, and digests of many links.
#[tokio::test]
async fn many_thousand_members_are_read_and_checked() {
    const N: u32 = 20_000;
    let server = LocalServer::start();
    let client = open(&server).await;
    let keys: Vec<String> = (0..N).map(|n| format!("{n:06}")).collect();
    let row = |key: &String| [put(ROWS, key.clone(), "1"), put(INDEX, entry(b"x", key.as_bytes()), "")];
    client.write(keys.iter().flat_map(row).collect()).await;
    let scans = [
        (ROWS, None, Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: true }),
        (
            INDEX,
            Some(TABLE),
            Read::ScanRows {
                index: Span::all(INDEX).reversed(true),
                table: TABLE,
                filter: None,
                want: None,
                track: true,
            },
        ),
    ];
    for (space, rows, scan) in scans {
        let seen = client.scan(scan).await;
        assert_eq!((seen.len(), seen.visited), (N as usize, N));
        let span = Span::all(space).reversed(rows.is_some());
        let same = Check::Same { span, rows, n: N, digest: seen.digest };
        let check = || client.tx(vec![]).checks(vec![same.clone()]);
        assert!(matches!(client.apply(check()).await.unwrap(), Applied::Done { .. }));
        client.write(vec![put(ROWS, keys[12_345].clone(), "1")]).await;
        assert!(matches!(client.apply(check()).await.unwrap(), Applied::Conflict { .. }));
    }
    let gets = keys.iter().map(|key| Read::Get { space: ROWS, key: key.clone().into() }).collect();
    let replies = client.read(gets).await.unwrap().replies;
    assert!(replies.iter().all(|reply| matches!(reply, rome_store::Reply::Record(Some(_)))));
    client.write(keys.iter().map(|key| delete(ROWS, key.clone())).collect()).await;
    assert_eq!(
        client.read(vec![Read::count(Span::all(ROWS))]).await.unwrap().replies,
        [rome_store::Reply::Count(0.into())]
    );
}

#[tokio::test]
async fn databases_of_different_prefixes_share_a_server() {
    let server = LocalServer::start();
    let open = async |prefix: &str| {
        let url = format!("{}?prefix={prefix}", server.url());
        Client::new(RedisStore::open(&url).await.unwrap(), 1)
    };
    let (one, other) = (open("one").await, open("one.0").await);
    one.write(vec![put(ROWS, "a", "1")]).await;
    other.write(vec![put(ROWS, "a", "2")]).await;
    assert_eq!((one.get(ROWS, "a").await.unwrap(), other.get(ROWS, "a").await.unwrap()), ("1".into(), "2".into()));
    assert_eq!(open("one").await.get(ROWS, "a").await.unwrap(), "1");
}
