//! The decisions of `docs/design/public-api.md`, each as a small program against the public surface.

#![allow(clippy::unwrap_used, missing_docs)]

mod aggregates;
mod attributes;
mod errors;
mod executor;
mod keys;
mod mistakes;
mod moments;
mod names;
mod runtime;
mod soft_delete;
mod stores;
mod streams;
mod transactions;

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
pub struct Dog {
    #[rome(key, auto)]
    pub id: Id<Dog>,
    pub name: String,
    #[rome(index)]
    pub age: Option<u32>,
}

fn dog(name: &str, age: u32) -> Dog {
    Dog { name: name.into(), age: Some(age), ..Default::default() }
}

async fn kennel() -> Database {
    let db = Database::builder().entity::<Dog>().open("memory:").await.unwrap();
    db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 3)]).await.unwrap();
    db
}
