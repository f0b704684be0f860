//! A table of any size through little memory.
//!
//! `cargo run --example streams`

use futures::TryStreamExt;
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
struct Reading {
    #[rome(key, auto)]
    id: Id<Reading>,
    #[rome(index)]
    celsius: f64,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Reading>().open("memory:").await?;
    let reading = |n: u32| Reading { celsius: f64::from(n % 40) - 10.0, ..Default::default() };
    db.insert_many((0..2_000).map(reading)).await?;

    // Rows come by their key, read 256 at a time as they are taken.
    let mut stream = db.query::<Reading>().filter(Reading::CELSIUS.lt(0.0)).stream();
    let (mut count, mut coldest) = (0, f64::MAX);
    while let Some(reading) = stream.try_next().await? {
        count += 1;
        coldest = coldest.min(reading.celsius);
    }
    println!("{count} readings below zero, the coldest {coldest}");
    assert_eq!((count, coldest), (500, -10.0));

    // In the order of an index it still reads in chunks; an order without one would be sorted in memory.
    let stream = db.query::<Reading>().order_by(Reading::CELSIUS.desc()).limit(3).select(Reading::CELSIUS).stream();
    let warmest: Vec<f64> = stream.try_collect().await?;
    println!("the warmest: {warmest:?}");
    assert_eq!(warmest, [29.0, 29.0, 29.0]);

    // Outside of a session each chunk is of its own moment. In a session all of them are of one, or a conflict.
    let sum = db
        .transaction(async |s| {
            s.query::<Reading>()
                .select(Reading::CELSIUS)
                .stream()
                .try_fold(0.0, |sum, celsius| async move { Ok(sum + celsius) })
                .await
        })
        .await?;
    println!("the mean: {}", sum / 2_000.0);
    assert!((sum / 2_000.0 - 9.5).abs() < 1e-9);
    Ok(())
}
