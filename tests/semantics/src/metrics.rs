//! What a database tells of itself agrees with what its store is asked for, and with what its transactions do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rome_core::testkit::{Fault, Faults, Recorder};
use rome_orm::metrics::{Collector, Event, Metrics, TransactionEnd};
use rome_orm::prelude::*;
use rome_orm::store::Store;

use crate::sessions::{Dog, chipped, dog};
use crate::stores::places;

/// Counts events, and keeps those that are no calls.
#[derive(Default)]
struct Both(Collector, Mutex<Vec<Event>>);

impl Metrics for Both {
    fn record(&self, event: &Event) {
        self.0.record(event);
        if !matches!(event, Event::Call(_)) {
            self.1.lock().unwrap().push(*event);
        }
    }
}

impl Both {
    /// The events so far, without their times; how each transaction ended, and in how many attempts.
    fn ends(&self) -> Vec<(TransactionEnd, u32)> {
        let events = std::mem::take(&mut *self.1.lock().unwrap());
        let end = |event| match event {
            Event::Transaction { end, attempts, .. } => Some((end, attempts)),
            _ => None,
        };
        events.into_iter().filter_map(end).collect()
    }
}

async fn open(store: Arc<dyn Store>, metrics: &Arc<Both>) -> Database {
    Database::builder().entity::<Dog>().metrics(metrics.clone()).open(store).await.unwrap()
}

#[tokio::test]
async fn calls_are_counted_as_the_store_sees_them() {
    for place in places() {
        println!("on {}", place.name);
        let recorder = Arc::new(Recorder::new(place.open().await));
        // What reads several partitions is a transaction.
        let several = u64::from(recorder.capabilities().partitions > 1);
        let metrics = Arc::new(Both::default());
        let db = open(recorder.clone(), &metrics).await;
        let dogs = db.insert_many((0..30).map(|age| dog("Rex", age))).await.unwrap();
        db.update(&Dog { age: Some(99), ..dogs[0].clone() }).await.unwrap();
        db.query::<Dog>().filter(Dog::AGE.ge(10)).all().await.unwrap();
        db.get::<Dog>(dogs[1].id).await.unwrap();
        db.query::<Dog>().filter(Dog::NAME.eq("Max")).all().await.unwrap();
        db.query::<Dog>().count().await.unwrap();
        db.delete(&dogs[2]).await.unwrap();
        let (told, seen) = (metrics.0.snapshot(), recorder.tally());
        let calls = [&told.reads, &told.applies, &told.reserves].map(|calls| calls.calls as usize);
        assert_eq!(calls, [seen.reads, seen.applies, seen.reserves]);
        assert_eq!((told.reads.rows, told.reads.failed), (seen.records, 0));
        assert_eq!((told.committed, told.failed, told.unknown), (3 + 3 * several, 0, 0));
        assert!(told.reads.partitions >= told.reads.calls && told.reads.latency.max() >= told.reads.latency.p50());

        // Of a part of it only that part.
        recorder.clear();
        db.get_many::<Dog>(dogs.iter().map(|dog| dog.id)).await.unwrap();
        let did = metrics.0.snapshot().since(&told);
        assert_eq!((did.reads.calls as usize, did.reads.rows), (recorder.tally().reads, 29));
        assert_eq!((did.reads.asked, did.applies.calls, did.transactions.count()), (30, 0, several));
    }
}

