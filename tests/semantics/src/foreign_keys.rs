//! Foreign keys: what they allow, what follows from a delete, and that no race leaves an orphan.

use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
}

/// Goes with its owner.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(references = Owner, on_delete = cascade)]
    owner_id: Id<Owner>,
    #[rome(references = Dog, on_delete = set_null)]
    mother: Option<Id<Dog>>,
    #[rome(unique)]
    chip: Option<u32>,
}

/// Keeps its dog from being deleted.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "licences")]
struct Licence {
    #[rome(key, auto)]
    id: Id<Licence>,
    #[rome(references = Dog)]
    dog_id: Option<Id<Dog>>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "toys", partition_by(dog_id))]
struct Toy {
    #[rome(key, references = Dog, on_delete = cascade)]
    dog_id: Id<Dog>,
    #[rome(key)]
    name: String,
}

/// References a toy by its whole key.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "bites", foreign_key(dog_id, toy, references = Toy, on_delete = cascade))]
struct Bite {
    #[rome(key, auto)]
    id: Id<Bite>,
    dog_id: Id<Dog>,
    toy: String,
}

macro_rules! on_each_store {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident) $body:block)+) => { $(
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for place in places() {
                println!("on {}", place.name);
                let $db = open!(place, [Owner, Dog, Licence, Toy, Bite]);
                $body
            }
        }
    )+ };
}

async fn owner(db: &Database, name: &str) -> Owner {
    db.insert(Owner { name: name.into(), ..Default::default() }).await.unwrap()
}

async fn dog_of(db: &Database, owner: &Owner) -> Dog {
    db.insert(Dog { owner_id: owner.id, ..Default::default() }).await.unwrap()
}

