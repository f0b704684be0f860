//! Increments from many tasks.

use rome_core::{Database, OrNotFound};
use rome_derive::Entity;

use super::{TASKS, options};
use crate::together::together;
use crate::verdict::ensure;
use crate::{Subject, Verdict, Violation};

const EACH: u64 = 10;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "counters")]
pub(crate) struct Counter {
    #[rome(key)]
    id: u64,
    n: u64,
}

/// Tasks count up one row, by reading and writing it and by one statement: it ends at the number of increments that were
/// acknowledged, and at most those besides whose outcome is unknown.
///
/// # Errors
/// When it does not.
pub async fn no_increment_is_lost(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let db = Database::builder().entity::<Counter>().open(subject.open(&place).await?).await?;
    start(&db).await?;
    let tasks = (0..TASKS).map(|n| {
        let db = db.clone();
        async move {
            let (mut done, mut unknown) = (0, 0);
            for round in 0..EACH {
                match increment(&db, (n + round) % 3 == 0).await {
                    Ok(()) => done += 1,
                    Err(error) if error.is_outcome_unknown() => unknown += 1,
                    Err(_) => {}
                }
            }
            Ok((done, unknown))
        }
    });
    let counted = together(tasks.collect::<Vec<_>>()).await?;
    let done: u64 = counted.iter().map(|(done, _)| done).sum();
    let unknown: u64 = counted.iter().map(|(_, unknown)| unknown).sum();
    let mut end = None;
    for _ in 0..10 {
        // A lost request may be the reason that this takes some tries.
        end = end.or(db.get::<Counter>(1_u64).await.ok().flatten());
    }
    let n = end.ok_or_else(|| Violation::new("the counter cannot be read"))?.n;
    ensure!(done > 0, "nothing was counted");
    ensure!((done..=done + unknown).contains(&n), "{n} after {done} increments, {unknown} unknown ones besides");
    Ok(())
}

pub(crate) async fn start(db: &Database) -> rome_core::Result<()> {
    db.insert(Counter { id: 1, n: 0 }).await.map(drop)
}

/// How far it has come.
pub(crate) async fn count(db: &Database) -> rome_core::Result<u64> {
    Ok(db.get::<Counter>(1_u64).await?.ok_or_not_found()?.n)
}

pub(crate) async fn increment(db: &Database, in_one_statement: bool) -> rome_core::Result<()> {
    if in_one_statement {
        let counter = db.query::<Counter>().filter(Counter::ID.eq(1));
        return counter.update((Counter::N.set(Counter::N + 1),)).await.map(|_| ());
    }
    db.transaction_with(options(), async |s| {
        let mut counter = s.get::<Counter>(1_u64).await?.ok_or_not_found()?;
        counter.n += 1;
        s.update(&counter).await?;
        Ok(())
    })
    .await
}
