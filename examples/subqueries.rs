//! Conditions that ask other entities.
//!
//! `cargo run --example subqueries`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
    city: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(index)]
    owner_id: Id<Owner>,
    age: u32,
    city: String,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await?;
    let owner = |name: &str, city: &str| Owner { name: name.into(), city: city.into(), ..Default::default() };
    let owners = db.insert_many([owner("Ann", "Lyon"), owner("Bob", "Nice"), owner("Cid", "Oslo")]).await?;
    let dog =
        |at: usize, age, city: &str| Dog { owner_id: owners[at].id, age, city: city.into(), ..Default::default() };
    db.insert_many([dog(0, 2, "Lyon"), dog(0, 9, "Nice"), dog(1, 4, "Nice")]).await?;

    for (what, filter, expected) in [
        ("with a dog", Owner::DOGS.exists(), "Ann Bob"),
        ("without a dog", !Owner::DOGS.exists(), "Cid"),
        ("with an old dog", Owner::DOGS.any(Dog::AGE.gt(5)), "Ann"),
        ("without an old dog", Owner::DOGS.none(Dog::AGE.gt(5)), "Bob Cid"),
        ("whose dogs are all grown up", Owner::DOGS.all(Dog::AGE.gt(3)), "Bob Cid"),
        ("named Cid, or with a young dog", Owner::NAME.eq("Cid") | Owner::DOGS.any(Dog::AGE.lt(3)), "Ann Cid"),
        // By any columns that are equal.
        ("in whose city a dog lives", Owner::CITY.on(Dog::CITY).exists(), "Ann Bob"),
        // One inside the other.
        ("with a dog whose owner is Bob", Owner::DOGS.any(Dog::OWNER.any(Owner::NAME.eq("Bob"))), "Bob"),
        // By what another query gives.
        (
            "who own a dog in Nice",
            Owner::ID.in_query(&db.query::<Dog>().filter(Dog::CITY.eq("Nice")).select(Dog::OWNER_ID)),
            "Ann Bob",
        ),
    ] {
        let found = db.query::<Owner>().filter(filter).order_by(Owner::NAME.asc()).select(Owner::NAME).all().await?;
        println!("owners {what:32} {}", found.join(" "));
        assert_eq!(found.join(" "), expected, "{what}");
    }

    // In updates and deletes too.
    let of_ann = Dog::OWNER.any(Owner::NAME.eq("Ann"));
    assert_eq!(db.query::<Dog>().filter(of_ann).update(Dog::AGE.set(Dog::AGE + 1)).await?, 2);
    Ok(())
}
