//! Stores: the same program in memory and on disk, and how safe a commit is.
//!
//! `cargo run --example stores`

use std::sync::Arc;

use rome_orm::embedded::{EmbeddedOptions, EmbeddedStore};
use rome_orm::prelude::*;
use rome_orm::store::Durability;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let folder = std::env::temp_dir().join(format!("rome-stores-{}", std::process::id()));
    let url = format!("embedded:{}", folder.display());

    for url in ["memory:", &url] {
        let db = Database::builder().entity::<Dog>().open(url).await?;
        let rex = db.insert(Dog { name: "Rex".into(), ..Default::default() }).await?;
        assert_eq!(db.get::<Dog>(rex.id).await?, Some(rex));
        let store = db.store().capabilities();
        println!("{}: durability {:?}, outlives the process: {}", store.name, store.durability, store.persistent);
    }

    // What is on disk is still there. A folder is open once at a time; a second opener gets a clear error.
    let db = Database::builder().entity::<Dog>().open(&url).await?;
    assert_eq!(db.query::<Dog>().one().await?.name, "Rex");
    match Database::builder().entity::<Dog>().open(&url).await {
        Err(error) if error.is_in_use() => println!("{error}"),
        other => panic!("the folder was opened twice: {other:?}"),
    }

    // By default a commit is answered when it is on disk. Where losing the last ones in a crash is fine, it need not be:
    // for one transaction, or for all of a database with `DatabaseBuilder::durability`. Nothing is torn in any case.
    let fast = TransactionOptions::new().durability(Durability::Memory);
    db.transaction_with(fast, async |s| s.insert(Dog { name: "Max".into(), ..Default::default() }).await).await?;
    assert_eq!(db.query::<Dog>().count().await?, 2);
    drop(db);

    // A store with options of its own.
    let store = EmbeddedStore::open(&folder, EmbeddedOptions::default().cache_bytes(16 << 20))?;
    let db = Database::builder().entity::<Dog>().open(Arc::new(store)).await?;
    println!("{} dogs are stored", db.query::<Dog>().count().await?);
    drop(db);
    std::fs::remove_dir_all(&folder).expect("the folder was made above");
    Ok(())
}
