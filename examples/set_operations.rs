//! Union, intersection and difference of queries.
//!
//! `cargo run --example set_operations`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    age: u32,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Cat {
    #[rome(key, auto)]
    id: Id<Cat>,
    name: String,
    lives: u32,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().entity::<Cat>().open("memory:").await?;
    let dog = |name: &str, age| Dog { name: name.into(), age, ..Default::default() };
    let cat = |name: &str, lives| Cat { name: name.into(), lives, ..Default::default() };
    db.insert_many([dog("Ida", 3), dog("Max", 5), dog("Rex", 9)]).await?;
    db.insert_many([cat("Ida", 3), cat("Tom", 7)]).await?;

    // Both sides give rows of one shape; each row comes once, but for `union_all`.
    let dogs = db.query::<Dog>().select((Dog::NAME, Dog::AGE));
    let cats = db.query::<Cat>().select((Cat::NAME, Cat::LIVES));
    for (what, set, expected) in [
        ("dogs or cats", dogs.clone().union(&cats), "Ida Max Rex Tom"),
        ("dogs and then cats", dogs.clone().union_all(&cats), "Ida Ida Max Rex Tom"),
        ("dogs that are cats", dogs.clone().intersect(&cats), "Ida"),
        ("dogs that are no cats", dogs.clone().except(&cats), "Max Rex"),
    ] {
        let rows = set.order_by((Dog::NAME.asc(), Dog::AGE.desc())).all().await?;
        let names: Vec<String> = rows.into_iter().map(|(name, _)| name).collect();
        println!("{what:22} {}", names.join(" "));
        assert_eq!(names.join(" "), expected, "{what}");
    }

    // They go on like other queries, and into further set operations.
    let animals = dogs.clone().union(&cats).order_by(Dog::AGE.desc()).limit(2);
    assert_eq!(animals.all().await?, [("Rex".to_owned(), 9), ("Tom".to_owned(), 7)]);
    assert_eq!(dogs.except(animals).count().await?, 2);

    // Whole entities too.
    let young_or_named = db.query::<Dog>().filter(Dog::AGE.lt(4)).union(db.query::<Dog>().filter(Dog::NAME.eq("Ida")));
    assert_eq!(young_or_named.all().await?.len(), 1);
    Ok(())
}
