//! Unique constraints, of one column and of several, under any concurrency.
//!
//! `cargo run --example unique`

use rome_orm::prelude::*;
use tokio::task::JoinSet;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "dogs", unique(owner, name, name = "one_name_an_owner"))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    owner: u64,
    name: String,
    #[rome(unique)]
    chip: Option<String>,
}

fn dog(owner: u64, name: &str, chip: Option<&str>) -> Dog {
    Dog { owner, name: name.into(), chip: chip.map(str::to_owned), ..Default::default() }
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    let rex = db.insert(dog(1, "Rex", Some("985"))).await?;

    // Another owner may have a Rex. NULL is never taken, so any number of dogs have no chip.
    db.insert_many([dog(2, "Rex", None), dog(1, "Max", None)]).await?;

    let error = db.insert(dog(1, "Rex", None)).await.expect_err("owner 1 has a Rex");
    println!("{error}");
    assert!(error.is_unique_violation());
    assert_eq!(error.violated_index(), Some("one_name_an_owner"));

    // All of a statement or nothing of it.
    assert!(db.insert_many([dog(3, "Ida", None), dog(3, "Ida", None)]).await.is_err());
    assert_eq!(db.query::<Dog>().filter(Dog::OWNER.eq(3)).count().await?, 0);

    // In a transaction the statement itself fails, and the body may go on.
    let name = db
        .transaction(async |s| match s.insert(dog(1, "Rex", None)).await {
            Err(error) if error.is_unique_violation() => Ok(s.insert(dog(1, "Rex II", None)).await?.name),
            other => Ok(other?.name),
        })
        .await?;
    assert_eq!(name, "Rex II");

    // A value is free again when its row gives it up, also within one transaction.
    db.transaction(async |s| {
        s.update(&Dog { chip: None, ..rex.clone() }).await?;
        s.insert(dog(4, "Heir", Some("985"))).await
    })
    .await?;

    // Sixteen at once want the same name: one gets it.
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let db = db.clone();
        tasks.spawn(async move { db.insert(dog(5, "Solo", None)).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    println!("{} of 16 got the name", results.iter().filter(|result| result.is_ok()).count());

    // Looking up by all columns of a unique index is one read.
    let by_chip = db.query::<Dog>().filter(Dog::CHIP.eq("985"));
    println!("{}", by_chip.explain().await?);
    assert_eq!(by_chip.one().await?.name, "Heir");
    Ok(())
}
