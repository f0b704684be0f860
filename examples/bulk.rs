//! Many rows at once: by slices and by queries.
//!
//! `cargo run --example bulk`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, PartialEq)]
struct Item {
    #[rome(key)]
    code: String,
    #[rome(index)]
    stock: u32,
    price: i64,
}

fn item(n: u32) -> Item {
    Item { code: format!("item-{n:03}"), stock: n % 10, price: i64::from(n) * 100 }
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Item>().open("memory:").await?;

    // Each `_all` is one transaction, and one round trip however many rows there are.
    let mut items = db.insert_many((0..100).map(item)).await?;
    for item in &mut items[..10] {
        item.price += 50;
    }
    db.update_many(&items[..10]).await?;

    // In the order asked, with a gap for what is not there.
    let keys = ["item-001", "item-999", "item-000"].map(str::to_owned);
    let found = db.get_many::<Item>(keys).await?;
    assert_eq!(found, [Some(items[1].clone()), None, Some(items[0].clone())]);

    // By a query, with arithmetic on the stored values: ROME reads the rows, and writes them back in the same transaction.
    let sold_out = db.query::<Item>().filter(Item::STOCK.eq(0));
    let n = sold_out.update((Item::STOCK.set(5), Item::PRICE.set(Item::PRICE * 2 - 1))).await?;
    println!("{n} items were sold out");
    assert_eq!(n, 10);

    // Arithmetic is checked: if one row cannot hold the result, no row changes.
    let error = db.query::<Item>().update(Item::STOCK.set(Item::STOCK - 2)).await.expect_err("1 - 2 is below 0");
    println!("{error}");
    assert!(error.is_overflow());

    // Insert or replace, by the key.
    let extra = db.upsert(Item { price: 1, ..item(7) }).await?;
    db.upsert_many([Item { price: 2, ..item(8) }, item(100)]).await?;
    assert_eq!(db.get::<Item>(&extra.code).await?.map(|item| item.price), Some(1));
    assert_eq!(db.query::<Item>().count().await?, 101);

    // Entities, one key, or a query.
    assert_eq!(db.delete_many(&items[20..30]).await?, 10);
    assert!(db.delete_by_key::<Item>("item-100").await?);
    assert!(!db.delete_by_key::<Item>("item-100").await?);
    let n = db.query::<Item>().filter(Item::PRICE.ge(5_000)).delete().await?;
    println!("{n} expensive ones are gone, {} are left", db.query::<Item>().count().await?);
    Ok(())
}
