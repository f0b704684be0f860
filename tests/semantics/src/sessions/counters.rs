//! Counted keys go on behind those that rows were given by hand.

use std::collections::HashSet;

use rome_orm::prelude::*;

use super::{Dog, dog, laws};
use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Tiny {
    #[rome(key, auto)]
    id: u8,
    n: u32,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Signed {
    #[rome(key, auto)]
    id: i16,
    n: u32,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Pair {
    #[rome(key)]
    a: u32,
    #[rome(key)]
    b: u32,
}

fn given(id: u64) -> Dog {
    Dog { id: Id::new(id), ..dog("given", 1) }
}

async fn next(db: &Database) -> u64 {
    db.insert(dog("counted", 1)).await.unwrap().id.into_value()
}

laws! { [Dog, Tiny, Signed, Pair]
    async fn a_number_follows_the_greatest_key_that_was_given(db) {
        db.insert_many((1..=30).map(given)).await.unwrap();
        assert_eq!(next(&db).await, 31);
        db.insert(given(500)).await.unwrap();
        assert_eq!(next(&db).await, 501);
        db.upsert(given(700)).await.unwrap();
        db.insert(given(600)).await.unwrap();
        assert_eq!(next(&db).await, 701);
        // In one statement, and in one session.
        let both = db.insert_many([given(800), dog("counted", 1), given(810)]).await.unwrap();
        assert_eq!(both[1].id, Id::new(811));
        let s = db.session();
        s.insert(given(900)).await.unwrap();
        assert_eq!(s.insert(dog("counted", 1)).await.unwrap().id, Id::new(901));
        s.commit().await.unwrap();
        assert_eq!(next(&db).await, 902);
    }

    async fn what_was_refused_or_rolled_back_moves_no_counter(db) {
        let first = next(&db).await;
        let s = db.session();
        s.insert(given(5_000)).await.unwrap();
        s.rollback();
        assert!(db.insert_many([given(6_000), given(first)]).await.unwrap_err().is_duplicate_key());
        let s = db.session();
        assert!(s.insert_many([given(7_000), given(first)]).await.unwrap_err().is_duplicate_key());
        assert!(s.insert(dog("counted", 1)).await.unwrap().id.into_value() < 5_000);
        s.commit().await.unwrap();
        assert!(next(&db).await < 5_000);
    }

    async fn a_mark_beyond_all_counting_is_not_counted_from(db) {
        db.insert_many([given(u64::MAX), given(1 << 62)]).await.unwrap();
        assert_eq!(next(&db).await, 1);
    }

    async fn a_counter_can_be_set_and_never_goes_back(db) {
        assert_eq!(db.counter::<Dog>().await.unwrap(), 1);
        assert_eq!(db.set_counter::<Dog>(1_000).await.unwrap(), 1_000);
        assert_eq!(db.counter::<Dog>().await.unwrap(), 1_000);
        assert_eq!(next(&db).await, 1_000);
        assert_eq!(db.counter::<Dog>().await.unwrap(), 1_001);
        let after = db.set_counter::<Dog>(5).await.unwrap();
        assert!(after > 1_000, "{after}");
        assert!(next(&db).await >= after);
        db.insert(given(9_000)).await.unwrap();
        assert_eq!(db.set_counter::<Dog>(2_000).await.unwrap(), 9_001);
        assert_eq!(next(&db).await, 9_001);
        assert!(db.set_counter::<Pair>(5).await.unwrap_err().is_invalid());
        assert!(db.counter::<Pair>().await.unwrap_err().is_invalid());
    }

    async fn the_end_of_a_narrow_key_is_an_error_and_given_keys_go_on(db) {
        db.insert(Tiny { id: 254, n: 1 }).await.unwrap();
        assert_eq!(db.insert(Tiny::default()).await.unwrap().id, 255);
        for _ in 0..3 {
            let full = db.insert(Tiny::default()).await.unwrap_err();
            assert!(full.is_overflow() || full.is_limit_exceeded(), "{full}");
        }
        db.insert(Tiny { id: 7, n: 1 }).await.unwrap();
        assert_eq!(db.query::<Tiny>().count().await.unwrap(), 3);
    }

    async fn negative_keys_are_not_counted_from(db) {
        db.insert_many([-5, -1].map(|id| Signed { id, n: 1 })).await.unwrap();
        assert_eq!(db.insert(Signed::default()).await.unwrap().id, 1);
        db.insert(Signed { id: 40, n: 1 }).await.unwrap();
        assert_eq!(db.insert(Signed::default()).await.unwrap().id, 41);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_handle_counts_on_behind_keys_that_it_does_not_know() {
    for place in places().into_iter().filter(|place| place.name != "embedded") {
        let (one, other) = (open!(place, [Dog]), open!(place, [Dog]));
        // Both have a block.
        let (a, b) = (next(&one).await, next(&other).await);
        one.insert_many((1..300).filter(|id| *id != a && *id != b).map(given)).await.unwrap();
        assert_eq!(next(&other).await, 300, "{}", place.name);
        one.insert_many((400..600).map(given)).await.unwrap();
        let many = other.insert_many((0..300).map(|_| dog("counted", 1))).await.unwrap();
        assert_eq!(many.len(), 300, "{}", place.name);
        // A transaction runs again; an explicit session is a conflict, and the next one counts on.
        one.insert_many((5_000..5_200).map(given)).await.unwrap();
        other.set_counter::<Dog>(4_999).await.unwrap();
        one.insert_many((5_200..5_900).map(given)).await.unwrap();
        let ids = other
            .transaction(async |s| {
                let mut ids = Vec::new();
                for _ in 0..3 {
                    ids.push(s.insert(dog("counted", 1)).await?.id.into_value());
                }
                Ok(ids)
            })
            .await
            .unwrap();
        assert!(ids.iter().all(|id| *id >= 5_900), "{}: {ids:?}", place.name);
        one.insert_many((6_000..7_000).map(given)).await.unwrap();
        let s = other.session();
        for _ in 0..150 {
            s.insert(dog("counted", 1)).await.unwrap();
        }
        assert!(s.commit().await.unwrap_err().is_conflict(), "{}", place.name);
        assert!(next(&other).await >= 7_000, "{}", place.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counted_and_given_keys_of_many_tasks_do_not_meet() {
    for place in places() {
        let one = open!(place, [Dog]);
        let other = if place.name == "embedded" { one.clone() } else { open!(place, [Dog]) };
        let tasks: Vec<_> = (0..6_u64)
            .map(|task| {
                let db = if task % 2 == 0 { one.clone() } else { other.clone() };
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    for round in 0..12_u64 {
                        if task < 2 {
                            // By hand, somewhat ahead of where the counter may be.
                            let _ = db.insert(given(1 + round * 40 + task)).await;
                        } else {
                            ids.push(db.insert(dog("counted", 1)).await.unwrap().id);
                        }
                    }
                    ids
                })
            })
            .collect();
        let mut all = HashSet::new();
        for task in tasks {
            for id in task.await.unwrap() {
                assert!(all.insert(id), "{}: {id:?} was given twice", place.name);
            }
        }
        assert_eq!(all.len(), 48, "{}", place.name);
    }
}
