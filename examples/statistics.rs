//! What a query costs, told to the program that asks.
//!
//! `cargo run --example statistics`

use rome_orm::metrics::{Cost, Measure};
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Owner {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    city: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Dog {
    #[rome(key)]
    id: u32,
    #[rome(references = Owner)]
    owner_id: u32,
    age: u32,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await?;
    let city = |id: u32| if id.is_multiple_of(2) { "Lyon" } else { "Nice" };
    db.insert_many((0..100).map(|id| Owner { id, city: city(id).into(), ..Default::default() })).await?;
    db.insert_many((0..500).map(|id| Dog { id, owner_id: id / 5, age: id % 15 })).await?;

    // `measured` goes behind any verb, and gives what that one cost besides its result.
    let in_lyon = db.query::<Owner>().filter(Owner::CITY.eq("Lyon"));
    let (owners, cost) = in_lyon.clone().with(Owner::DOGS).all().measured().await;
    println!("owners with their dogs: {cost}");
    assert_eq!((owners?.len(), cost.reads, cost.rows_returned), (50, 2, 300));

    // A count by an index reads no rows; a filter that no index serves reads them all.
    let (_, cost) = in_lyon.count().measured().await;
    println!("a count by an index: {cost}");
    assert_eq!((cost.reads, cost.rows_read), (1, 0));
    let (puppies, cost) = db.query::<Dog>().filter(Dog::AGE.eq(0)).all().measured().await;
    println!("a filter without an index: {cost}");
    assert_eq!((cost.rows_read, cost.rows_returned), (500, puppies?.len() as u64));

    // Whole transactions are measured in the same way, and sums are sums.
    let mut total = Cost::default();
    for id in [3, 4] {
        let (moved, cost) = db
            .transaction(async move |s| {
                let owner = s.get::<Owner>(id).await?.ok_or_not_found()?;
                s.update(&Owner { city: "Oslo".into(), ..owner }).await.map(drop)
            })
            .measured()
            .await;
        moved?;
        total += cost;
    }
    println!("two moves: {total}");
    assert_eq!((total.reads, total.applies), (2, 2));
    Ok(())
}
