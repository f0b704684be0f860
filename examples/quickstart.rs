//! A first look: an entity, a database, a query and a transaction.
//!
//! `cargo run --example quickstart`

use rome::prelude::*;

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
async fn main() -> rome::Result<()> {
    // Or "embedded:./dogs", a folder on disk: nothing else changes.
    let db = Database::builder().entity::<Dog>().open("memory:").await?;

    // A verb on the database is a transaction of its own. What comes back is what is stored: with its key.
    let rex = db.insert(Dog { name: "Rex".into(), age: Some(3), ..Default::default() }).await?;
    db.insert(Dog { name: "Fido".into(), age: None, ..Default::default() }).await?;
    db.insert(Dog { name: "Max".into(), age: Some(7), ..Default::default() }).await?;

    assert_eq!(db.get::<Dog>(rex.id).await?.as_ref(), Some(&rex));

    // Fido has no age, so `age >= 2` is unknown for him, and filters keep what is true.
    let query = db.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::AGE.desc()).limit(10);
    for dog in query.all().await? {
        println!("{} is {:?}", dog.name, dog.age);
    }
    println!("\n{}\n", query.explain().await?);

    // Several steps that happen together or not at all. After a conflict the body runs again.
    let older = db
        .transaction(async |s| {
            let mut dog = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
            dog.age = dog.age.map(|age| age + 1);
            s.update(&dog).await
        })
        .await?;
    println!("{} had a birthday: {:?}", older.name, older.age);
    assert_eq!(older.age, Some(4));

    let twin = db.insert(Dog { name: "Rex".into(), ..Default::default() }).await;
    match twin {
        Err(error) if error.is_unique_violation() => println!("{error}"),
        other => panic!("there are two dogs named Rex: {other:?}"),
    }
    Ok(())
}
