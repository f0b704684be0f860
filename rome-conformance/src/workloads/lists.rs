//! List-append over rows and over index scans.

use std::sync::Arc;

use rome_core::session::Session;
use rome_core::{Database, Result};
use rome_derive::Entity;

use super::{TASKS, options};
use crate::history::{Anomaly, Level, Log, Op, Outcome, Transaction, check};
use crate::together::together;
use crate::verdict::ensure;
use crate::{Subject, Verdict, Violation};

const LISTS: u64 = 6;
const EACH: u64 = 12;

/// A list in one row.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "lists")]
struct List {
    #[rome(key)]
    id: u64,
    members: Vec<u64>,
}

/// A member of a list that an index finds. No two lists have a value in common.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "items", index(list, place))]
struct Item {
    #[rome(key)]
    value: u64,
    list: u64,
    place: u64,
}

/// Something to do with a list.
#[derive(Debug, Clone, Copy)]
enum Task {
    Read(u64),
    Append(u64, u64),
}

/// What tasks do to lists, [as they say](append_to_lists), is strictly serializable.
///
/// # Errors
/// When it is not.
pub async fn lists_are_strictly_serializable(subject: &impl Subject) -> Verdict {
    let history = append_to_lists(subject).await?;
    let committed = history.iter().filter(|one| one.outcome == Outcome::Committed).count();
    ensure!(committed > history.len() / 4, "only {committed} of {} transactions committed", history.len());
    let anomalies: Vec<String> = check(&history, Level::StrictSerializable).iter().map(Anomaly::to_string).collect();
    ensure!(anomalies.is_empty(), "{} transactions are not strictly serializable: {anomalies:#?}", history.len());
    Ok(())
}

/// Tasks append to lists and read them, two or three in a transaction; half of the lists are rows, the others are what an index
/// finds. Returns what they saw.
///
/// # Errors
/// When the database cannot be opened, or at the end not be read.
pub async fn append_to_lists(subject: &impl Subject) -> Verdict<Vec<Transaction>> {
    let place = subject.place();
    let builder = Database::builder().entity::<List>().entity::<Item>();
    let db = builder.open_store(subject.open(&place).await?).await?;
    let log = Arc::new(Log::new());
    let tasks = (0..TASKS).map(|n| {
        let (db, log) = (db.clone(), log.clone());
        async move {
            for round in 0..EACH {
                transact(&db, &log, plan(n, round)).await;
            }
            Ok(())
        }
    });
    together(tasks.collect::<Vec<_>>()).await?;
    // What was appended last is seen by nobody yet. A lost request may be the reason that this takes some tries.
    let all: Vec<Task> = (0..LISTS).map(Task::Read).collect();
    let mut seen = false;
    for _ in 0..10 {
        seen = seen || transact(&db, &log, all.clone()).await == Outcome::Committed;
    }
    ensure!(seen, "a transaction that runs alone and only reads does not commit");
    Arc::into_inner(log).map(Log::finish).ok_or_else(|| Violation::new("a task still runs"))
}

/// Two or three lists; any fixed choice will do, as long as the tasks' choices differ.
fn plan(n: u64, round: u64) -> Vec<Task> {
    let (first, choice) = (n * 5 + round * 7, n * 3 + round);
    let step = |step: u64| {
        let list = (first + step) % LISTS;
        if (choice + step).is_multiple_of(3) {
            Task::Read(list)
        } else {
            Task::Append(list, (n * 1000 + round) * LISTS + list)
        }
    };
    (0..2 + choice % 2).map(step).collect()
}

async fn transact(db: &Database, log: &Log, tasks: Vec<Task>) -> Outcome {
    let mut running = log.begin();
    let appends: Vec<Op> = tasks.iter().filter_map(|task| task.as_append()).collect();
    let result = db
        .transaction_with(options(), async move |s| {
            let mut ops = Vec::new();
            for task in tasks {
                task.carry_out(s, &mut ops).await?;
            }
            Ok(ops)
        })
        .await;
    let (ops, outcome) = match result {
        Ok(ops) => (ops, Outcome::Committed),
        Err(error) if error.is_outcome_unknown() => (appends, Outcome::Unknown),
        Err(_) => (appends, Outcome::Aborted),
    };
    ops.into_iter().for_each(|op| running.did(op));
    running.ended(outcome);
    outcome
}

impl Task {
    const fn as_append(self) -> Option<Op> {
        match self {
            Self::Append(key, value) => Some(Op::Append { key, value }),
            Self::Read(_) => None,
        }
    }

    async fn carry_out(self, s: &Session, ops: &mut Vec<Op>) -> Result<()> {
        match self {
            Self::Read(list) if list < LISTS / 2 => {
                let row = s.get::<List>(list).await?.unwrap_or_default();
                ops.push(Op::Read { key: list, list: row.members });
            }
            Self::Read(list) => {
                let items = s.query::<Item>().filter(Item::LIST.eq(list)).order_by(Item::PLACE.asc()).all().await?;
                ops.push(Op::Read { key: list, list: items.into_iter().map(|item| item.value).collect() });
            }
            Self::Append(list, value) if list < LISTS / 2 => {
                let mut row = s.get::<List>(list).await?.unwrap_or_default();
                ops.push(Op::Read { key: list, list: row.members.clone() });
                row.id = list;
                row.members.push(value);
                s.upsert(row).await?;
                ops.push(Op::Append { key: list, value });
            }
            Self::Append(list, value) => {
                let last = s.query::<Item>().filter(Item::LIST.eq(list)).order_by(Item::PLACE.desc()).first().await?;
                let place = last.map_or(0, |last| last.place + 1);
                s.insert(Item { value, list, place }).await?;
                ops.push(Op::Append { key: list, value });
            }
        }
        Ok(())
    }
}