#[tokio::test]
async fn conflicts_and_ends_of_transactions_are_told_each_once() {
    for place in places() {
        println!("on {}", place.name);
        let metrics = Arc::new(Both::default());
        let db = &open(place.open().await, &metrics).await;
        let id = db.insert(chipped("Rex", 1)).await.unwrap().id;
        let meddle = async || {
            let rex = db.query::<Dog>().filter(Dog::ID.eq(id));
            rex.update(Dog::AGE.set(Dog::AGE + 1)).await.map(drop)
        };
        metrics.ends();
        let before = metrics.0.snapshot();

        let runs = &AtomicU32::new(0);
        let grow = async |options: TransactionOptions, conflicts: u32| {
            runs.store(0, Ordering::SeqCst);
            let body = async move |s: &Session| {
                let dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
                if runs.fetch_add(1, Ordering::SeqCst) < conflicts {
                    meddle().await?;
                }
                s.update(&Dog { age: Some(0), ..dog }).await.map(drop)
            };
            db.transaction_with(options, body).await
        };
        grow(TransactionOptions::new(), 2).await.unwrap();
        assert_eq!(
            metrics.ends(),
            [(TransactionEnd::Committed, 1), (TransactionEnd::Committed, 1), (TransactionEnd::Committed, 3)]
        );
        assert!(grow(TransactionOptions::new().max_attempts(2), 9).await.unwrap_err().is_conflict());
        assert_eq!(
            metrics.ends(),
            [(TransactionEnd::Committed, 1), (TransactionEnd::Committed, 1), (TransactionEnd::Failed, 2)]
        );
        let did = metrics.0.snapshot().since(&before);
        assert_eq!((did.conflicts, did.retries, did.committed, did.failed), (4, 3, 5, 1));

        assert!(db.insert(chipped("Max", 1)).await.unwrap_err().is_unique_violation());
        let body = async |s: &Session| s.get::<Dog>(Id::new(77)).await?.ok_or_not_found();
        assert!(db.transaction(body).await.unwrap_err().is_not_found());
        let s = db.session();
        s.insert(dog("Ida", 1)).await.unwrap();
        s.commit().await.unwrap();
        let s = db.session();
        let rex = s.get::<Dog>(id).await.unwrap().unwrap();
        s.update(&Dog { age: Some(5), ..rex }).await.unwrap();
        meddle().await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
        db.session().rollback();
        let ends = [
            TransactionEnd::Failed,
            TransactionEnd::Failed,
            TransactionEnd::Committed,
            TransactionEnd::Committed,
            TransactionEnd::Failed,
        ];
        assert_eq!(metrics.ends(), ends.map(|end| (end, 1)));
        let did = metrics.0.snapshot().since(&before);
        assert_eq!((did.conflicts, did.retries), (5, 3));
        assert_eq!(did.transactions.count(), did.committed + did.failed);
    }
}

#[tokio::test]
async fn what_fails_and_what_nobody_knows_is_told_as_such() {
    for place in places() {
        println!("on {}", place.name);
        let faults = Arc::new(Faults::new(place.open().await));
        let several = usize::from(faults.capabilities().partitions > 1);
        let metrics = Arc::new(Both::default());
        let db = open(faults.clone(), &metrics).await;
        db.insert(dog("Rex", 1)).await.unwrap();
        metrics.ends();
        let before = metrics.0.snapshot();
        faults.fail_apply(0, Fault::Refused);
        db.insert(dog("Max", 1)).await.unwrap_err();
        faults.fail_apply(0, Fault::ReplyLost);
        assert!(db.insert(dog("Ida", 1)).await.unwrap_err().is_outcome_unknown());
        faults.fail_read(0);
        db.query::<Dog>().all().await.unwrap_err();
        let did = metrics.0.snapshot().since(&before);
        assert_eq!((did.applies.failed, did.reads.failed), (2, 1));
        assert_eq!((did.committed, did.failed as usize, did.unknown), (0, 1 + several, 1));
        let ends = [(TransactionEnd::Failed, 1), (TransactionEnd::Unknown, 1), (TransactionEnd::Failed, 1)];
        assert_eq!(metrics.ends(), ends[..2 + several]);
    }
}

#[test]
fn a_snapshot_prints_what_it_has() {
    let collector = Collector::new();
    collector.record(&Event::Transaction {
        end: TransactionEnd::Committed,
        attempts: 1,
        elapsed: Duration::from_millis(3),
    });
    collector.record(&Event::Conflict { attempt: 1, again: true });
    collector.record(&Event::Push { decided: true });
    let text = collector.snapshot().to_string();
    assert!(text.contains("committed 1, failed 0, unknown 0; conflicts 1, retries 1; pushes 1, decided 1"), "{text}");
    let line = text.lines().find(|line| line.starts_with("transaction")).unwrap();
    assert!(line.contains("3.0ms"), "{text}");
    assert_eq!(text.lines().map(str::len).take(5).collect::<std::collections::HashSet<_>>().len(), 1, "{text}");
}
