//! Lists and sets that are read through one operator of the executor.
//!
//! A list is a list of a [history](crate::history): whatever misses a member of it, or sees one too early, leaves a read that no
//! serial order explains. Its members come only. Those of a set come and go: a transaction looks which are there, and takes one out
//! or puts one in only if enough are left or missing by what it saw, so a write skew empties the set or makes it too large. Nothing but
//! what the operator visited keeps two transactions apart: they write different rows.

use std::sync::Arc;

use futures::future::BoxFuture;
use rome_core::model::Entity;
use rome_core::query::Query;
use rome_core::session::Session;
use rome_core::{Database, DatabaseBuilder, Result};

use super::lists::{Task, end, finish_with, judge, plan_of};
use super::{TASKS, at_last, options};
use crate::history::{Log, Op, Outcome};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

const ROUNDS: u64 = 8;
/// How many lists there are; the sets have the numbers behind theirs.
pub(super) const LISTS: u64 = 4;
const SETS: u64 = 3;
/// How many members a set may have of those that are its own, by the rule that the tasks keep.
pub(super) const SIDES: u64 = 4;
const LEAST: usize = 1;
const MOST: usize = 2;

/// Lists and sets as rows that an operator reads.
pub(super) trait Kept: 'static {
    /// What they are read from.
    type Root: Entity;

    /// A database with their tables.
    fn builder() -> DatabaseBuilder;

    /// Writes the rows that are there before the first member.
    fn prepare(db: &Database) -> BoxFuture<'_, Result<()>> {
        let _ = db;
        Box::pin(async { Ok(()) })
    }

    /// The values of a list, in order. There are several ways to read it, by `way`, of which each number is one; the query is of a
    /// session if it has to read in several steps.
    fn list(query: Query<'_, Self::Root>, list: u64, way: u64, in_steps: bool) -> BoxFuture<'_, Result<Vec<u64>>>;

    /// Puts a value behind the last one of a list, which it looks for through the operator.
    fn append(s: &Session, list: u64, value: u64) -> BoxFuture<'_, Result<()>>;

    /// Which members of a set are there, below [`SIDES`].
    fn members(query: Query<'_, Self::Root>, set: u64, way: u64) -> BoxFuture<'_, Result<Vec<u64>>>;

    /// Puts in a member that is missing.
    fn put(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>>;

    /// Takes out a member that is there.
    fn take(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>>;
}

/// Tasks append to lists and read them, and put members into sets and take them out, all at once.
pub(super) async fn hold<K: Kept>(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let db = K::builder().open_store(store.clone()).await?;
    at_last(async || K::prepare(&db).await).await?;
    for set in LISTS..LISTS + SETS {
        at_last(async || change::<K>(&db, set, 0, set).await).await?;
    }
    let log = Arc::new(Log::new());
    // Half of the tasks have a handle of their own, like another program.
    let other = K::builder().open_store(store).await.unwrap_or_else(|_| db.clone());
    let tasks = (0..TASKS).map(|n| {
        let (db, log) = (if n % 2 == 0 { &db } else { &other }.clone(), log.clone());
        async move {
            for round in 0..ROUNDS {
                let way = n * 3 + round;
                if (n + round) % 3 == 0 {
                    read_one::<K>(&db, &log, (n + round / 3) % LISTS, way).await;
                } else {
                    transact::<K>(&db, &log, plan_of(n, round, LISTS), way).await;
                }
                let set = LISTS + (n + round) % SETS;
                // Whatever fails changes nothing.
                if let Ok((expected, seen)) = change::<K>(&db, set, (n / 2 + round) % SIDES, way).await {
                    ensure_eq!(seen, expected, "set {set} as its own transaction sees it");
                    test_set(set, &seen)?;
                }
                if let Ok(seen) = K::members(db.query(), set, way + 1).await {
                    test_set(set, &seen)?;
                }
            }
            Ok(())
        }
    });
    together(tasks.collect::<Vec<_>>()).await?;
    for set in LISTS..LISTS + SETS {
        let (mut one, mut other) = at_last(async || {
            // By two ways.
            Ok((K::members(db.query(), set, 0).await?, K::members(db.query(), set, 1).await?))
        })
        .await?;
        one.sort_unstable();
        other.sort_unstable();
        ensure_eq!(one, other, "the members of set {set} by another way");
        test_set(set, &one)?;
    }
    let all: Vec<Task> = (0..LISTS).map(Task::Read).collect();
    judge(&finish_with(log, async |log| transact::<K>(&db, log, all.clone(), 2).await).await?)
}

fn test_set(set: u64, seen: &[u64]) -> Verdict {
    ensure!((LEAST..=MOST).contains(&seen.len()), "set {set} has {LEAST} to {MOST} members, and {seen:?} were seen");
    ensure!(seen.iter().all(|side| *side < SIDES), "set {set} has no members such as {seen:?}");
    Ok(())
}

/// Puts a member in or takes it out, where the rule allows it. Returns what has to be there then, and what is seen.
async fn change<K: Kept>(db: &Database, set: u64, side: u64, way: u64) -> Result<(Vec<u64>, Vec<u64>)> {
    db.transaction_with(options(), async move |s| {
        let mut expected = K::members(s.query(), set, way).await?;
        let is_there = expected.contains(&side);
        if is_there && expected.len() > LEAST {
            K::take(s, set, side).await?;
            expected.retain(|other| *other != side);
        } else if !is_there && expected.len() < MOST {
            K::put(s, set, side).await?;
            expected.push(side);
        }
        // The session sees its own write among the others.
        let mut seen = K::members(s.query(), set, way + 1).await?;
        expected.sort_unstable();
        seen.sort_unstable();
        Ok((expected, seen))
    })
    .await
}

/// Reads a list by one statement, which is a transaction of its own.
async fn read_one<K: Kept>(db: &Database, log: &Log, list: u64, way: u64) {
    let running = log.begin();
    let read = K::list(db.query(), list, way, false).await;
    end(running, Vec::new(), read.map(|read| vec![Op::Read { key: list, list: read }]));
}

async fn transact<K: Kept>(db: &Database, log: &Log, tasks: Vec<Task>, way: u64) -> Outcome {
    let appends: Vec<Op> = tasks.iter().filter_map(|task| task.as_append()).collect();
    let mut running = log.begin();
    // This is all that will be known if the transaction is dropped in between.
    appends.iter().for_each(|op| running.did(op.clone()));
    let result = db
        .transaction_with(options(), async move |s| {
            let mut ops = Vec::new();
            for task in tasks {
                match task {
                    Task::Read(key) => {
                        ops.push(Op::Read { key, list: K::list(s.query(), key, way, true).await? });
                    }
                    Task::Append(key, value) => {
                        K::append(s, key, value).await?;
                        ops.push(Op::Append { key, value });
                    }
                }
            }
            Ok(ops)
        })
        .await;
    end(running, appends, result)
}
