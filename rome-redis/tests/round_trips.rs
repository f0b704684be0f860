//! How many round trips and which commands calls cost, as the server counts them.
#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::BTreeMap;

use harness::*;
use redis::aio::MultiplexedConnection;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{
    Applied, ApplyOptions, Check, Durability, IndexId, MiniTx, Partition, Read, ReadOptions, Reply, Space, Span, Store,
    TableId, TxId,
};

struct Meter {
    raw: MultiplexedConnection,
}

impl Meter {
    /// What `INFO` says, as numbers.
    async fn info(&mut self, section: &str, field: &str) -> BTreeMap<String, u64> {
        let text: String = ask(&mut self.raw, &format!("INFO {section}")).await;
        let number = |rest: &str| rest.trim_start_matches("calls=").split(',').next()?.trim().parse().ok();
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.starts_with(field))
            .filter_map(|(name, rest)| Some((name.trim_start_matches("cmdstat_").to_owned(), number(rest)?)))
            .collect()
    }

    /// The round trips of some work, and its commands, also those of scripts.
    async fn of(&mut self, work: impl Future) -> (u64, BTreeMap<String, u64>) {
        ask::<()>(&mut self.raw, "CONFIG RESETSTAT").await;
        work.await;
        // The server reads once for each round trip, and once for this question.
        let reads = self.info("stats", "total_reads_processed").await;
        let mut commands = self.info("commandstats", "cmdstat_").await;
        commands.retain(|name, _| !name.starts_with("config") && name != "info");
        (reads["total_reads_processed"] - 1, commands)
    }
}

fn counted<const N: usize>(commands: [(&str, u64); N]) -> BTreeMap<String, u64> {
    commands.into_iter().map(|(name, n)| (name.to_owned(), n)).collect()
}

#[tokio::test]
async fn each_shape_of_call_costs_what_it_must() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut meter = Meter { raw: raw(&server).await };
    let row = |n: u32| {
        let key = format!("{n:04}");
        [put(ROWS, key.clone(), "1"), put(INDEX, entry(b"x", key.as_bytes()), ""), put(CLAIMS, key.clone(), key)]
    };
    client.write((0..500).flat_map(row).collect()).await;

    let get = |n: u32| Read::Get { space: ROWS, key: format!("{n:04}").into() };
    let (trips, commands) = meter.of(client.read(vec![get(1)])).await;
    assert_eq!((trips, commands), (1, counted([("hget", 1), ("hmget", 2)])), "a point get");

    let (trips, commands) = meter.of(client.read((0..100).map(get).collect())).await;
    assert_eq!((trips, commands), (1, counted([("hmget", 3)])), "a hundred gets");

    // What one command answers needs no look, if nobody asks of which state it is.
    let untracked = async |reads: Vec<Read>| {
        let batch = [(Partition(0), reads)];
        client.store.read(&batch, ReadOptions::new().tracked(false)).await.unwrap().remove(0).replies
    };
    for reads in [vec![get(1)], vec![get(9999)], (0..100).map(get).collect()] {
        let (trips, commands) = meter.of(untracked(reads)).await;
        assert_eq!((trips, commands), (1, counted([("hmget", 1)])), "untracked gets");
    }
    // However many there are.
    let nothing = Span::between(INDEX, std::ops::Bound::Included("zzz".into()), std::ops::Bound::Unbounded);
    for span in [Span::all(INDEX), nothing] {
        let (trips, commands) = meter.of(untracked(vec![Read::count(span)])).await;
        assert_eq!((trips, commands), (1, counted([("zlexcount", 1), ("zscore", 1)])), "an untracked count");
    }
    // Only where that command does not show that the database is there.
    let never_written = Read::Get { space: Space::Rows(TableId(77)), key: "a".into() };
    let (trips, commands) = meter.of(untracked(vec![never_written])).await;
    assert_eq!((trips, commands), (2, counted([("hget", 1), ("hmget", 3)])), "of a table that was never written");

    let rows = |want| Read::ScanRows { index: Span::all(INDEX), table: TABLE, filter: None, want, track: true };
    for want in [Some(100), Some(400), None] {
        let (trips, commands) = meter.of(client.read(vec![rows(want)])).await;
        let expected = counted([("hmget", 4), ("zrange", 1)]);
        assert_eq!((trips, commands), (2, expected), "{want:?} rows by an index");
    }

    let keys = Read::Scan { span: Span::all(INDEX), filter: None, want: None, track: true };
    let (trips, commands) = meter.of(client.read(vec![keys, Read::count(Span::all(ROWS))])).await;
    assert_eq!((trips, commands), (1, counted([("hmget", 2), ("zrange", 1), ("zlexcount", 1)])), "entries and a count");

    let claimed = Read::GetClaimed { index: IndexId(9), columns: "0007".into(), table: TABLE };
    let (trips, commands) = meter.of(client.read(vec![claimed])).await;
    assert_eq!((trips, commands), (2, counted([("hget", 2), ("hmget", 3)])), "a row by a unique value");

    let (trips, commands) = meter.of(client.write(row(501).to_vec())).await;
    assert_eq!((trips, commands["evalsha"]), (1, 1), "a commit: {commands:?}");

    let many = (600..1600).flat_map(row).collect();
    let (_, commands) = meter.of(client.write(many)).await;
    assert_eq!(commands["evalsha"], 1, "a commit of three thousand effects: {commands:?}");
}

