//! Relations: rows that lead to other rows, loaded with them, and linked.
//!
//! `cargo run --example relations`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    age: u32,
    #[rome(references = Owner)]
    owner_id: Id<Owner>,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    #[rome(many_to_many(through = DogTrick, dog_id, trick_id))]
    tricks: Many<Trick>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Trick {
    #[rome(key)]
    name: String,
}

/// Which dog knows which trick.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct DogTrick {
    #[rome(key, references = Dog, on_delete = cascade)]
    dog_id: Id<Dog>,
    #[rome(key, references = Trick, on_delete = cascade)]
    trick_id: String,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Trick>().entity::<DogTrick>();
    let db = db.open("memory:").await?;
    let ann = db.insert(Owner { name: "Ann".into(), ..Default::default() }).await?;
    for (name, age) in [("Rex", 3), ("Ida", 7), ("Max", 1)] {
        db.insert(Dog { name: name.into(), age, owner_id: ann.id, ..Default::default() }).await?;
    }

    // What was not loaded says how to load it; nothing is read behind your back.
    let plain = db.query::<Owner>().one().await?;
    println!("{}", plain.dogs.get().expect_err("it is not loaded"));

    // One read for the owners, one for the dogs of all of them.
    let eldest = Owner::DOGS.filter(Dog::AGE.gt(2)).order_by(Dog::AGE.desc()).limit(2);
    for owner in db.query::<Owner>().with(eldest).all().await? {
        let dogs: Vec<&str> = owner.dogs.get()?.iter().map(|dog| &*dog.name).collect();
        println!("{} has {}", owner.name, dogs.join(" and "));
    }

    // Many to many, by the rows between.
    let sit = db.insert(Trick { name: "sit".into() }).await?;
    let mut rex = db.query::<Dog>().filter(Dog::NAME.eq("Rex")).one().await?;
    assert!(db.attach(&rex, Dog::TRICKS, &sit).await?);
    db.load(&mut rex, Dog::TRICKS).await?;
    db.load(&mut rex, Dog::OWNER.with(Owner::DOGS)).await?;
    println!("{} knows {:?}", rex.name, rex.tricks.get()?);
    let siblings = rex.owner.get()?.map_or(0, |owner| owner.dogs.get().map_or(0, <[Dog]>::len));
    println!("{siblings} dogs in the house");
    assert!(db.detach(&rex, Dog::TRICKS, &sit).await?);
    Ok(())
}
