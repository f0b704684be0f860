//! For how long a transaction is tried again, in virtual time.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use tokio::time::{Instant, sleep};

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "counters")]
struct Counter {
    #[rome(key)]
    id: u64,
    value: i64,
}

/// Two handles of one database, as two programs have them: neither knows what the other is doing.
async fn two_programs() -> (Database, Database) {
    let store = Arc::new(MemoryStore::new());
    let open = || Database::builder().entity::<Counter>().open(store.clone());
    let (one, other) = (open().await.unwrap(), open().await.unwrap());
    one.insert(Counter { id: 1, value: 0 }).await.unwrap();
    (one, other)
}

/// A transaction that takes some time and loses the first so many times against another program.
async fn lose(times: i64, takes: Duration, options: TransactionOptions) -> rome_orm::Result<i64> {
    let (own, other) = two_programs().await;
    let other = &other;
    own.transaction_with(options, async move |s| {
        let counter = s.get::<Counter>(1u64).await?.ok_or_not_found()?;
        sleep(takes).await;
        if counter.value < times {
            other.update(&Counter { value: counter.value + 1, ..counter.clone() }).await?;
        }
        Ok(s.update(&Counter { id: 1, value: -counter.value }).await?.value)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_loses_often_is_tried_until_it_wins() {
    let begun = Instant::now();
    assert_eq!(lose(200, Duration::from_millis(10), TransactionOptions::new()).await.unwrap(), -200);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn after_ten_seconds_it_gives_up() {
    let begun = Instant::now();
    let error = lose(i64::MAX, Duration::from_millis(10), TransactionOptions::new()).await.unwrap_err();
    assert!(error.is_conflict() && error.attempts().unwrap() > 50, "{error}");
    assert!((10..11).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

/// The one whose turn it is tries at once, but not for ever: where attempts take no time, two programs would go on to meet.
#[tokio::test(start_paused = true)]
async fn attempts_that_take_no_time_end_as_well() {
    let options = TransactionOptions::new().retry_for(Duration::from_millis(100));
    assert!(lose(i64::MAX, Duration::ZERO, options).await.unwrap_err().is_conflict());
}
