//! What bounds a transaction does what its name says.

use std::time::Duration;

use rome_orm::prelude::*;
use tokio::time::{Instant, sleep};

use super::{Dog, kennel};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(600);

/// With virtual time: what sleeps wakes at once, and how long it would have slept is seen.
#[tokio::test(start_paused = true)]
async fn a_time_out_ends_the_body_and_stores_nothing() {
    let db = kennel().await;
    let options = TransactionOptions::new().timeout(SHORT);
    let begun = Instant::now();
    let late = db
        .transaction_with(options.clone(), async |s| {
            s.query::<Dog>().delete().await?;
            sleep(LONG).await;
            Ok(())
        })
        .await;
    let error = late.unwrap_err();
    assert!(error.is_timed_out() && error.kind() == ErrorKind::TimedOut, "{error}");
    assert!(error.to_string().contains("20ms"), "{error}");
    assert!(begun.elapsed() < LONG);
    assert_eq!(db.query::<Dog>().count().await.unwrap(), 3, "nothing is stored");

    // What is in time is not touched.
    let dogs = db.transaction_with(options, async |s| s.query::<Dog>().delete().await).await.unwrap();
    assert_eq!((dogs, db.query::<Dog>().count().await.unwrap()), (3, 0));
}

/// How long conflicts are tried again ends no body.
#[tokio::test(start_paused = true)]
async fn retrying_for_a_while_is_no_time_out() {
    let db = kennel().await;
    let body = async |s: &Session| {
        sleep(LONG).await;
        s.query::<Dog>().delete().await
    };
    assert_eq!(db.transaction_with(TransactionOptions::new().retry_for(SHORT), body).await.unwrap(), 3);
}

/// A time-out also ends what conflicts again and again.
#[tokio::test]
async fn a_time_out_ends_conflicts_too() {
    let db = kennel().await;
    let id = db.query::<Dog>().first().await.unwrap().unwrap().id;
    let other = db.clone();
    let body = async move |s: &Session| {
        let dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
        other.query::<Dog>().filter(Dog::ID.eq(id)).update(Dog::AGE.set(Dog::AGE + 1)).await?;
        s.update(&Dog { name: "never".into(), ..dog }).await?;
        Ok(())
    };
    let options = TransactionOptions::new().retry_for(LONG).timeout(Duration::from_millis(300));
    let error = db.transaction_with(options, body).await.unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert_ne!(db.get::<Dog>(id).await.unwrap().unwrap().name, "never");
}

#[tokio::test]
async fn a_session_that_only_reads_says_so_by_a_bool() {
    let db = kennel().await;
    for read_only in [false, true] {
        let s = db.session_with(TransactionOptions::new().read_only(read_only));
        assert_eq!(s.query::<Dog>().delete().await.is_err(), read_only);
    }
}
