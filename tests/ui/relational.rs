//! Joins, aggregates, subqueries and set operations with entities that are not in the query, or that are used as their
//! types do not allow.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Owner {
    #[rome(key)]
    id: u64,
    city: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: u64,
    name: String,
    age: u32,
    tags: Vec<String>,
    owner_id: u64,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
}

#[derive(Entity)]
struct Cat {
    #[rome(key)]
    id: u64,
    name: String,
}

async fn joins(db: &Database) {
    let _ = db.query::<Dog>().join(Dog::OWNER).filter(Cat::NAME.eq("Tom")).all().await;
    let _ = db.query::<Dog>().join(Owner::DOGS).all().await;
    let _ = db.query::<Dog>().join(Dog::OWNER_ID).all().await;
    let _ = db.query::<Dog>().join(Dog::NAME.on(Owner::ID)).all().await;
    let _ = db.query::<Dog>().join(Dog::OWNER).select((Dog::NAME, Cat::NAME)).all().await;
    let _ = db.query::<Dog>().join(Dog::OWNER).order_by(Cat::NAME.asc()).all().await;
    let _: Vec<(String, String)> =
        db.query::<Dog>().left_join(Dog::OWNER).select((Dog::NAME, Owner::CITY)).all().await.unwrap();
}

async fn aggregates(db: &Database) {
    let _ = db.query::<Dog>().aggregate(sum(Dog::NAME)).await;
    let _ = db.query::<Dog>().aggregate(avg(Dog::NAME)).await;
    let _ = db.query::<Dog>().aggregate(max(Dog::TAGS)).await;
    let _ = db.query::<Dog>().aggregate(sum(Cat::ID)).await;
    let _ = db.query::<Dog>().filter(count().gt(1)).all().await;
    let _ = db.query::<Dog>().group_by(Cat::NAME).all().await;
    let _ = db.query::<Dog>().group_by(Dog::NAME).having(sum(Cat::ID).gt(1)).all().await;
    let _ = db.query::<Dog>().group_by(Dog::NAME).select((Dog::NAME, Cat::NAME)).all().await;
}

async fn subqueries(db: &Database) {
    let _ = db.query::<Owner>().filter(Owner::DOGS.any(Cat::NAME.eq("Tom"))).all().await;
    let _ = db.query::<Dog>().filter(Dog::NAME.in_query(&db.query::<Owner>().select(Owner::ID))).all().await;
}

async fn sets(db: &Database) {
    let _ = db.query::<Dog>().select(Dog::NAME).union(db.query::<Dog>().select(Dog::AGE)).all().await;
    let _ = db.query::<Dog>().union(db.query::<Cat>()).all().await;
}

fn main() {}
