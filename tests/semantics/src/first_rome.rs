//! What the first ROME got wrong, each mistake as a test on every store. Tests that are not in this file are in the module
//! that is named.
//!
//! | mistake | test |
//! |---|---|
//! | locks expired while the commit went on | `a_session_that_takes_its_time_still_commits_safely` |
//! | a commit went object by object, and a crash left half of it | `a_commit_that_is_lost_on_its_way_is_whole_or_not_there`; `kill -9` in the stores' own crash tests |
//! | a query flushed unchecked writes before it | `sessions::lifecycle::a_query_in_a_session_commits_nothing` |
//! | a delete reset the row's version counter | `sessions::isolation::a_row_that_is_deleted_and_inserted_again_is_not_the_row_that_was_read` |
//! | nothing that was read was validated | `sessions::isolation::{write_skew_is_a_conflict, a_phantom_in_a_range_is_a_conflict}` and those beside |
//! | index entries were never removed | `sessions::lifecycle::index_entries_of_old_values_are_removed` |
//! | whole tables were loaded for each query and join | `a_query_and_a_join_read_what_they_need`; exact calls in `calls` and `relational::calls` |
//! | `count()` loaded all rows | `a_query_and_a_join_read_what_they_need`, `calls::a_count_by_an_index_reads_no_rows` |
//! | NULL was 0 | `sessions::lifecycle::null_is_not_zero` |
//! | `limit` and `order_by` were ignored | `an_order_and_a_limit_count` |
//! | an outer join was an inner join | `a_left_join_keeps_what_an_inner_join_leaves_out` |
//! | an inner join ran as an outer merge | `a_left_join_keeps_what_an_inner_join_leaves_out`, `relational::calls::a_join_reads_each_entity_once` |
//! | an aggregate of nothing crashed | `nothing_in_nothing_is_an_answer`, `relational::named::aggregates_of_nothing_are_null_and_counts_are_zero` |
//! | a union kept duplicates | `a_union_gives_each_row_once`, `a_row_that_both_sides_of_an_or_find_comes_once` |
//! | errors were swallowed while saving | `an_error_of_the_store_is_told_and_never_swallowed`, `what_might_have_been_applied_is_an_unknown_outcome_and_is_not_tried_again` |
//! | it tried again for ever | `sessions::retry::attempts_are_bounded_and_the_error_says_how_many_and_what_blocked` |
//! | one table was one key, and so in one slot | `a_table_is_spread_over_all_partitions` |
//! | a dead client made a row unwritable | `a_session_that_is_given_up_blocks_nobody`, `left_behind` |
//! | the configured backend was ignored | `a_database_is_where_its_url_says` |

use std::sync::Arc;

use rome_core::testkit::{Fault, Faults, Recorder};
use rome_orm::prelude::*;
use rome_orm::store::{Partition, Read, ReadOptions, Reply, Space, Span, TableId};

use crate::sessions::{Dog, chipped, dog, laws};
use crate::stores::{places, places_of_one_partition};

/// A city, to be joined with dogs by its name.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct City {
    #[rome(key)]
    name: String,
    beds: u32,
}

fn city(name: &str, beds: u32) -> City {
    City { name: name.into(), beds }
}

fn dog_in(city: &str, name: &str, age: u32) -> Dog {
    Dog { city: city.into(), ..dog(name, age) }
}

