//! Queries with columns that are not in them, or that are used as their types do not allow.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: Id<Dog>,
    name: String,
    age: u32,
    tags: Vec<String>,
}

#[derive(Entity)]
struct Owner {
    #[rome(key)]
    id: Id<Owner>,
    age: u32,
}

#[derive(Projection)]
#[rome(entity = Owner)]
struct OwnerAge {
    age: u32,
}

async fn queries(db: &Database) {
    let _ = db.query::<Dog>().filter(Owner::AGE.eq(3)).all().await;
    let _ = db.query::<Dog>().filter(Dog::AGE.eq(Owner::AGE)).all().await;
    let _ = db.query::<Dog>().filter(Dog::AGE.gt(Owner::AGE + 1)).all().await;
    let _ = db.query::<Dog>().filter(Dog::AGE.eq(3).and(Owner::AGE.eq(3))).all().await;
    let _ = db.query::<Dog>().filter(Dog::AGE.eq("three")).all().await;
    let _ = db.query::<Dog>().filter(Dog::AGE).all().await;
    let _ = db.query::<Dog>().filter(Dog::AGE.is_null()).all().await;
    let _ = db.query::<Dog>().filter(Dog::TAGS.ge(Vec::new())).all().await;
    let _ = db.query::<Dog>().order_by(Owner::AGE.asc()).all().await;
    let _ = db.query::<Dog>().order_by(Dog::TAGS.asc()).all().await;
    let _ = db.query::<Dog>().select((Dog::NAME, Owner::AGE)).all().await;
    let _ = db.query::<Dog>().project::<OwnerAge>().all().await;
    let _ = db.query::<Dog>().update(Owner::AGE.set(3)).await;
    let _ = db.query::<Dog>().update(Dog::AGE.set(Owner::AGE)).await;
    let _ = db.query::<Dog>().update(Dog::AGE.set("three")).await;
    let _ = db.query::<String>().all().await;
}

fn main() {}
