//! A program that grows: new columns and indexes on a table that has rows, and what is refused.
//!
//! Run it with `cargo run --example schema_change`.

use std::sync::Arc;

use rome_orm::SchemaPolicy;
use rome_orm::change::{BuildOptions, BuildProgress};
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;

/// The first release.
mod first {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog {
        #[rome(key, auto)]
        pub id: Id<Dog>,
        pub name: String,
        pub age: u8,
    }
}

/// The second release: a wider column, a new one, two new indexes.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(unique)]
    name: String,
    #[rome(index)]
    age: u32,
    #[rome(default = "red")]
    collar: String,
}

/// A change that does not fit what is stored.
mod wrong {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog {
        #[rome(key, auto)]
        pub id: Id<Dog>,
        pub name: String,
        #[rome(index)]
        pub age: String,
        pub collar: String,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> rome_orm::Result<()> {
    let store = Arc::new(MemoryStore::new());
    let old = Database::builder().entity::<first::Dog>().open(store.clone()).await?;
    let dog = |n: u8| first::Dog { name: format!("dog {}", n % 99), age: n, ..Default::default() };
    old.insert_many((0..100).map(dog)).await?;

    let plan = Database::builder().entity::<Dog>().plan(store.clone()).await?;
    println!("the second release would change:\n{plan}\n");
    assert_eq!(plan.changes.len(), 4);

    // A program that may not change the schema says so.
    let strict = Database::builder().entity::<Dog>().schema_policy(SchemaPolicy::Deny);
    assert!(strict.open(store.clone()).await.is_err());

    // The change is made at once; the indexes are built while everybody goes on.
    let db = Database::builder().entity::<Dog>().schema_policy(SchemaPolicy::Defer).open(store.clone()).await?;
    let refused = old.insert(dog(101)).await.expect_err("it does not know the new indexes");
    println!("the first release, still running: {refused}\n");
    assert_eq!(old.query::<first::Dog>().count().await?, 100);

    let told = |progress: &BuildProgress| println!("{}: {} of {} rows", progress.index, progress.rows, progress.of);
    let options = BuildOptions::new().batch(50).on_progress(told);
    let report = db.admin().build_indexes(&options).await?;
    for duplicate in &report.duplicates {
        println!("{duplicate}");
    }
    assert_eq!((report.built.len(), report.duplicates.len()), (1, 1));

    // Two dogs have one name. Nothing is lost; one gets another, and the build goes on.
    let twin = db.query::<Dog>().filter(Dog::NAME.eq("dog 0")).order_by(Dog::ID.desc()).first().await?;
    let twin = twin.expect("two dogs have that name");
    db.update(&Dog { name: "the other dog 0".into(), ..twin }).await?;
    assert_eq!(db.admin().build_indexes(&options).await?.built.len(), 1);
    println!("\n{}\n", db.admin().status().await?);
    assert!(db.admin().check().await?.is_clean());

    let refused = Database::builder().entity::<wrong::Dog>().open(store).await.expect_err("the type differs");
    println!("{refused}");
    Ok(())
}
