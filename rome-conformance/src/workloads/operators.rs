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
use rome_core::session::{Session, TransactionOptions};
use rome_core::{Database, DatabaseBuilder, Result};

use super::lists::{Task, end, finish_with, judge, plan_of};
use super::{TASKS, at_last, options};
use crate::history::{Log, Op, Outcome};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

const ROUNDS: u64 = 8;
/// How many lists there are; the sets have the numbers behind theirs.
pub(crate) const LISTS: u64 = 4;
const SETS: u64 = 3;
/// How many members a set may have of those that are its own, by the rule that the tasks keep.
pub(crate) const SIDES: u64 = 4;
const LEAST: usize = 1;
const MOST: usize = 2;

/// Lists and sets as rows that an operator reads.
pub(crate) trait Kept: 'static {
    /// What they are read from.
    type Root: Entity;

    /// The same database with their tables.
    fn add(builder: DatabaseBuilder) -> DatabaseBuilder;

    /// Writes the rows that are there before the first member, of so many lists and sets.
    fn prepare(db: &Database, lists: u64, sets: u64) -> BoxFuture<'_, Result<()>> {
        let _ = (db, lists, sets);
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

    /// How many rows there are, each of which has one entry.
    fn count(db: &Database) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async { db.query::<Self::Root>().ignore_indexes().count().await })
    }
}

/// Prepares so many lists and sets, each set with one member. May be done again.
pub(crate) async fn start<K: Kept>(db: &Database, lists: u64, sets: u64) -> Result<()> {
    K::prepare(db, lists, sets).await?;
    for set in LISTS..LISTS + sets {
        change::<K>(db, options(), set, 0, set).await?;
    }
    Ok(())
}

/// Tasks append to lists and read them, and put members into sets and take them out, all at once.
pub(super) async fn hold<K: Kept>(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let db = K::add(Database::builder()).open(store.clone()).await?;
    at_last(async || start::<K>(&db, LISTS, SETS).await).await?;
    let log = Arc::new(Log::new());
    // Half of the tasks have a handle of their own, like another program.
    let other = K::add(Database::builder()).open(store).await.unwrap_or_else(|_| db.clone());
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
                if let Ok((expected, seen)) = change::<K>(&db, options(), set, (n / 2 + round) % SIDES, way).await {
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
    at_last(async || audit_sets::<K>(&db, SETS).await).await??;
    let all: Vec<Task> = (0..LISTS).map(Task::Read).collect();
    judge(&finish_with(log, async |log| transact::<K>(&db, log, all.clone(), 2).await).await?)
}

/// Whether all sets are as the rule wants them, and the same by each way to read them, when nobody changes them.
pub(crate) async fn audit_sets<K: Kept>(db: &Database, sets: u64) -> Result<Verdict> {
    for set in LISTS..LISTS + sets {
        let (mut one, mut other) = (K::members(db.query(), set, 0).await?, K::members(db.query(), set, 1).await?);
        one.sort_unstable();
        other.sort_unstable();
        if one != other {
            return Ok(Err(Violation::new(format!("set {set} has {one:?}, and by another way {other:?}"))));
        }
        if let Err(violation) = test_set(set, &one) {
            return Ok(Err(violation));
        }
    }
    Ok(Ok(()))
}

/// Whether these can be the members of a set.
pub(crate) fn test_set(set: u64, seen: &[u64]) -> Verdict {
    ensure!((LEAST..=MOST).contains(&seen.len()), "set {set} has {LEAST} to {MOST} members, and {seen:?} were seen");
    ensure!(seen.iter().all(|side| *side < SIDES), "set {set} has no members such as {seen:?}");
    Ok(())
}

/// Puts a member in or takes it out, where the rule allows it. Returns what has to be there then, and what is seen.
pub(crate) async fn change<K: Kept>(
    db: &Database,
    options: TransactionOptions,
    set: u64,
    side: u64,
    way: u64,
) -> Result<(Vec<u64>, Vec<u64>)> {
    db.transaction_with(options, async move |s| {
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
