//! The allocation test of the first ROME: many clients take the first free address of a pool until it is empty. They all
//! want the same row, always, which is the worst that can happen to optimistic transactions.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rome_orm::prelude::*;

use crate::stores::{open, places};

const POOL: u32 = 256;
const CLIENTS: u64 = 64;
const PROCESSES: u64 = 4;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "addresses", index(owner, number))]
struct Address {
    #[rome(key)]
    number: u32,
    owner: Option<u64>,
}

async fn fill(db: &Database) {
    db.insert_many((0..POOL).map(|number| Address { number, owner: None })).await.unwrap();
}

/// What a client got, and how often its transactions ran.
#[derive(Default)]
struct Taken {
    numbers: Vec<u32>,
    runs: u64,
    most: u64,
}

/// Takes the first free address until there is none.
async fn take_all(db: Database, owner: u64) -> Taken {
    let mut taken = Taken::default();
    loop {
        let runs = &AtomicU64::new(0);
        // So many are in each other's way that on a busy machine the last one has to wait for longer than usual.
        let patient = TransactionOptions::new().retry_for(Duration::from_secs(60));
        let number = db
            .transaction_with(patient, async move |s| {
                runs.fetch_add(1, Ordering::Relaxed);
                let free = s.query::<Address>().filter(Address::OWNER.is_null()).order_by(Address::NUMBER.asc());
                let Some(address) = free.first().await? else { return Ok(None) };
                // Between reading and writing others come in, also where the store answers at once.
                tokio::task::yield_now().await;
                s.update(&Address { owner: Some(owner), ..address.clone() }).await?;
                Ok(Some(address.number))
            })
            .await
            .unwrap();
        let runs = runs.load(Ordering::Relaxed);
        (taken.runs, taken.most) = (taken.runs + runs, taken.most.max(runs));
        match number {
            Some(number) => taken.numbers.push(number),
            None => return taken,
        }
    }
}

async fn take_by_tasks(db: &Database, owners: std::ops::Range<u64>) -> Vec<(u64, Taken)> {
    let tasks: Vec<_> = owners.map(|owner| (owner, tokio::spawn(take_all(db.clone(), owner)))).collect();
    let mut all = Vec::new();
    for (owner, task) in tasks {
        all.push((owner, task.await.unwrap()));
    }
    all
}

/// The law: each address has one owner, who knows it, and nobody was given a later one before an earlier one.
async fn each_was_given_once(db: &Database, taken: &[(u64, Vec<u32>)]) {
    let mut given = HashSet::new();
    for (owner, numbers) in taken {
        assert!(numbers.is_sorted(), "client {owner} was given {numbers:?}");
        for number in numbers {
            assert!(given.insert(*number), "{number} was given twice");
            assert_eq!(db.get::<Address>(*number).await.unwrap().unwrap().owner, Some(*owner));
        }
    }
    assert_eq!(given.len(), POOL as usize);
    assert_eq!(db.query::<Address>().filter(Address::OWNER.is_null()).count().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_all_want_the_first_free_address_get_each_once() {
    for place in places() {
        let db = open!(place, [Address]);
        fill(&db).await;
        let taken = take_by_tasks(&db, 0..CLIENTS).await;
        let (runs, most) = taken.iter().fold((0, 0), |(runs, most), (_, t)| (runs + t.runs, most.max(t.most)));
        let retries = runs - u64::from(POOL) - CLIENTS;
        println!("{}: {POOL} addresses, {CLIENTS} clients, {retries} retries, {most} runs at most", place.name);
        let taken: Vec<_> = taken.into_iter().map(|(owner, taken)| (owner, taken.numbers)).collect();
        each_was_given_once(&db, &taken).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_all_want_the_first_free_address_get_each_once() {
    for place in places() {
        let Some(url) = place.url() else { continue };
        let db = open!(place, [Address]);
        fill(&db).await;
        let child = |process: u64| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", "--nocapture", "sessions::allocation::takes_addresses_as_a_process"])
                .env("ROME_ALLOCATION", format!("{process} {url}"))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..PROCESSES).map(child).collect();
        let (mut all, mut runs) = (Vec::new(), 0);
        for child in children {
            let done = child.wait_with_output().unwrap();
            let said = String::from_utf8(done.stdout).unwrap();
            assert!(done.status.success(), "{said}");
            for line in said.lines().filter_map(|line| line.strip_prefix("taken ")) {
                let numbers: Vec<u32> = line.split(' ').map(|number| number.parse().unwrap()).collect();
                runs += u64::from(numbers[1]);
                all.push((u64::from(numbers[0]), numbers[2..].to_vec()));
            }
        }
        let retries = runs - u64::from(POOL) - CLIENTS;
        println!("{}: {POOL} addresses, {PROCESSES} processes with {CLIENTS} clients, {retries} retries", place.name);
        each_was_given_once(&db, &all).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what a process of the test above does"]
async fn takes_addresses_as_a_process() {
    let Ok(task) = std::env::var("ROME_ALLOCATION") else { return };
    let (process, url) = task.split_once(' ').unwrap();
    let first = process.parse::<u64>().unwrap() * (CLIENTS / PROCESSES);
    let store = Arc::new(rome_redis::RedisStore::open(url).await.unwrap());
    let db = Database::builder().entity::<Address>().open(store).await.unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out).unwrap();
    for (owner, taken) in take_by_tasks(&db, first..first + CLIENTS / PROCESSES).await {
        let numbers = taken.numbers.iter().map(|number| format!(" {number}")).collect::<String>();
        writeln!(out, "taken {owner} {}{numbers}", taken.runs).unwrap();
    }
}
