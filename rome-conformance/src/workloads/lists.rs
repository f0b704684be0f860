//! List-append over rows and over index scans.

use std::sync::Arc;

use rome_core::session::Session;
use rome_core::{Database, DatabaseBuilder, Result};
use rome_derive::Entity;

use super::mortal::Mortal;
use super::{TASKS, options};
use crate::history::{Anomaly, Level, Log, Op, Outcome, Running, Transaction, check};
use crate::together::together;
use crate::verdict::ensure;
use crate::{Subject, Verdict, Violation};

pub(crate) const LISTS: u64 = 8;
const EACH: u64 = 12;

/// A list in one row.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "lists")]
pub(crate) struct List {
    #[rome(key)]
    id: u64,
    members: Vec<u64>,
}

/// A member of a list that an index finds; it lies in any partition, and so do those beside it in the list. No two lists
/// have a value in common.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "items", index(list, place))]
pub(crate) struct Item {
    #[rome(key)]
    value: u64,
    list: u64,
    place: u64,
}

/// The same with an index whose entries lie together, and not beside the rows.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "pieces", global_index(list, place))]
pub(crate) struct Piece {
    #[rome(key)]
    value: u64,
    list: u64,
    place: u64,
}

/// The same with all members of a list in one partition.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "links", partition_by(list), index(list, place))]
pub(crate) struct Link {
    #[rome(key)]
    list: u64,
    #[rome(key)]
    value: u64,
    place: u64,
}

/// How a list is kept.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Row,
    Items,
    Pieces,
    Links,
}

/// The lists take turns.
const fn kept(list: u64) -> Kept {
    match list % 4 {
        0 => Kept::Row,
        1 => Kept::Items,
        2 => Kept::Pieces,
        _ => Kept::Links,
    }
}

/// The values of a list that an index finds.
macro_rules! members {
    ($s:expr, $entity:ident, $list:expr) => {{
        let members = $s.query::<$entity>().filter($entity::LIST.eq($list)).order_by($entity::PLACE.asc());
        members.all().await?.into_iter().map(|member| member.value).collect()
    }};
}

/// Puts a value behind the last one of a list that an index finds.
macro_rules! append {
    ($s:expr, $entity:ident, $list:expr, $value:expr) => {{
        let members = $s.query::<$entity>().filter($entity::LIST.eq($list)).order_by($entity::PLACE.desc());
        let place = members.first().await?.map_or(0, |last| last.place + 1);
        $s.insert($entity { value: $value, list: $list, place }).await?;
    }};
}

/// Something to do with a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    Read(u64),
    Append(u64, u64),
}

/// What tasks do to lists, [as they say](append_to_lists), is strictly serializable.
///
/// # Errors
/// When it is not.
pub async fn lists_are_strictly_serializable(subject: &impl Subject) -> Verdict {
    judge(&append_to_lists(subject).await?)
}

pub(super) fn judge(history: &[Transaction]) -> Verdict {
    let committed = history.iter().filter(|one| one.outcome == Outcome::Committed).count();
    ensure!(committed > history.len() / 4, "only {committed} of {} transactions committed", history.len());
    let anomalies: Vec<String> = check(history, Level::StrictSerializable).iter().map(Anomaly::to_string).collect();
    ensure!(anomalies.is_empty(), "{} transactions are not strictly serializable: {anomalies:#?}", history.len());
    Ok(())
}

/// What is left when clients go away in the middle of a commit, at any call and for good, is strictly serializable too: a
/// commit of theirs happened or not, and is never seen in part.
///
/// # Errors
/// When it is not.
pub async fn lists_outlive_their_clients(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let log = Arc::new(Log::new());
    // The catalog is there before the first client goes.
    let last = builder().open(store.clone()).await?;
    let tasks = (0..TASKS).map(|n| {
        let (store, log, db) = (store.clone(), log.clone(), last.clone());
        async move {
            let mut gone = Vec::new();
            for round in 0..EACH {
                if (n + round) % 4 != 0 {
                    transact(&db, &log, plan(n, round)).await;
                    continue;
                }
                let mortal = Mortal::new(store.clone());
                // A client that cannot begin says nothing.
                let Ok(db) = builder().open(mortal.clone()).await else { continue };
                mortal.dies_after((n * 5 + round * 3) % 8);
                mortal.while_alive(transact(&db, &log, plan(n, round))).await;
                gone.push(mortal);
            }
            Ok(gone)
        }
    });
    for mortal in together(tasks.collect::<Vec<_>>()).await?.into_iter().flatten() {
        mortal.arrive_late().await;
    }
    judge(&finish(&last, log).await?)
}

/// Tasks append to lists and read them, two or three in a transaction; some lists are rows, the others are what an index
/// finds. Returns what they saw.
///
/// # Errors
/// When the database cannot be opened, or at the end not be read.
pub async fn append_to_lists(subject: &impl Subject) -> Verdict<Vec<Transaction>> {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let db = builder().open(store.clone()).await?;
    let log = Arc::new(Log::new());
    // Handles know nothing of each other, like the programs of a cluster; the transactions of one take turns when they lose.
    let mut handles = vec![db.clone()];
    for _ in 1..TASKS {
        handles.push(builder().open(store.clone()).await.unwrap_or_else(|_| db.clone()));
    }
    let tasks = (0..TASKS).zip(&handles).map(|(n, db)| {
        let (db, log) = (db.clone(), log.clone());
        async move {
            for round in 0..EACH {
                transact(&db, &log, plan(n, round)).await;
            }
            Ok(())
        }
    });
    together(tasks.collect::<Vec<_>>()).await?;
    finish(&db, log).await
}