laws! { [Dog, City]
    async fn a_left_join_keeps_what_an_inner_join_leaves_out(db) {
        // An outer join was an inner join, and an inner join ran as an outer merge.
        db.insert_many([dog_in("Lyon", "Rex", 1), dog_in("Nice", "Max", 2)]).await.unwrap();
        db.insert_many([city("Lyon", 12), city("Oslo", 5)]).await.unwrap();
        let inner = db.query::<Dog>().join(Dog::CITY.on(City::NAME)).select((Dog::NAME, City::BEDS));
        assert_eq!(inner.all().await.unwrap(), [("Rex".to_owned(), 12)]);
        assert_eq!(inner.count().await.unwrap(), 1);
        let left = db.query::<Dog>().left_join(Dog::CITY.on(City::NAME)).order_by(Dog::NAME.asc());
        let left = left.select((Dog::NAME, City::BEDS));
        assert_eq!(left.all().await.unwrap(), [("Max".to_owned(), None), ("Rex".to_owned(), Some(12))]);
        assert_eq!(left.count().await.unwrap(), 2);
    }

    async fn a_union_gives_each_row_once(db) {
        db.insert_many([dog("Rex", 1), dog("Max", 2)]).await.unwrap();
        let all = db.query::<Dog>();
        let some = db.query::<Dog>().filter(Dog::AGE.le(1));
        assert_eq!(all.clone().union(&some).all().await.unwrap().len(), 2);
        assert_eq!(all.clone().union(&all).count().await.unwrap(), 2);
        assert_eq!(all.clone().select(Dog::CITY).union(all.clone().select(Dog::CITY)).all().await.unwrap(), ["Lyon"]);
        assert_eq!(all.union_all(&some).count().await.unwrap(), 3);
    }

    async fn an_order_and_a_limit_count(db) {
        db.insert_many([3, 1, 5, 2, 4].map(|age| dog("Rex", age))).await.unwrap();
        let eldest = db.query::<Dog>().order_by(Dog::AGE.desc()).limit(2);
        assert_eq!(eldest.clone().select(Dog::AGE).all().await.unwrap(), [Some(5), Some(4)]);
        assert_eq!(eldest.clone().offset(2).select(Dog::AGE).all().await.unwrap(), [Some(3), Some(2)]);
        assert_eq!(eldest.count().await.unwrap(), 2);
        // The same where no index gives the order.
        let by_name = db.query::<Dog>().order_by((Dog::NAME.asc(), Dog::AGE.asc())).limit(3).select(Dog::AGE);
        assert_eq!(by_name.all().await.unwrap(), [Some(1), Some(2), Some(3)]);
    }
}

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
        db.insert_many([chipped("Rex", 1), chipped("Max", 2), dog("Fido", 7)]).await.unwrap();
        let either = db.query::<Dog>().filter(Dog::AGE.le(1).or(Dog::CHIP.eq(1)).or(Dog::CITY.eq("Nice")));
        assert!(either.explain().await.unwrap().to_string().contains("Union of 3 ways"));
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
        assert_eq!((none.update(Dog::AGE.set(1)).await.unwrap(), none.delete().await.unwrap()), (0, 0));
        assert_eq!(db.insert_many(Vec::<Dog>::new()).await.unwrap(), []);
        assert_eq!(db.get_many::<Dog>(Vec::<Id<Dog>>::new()).await.unwrap(), []);
        db.session().commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_query_and_a_join_read_what_they_need() {
    for place in places() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let db = Database::builder().entity::<Dog>().entity::<City>().open(recorder.clone()).await.unwrap();
        db.insert_many((0..100).map(|n| city(&format!("city {n}"), n))).await.unwrap();
        db.insert_many((0..1000).map(|n| dog_in(&format!("city {}", n % 100), "Rex", n))).await.unwrap();
        // What was visited and what was returned since the last look.
        let read = || {
            let tally = recorder.tally();
            recorder.clear();
            (tally.visited, tally.records)
        };
        read();
        let partitions = u64::from(db.store().capabilities().partitions);
        assert_eq!(db.query::<Dog>().order_by(Dog::AGE.desc()).limit(5).all().await.unwrap().len(), 5);
        let (visited, _) = read();
        assert!(visited <= 12 * partitions, "{visited} of 1000 for a limit of 5 on {}", place.name);
        assert_eq!(db.query::<Dog>().filter(Dog::CITY.eq("city 7")).count().await.unwrap(), 10);
        assert_eq!(read().1, 0, "a count by an index reads no rows on {}", place.name);
        let joined = db.query::<Dog>().join(Dog::CITY.on(City::NAME)).filter(City::NAME.eq("city 7"));
        assert_eq!(joined.all().await.unwrap().len(), 10);
        let (visited, _) = read();
        assert!(visited <= 100, "{visited} of 1100 for a join of 11 on {}", place.name);
    }
}

