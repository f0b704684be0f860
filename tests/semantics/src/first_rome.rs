//! What the first ROME got wrong and no other module of these tests names: each mistake once.

use std::sync::Arc;

use rome::prelude::*;
use rome_core::testkit::{Fault, Faults, Recorder};

use crate::sessions::{Dog, chipped, dog, laws};
use crate::stores::{places, places_of_one_partition};

laws! { [Dog]
    async fn a_session_that_is_given_up_blocks_nobody(db) {
        // A dead client made a row unwritable.
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let abandoned = db.session();
        abandoned.get::<Dog>(rex.id).await.unwrap();
        abandoned.update(&Dog { age: Some(9), ..rex.clone() }).await.unwrap();
        std::mem::forget(abandoned);
        let changed = db.update(&Dog { age: Some(2), ..rex }).await.unwrap();
        db.delete(&changed).await.unwrap();
    }

    async fn a_session_that_takes_its_time_still_commits_safely(db) {
        // Locks expired while the commit went on. There are none: only what has changed meanwhile counts.
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let (slow, other) = (db.session(), db.session());
        for s in [&slow, &other] {
            s.get::<Dog>(rex.id).await.unwrap();
            s.update(&Dog { age: Some(9), ..rex.clone() }).await.unwrap();
        }
        for n in 0..500 {
            db.insert(dog("Elsewhere", n)).await.unwrap();
        }
        slow.commit().await.unwrap();
        assert!(other.commit().await.unwrap_err().is_conflict());
    }

    async fn a_row_that_both_sides_of_an_or_find_comes_once(db) {
        // A union kept duplicates.
        db.insert_all([chipped("Rex", 1), chipped("Max", 2), dog("Fido", 7)]).await.unwrap();
        let either = db.query::<Dog>().filter(Dog::AGE.le(1).or(Dog::CHIP.eq(1)).or(Dog::CITY.eq("Nice")));
        assert!(either.explain().await.unwrap().to_string().contains("union"));
        assert_eq!(either.clone().order_by(Dog::NAME.asc()).select(Dog::NAME).all().await.unwrap(), ["Max", "Rex"]);
        assert_eq!((either.count().await.unwrap(), either.keys().await.unwrap().len()), (2, 2));
        assert_eq!(either.limit(2).all().await.unwrap().len(), 2);
    }

    async fn nothing_in_nothing_is_an_answer(db) {
        // Aggregates on nothing crashed.
        let none = db.query::<Dog>().filter(Dog::AGE.gt(3)).order_by(Dog::AGE.desc());
        assert_eq!((none.count().await.unwrap(), none.exists().await.unwrap()), (0, false));
        assert_eq!((none.all().await.unwrap(), none.first().await.unwrap()), (vec![], None));
        assert_eq!(none.clone().page(5).fetch().await.unwrap().next, None);
        assert_eq!((none.update_all(Dog::AGE.set(1)).await.unwrap(), none.delete_all().await.unwrap()), (0, 0));
        assert_eq!(db.insert_all(Vec::<Dog>::new()).await.unwrap(), []);
        assert_eq!(db.get_many::<Dog>(Vec::<Id<Dog>>::new()).await.unwrap(), []);
        db.session().commit().await.unwrap();
    }
}

#[tokio::test]
async fn an_error_of_the_store_is_told_and_never_swallowed() {
    // Errors were swallowed while saving.
    for place in places() {
        let faults = Arc::new(Faults::new(place.open().await));
        let db = Database::builder().entity::<Dog>().open_store(faults.clone()).await.unwrap();
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        faults.fail_apply(0, Fault::Refused);
        let error = db.insert(dog("Max", 1)).await.unwrap_err();
        assert!(error.is_unavailable() && !error.is_outcome_unknown() && !error.is_conflict(), "{error}");
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 1);
        faults.fail_read(0);
        assert!(db.get::<Dog>(rex.id).await.unwrap_err().is_unavailable());
        faults.fail_read(0);
        assert!(db.query::<Dog>().all().await.unwrap_err().is_unavailable());
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex));
    }
}

#[tokio::test]
async fn what_might_have_been_applied_is_an_unknown_outcome_and_is_not_tried_again() {
    for place in places_of_one_partition() {
        for (fault, stored) in [(Fault::RequestLost, 0), (Fault::ReplyLost, 1)] {
            let recorder = Arc::new(Recorder::new(place.open().await));
            let faults = Arc::new(Faults::new(recorder.clone()));
            let db = Database::builder().entity::<Dog>().open_store(faults.clone()).await.unwrap();
            db.query::<Dog>().delete_all().await.unwrap();
            faults.fail_apply(0, fault);
            let runs = &std::sync::atomic::AtomicU32::new(0);
            let error = db
                .transaction(async move |s| {
                    runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    s.insert(dog("Rex", 1)).await
                })
                .await
                .unwrap_err();
            assert!(error.is_outcome_unknown() && !error.is_conflict() && !error.is_unavailable(), "{error}");
            assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 1);
            assert_eq!(db.query::<Dog>().count().await.unwrap(), stored, "{fault:?}");
            db.insert(dog("Next", 1)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_is_where_its_url_says() {
    // The configured backend was ignored.
    let folder = std::env::temp_dir().join(format!("rome-url-{}", std::process::id()));
    let url = format!("embedded:{}", folder.display());
    let open = async |url: &str| Database::builder().entity::<Dog>().open(url).await;
    let db = open(&url).await.unwrap();
    db.insert(dog("Rex", 1)).await.unwrap();
    assert!(folder.is_dir());
    let error = open(&url).await.unwrap_err();
    assert!(error.is_in_use(), "{error}");
    drop(db);
    assert_eq!(open(&url).await.unwrap().query::<Dog>().count().await.unwrap(), 1);
    assert_eq!(open("memory:").await.unwrap().query::<Dog>().count().await.unwrap(), 0);
    std::fs::remove_dir_all(folder).unwrap();
}
