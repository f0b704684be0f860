//! Counts, sums, means and groups.
//!
//! `cargo run --example aggregates`

use rome_orm::expr::count_distinct;
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
#[rome(index(city, age))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    city: String,
    age: Option<u32>,
    weight: f64,
}

fn dog(city: &str, age: Option<u32>, weight: f64) -> Dog {
    Dog { city: city.into(), age, weight, ..Default::default() }
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    db.insert_many([
        dog("Lyon", Some(3), 20.5),
        dog("Lyon", Some(9), 31.0),
        dog("Lyon", None, 8.5),
        dog("Nice", Some(1), 4.0),
        dog("Oslo", None, 40.0),
    ])
    .await?;

    // Aggregates of all rows of a query. They skip NULL; of nothing they are NULL, so an `Option`.
    let dogs = db.query::<Dog>();
    let (all, youngest, eldest, mean) = dogs.aggregate((count(), min(Dog::AGE), max(Dog::AGE), avg(Dog::AGE))).await?;
    println!("{all} dogs, from {youngest:?} to {eldest:?} years, {mean:?} on average");
    assert_eq!((all, youngest, eldest), (5, Some(1), Some(9)));
    let nowhere = dogs.clone().filter(Dog::CITY.eq("Rome"));
    assert_eq!(nowhere.aggregate((count(), sum(Dog::WEIGHT))).await?, (0, None));

    // A group for each value, with conditions and orders about aggregates.
    let per_city = dogs.clone().group_by(Dog::CITY).having(count().gt(1).or_with(sum(Dog::WEIGHT).gt(30.0)));
    let per_city = per_city.order_by((sum(Dog::WEIGHT).desc(), Dog::CITY.asc()));
    let rows: Vec<(String, u64, Option<f64>)> = per_city.select((Dog::CITY, count(), sum(Dog::WEIGHT))).all().await?;
    for (city, dogs, weight) in &rows {
        println!("{city}: {dogs} dogs of {weight:?} kg");
    }
    assert_eq!(rows, [("Lyon".into(), 3, Some(60.0)), ("Oslo".into(), 1, Some(40.0))]);

    // By several columns; NULL is a group of its own.
    let groups = dogs.clone().group_by((Dog::CITY, Dog::AGE)).limit(2).all().await?;
    assert_eq!(groups, [("Lyon".into(), None), ("Lyon".into(), Some(3))]);

    // The index has all that this needs, so no row is read.
    let ages = dogs.group_by(Dog::CITY).select((Dog::CITY, count_distinct(Dog::AGE)));
    println!("{}", ages.explain().await?);
    assert_eq!(ages.all().await?, [("Lyon".into(), 2), ("Nice".into(), 1), ("Oslo".into(), 0)]);
    Ok(())
}