on_each_store! {
    async fn a_row_references_only_what_is_there(db) {
        let nobody = Dog { owner_id: Id::new(77), ..Default::default() };
        let error = db.insert(nobody.clone()).await.unwrap_err();
        assert!(error.is_foreign_key_violation() && error.table() == Some("dogs"), "{error}");
        let text = error.to_string();
        assert!(text.contains("owner_id = 77") && text.contains("`owners`"), "{text}");
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
        // In a session the statement itself fails, and the session goes on without it.
        let s = db.session();
        assert!(s.insert(nobody.clone()).await.unwrap_err().is_foreign_key_violation());
        let ann = s.insert(Owner::default()).await.unwrap();
        let rex = s.insert(Dog { owner_id: ann.id, ..Default::default() }).await.unwrap();
        s.commit().await.unwrap();
        let moved = db.update(&Dog { owner_id: Id::new(77), ..rex.clone() }).await.unwrap_err();
        assert!(moved.is_foreign_key_violation(), "{moved}");
        assert!(db.upsert(Dog { owner_id: Id::new(77), ..rex.clone() }).await.unwrap_err().is_foreign_key_violation());
        let all = db.query::<Dog>().update((Dog::MOTHER.set(Some(Id::new(99))),)).await.unwrap_err();
        assert!(all.is_foreign_key_violation(), "{all}");
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex));
    }

    async fn null_references_nothing(db) {
        let licence = db.insert(Licence { dog_id: None, ..Default::default() }).await.unwrap();
        assert!(db.delete(&licence).await.is_ok());
    }

    async fn rows_of_one_statement_may_reference_each_other(db) {
        let ann = owner(&db, "Ann").await;
        let dog = |id, mother: Option<u64>| Dog {
            id: Id::new(id),
            owner_id: ann.id,
            mother: mother.map(Id::new),
            ..Default::default()
        };
        db.insert_many([dog(900, Some(901)), dog(901, Some(902)), dog(902, Some(902))]).await.unwrap();
        let s = db.session();
        s.insert_many([dog(910, Some(911)), dog(911, None)]).await.unwrap();
        assert!(s.insert_many([dog(920, Some(921))]).await.unwrap_err().is_foreign_key_violation());
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 5);
        // They may also go together.
        assert_eq!(db.query::<Dog>().delete().await.unwrap(), 5);
    }

    async fn restrict_names_who_is_in_the_way(db) {
        let ann = owner(&db, "Ann").await;
        let rex = dog_of(&db, &ann).await;
        let licence = db.insert(Licence { dog_id: Some(rex.id), ..Default::default() }).await.unwrap();
        for error in [
            db.delete(&rex).await.unwrap_err(),
            db.delete_by_key::<Dog>(rex.id).await.unwrap_err(),
            db.query::<Dog>().delete().await.unwrap_err(),
            // The owner's delete reaches the dog.
            db.delete(&ann).await.unwrap_err(),
        ] {
            assert!(error.is_foreign_key_violation() && error.table() == Some("dogs"), "{error}");
            assert!(error.to_string().contains("licences") && error.to_string().contains("dog_id"), "{error}");
        }
        assert_eq!(db.query::<Owner>().count().await.unwrap(), 1);
        // In a session that deletes both, in either order of statements that allows it.
        let s = db.session();
        assert!(s.delete(&rex).await.unwrap_err().is_foreign_key_violation());
        s.delete(&licence).await.unwrap();
        s.delete(&ann).await.unwrap();
        assert_eq!(s.query::<Dog>().count().await.unwrap(), 0);
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
    }

    async fn a_cascade_reaches_all_levels_and_set_null_the_rest(db) {
        let ann = owner(&db, "Ann").await;
        let ben = owner(&db, "Ben").await;
        let mut dogs = Vec::new();
        for chip in 0..6 {
            dogs.push(db.insert(Dog { owner_id: ann.id, chip: Some(chip), ..Default::default() }).await.unwrap());
        }
        let pup = Dog { owner_id: ben.id, mother: Some(dogs[0].id), ..Default::default() };
        let pup = db.insert(pup).await.unwrap();
        for dog in dogs.iter().chain([&pup]) {
            for name in ["ball", "bone"] {
                db.insert(Toy { dog_id: dog.id, name: name.into() }).await.unwrap();
                db.insert(Bite { dog_id: dog.id, toy: name.into(), ..Default::default() }).await.unwrap();
            }
        }
        // An error in the middle takes all of it back.
        let licence = db.insert(Licence { dog_id: Some(dogs[3].id), ..Default::default() }).await.unwrap();
        let s = db.session();
        assert!(s.delete(&ann).await.unwrap_err().is_foreign_key_violation());
        assert_eq!(s.query::<Toy>().count().await.unwrap(), 14);
        s.delete(&licence).await.unwrap();
        s.delete(&ann).await.unwrap();
        assert_eq!((s.query::<Toy>().count().await.unwrap(), s.query::<Bite>().count().await.unwrap()), (2, 2));
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().all().await.unwrap(), [Dog { mother: None, ..pup.clone() }]);
        assert_eq!((db.query::<Toy>().count().await.unwrap(), db.query::<Bite>().count().await.unwrap()), (2, 2));
        // The unique values of deleted rows are free again.
        db.insert(Dog { owner_id: ben.id, chip: Some(3), ..Default::default() }).await.unwrap();
    }

    async fn a_row_that_references_itself_can_go(db) {
        let ann = owner(&db, "Ann").await;
        let dog = Dog { id: Id::new(500), owner_id: ann.id, mother: Some(Id::new(500)), ..Default::default() };
        let dog = db.insert(dog).await.unwrap();
        db.delete(&dog).await.unwrap();
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
    }

    async fn a_change_of_the_parent_is_no_conflict_for_a_new_child(db) {
        let ann = owner(&db, "Ann").await;
        let s = db.session();
        s.insert(Dog { owner_id: ann.id, ..Default::default() }).await.unwrap();
        db.update(&Owner { name: "Anna".into(), ..ann.clone() }).await.unwrap();
        s.commit().await.unwrap();
        let s = db.session();
        s.insert(Dog { owner_id: ann.id, ..Default::default() }).await.unwrap();
        db.delete(&ann).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
    }

    /// A race of "insert child" with "delete parent", over the sessions of two handles.
    async fn a_race_leaves_no_orphan(db) {
        for round in 0..20 {
            let ann = owner(&db, "Ann").await;
            let rex = dog_of(&db, &ann).await;
            let insert = async {
                let mut inserted = 0;
                for n in 0..5 {
                    let dog = db.insert(Dog { owner_id: ann.id, ..Default::default() });
                    let toy = db.insert(Toy { dog_id: rex.id, name: format!("toy {n}") });
                    let (dog, toy) = futures::join!(dog, toy);
                    for error in [dog.err(), toy.err()].into_iter().flatten() {
                        assert!(error.is_foreign_key_violation(), "{error}");
                    }
                    inserted += 1;
                    tokio::task::yield_now().await;
                }
                inserted
            };
            let delete = async {
                for _ in 0..round % 5 {
                    tokio::task::yield_now().await;
                }
                db.delete(&ann).await.unwrap();
            };
            futures::join!(insert, delete);
            let (dogs, toys) = (db.query::<Dog>().all().await.unwrap(), db.query::<Toy>().all().await.unwrap());
            assert!(dogs.is_empty() && toys.is_empty(), "{dogs:?} {toys:?}");
        }
    }
}

/// Is deleted softly.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "clubs")]
struct Club {
    #[rome(key)]
    name: String,
    #[rome(soft_delete)]
    closed: Option<DateTime<Utc>>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "members")]
struct Member {
    #[rome(key, auto)]
    id: Id<Member>,
    #[rome(references = Club, on_delete = cascade)]
    club: String,
}

#[tokio::test]
async fn a_soft_delete_does_nothing_to_children_and_a_purge_applies_on_delete() {
    for place in places() {
        let db = open!(place, [Club, Member]);
        let chess = db.insert(Club { name: "chess".into(), ..Default::default() }).await.unwrap();
        let member = || Member { club: "chess".into(), ..Default::default() };
        db.insert(member()).await.unwrap();
        db.delete(&chess).await.unwrap();
        assert_eq!(db.query::<Club>().count().await.unwrap(), 0);
        assert_eq!(db.query::<Member>().count().await.unwrap(), 1, "on {}", place.name);
        db.insert(member()).await.expect("the row is still there");
        assert!(db.purge_by_key::<Club>("chess").await.unwrap());
        assert_eq!(db.query::<Member>().count().await.unwrap(), 0, "on {}", place.name);
        assert!(db.insert(member()).await.unwrap_err().is_foreign_key_violation());
    }
}
