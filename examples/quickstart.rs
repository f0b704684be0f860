//! A first look, on the store on disk: an entity, a query, a constraint, a transaction, and what is there when the database
//! is opened again. Prints what it does.
//!
//! `cargo run --example quickstart`

use rome_orm::prelude::*;

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
    // A folder of this run's own, removed at the end. A program of yours names one that stays, or a Redis server.
    let folder = std::env::temp_dir().join(format!("rome-quickstart-{}", std::process::id()));
    let url = format!("embedded:{}", folder.display());
    let ended = tour(&url).await;
    std::fs::remove_dir_all(&folder).ok();
    ended
}

async fn tour(url: &str) -> rome_orm::Result<()> {
    println!("1. Opens the database `{url}`: the table of the entity `Dog` is made.");
    let db = Database::builder().entity::<Dog>().open(url).await?;

    // A verb on the database is a transaction of its own. What comes back is what is stored: with its key.
    let rex = db.insert(Dog { name: "Rex".into(), age: Some(3), ..Default::default() }).await?;
    db.insert(Dog { name: "Fido".into(), age: None, ..Default::default() }).await?;
    db.insert(Dog { name: "Max".into(), age: Some(7), ..Default::default() }).await?;
    println!("\n2. Inserted three dogs, each synced to disk. Rex got the key {}.", rex.id);
    assert_eq!(db.get::<Dog>(rex.id).await?.as_ref(), Some(&rex));

    // Fido has no age, so `age >= 2` is unknown for him, and filters keep what is true.
    let query = db.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::AGE.desc()).limit(10);
    println!("\n3. Dogs of two years or more, the eldest first:");
    for dog in query.all().await? {
        println!("   {}, {}", dog.name, dog.age.unwrap_or_default());
    }
    println!("   How that was found:\n   {}", query.explain().await?.to_string().replace('\n', "\n   "));

    println!("\n4. Inserts a second Rex, which the unique column refuses:");
    let twin = db.insert(Dog { name: "Rex".into(), ..Default::default() }).await;
    match twin {
        Err(error) if error.is_unique_violation() => println!("   {error}"),
        other => panic!("there are two dogs named Rex: {other:?}"),
    }

    println!("\n5. In one transaction, Rex and Max become a year older:");
    let older = db
        .transaction(async |s| {
            // Happens as a whole or not at all. If somebody else changes these rows meanwhile, the body runs again.
            let mut dogs = s.query::<Dog>().filter(Dog::AGE.is_not_null()).all().await?;
            for dog in &mut dogs {
                dog.age = dog.age.map(|age| age + 1);
            }
            s.update_many(&dogs).await
        })
        .await?;
    for dog in &older {
        println!("   {}, {}", dog.name, dog.age.unwrap_or_default());
    }

    drop(db);
    let db = Database::builder().entity::<Dog>().open(url).await?;
    println!("\n6. Closed and opened again: {} dogs are there.", db.query::<Dog>().count().await?);
    assert_eq!(db.get::<Dog>(rex.id).await?.and_then(|dog| dog.age), Some(4));
    println!("\nThat was all. The folder is removed.");
    Ok(())
}
