//! What would hold more rows in memory than is allowed is refused, with the bound and with what to do, and nothing is done by halves.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rome_derive::Entity;

use crate::ask::MOST_ROWS;
use crate::expr::sum;
use crate::store::memory::MemoryStore;
use crate::{Database, Result};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(crate = "crate", table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    age: u64,
    weight: u64,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(crate = "crate", table = "cats")]
struct Cat {
    #[rome(key)]
    id: u64,
    weight: u64,
}

/// Databases in one partition and in five, with so many dogs, each as heavy as nine others.
async fn databases(dogs: u64) -> Vec<Database> {
    let mut all = Vec::new();
    for partitions in [1, 5] {
        let store = Arc::new(MemoryStore::with_partitions(partitions));
        let db = Database::builder().entity::<Dog>().entity::<Cat>().open(store).await.unwrap();
        db.insert_many((0..dogs).map(|id| Dog { id, age: id % 7, weight: id / 10 })).await.unwrap();
        all.push(db);
    }
    all
}

fn assert_refused<T>(refused: Result<T>, parts: &[&str]) {
    let error = refused.map(drop).unwrap_err();
    assert!(error.is_limit_exceeded(), "{error}");
    for part in [&[MOST_ROWS.to_string().as_str()], parts].concat() {
        assert!(error.to_string().contains(part), "{error} does not say {part}");
    }
}

const MOST: u64 = MOST_ROWS as u64;

#[tokio::test]
async fn as_many_rows_are_sorted_as_are_allowed_and_not_one_more() {
    for db in databases(MOST).await {
        let heaviest = || db.query::<Dog>().order_by(Dog::WEIGHT.desc());
        assert_eq!(heaviest().all().await.unwrap().len(), MOST_ROWS);
        db.insert(Dog { id: MOST, ..Default::default() }).await.unwrap();
        let says = ["`dogs`", "sort", "add a limit, or an index for its order or filter"];
        assert_refused(heaviest().all().await, &says);
        // What tells how many there are tells it of all, and what an index narrows, or a limit, is another question.
        assert_eq!(heaviest().count().await.unwrap(), MOST + 1);
        assert_eq!(heaviest().limit(2).all().await.unwrap().len(), 2);
        assert!(heaviest().filter(Dog::AGE.eq(3)).all().await.unwrap().len() > 100);
    }
}

#[tokio::test]
async fn a_session_goes_on_after_a_refusal() {
    for db in databases(MOST).await {
        let s = db.session();
        s.insert(Dog { id: MOST, weight: 5, ..Default::default() }).await.unwrap();
        assert_refused(s.query::<Dog>().order_by(Dog::WEIGHT.asc()).all().await, &["`dogs`"]);
        assert_refused(s.query::<Dog>().join(Dog::WEIGHT.on(Cat::WEIGHT)).all().await, &["dogs"]);
        assert_eq!(s.query::<Dog>().filter(Dog::ID.ge(MOST)).count().await.unwrap(), 1);
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().count().await.unwrap(), MOST + 1);
    }
}

#[tokio::test]
async fn a_join_keeps_as_many_rows_as_are_allowed_of_each_side_and_together() {
    for db in databases(MOST).await {
        let narrow = "narrow it by a filter or a limit";
        let same = || db.query::<Cat>().join(Cat::WEIGHT.on(Dog::WEIGHT));
        db.insert_many((0..100).map(|id| Cat { id, weight: id })).await.unwrap();
        assert_eq!(same().all().await.unwrap().len(), MOST_ROWS);
        // One row more than is kept of what is joined.
        db.insert(Cat { id: 100, weight: 5 }).await.unwrap();
        assert_refused(same().all().await, &["cats, dogs", narrow]);
        // And of one side, which would be hashed.
        db.insert(Dog { id: MOST, weight: 1 << 40, ..Default::default() }).await.unwrap();
        assert_refused(same().all().await, &["dogs", narrow]);
        assert_refused(same().order_by(Cat::ID.asc()).all().await, &["dogs", narrow]);
        assert_refused(db.query::<Cat>().cross_join::<Dog>().all().await, &["dogs", narrow]);
    }
}

#[tokio::test]
async fn as_many_groups_are_kept_as_are_allowed() {
    for db in databases(MOST).await {
        let groups = || db.query::<Dog>().group_by(Dog::ID).select((Dog::ID, sum(Dog::WEIGHT)));
        assert_eq!(groups().all().await.unwrap().len(), MOST_ROWS);
        db.insert(Dog { id: MOST, ..Default::default() }).await.unwrap();
        assert_refused(groups().all().await, &["groups", "narrow it by a filter"]);
    }
}
