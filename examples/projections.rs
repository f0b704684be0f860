//! Some columns in the place of the whole entity, and each of them once.
//!
//! `cargo run --example projections`

use rome_orm::prelude::*;

#[derive(Embedded, Clone, Debug, Default)]
struct Address {
    street: String,
    city: String,
}

#[derive(Entity, Clone, Debug, Default)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    age: Option<u32>,
    #[rome(embed)]
    home: Address,
}

/// The columns of its fields' names, or the named ones.
#[derive(Projection, Debug, PartialEq)]
#[rome(entity = Dog)]
struct Summary {
    name: String,
    #[rome(from = AGE)]
    years: Option<u32>,
    #[rome(from = HOME.city)]
    city: String,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    let dog = |name: &str, age, city: &str| Dog {
        name: name.into(),
        age,
        home: Address { street: "1 Quai".into(), city: city.into() },
        ..Default::default()
    };
    db.insert_many([dog("Rex", Some(3), "Lyon"), dog("Fido", None, "Paris"), dog("Max", Some(3), "Lyon")]).await?;
    let by_name = db.query::<Dog>().order_by(Dog::NAME.asc());

    let names: Vec<String> = by_name.clone().select(Dog::NAME).all().await?;
    assert_eq!(names, ["Fido", "Max", "Rex"]);

    let pairs: Vec<(String, Option<u32>)> = by_name.clone().select((Dog::NAME, Dog::AGE)).all().await?;
    println!("{pairs:?}");
    assert_eq!(pairs[0], ("Fido".to_owned(), None));

    let first = by_name.clone().project::<Summary>().first().await?;
    println!("{first:?}");
    assert_eq!(first, Some(Summary { name: "Fido".into(), years: None, city: "Paris".into() }));

    // Keys alone, without their rows.
    let keys: Vec<Id<Dog>> = by_name.keys().await?;
    assert_eq!(keys.len(), 3);

    let places = db.query::<Dog>().order_by(Dog::HOME.city.asc()).select((Dog::HOME.city, Dog::AGE)).distinct();
    println!("{:?}", places.all().await?);
    assert_eq!(places.count().await?, 2);
    Ok(())
}
