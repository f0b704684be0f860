//! Orders, and pages that begin where the last one ended.
//!
//! `cargo run --example pages`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    #[rome(index)]
    age: Option<u32>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    let dog = |name: &str, age| Dog { name: name.into(), age, ..Default::default() };
    db.insert_many([
        dog("Ada", Some(3)),
        dog("Bello", None),
        dog("Cora", Some(9)),
        dog("Dago", Some(3)),
        dog("Emil", Some(5)),
    ])
    .await?;

    // NULL comes first ascending and last descending, unless told otherwise. The key breaks ties, so an order is total.
    for (what, order, expected) in [
        ("age", Dog::AGE.asc(), "Bello Ada Dago Emil Cora"),
        ("age desc", Dog::AGE.desc(), "Cora Emil Dago Ada Bello"),
        ("age, nulls last", Dog::AGE.asc().nulls_last(), "Ada Dago Emil Cora Bello"),
    ] {
        let names = db.query::<Dog>().order_by(order).select(Dog::NAME).all().await?.join(" ");
        println!("{what:16} {names}");
        assert_eq!(names, expected);
    }
    let names = db.query::<Dog>().order_by((Dog::AGE.desc().nulls_first(), Dog::NAME.asc())).select(Dog::NAME);
    assert_eq!(names.all().await?.join(" "), "Bello Cora Emil Ada Dago");

    // A cursor is text that is safe in a URL. It holds the place after the last row, so it costs nothing to keep, and
    // the row itself may be gone when it comes back.
    let by_age = db.query::<Dog>().order_by(Dog::AGE.asc());
    let first = by_age.clone().page(2).fetch().await?;
    println!("\nfirst page: {:?}", first.items.iter().map(|dog| &dog.name).collect::<Vec<_>>());
    let cursor = first.next.expect("there are five dogs");
    println!("cursor: {cursor}");
    db.delete(&first.items[1]).await?;

    let second = by_age.clone().page(2).after(cursor.as_str()).fetch().await?;
    let third = by_age.clone().page(2).after(second.next.clone()).fetch().await?;
    let rest: Vec<&str> = second.items.iter().chain(&third.items).map(|dog| dog.name.as_str()).collect();
    println!("then: {rest:?}");
    assert_eq!(rest, ["Dago", "Emil", "Cora"]);
    assert_eq!(third.next, None);

    // A cursor that was changed, or that belongs to another query, is refused.
    let other = db.query::<Dog>().order_by(Dog::NAME.asc()).page(2).after(cursor).fetch().await;
    match other {
        Err(error) if error.is_invalid_cursor() => println!("{error}"),
        other => panic!("the cursor of another query was taken: {other:?}"),
    }
    Ok(())
}
