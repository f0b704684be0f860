//! Moving a database: a dump as lines of JSON, loaded into another store.
//!
//! `cargo run --example dump`; the `rome` tool does the same with `rome dump` and `rome load`.

use std::sync::Arc;

use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(unique)]
    name: String,
    #[rome(index)]
    age: Option<u32>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    let dog = |n: u32| Dog { name: format!("dog {n}"), age: Some(n), ..Default::default() };
    db.insert_many((0..1_000).map(dog)).await?;

    // 500 rows at a time, and never the whole table in memory.
    let mut lines = Vec::new();
    let rows = db.admin().dump(&mut lines, |progress| println!("{} of {} rows", progress.rows, progress.of)).await?;
    let text = String::from_utf8_lossy(&lines);
    println!("{rows} rows in {} lines, such as\n{}", text.lines().count(), text.lines().nth(1).unwrap_or_default());

    // A dump that was cut or changed loads nothing.
    let cut = &lines[..lines.len() / 2];
    let error = rome_orm::dump::load(Arc::new(MemoryStore::new()), || Ok(cut), |_| {}).await.expect_err("it is cut");
    println!("{error}");

    // The copy lies in sixteen partitions, as on a cluster, and goes on counting keys where the first one was.
    let store = Arc::new(MemoryStore::with_partitions(16));
    rome_orm::dump::load(store.clone(), || Ok(lines.as_slice()), |_| {}).await?;
    let copy = Database::builder().entity::<Dog>().open(store).await?;
    assert_eq!(copy.query::<Dog>().count().await?, 1_000);
    assert_eq!(copy.query::<Dog>().filter(Dog::NAME.eq("dog 7")).one().await?.age, Some(7));
    let new = copy.insert(Dog { name: "Rex".into(), ..Default::default() }).await?;
    assert!(new.id > Id::new(1_000));
    assert!(copy.admin().check().await?.is_clean());
    println!("the copy is whole");
    Ok(())
}
