//! Relations: loaded with the rows in one read a level, filtered, ordered and limited for each, and linked.

use std::sync::Arc;

use futures::TryStreamExt;
use rome_core::testkit::Recorder;
use rome_orm::prelude::*;

use crate::stores::{open, places, places_of_one_partition};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
    #[rome(has_many(sitter_id))]
    guests: Many<Dog>,
    #[rome(has_one(owner_id))]
    card: One<Card>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    age: u32,
    #[rome(references = Owner)]
    owner_id: Id<Owner>,
    #[rome(references = Owner, on_delete = set_null)]
    sitter_id: Option<Id<Owner>>,
    #[rome(references = Dog, on_delete = set_null)]
    mother_id: Option<Id<Dog>>,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    #[rome(belongs_to(sitter_id))]
    sitter: One<Owner>,
    #[rome(belongs_to(mother_id))]
    mother: One<Dog>,
    #[rome(has_many(mother_id))]
    pups: Many<Dog>,
    #[rome(many_to_many(through = DogTag, dog_id, tag_id))]
    tags: Many<Tag>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "cards")]
struct Card {
    #[rome(key, auto)]
    id: Id<Card>,
    #[rome(unique, references = Owner, on_delete = cascade)]
    owner_id: Id<Owner>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "tags")]
struct Tag {
    #[rome(key)]
    name: String,
    #[rome(many_to_many(through = DogTag, tag_id, dog_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dog_tags")]
struct DogTag {
    #[rome(key, references = Dog, on_delete = cascade)]
    dog_id: Id<Dog>,
    #[rome(key, references = Tag, on_delete = cascade)]
    tag_id: String,
}

struct Filled {
    owners: Vec<Owner>,
    dogs: Vec<Dog>,
}

async fn fill(db: &Database, owners: u32, dogs_each: u32) -> Filled {
    let named = |n| Owner { name: format!("owner {n:03}"), ..Default::default() };
    let owners = db.insert_many((0..owners).map(named)).await.unwrap();
    let mut dogs = Vec::new();
    for (at, owner) in owners.iter().enumerate() {
        let sitter_id = owners.get(at + 1).map(|sitter| sitter.id);
        dogs.extend((0..dogs_each).map(|age| Dog { age, owner_id: owner.id, sitter_id, ..Default::default() }));
    }
    let dogs = db.insert_many(dogs).await.unwrap();
    Filled { owners, dogs }
}

fn ages(dogs: &Many<Dog>) -> Vec<u32> {
    dogs.get().unwrap().iter().map(|dog| dog.age).collect()
}

macro_rules! on_each_store {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident) $body:block)+) => { $(
        $(#[$meta])*
        #[tokio::test]
        async fn $name() {
            for place in places() {
                println!("on {}", place.name);
                let $db = open!(place, [Owner, Dog, Card, Tag, DogTag]);
                $body
            }
        }
    )+ };
}

