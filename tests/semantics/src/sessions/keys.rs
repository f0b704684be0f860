//! Keys: generated ones are never given twice, composite ones order by their parts.

use std::collections::HashSet;

use rome_orm::prelude::*;
use uuid::Uuid;

use super::{Dog, dog, laws};
use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Sorted {
    #[rome(key, auto)]
    id: Uuid,
    n: u32,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Drawn {
    #[rome(key, auto = uuid_v4)]
    id: Uuid,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Visit {
    #[rome(key)]
    dog: u32,
    #[rome(key)]
    day: String,
    note: String,
}

fn visit(dog: u32, day: &str) -> Visit {
    Visit { dog, day: day.into(), note: String::new() }
}

laws! { [Dog, Sorted, Drawn, Visit]
    async fn generated_keys_of_16_tasks_are_unique(db) {
        let tasks: Vec<_> = (0..16).map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..10 {
                    ids.push(db.insert(dog("Rex", 1)).await.unwrap().id);
                }
                ids.extend(db.insert_many((0..30).map(|_| dog("Rex", 1))).await.unwrap().iter().map(|dog| dog.id));
                ids
            })
        }).collect();
        let mut all = HashSet::new();
        for task in tasks {
            for id in task.await.unwrap() {
                assert!(id != Id::default() && all.insert(id), "{id:?} was given twice");
            }
        }
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 640);
    }

    async fn a_given_key_is_kept(db) {
        let rex = db.insert(Dog { id: Id::new(1_000_000), ..dog("Rex", 1) }).await.unwrap();
        assert_eq!(rex.id, Id::new(1_000_000));
        let id = Uuid::from_u128(9);
        assert_eq!(db.insert(Sorted { id, n: 1 }).await.unwrap().id, id);
    }

    async fn uuid_keys_are_of_the_version_that_is_declared(db) {
        let mut before = Uuid::nil();
        for n in 0..20 {
            let id = db.insert(Sorted { n, ..Default::default() }).await.unwrap().id;
            assert_eq!(id.get_version_num(), 7);
            assert!(id > before);
            before = id;
        }
        let in_order = db.query::<Sorted>().order_by(Sorted::ID.asc()).select(Sorted::N).all().await.unwrap();
        assert_eq!(in_order, (0..20).collect::<Vec<_>>());
        assert_eq!(db.insert(Drawn::default()).await.unwrap().id.get_version_num(), 4);
    }

    async fn composite_keys_are_looked_up_ordered_and_ranged_by_their_parts(db) {
        let all = [visit(1, "a"), visit(1, "b"), visit(1, "b\0"), visit(2, ""), visit(10, "a"), visit(256, "a")];
        db.insert_many(all.iter().rev().cloned()).await.unwrap();
        assert!(db.insert(visit(1, "b")).await.unwrap_err().is_duplicate_key());
        assert_eq!(db.get::<Visit>((2, String::new())).await.unwrap(), Some(visit(2, "")));
        assert_eq!(db.get::<Visit>((2, "a".to_owned())).await.unwrap(), None);
        let by_key = db.query::<Visit>().order_by((Visit::DOG.asc(), Visit::DAY.asc()));
        assert_eq!(by_key.all().await.unwrap(), all);
        assert!(!by_key.explain().await.unwrap().sorts_in_memory());
        let of_one = db.query::<Visit>().filter(Visit::DOG.eq(1));
        assert_eq!(of_one.clone().order_by(Visit::DAY.desc()).all().await.unwrap(), [visit(1, "b\0"), visit(1, "b"), visit(1, "a")]);
        assert!(!of_one.explain().await.unwrap().is_full_scan());
        assert!(db.delete_by_key::<Visit>((10, "a".to_owned())).await.unwrap());
        assert_eq!(db.query::<Visit>().filter(Visit::DOG.gt(2)).keys().await.unwrap(), [(256, "a".to_owned())]);
    }

    async fn get_many_gives_rows_in_the_order_that_was_asked(db) {
        let dogs = db.insert_many((0..5).map(|n| dog("Rex", n))).await.unwrap();
        let asked = [dogs[3].id, Id::new(99_999), dogs[0].id, dogs[3].id];
        let found = db.get_many::<Dog>(asked).await.unwrap();
        assert_eq!(found, [Some(dogs[3].clone()), None, Some(dogs[0].clone()), Some(dogs[3].clone())]);
    }
}

#[tokio::test]
async fn generated_keys_are_not_given_again_after_a_reopen() {
    for place in places() {
        let mut all = HashSet::new();
        for _ in 0..3 {
            let db = open!(place, [Dog]);
            for _ in 0..70 {
                assert!(all.insert(db.insert(dog("Rex", 1)).await.unwrap().id), "on {}", place.name);
            }
        }
    }
}
