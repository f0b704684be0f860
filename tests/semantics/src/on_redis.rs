//! What a database costs a Redis server, as the server counts it, and what it does on one that is full or not its own any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rome_core::testkit::Recorder;
use rome_orm::prelude::*;
use rome_redis::RedisStore;
use rome_redis::testkit::{LocalCluster, LocalServer};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(city, age), count(by = city))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    age: u32,
    city: String,
    #[rome(unique)]
    chip: Option<u64>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "towns", index(beds))]
struct Town {
    #[rome(key)]
    name: String,
    beds: u32,
}

fn dog(chip: u64) -> Dog {
    Dog { age: 3, city: "Lyon".into(), chip: Some(chip), ..Default::default() }
}

fn town(name: &str) -> Town {
    Town { name: name.into(), beds: 1 }
}

async fn open(url: &str) -> Database {
    Database::builder().entity::<Dog>().entity::<Town>().open(url).await.unwrap()
}

/// What a server counted since its numbers were reset: how often it read from connections, and calls of commands, also those
/// that scripts made.
fn counted(server: &LocalServer) -> (i64, BTreeMap<String, i64>) {
    let info: String = server.ask("INFO all");
    let number = |text: &str| text.split(',').next().and_then(|n| n.trim().parse().ok());
    let lines = || info.lines().filter_map(|line| line.split_once(':'));
    let reads = lines().find_map(|(name, n)| (name == "total_reads_processed").then(|| number(n)).flatten());
    let command =
        |(name, n): (&str, &str)| Some((name.strip_prefix("cmdstat_")?.to_owned(), number(n.strip_prefix("calls=")?)?));
    let mut commands: BTreeMap<String, i64> = lines().filter_map(command).collect();
    commands.retain(|name, _| !["info", "config|resetstat", "hello", "client|setinfo"].contains(&name.as_str()));
    (reads.unwrap(), commands)
}

/// The round trips of some work and its commands.
async fn cost<T: std::fmt::Debug>(
    server: &LocalServer,
    work: impl Future<Output = rome_orm::Result<T>>,
) -> (i64, BTreeMap<String, i64>) {
    server.ask::<()>("CONFIG RESETSTAT");
    let (questions, _) = counted(server);
    server.ask::<()>("CONFIG RESETSTAT");
    work.await.unwrap();
    let (reads, commands) = counted(server);
    (reads - questions, commands)
}

#[tokio::test]
async fn an_insert_is_one_round_trip_and_an_update_or_a_delete_two() {
    let server = LocalServer::start();
    let db = open(&server.url()).await;
    // Takes a lane and a block of keys.
    let first = db.insert(dog(1)).await.unwrap();
    let (trips, commands) = cost(&server, db.insert(dog(2))).await;
    assert_eq!((trips, commands["evalsha"]), (1, 1), "an insert: {commands:?}");
    let towns = (0..100).map(|n| town(&format!("{n}")));
    let (_, commands) = cost(&server, db.insert_many(towns)).await;
    assert_eq!(commands["evalsha"], 1, "a hundred inserts: {commands:?}");

    let moved = Dog { city: "Nice".into(), chip: Some(200), ..first.clone() };
    let (trips, commands) = cost(&server, db.update(&moved)).await;
    assert_eq!((trips, commands["evalsha"]), (2, 1), "an update: {commands:?}");
    let (trips, commands) = cost(&server, db.delete(&moved)).await;
    assert_eq!((trips, commands["evalsha"]), (2, 1), "a delete: {commands:?}");
    let (trips, commands) = cost(&server, db.get::<Dog>(first.id)).await;
    assert_eq!((trips, commands.get("evalsha")), (1, None), "a get: {commands:?}");
}

#[tokio::test]
async fn a_commit_over_two_slots_is_two_round_trips_and_one_behind_it() {
    let cluster = LocalCluster::with(2, 0, &[]);
    let store = RedisStore::open(&format!("{}?partitions=2", cluster.url())).await.unwrap();
    let recorder = Arc::new(Recorder::new(Arc::new(store)));
    let db = Database::builder().entity::<Dog>().entity::<Town>().open(recorder.clone()).await.unwrap();
    let evals = || (0..2).map(|node| counted(cluster.node(node)).1.get("evalsha").copied().unwrap_or(0)).sum::<i64>();
    let begin = || {
        (0..2).for_each(|node| cluster.node(node).ask("CONFIG RESETSTAT"));
        recorder.clear();
    };
    // What was prepared is finished in the background.
    let end = async || {
        let until = Instant::now() + Duration::from_secs(10);
        while recorder.tally().applies == 2 && Instant::now() < until {
            tokio::task::yield_now().await;
        }
        recorder.tally()
    };
    begin();
    // Sentinels and lanes.
    db.insert_many((0..16).map(|n| town(&format!("first {n}")))).await.unwrap();
    assert_eq!(end().await.applies, 3);
    let mut seen = BTreeSet::new();
    for n in 0..32 {
        begin();
        db.insert_many([town(&format!("left {n}")), town(&format!("right {n}"))]).await.unwrap();
        let tally = end().await;
        assert_eq!((tally.reads, tally.reserves), (0, 0), "{:?}", recorder.calls());
        assert_eq!(evals(), i64::try_from(tally.applies).unwrap(), "one script a call");
        seen.insert(tally.applies);
    }
    // Prepared at one, decided at the other, finished at the first; or both in one slot.
    assert_eq!(seen, BTreeSet::from([1, 3]));
}

#[tokio::test]
async fn a_full_server_that_was_started_again_is_read_and_rows_are_deleted() {
    let mut server = LocalServer::durable();
    let before = open(&server.url()).await;
    let dogs = before.insert_many((0..10).map(dog)).await.unwrap();
    before.insert(town("Lyon")).await.unwrap();
    drop(before);
    server.kill();
    server.restart();
    server.ask::<()>("CONFIG SET maxmemory 1");
    let db = open(&server.url()).await;
    assert_eq!(db.query::<Dog>().all().await.unwrap().len(), 10);
    db.delete(&dogs[0]).await.unwrap();
    db.query::<Dog>().filter(Dog::CHIP.lt(5)).delete().await.unwrap();
    db.delete(&town("Lyon")).await.unwrap();
    assert_eq!(db.query::<Dog>().count().await.unwrap(), 5);
    assert!(db.admin().check().await.unwrap().is_clean());
    let full = db.insert(town("Nice")).await.unwrap_err();
    assert!(full.to_string().contains("out of memory"), "{full}");
    let full = db.insert(dog(77)).await.unwrap_err();
    assert!(full.to_string().contains("out of memory"), "{full}");
    server.ask::<()>("CONFIG SET maxmemory 0");
    db.insert(dog(77)).await.unwrap();
}

#[tokio::test]
async fn a_handle_whose_database_was_replaced_says_so() {
    let server = LocalServer::start();
    let old = open(&server.url()).await;
    old.insert(town("Lyon")).await.unwrap();
    server.ask::<()>("FLUSHALL");
    let new = open(&server.url()).await;
    let error = old.insert(town("Nice")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("another database") && text.contains("open it again"), "{text}");
    assert!(!error.is_outcome_unknown(), "{text}");
    assert_eq!(new.query::<Town>().count().await.unwrap(), 0);
}
