//! A long transaction gets through while short ones change its rows all the time, and so do they.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Row {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    kind: u32,
    long: u64,
    short: u64,
}

const ROWS: u64 = 1_500;

/// Tasks that change single rows until they are told to stop; what each of them has done.
struct Short {
    stop: Arc<AtomicBool>,
    done: Vec<Arc<AtomicU64>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Short {
    fn begin(db: &Database) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut done, mut tasks) = (Vec::new(), Vec::new());
        for task in 0..4_u64 {
            let (db, stop, count) = (db.clone(), stop.clone(), Arc::new(AtomicU64::new(0)));
            done.push(count.clone());
            tasks.push(tokio::spawn(async move {
                let mut at = task;
                while !stop.load(Ordering::Relaxed) {
                    at = (at * 7 + 13) % ROWS;
                    let row = db.query::<Row>().filter(Row::ID.eq(at));
                    assert_eq!(row.update(Row::SHORT.set(Row::SHORT + 1)).await.unwrap(), 1);
                    count.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }));
        }
        Self { stop, done, tasks }
    }

    async fn all_have_begun(&self) {
        while self.done.iter().any(|done| done.load(Ordering::Relaxed) == 0) {
            tokio::task::yield_now().await;
        }
    }

    /// How many rows they have changed in all; each of them some.
    async fn end(self) -> u64 {
        // They go on after the long ones.
        let before: Vec<u64> = self.done.iter().map(|done| done.load(Ordering::Relaxed)).collect();
        while self.done.iter().zip(&before).any(|(done, before)| done.load(Ordering::Relaxed) <= *before) {
            tokio::task::yield_now().await;
        }
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.done.iter().map(|done| done.load(Ordering::Relaxed)).sum()
    }
}

async fn fill(db: &Database) {
    for first in (0..ROWS).step_by(500) {
        db.insert_many((first..first + 500).map(|id| Row { id, kind: (id % 3) as u32, ..Default::default() }))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_of_all_rows_gets_through_among_changes_of_single_ones() {
    for place in places() {
        let db = open!(place, [Row]);
        fill(&db).await;
        let short = Short::begin(&db);
        short.all_have_begun().await;
        for _ in 0..2 {
            let all = db.query::<Row>().update(Row::LONG.set(Row::LONG + 1)).await;
            assert_eq!(all.unwrap(), ROWS, "{}", place.name);
        }
        // Two at once, one of them by another way.
        let (all, by_kind) = (db.query::<Row>(), db.query::<Row>().filter(Row::KIND.lt(3)));
        let more = || Row::LONG.set(Row::LONG + 1);
        let (a, b) = tokio::join!(all.update(more()), by_kind.update(more()));
        assert_eq!((a.unwrap(), b.unwrap()), (ROWS, ROWS), "{}", place.name);
        let changed = short.end().await;
        let rows = db.query::<Row>().all().await.unwrap();
        assert!(rows.iter().all(|row| row.long == 4), "{}", place.name);
        assert_eq!(rows.iter().map(|row| row.short).sum::<u64>(), changed, "{}", place.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_body_that_waits_for_a_short_one_does_not_wait_for_ever() {
    for place in places() {
        let db = open!(place, [Row]);
        fill(&db).await;
        let short = Short::begin(&db);
        short.all_have_begun().await;
        let handle = &db;
        let sum = db
            .transaction_with(TransactionOptions::new().max_attempts(12), async move |s| {
                let rows = s.query::<Row>().all().await?;
                // In the same task, and in another one.
                handle.insert(Row { id: 1_000_000, ..Default::default() }).await.ok();
                let other = handle.clone();
                tokio::spawn(async move { other.insert(Row { id: 1_000_001, ..Default::default() }).await.ok() })
                    .await
                    .unwrap();
                s.update(&Row { long: 9, ..rows[0].clone() }).await?;
                Ok(rows.len())
            })
            .await;
        assert!(sum.is_ok() || sum.unwrap_err().is_conflict(), "{}", place.name);
        short.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_in_pieces_changes_each_row_once_and_says_how_far_it_came() {
    for place in places() {
        let db = open!(place, [Row]);
        fill(&db).await;
        let short = Short::begin(&db);
        let long = Row::LONG.set(Row::LONG + 1);
        assert_eq!(db.query::<Row>().in_pieces(128).update(long.clone()).await.unwrap(), ROWS, "{}", place.name);
        let some = db.query::<Row>().filter(Row::KIND.eq(1));
        assert_eq!(some.clone().in_pieces(77).update(long.clone()).await.unwrap(), ROWS / 3, "{}", place.name);
        short.end().await;
        for row in db.query::<Row>().all().await.unwrap() {
            assert_eq!(row.long, if row.kind == 1 { 2 } else { 1 }, "{}: {row:?}", place.name);
        }
        // One row in the middle cannot be changed.
        db.query::<Row>().filter(Row::ID.eq(700)).update(Row::LONG.set(u64::MAX)).await.unwrap();
        let broken = db.query::<Row>().in_pieces(100).update(long.clone()).await.unwrap_err();
        assert!(broken.error.is_overflow() && broken.done == 700, "{}: {broken}", place.name);
        db.query::<Row>().filter(Row::ID.eq(700)).update(Row::LONG.set(0)).await.unwrap();
        let rest = db.query::<Row>().in_pieces(100).after(broken.after).update(long.clone()).await;
        assert_eq!(rest.unwrap(), ROWS - 700, "{}", place.name);
        let wrong = db.query::<Row>().in_pieces(0).update(long.clone()).await.unwrap_err();
        assert!(wrong.error.is_invalid(), "{}", place.name);
        let wrong = db.query::<Row>().limit(5).in_pieces(2).update(long.clone()).await.unwrap_err();
        assert!(wrong.error.is_invalid(), "{}", place.name);
        let s = db.session();
        assert!(s.query::<Row>().in_pieces(2).update(long).await.unwrap_err().error.is_invalid(), "{}", place.name);
        assert_eq!(some.in_pieces(100).delete().await.unwrap(), ROWS / 3, "{}", place.name);
        assert_eq!(db.query::<Row>().count().await.unwrap(), ROWS - ROWS / 3, "{}", place.name);
    }
}
