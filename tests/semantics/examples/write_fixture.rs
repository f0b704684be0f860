//! Writes the fixture that `fixtures.rs` reads with later builds: a database on disk as the build that runs this leaves it.
//!
//! Run it with the build whose rows are to be kept, and give it the folder to write: `cargo run -p rome-semantics
//! --example write_fixture -- tests/semantics/fixtures/NAME`. A fixture is never written again.
#![allow(clippy::unwrap_used)]

use rome::prelude::*;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    name: String,
    #[rome(unique)]
    email: Option<String>,
}

#[derive(ColumnEnum, Clone, Debug, PartialEq, Default)]
enum Coat {
    #[default]
    Short,
    Long,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(age, desc(name)))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(index)]
    name: String,
    age: u16,
    weight: Option<f64>,
    coat: Coat,
    #[rome(index)]
    tags: Vec<String>,
    photo: Vec<u8>,
    #[rome(references = Owner)]
    owner: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> rome::Result<()> {
    let folder = std::env::args().nth(1).expect("the folder to write");
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open(&format!("embedded:{folder}")).await?;
    db.insert_all([
        Owner { name: "Ann".into(), email: Some("ann@example.org".into()) },
        Owner { name: "Bob".into(), email: None },
    ])
    .await?;
    let dog = |n: u16| Dog {
        name: format!("dog {}", n % 5),
        age: n * 1000,
        weight: n.is_multiple_of(3).then_some(f64::from(n) / 4.0),
        coat: if n.is_multiple_of(2) { Coat::Short } else { Coat::Long },
        tags: (0..n % 4).map(|tag| format!("tag {tag}")).collect(),
        photo: vec![0, 255, n.to_be_bytes()[1]],
        owner: [None, Some("Ann".to_owned()), Some("Bob".to_owned())][usize::from(n % 3)].clone(),
        ..Default::default()
    };
    db.insert_all((0..12).map(dog)).await?;
    Ok(())
}
