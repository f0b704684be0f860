//! The same program on each store, by an argument.
//!
//! ```sh
//! cargo run --example any_store                                              # in memory
//! cargo run --example any_store -- embedded:./inventory
//! cargo run --example any_store --features redis -- redis://127.0.0.1
//! cargo run --example any_store --features redis -- redis-cluster://127.0.0.1:7000
//! ```

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "any_store_orders")]
struct Order {
    #[rome(key, auto)]
    id: Id<Order>,
    #[rome(index)]
    customer: String,
    cents: u64,
}

/// Lies with its order, so that both change in one step also on a cluster.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "any_store_lines", partition_by = order_id)]
struct Line {
    #[rome(key, references = Order, on_delete = cascade)]
    order_id: Id<Order>,
    #[rome(key)]
    number: u32,
    cents: u64,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "memory:".into());
    let db = Database::builder().entity::<Order>().entity::<Line>().open(&url).await?;
    let store = db.store().capabilities();
    println!("{} in {} partitions, durability {:?}", store.name, store.partitions, store.durability);

    // What an earlier run left, if the store outlives the program.
    let before = db.query::<Order>().count().await?;
    let order = db
        .transaction(async |s| {
            let order = s.insert(Order { customer: "Ann".into(), cents: 300, ..Default::default() }).await?;
            s.insert_many((1..=2).map(|number| Line { order_id: order.id, number, cents: 150 })).await?;
            Ok(order)
        })
        .await?;
    assert_eq!(db.query::<Order>().count().await?, before + 1);

    let lines = db.query::<Line>().filter(Line::ORDER_ID.eq(order.id));
    println!("{}", lines.explain().await?);
    assert_eq!(lines.aggregate((count(), sum(Line::CENTS))).await?, (2, Some(300)));
    println!("order {}: {} orders are stored", order.id, before + 1);

    db.delete(&order).await?;
    assert_eq!(lines.count().await?, 0);
    Ok(())
}
