//! The mistakes that newcomers make most, those of types: the first line of each error says what is wrong in the words of the program, and
//! a note what to write. Those of attributes, of keys and of transactions have files of their own; those that only a run shows are in
//! `tests/api/mistakes.rs`.

use std::rc::Rc;

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    age: Option<u32>,
    #[rome(json)]
    photo: Vec<u8>,
    #[rome(references = Owner)]
    owner_id: Id<Owner>,
}

#[derive(Clone, Debug)]
struct Cat {
    id: u64,
}

async fn the_derive_is_missing(db: &Database) -> rome_orm::Result<Vec<Cat>> {
    db.query::<Cat>().all().await
}

async fn a_value_of_another_type(db: &Database) -> rome_orm::Result<Vec<Dog>> {
    db.query::<Dog>().filter(Dog::AGE.eq("three")).all().await
}

async fn an_await_is_missing(db: &Database) -> rome_orm::Result<Dog> {
    let dog = db.query::<Dog>().one()?;
    Ok(dog)
}

async fn a_column_of_another_entity(db: &Database) -> rome_orm::Result<Vec<Dog>> {
    db.query::<Dog>().filter(Owner::NAME.eq("Ann")).all().await
}

async fn a_capture_that_stays_on_its_thread(db: &Database) -> rome_orm::Result<u64> {
    let seen = Rc::new(3_u32);
    db.transaction(async move |s| s.query::<Dog>().filter(Dog::AGE.eq(*seen)).count().await).await
}

fn no_default() -> Dog {
    Dog { name: "Rex".into(), ..Default::default() }
}

async fn null_of_what_is_never_null(db: &Database) -> rome_orm::Result<Vec<Dog>> {
    db.query::<Dog>().filter(Dog::NAME.is_null()).all().await
}

async fn a_key_of_another_type(db: &Database) -> rome_orm::Result<Option<Dog>> {
    db.get::<Dog>("rex").await
}

async fn an_order_of_json(db: &Database) -> rome_orm::Result<Vec<Dog>> {
    db.query::<Dog>().order_by(Dog::PHOTO.asc()).all().await
}

fn a_relation_is_walked(owner: &Owner) {
    for dog in &owner.dogs {
        println!("{dog:?}");
    }
}

fn main() {}