#[tokio::test]
async fn reads_that_come_together_share_their_looks() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut meter = Meter { raw: raw(&server).await };
    client.write((0..16).map(|n| put(ROWS, format!("{n:04}"), "1")).collect()).await;

    let get = |n: u32| client.read(vec![Read::Get { space: ROWS, key: format!("{n:04}").into() }]);
    let mut replies = Vec::new();
    let all = async { replies = futures::future::join_all((0..16).map(get)).await };
    let (_, commands) = meter.of(all).await;
    // The first waits for nobody. Those that come while it is under way go out as one, between two looks.
    assert_eq!(commands, counted([("hget", 16), ("hmget", 2 + 2)]));
    assert!(replies.iter().all(|reply| matches!(reply.as_ref().unwrap().replies[..], [Reply::Record(Some(_))])));
}

#[tokio::test]
async fn commits_that_come_together_share_a_call() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut meter = Meter { raw: raw(&server).await };
    client.write(vec![put(ROWS, "a", "1")]).await;

    let insert = |lane: u64| {
        let absent = Check::Version { space: ROWS, key: format!("{lane}").into(), expect: None };
        let effects = vec![put(ROWS, format!("{lane}"), "1")];
        let tx = MiniTx::one(TxId { lane, seq: 1 }).checks(vec![absent]).effects(effects);
        client.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::default()))
    };
    let mut applied = Vec::new();
    let all = async { applied = futures::future::join_all((101..117).map(insert)).await };
    let (_, commands) = meter.of(all).await;
    // The first waits for nobody. The check of each and its write are one command, and their keys in order are added by one.
    let expected = counted([("evalsha", 2), ("hmget", 2), ("hset", 2), ("hsetnx", 16), ("zadd", 2)]);
    assert_eq!(commands, expected);
    let seqs: Vec<_> = applied.into_iter().map(|applied| applied.unwrap().remove(0)).collect();
    assert_eq!(seqs, (2..18).map(|seq| Applied::Done { seq }).collect::<Vec<_>>(), "in the order in which they came");
}

#[tokio::test]
async fn while_nobody_writes_a_read_looks_at_seq_once() {
    let server = LocalServer::start();
    let (client, other) = (open(&server).await, Client::by(&server.url(), RedisOptions::default(), 2).await);
    let mut meter = Meter { raw: raw(&server).await };
    client.write(vec![put(ROWS, "a", "1")]).await;
    for _ in 0..100 {
        client.get(ROWS, "a").await;
    }
    let (trips, commands) = meter.of(client.get(ROWS, "a")).await;
    assert_eq!((trips, commands), (1, counted([("hget", 1), ("hmget", 1)])));
    client.write(vec![put(ROWS, "a", "2")]).await;
    let (trips, commands) = meter.of(client.get(ROWS, "a")).await;
    assert_eq!((trips, commands), (1, counted([("hget", 1), ("hmget", 1)])), "after a write of its own");

    // What another has written meanwhile is seen, with the seq of it.
    let seq = other.write(vec![put(ROWS, "a", "3")]).await;
    let reply = client.read(vec![Read::Get { space: ROWS, key: "a".into() }]).await.unwrap();
    assert_eq!(reply.seq, seq);
    assert!(matches!(&reply.replies[..], [Reply::Record(Some((_, value)))] if value == "3"));
    let (trips, commands) = meter.of(client.get(ROWS, "a")).await;
    assert_eq!((trips, commands), (1, counted([("hget", 1), ("hmget", 2)])), "it is not quiet any more");
}
