//! Looking after a database: what is stored, whether it is whole, and what is mended.
//!
//! `cargo run --example check`; the `rome` tool does the same with `rome status` and `rome check --repair`.

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    #[rome(unique)]
    name: String,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "dogs", index(name, owner_id))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    #[rome(references = Owner)]
    owner_id: Id<Owner>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await?;
    let ann = db.insert(Owner { name: "Ann".into(), ..Default::default() }).await?;
    db.insert_many((0..100).map(|n| Dog { name: format!("dog {n}"), owner_id: ann.id, ..Default::default() })).await?;

    // Tables, columns, indexes, and whether all of them are built.
    println!("{}\n", db.admin().status().await?);

    // Each row against its index entries, claims and parents, while others go on writing.
    let report = db.admin().check().await?;
    println!("{report}");
    assert!(report.is_clean());

    // The same, and mends what it finds; here there is nothing.
    assert!(db.admin().repair().await?.is_clean());
    Ok(())
}
