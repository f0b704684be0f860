//! What a column can hold: numbers, text, times, enums, newtypes, lists, embedded structs and JSON.
//!
//! `cargo run --example columns`

use chrono::{DateTime, NaiveDate, Utc};
use rome_orm::prelude::*;
use serde::{Deserialize, Serialize};

/// Stored by the label of its variant, `very-long`, so variants may be reordered.
#[derive(ColumnEnum, Clone, Copy, Debug, PartialEq)]
#[rome(rename_all = "kebab-case")]
enum Coat {
    Short,
    VeryLong,
    #[rome(rename = "none")]
    Naked,
}

/// Stored as the text in it.
#[derive(Newtype, Clone, Debug, PartialEq)]
struct Chip(String);

/// Its fields are columns of the entity: `home_street`, `home_city`.
#[derive(Embedded, Clone, Debug, PartialEq)]
struct Address {
    street: String,
    city: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Vaccine {
    name: String,
    doses: u8,
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "dogs", index(home.city))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    chip: Chip,
    coat: Coat,
    weight: f64,
    born: NaiveDate,
    seen: Option<DateTime<Utc>>,
    #[rome(embed)]
    home: Address,
    /// An index on a list has an entry for each element.
    #[rome(index)]
    tags: Vec<String>,
    /// Any serde type, as JSON.
    #[rome(json)]
    vaccines: Vec<Vaccine>,
    photo: Vec<u8>,
    /// The name of the stored column, where it is not that of the field.
    #[rome(column = "is_good")]
    good: bool,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    let rex = db
        .insert(Dog {
            id: Id::default(),
            name: "Rex".into(),
            chip: Chip("985-112".into()),
            coat: Coat::VeryLong,
            weight: 31.5,
            born: NaiveDate::from_ymd_opt(2020, 2, 29).expect("2020 is a leap year"),
            seen: None,
            home: Address { street: "1 Quai".into(), city: Some("Lyon".into()) },
            tags: vec!["good".into(), "big".into()],
            vaccines: vec![Vaccine { name: "rabies".into(), doses: 2 }],
            photo: vec![0xFF, 0xD8],
            good: true,
        })
        .await?;
    assert_eq!(db.get::<Dog>(rex.id).await?, Some(rex.clone()));

    for (what, filter) in [
        ("an enum", Dog::COAT.eq(Coat::VeryLong)),
        ("a newtype", Dog::CHIP.eq(Chip("985-112".into()))),
        ("a column of an embedded struct", Dog::HOME.city.eq("Lyon")),
        ("an element of a list", Dog::TAGS.contains("big")),
        ("NULL", Dog::SEEN.is_null()),
        ("a day", Dog::BORN.lt(NaiveDate::MAX)),
    ] {
        assert_eq!(db.query::<Dog>().filter(filter).one().await?, rex);
        println!("found by {what}");
    }
    let labels: Vec<&str> = [Coat::Short, Coat::VeryLong, Coat::Naked].iter().map(Coat::label).collect();
    println!("labels: {}", labels.join(", "));
    Ok(())
}
