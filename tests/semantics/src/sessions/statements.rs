//! Statements of one session are whole, also where they run at once, fail or are dropped in the middle.

use std::sync::Arc;

use futures::future::join;
use rome_core::store::memory::MemoryStore;
use rome_core::testkit::Faults;
use rome_orm::prelude::*;

use super::{Dog, chipped, dog};

/// A database whose store gives other tasks a turn around each call, as a remote one does.
async fn yielding() -> Database {
    let store = Faults::new(Arc::new(MemoryStore::new()));
    store.yield_around_calls();
    Database::builder().entity::<Dog>().open(Arc::new(store)).await.unwrap()
}

#[tokio::test]
async fn a_statement_that_is_dropped_in_the_middle_leaves_nothing() {
    let db = yielding().await;
    let session = db.session();
    let mut insert = Box::pin(session.insert_many([chipped("Rex", 1), chipped("Ida", 2)]));
    // Far enough that the rows are buffered and their unique values are being asked for.
    for _ in 0..64 {
        let count = {
            let polled = futures::poll!(insert.as_mut());
            assert!(polled.is_pending(), "it went through before it was dropped");
            session.query::<Dog>().count().await.unwrap()
        };
        if count > 0 {
            break;
        }
    }
    drop(insert);
    assert_eq!(session.query::<Dog>().count().await.unwrap(), 0);
    session.commit().await.unwrap();
    assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_statement_that_fails_takes_back_nothing_of_another_at_the_same_time() {
    let db = yielding().await;
    db.insert(chipped("Ida", 7)).await.unwrap();
    let rex = db.insert(dog("Rex", 1)).await.unwrap();
    let session = db.session();
    let bad = Dog { chip: Some(7), ..rex.clone() };
    let good = Dog { age: Some(9), ..rex.clone() };
    let (failed, done) = join(session.update(&bad), session.update(&good)).await;
    assert!(failed.unwrap_err().is_unique_violation());
    done.unwrap();
    session.commit().await.unwrap();
    assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(good));
}

#[tokio::test]
async fn a_value_that_was_given_up_and_taken_is_not_taken_back() {
    let db = yielding().await;
    let rex = db.insert(chipped("Rex", 7)).await.unwrap();
    let session = db.session();
    session.update(&Dog { chip: Some(8), ..rex.clone() }).await.unwrap();
    session.insert(chipped("Ida", 7)).await.unwrap();
    assert!(session.update(&rex).await.unwrap_err().is_unique_violation());
    session.commit().await.unwrap();
    assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(7)).one().await.unwrap().name, "Ida");
}