on_each_store! {
    async fn what_is_not_loaded_says_how_to(db) {
        let filled = fill(&db, 1, 1).await;
        let ann = db.get::<Owner>(filled.owners[0].id).await.unwrap().unwrap();
        let error = ann.dogs.get().unwrap_err();
        assert!(error.is_not_loaded() && error.to_string().contains("Owner::DOGS"), "{error}");
    }

    async fn each_kind_of_relation_is_loaded(db) {
        let filled = fill(&db, 3, 4).await;
        let [ann, ben, _] = filled.owners.as_slice() else { panic!() };
        db.insert(Card { owner_id: ben.id, ..Default::default() }).await.unwrap();
        let query = db.query::<Owner>().order_by(Owner::NAME.asc());
        let owners = query.with(Owner::DOGS).with(Owner::GUESTS).with(Owner::CARD).all().await.unwrap();
        assert_eq!(owners.iter().map(|owner| ages(&owner.dogs).len()).collect::<Vec<_>>(), [4, 4, 4]);
        assert_eq!(owners.iter().map(|owner| ages(&owner.guests).len()).collect::<Vec<_>>(), [0, 4, 4]);
        let cards: Vec<bool> = owners.iter().map(|owner| owner.card.get().unwrap().is_some()).collect();
        assert_eq!(cards, [false, true, false]);
        let dogs = db.query::<Dog>().with(Dog::OWNER).with(Dog::SITTER).with(Dog::MOTHER).all().await.unwrap();
        for dog in &dogs {
            assert_eq!(dog.owner.get().unwrap().unwrap().id, dog.owner_id);
            assert_eq!(dog.sitter.get().unwrap().map(|sitter| sitter.id), dog.sitter_id);
            assert_eq!(dog.mother.get().unwrap(), None);
        }
        // Two that lead to one row have it both.
        assert_eq!(dogs.iter().filter(|dog| dog.owner.get().unwrap().unwrap().name == ann.name).count(), 4);
        // A row of its own kind, two levels down.
        let pup = Dog { mother_id: Some(dogs[0].id), owner_id: ann.id, ..Default::default() };
        let pup = db.insert(pup).await.unwrap();
        let found = db.query::<Dog>().filter(Dog::ID.eq(pup.id)).with(Dog::MOTHER.with(Dog::PUPS.with(Dog::OWNER)));
        let found = found.one().await.unwrap();
        let pups = &found.mother.get().unwrap().unwrap().pups;
        assert_eq!(pups.get().unwrap()[0].owner.get().unwrap().unwrap().name, ann.name);
    }

    async fn a_load_is_filtered_ordered_and_limited_for_each_row(db) {
        fill(&db, 3, 5).await;
        let eldest = Owner::DOGS.filter(Dog::AGE.lt(4)).order_by(Dog::AGE.desc()).limit(2);
        for owner in db.query::<Owner>().with(eldest).all().await.unwrap() {
            assert_eq!(ages(&owner.dogs), [3, 2]);
        }
        // Without an order, by their keys.
        for owner in db.query::<Owner>().with(Owner::DOGS).all().await.unwrap() {
            assert!(owner.dogs.get().unwrap().is_sorted_by_key(|dog| dog.id));
        }
        let dog = db.query::<Dog>().first().await.unwrap().unwrap();
        db.delete(&dog).await.unwrap();
        let loaded = async |load: rome_orm::query::Load<Owner, Many<Dog>>| {
            let owners = db.query::<Owner>().filter(Owner::ID.eq(dog.owner_id)).with(load);
            ages(&owners.one().await.unwrap().dogs).len()
        };
        assert_eq!(loaded(Owner::DOGS.limit(9)).await, 4);
        assert_eq!(loaded(Owner::DOGS.with_deleted()).await, 5);
    }

    async fn pages_and_streams_load_too(db) {
        fill(&db, 7, 2).await;
        let query = db.query::<Owner>().order_by(Owner::NAME.asc()).with(Owner::DOGS);
        let page = query.clone().page(3).fetch().await.unwrap();
        let next = query.clone().page(3).after(page.next).fetch().await.unwrap();
        let streamed: Vec<Owner> = query.clone().stream().try_collect().await.unwrap();
        assert_eq!((page.items.len(), next.items.len(), streamed.len()), (3, 3, 7));
        for owner in page.items.iter().chain(&next.items).chain(&streamed) {
            assert_eq!(ages(&owner.dogs), [0, 1]);
        }
        assert_eq!(ages(&query.first().await.unwrap().unwrap().dogs), [0, 1]);
    }

    async fn a_session_loads_what_it_has_written(db) {
        let filled = fill(&db, 2, 2).await;
        let s = db.session();
        s.insert(Dog { age: 9, owner_id: filled.owners[0].id, ..Default::default() }).await.unwrap();
        s.delete_by_key::<Dog>(filled.dogs[0].id).await.unwrap();
        s.update(&Dog { owner_id: filled.owners[1].id, ..filled.dogs[1].clone() }).await.unwrap();
        let owners = s.query::<Owner>().order_by(Owner::NAME.asc()).with(Owner::DOGS.order_by(Dog::AGE.asc()));
        let owners = owners.all().await.unwrap();
        assert_eq!((ages(&owners[0].dogs), ages(&owners[1].dogs)), (vec![9], vec![0, 1, 1]));
        s.commit().await.unwrap();
    }

    async fn a_relation_is_loaded_later(db) {
        let filled = fill(&db, 2, 2).await;
        let mut dog = filled.dogs[0].clone();
        db.load(&mut dog, Dog::OWNER.with(Owner::DOGS)).await.unwrap();
        assert_eq!(ages(&dog.owner.get().unwrap().unwrap().dogs).len(), 2);
        let mut owners = filled.owners.clone();
        let s = db.session();
        s.load_many(&mut owners, Owner::DOGS).await.unwrap();
        assert!(owners.iter().all(|owner| owner.dogs.is_loaded()));
    }

    async fn rows_are_linked_and_unlinked(db) {
        let filled = fill(&db, 2, 1).await;
        let (dog, other) = (&filled.dogs[0], &filled.dogs[1]);
        let good = db.insert(Tag { name: "good".into(), ..Default::default() }).await.unwrap();
        assert!(db.attach(dog, Dog::TAGS, &good).await.unwrap());
        assert!(!db.attach(dog, Dog::TAGS, &good).await.unwrap());
        assert!(db.attach(&good, Tag::DOGS, other).await.unwrap());
        let tag = db.query::<Tag>().with(Tag::DOGS.with(Dog::TAGS)).one().await.unwrap();
        assert_eq!(tag.dogs.get().unwrap().len(), 2);
        assert_eq!(tag.dogs.get().unwrap()[0].tags.get().unwrap()[0].name, "good");
        assert!(db.detach(dog, Dog::TAGS, &good).await.unwrap());
        assert!(!db.detach(dog, Dog::TAGS, &good).await.unwrap());
        assert_eq!(db.query::<DogTag>().count().await.unwrap(), 1);
        // One to many, from both ends.
        assert!(db.attach(&filled.owners[1], Owner::DOGS, dog).await.unwrap());
        assert_eq!(db.get::<Dog>(dog.id).await.unwrap().unwrap().owner_id, filled.owners[1].id);
        assert!(db.attach(dog, Dog::MOTHER, other).await.unwrap());
        assert!(db.detach(dog, Dog::MOTHER, other).await.unwrap());
        assert!(!db.detach(dog, Dog::MOTHER, other).await.unwrap());
        let error = db.detach(dog, Dog::OWNER, &filled.owners[1]).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("owner_id"), "{error}");
        let nobody = Owner { id: Id::new(999), ..Default::default() };
        assert!(db.attach(dog, Dog::OWNER, &nobody).await.unwrap_err().is_foreign_key_violation());
        let no_dog = Dog { id: Id::new(999), ..Default::default() };
        assert!(db.attach(&no_dog, Dog::OWNER, &filled.owners[0]).await.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn a_level_is_one_read_however_many_rows_there_are() {
    for place in places_of_one_partition() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let builder = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Card>().entity::<Tag>();
        let db = builder.entity::<DogTag>().open(recorder.clone()).await.unwrap();
        fill(&db, 100, 5).await;
        let reads = async |query: rome_orm::query::Query<'_, Owner>, most: usize| {
            recorder.clear();
            let owners = query.all().await.unwrap();
            assert_eq!(owners.len(), 100, "on {}", place.name);
            let tally = recorder.tally();
            assert_eq!((tally.reads, tally.applies), (most, 0), "on {}", place.name);
        };
        reads(db.query::<Owner>().with(Owner::DOGS), 2).await;
        reads(db.query::<Owner>().with(Owner::DOGS.with(Dog::SITTER)), 3).await;
        // What lies behind links is not asked for where there are none.
        reads(db.query::<Owner>().with(Owner::DOGS.with(Dog::TAGS)), 3).await;
        let tag = db.insert(Tag::default()).await.unwrap();
        db.attach(&db.query::<Dog>().first().await.unwrap().unwrap(), Dog::TAGS, &tag).await.unwrap();
        reads(db.query::<Owner>().with(Owner::DOGS.with(Dog::TAGS)), 4).await;
        reads(db.query::<Owner>().with(Owner::DOGS).with(Owner::CARD), 3).await;
    }
}

#[tokio::test]
async fn a_level_of_thousands_is_one_read_too() {
    for place in places_of_one_partition() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let builder = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Card>().entity::<Tag>();
        let db = builder.entity::<DogTag>().open(recorder.clone()).await.unwrap();
        fill(&db, 2_500, 1).await;
        for (query, most) in [
            (db.query::<Dog>().with(Dog::OWNER), 2),
            (db.query::<Dog>().with(Dog::OWNER.with(Owner::DOGS)), 3),
            (db.query::<Dog>().with(Dog::OWNER.with(Owner::DOGS.filter(Dog::AGE.lt(5)))), 3),
        ] {
            recorder.clear();
            let dogs = query.all().await.unwrap();
            assert_eq!(dogs.len(), 2_500, "on {}", place.name);
            assert!(dogs.iter().all(|dog| dog.owner.get().unwrap().as_ref().unwrap().id == dog.owner_id));
            assert_eq!(recorder.tally().reads, most, "on {}", place.name);
        }
    }
}