pub(crate) fn builder() -> DatabaseBuilder {
    Database::builder().entity::<List>().entity::<Item>().entity::<Piece>().entity::<Link>()
}

/// Reads all lists, since what was appended last is seen by nobody yet, and gives the history.
pub(crate) async fn finish(db: &Database, log: Arc<Log>) -> Verdict<Vec<Transaction>> {
    let all: Vec<Task> = (0..LISTS).map(Task::Read).collect();
    finish_with(log, async |log| transact(db, log, all.clone()).await).await
}

/// The same, where this reads all lists in one transaction.
pub(super) async fn finish_with(
    log: Arc<Log>,
    mut read_all: impl AsyncFnMut(&Log) -> Outcome,
) -> Verdict<Vec<Transaction>> {
    let mut seen = false;
    for _ in 0..10 {
        // A lost request may be the reason that this takes some tries.
        seen = seen || read_all(&log).await == Outcome::Committed;
    }
    ensure!(seen, "a transaction that runs alone and only reads does not commit");
    Arc::into_inner(log).map(Log::finish).ok_or_else(|| Violation::new("a task still runs"))
}

/// Writes every row once more, as it is.
pub(crate) async fn write_every_row(db: &Database) -> Result<()> {
    db.transaction_with(options(), async |s| {
        for mut row in s.query::<List>().all().await? {
            row.members.shrink_to_fit();
            s.update(&row).await?;
        }
        s.query::<Item>().update((Item::PLACE.set(Item::PLACE + 0),)).await?;
        s.query::<Piece>().update((Piece::PLACE.set(Piece::PLACE + 0),)).await?;
        s.query::<Link>().update((Link::PLACE.set(Link::PLACE + 0),)).await?;
        Ok(())
    })
    .await
}

/// Appends a value to each list, each in a transaction of its own.
pub(crate) async fn append_to_each(db: &Database, log: &Log, n: u64, round: u64) -> bool {
    let mut all = true;
    for list in 0..LISTS {
        let append = Task::Append(list, (n * 1_000_000 + round) * LISTS + list);
        all &= transact(db, log, vec![append]).await == Outcome::Committed;
    }
    all
}

/// Two or three lists; any fixed choice will do, as long as the tasks' choices differ.
pub(crate) fn plan(n: u64, round: u64) -> Vec<Task> {
    plan_of(n, round, LISTS)
}

/// The same of so many lists.
pub(super) fn plan_of(n: u64, round: u64, lists: u64) -> Vec<Task> {
    let (first, choice) = (n * 5 + round * 7, n * 3 + round);
    let step = |step: u64| {
        let list = (first + step) % lists;
        if (choice + step).is_multiple_of(3) {
            Task::Read(list)
        } else {
            Task::Append(list, (n * 1_000_000 + round) * lists + list)
        }
    };
    (0..2 + choice % 2).map(step).collect()
}

pub(crate) async fn transact(db: &Database, log: &Log, tasks: Vec<Task>) -> Outcome {
    let appends: Vec<Op> = tasks.iter().filter_map(|task| task.as_append()).collect();
    let mut running = log.begin();
    // This is all that will be known if the client goes away in between.
    appends.iter().for_each(|op| running.did(op.clone()));
    let result = db
        .transaction_with(options(), async move |s| {
            let mut ops = Vec::new();
            for task in tasks {
                task.carry_out(s, &mut ops).await?;
            }
            Ok(ops)
        })
        .await;
    end(running, appends, result)
}

/// Records how a transaction ended, and what it did; of one that may have failed only what it would have appended.
pub(super) fn end(mut running: Running<'_>, appends: Vec<Op>, result: Result<Vec<Op>>) -> Outcome {
    let (ops, outcome) = match result {
        Ok(ops) => (ops, Outcome::Committed),
        Err(error) if error.is_outcome_unknown() => (appends, Outcome::Unknown),
        Err(_) => (appends, Outcome::Aborted),
    };
    running.retries();
    ops.into_iter().for_each(|op| running.did(op));
    running.ended(outcome);
    outcome
}

impl Task {
    pub(super) const fn as_append(self) -> Option<Op> {
        match self {
            Self::Append(key, value) => Some(Op::Append { key, value }),
            Self::Read(_) => None,
        }
    }

    async fn carry_out(self, s: &Session, ops: &mut Vec<Op>) -> Result<()> {
        match self {
            Self::Read(key) => {
                let list = match kept(key) {
                    Kept::Row => s.get::<List>(key).await?.unwrap_or_default().members,
                    Kept::Items => members!(s, Item, key),
                    Kept::Pieces => members!(s, Piece, key),
                    Kept::Links => members!(s, Link, key),
                };
                ops.push(Op::Read { key, list });
            }
            Self::Append(key, value) => {
                match kept(key) {
                    Kept::Row => {
                        let mut row = s.get::<List>(key).await?.unwrap_or_default();
                        ops.push(Op::Read { key, list: row.members.clone() });
                        row.id = key;
                        row.members.push(value);
                        s.upsert(row).await?;
                    }
                    Kept::Items => append!(s, Item, key, value),
                    Kept::Pieces => append!(s, Piece, key, value),
                    Kept::Links => append!(s, Link, key, value),
                }
                ops.push(Op::Append { key, value });
            }
        }
        Ok(())
    }
}