#[tokio::test]
async fn a_commit_that_is_lost_on_its_way_is_whole_or_not_there() {
    const ROWS: u64 = 40;
    for place in places() {
        let mut seen = std::collections::BTreeSet::new();
        for fault in [Fault::Refused, Fault::RequestLost, Fault::ReplyLost] {
            for step in 0..3 {
                let store = place.open().await;
                let faults = Arc::new(Faults::new(store.clone()));
                let db = Database::builder().entity::<Dog>().open(faults.clone()).await.unwrap();
                db.query::<Dog>().delete().await.unwrap();
                faults.fail_apply(step, fault);
                let outcome = db.insert_many((0..ROWS).map(|n| chipped("Rex", n))).await;
                // Another client, which knows nothing of the first.
                let other = Database::builder().entity::<Dog>().open(store).await.unwrap();
                let stored = other.query::<Dog>().count().await.unwrap();
                assert!([0, ROWS].contains(&stored), "{stored} of {ROWS}, {fault:?} at {step} on {}", place.name);
                assert!(outcome.is_err() || stored == ROWS, "{fault:?} at {step} on {}", place.name);
                assert!(outcome.is_ok() || fault != Fault::Refused || stored == 0, "{step} on {}", place.name);
                assert_eq!(other.query::<Dog>().filter(Dog::AGE.eq(1)).count().await.unwrap(), stored);
                assert_eq!(other.query::<Dog>().all().await.unwrap().len() as u64, stored);
                seen.insert(stored);
            }
        }
        assert_eq!(seen.len(), 2, "some were applied and some not on {}", place.name);
    }
}

#[tokio::test]
async fn a_table_is_spread_over_all_partitions() {
    for place in places() {
        let db = crate::stores::open!(place, [Dog]);
        futures::future::try_join_all((0..200).map(|n| db.insert(dog("Rex", n)))).await.unwrap();
        let store = db.store();
        let count = |partition| (Partition(partition), vec![Read::count(Span::all(Space::Rows(TableId(1))))]);
        let batch: Vec<_> = (0..store.capabilities().partitions).map(count).collect();
        let replies = store.read(&batch, ReadOptions::new()).await.unwrap();
        let counts: Vec<u64> = replies
            .into_iter()
            .map(|reply| match reply.replies.as_slice() {
                [Reply::Count(counted)] => counted.n,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(counts.iter().sum::<u64>(), 200, "on {}", place.name);
        let fair = 200 / counts.len() as u64;
        assert!(counts.iter().all(|n| (fair / 2..=fair * 2).contains(n)), "{counts:?} on {}", place.name);
    }
}

#[tokio::test]
async fn an_error_of_the_store_is_told_and_never_swallowed() {
    // Errors were swallowed while saving.
    for place in places() {
        let faults = Arc::new(Faults::new(place.open().await));
        let db = Database::builder().entity::<Dog>().open(faults.clone()).await.unwrap();
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
            let db = Database::builder().entity::<Dog>().open(faults.clone()).await.unwrap();
            db.query::<Dog>().delete().await.unwrap();
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
    for place in places() {
        let Some(url) = place.url() else { continue };
        let open = async |url: &str| Database::builder().entity::<Dog>().open(url).await.unwrap();
        open(&url).await.insert(dog("Rex", 1)).await.unwrap();
        assert_eq!(open(&url).await.query::<Dog>().count().await.unwrap(), 1, "{}", place.name);
        assert_eq!(open(&url.replace("prefix=", "prefix=x")).await.query::<Dog>().count().await.unwrap(), 0);
    }
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
