//! Keys: counted, drawn as UUIDs, given by the program, and of several columns.
//!
//! `cargo run --example keys`

use rome_orm::prelude::*;
use uuid::Uuid;

/// `Id<Owner>` is a `u64` that is not taken for the key of another entity. Left at 0 it is counted.
#[derive(Entity, Clone, Debug, Default)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
}

/// `auto` on a UUID draws version 7, which rises with time, so that new rows lie together.
#[derive(Entity, Clone, Debug, Default)]
struct Visit {
    #[rome(key, auto)]
    id: Id<Visit, Uuid>,
    reason: String,
}

/// Version 4 tells nothing about when it was made.
#[derive(Entity, Clone, Debug, Default)]
struct Token {
    #[rome(key, auto = uuid_v4)]
    id: Uuid,
}

/// A key that the program gives.
#[derive(Entity, Clone, Debug)]
struct Country {
    #[rome(key)]
    code: String,
    name: String,
}

/// A key of two columns; as a Rust value it is the tuple of them.
#[derive(Entity, Clone, Debug, PartialEq)]
struct Membership {
    #[rome(key)]
    owner: Id<Owner>,
    #[rome(key)]
    club: String,
    since: u16,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let builder = Database::builder().entity::<Owner>().entity::<Visit>().entity::<Token>();
    let db = builder.entity::<Country>().entity::<Membership>().open("memory:").await?;

    let ann = db.insert(Owner { name: "Ann".into(), ..Default::default() }).await?;
    let bob = db.insert(Owner { name: "Bob".into(), ..Default::default() }).await?;
    println!("{} is {}, {} is {}", ann.name, ann.id, bob.name, bob.id);
    assert!(bob.id > ann.id);

    let visit = db.insert(Visit { reason: "vaccine".into(), ..Default::default() }).await?;
    let token = db.insert(Token::default()).await?;
    println!("visit for a {}: {}, token {}", visit.reason, visit.id, token.id);
    assert_eq!((visit.id.value().get_version_num(), token.id.get_version_num()), (7, 4));

    db.insert(Country { code: "FR".into(), name: "France".into() }).await?;
    let france = db.get::<Country>("FR").await?.ok_or_not_found()?;
    let again = db.insert(Country { code: "FR".into(), name: "Francia".into() }).await;
    assert!(again.is_err_and(|error| error.is_duplicate_key()));
    println!("{} is {}", france.code, france.name);

    let chess = db.insert(Membership { owner: ann.id, club: "chess".into(), since: 2019 }).await?;
    db.insert(Membership { owner: ann.id, club: "rowing".into(), since: 2024 }).await?;
    assert_eq!(db.get::<Membership>((ann.id, "chess".to_owned())).await?, Some(chess));

    // A condition on the first columns of a key is a range of the table, not a scan.
    let of_ann = db.query::<Membership>().filter(Membership::OWNER.eq(ann.id));
    println!("{}", of_ann.explain().await?);
    assert_eq!(of_ann.keys().await?, [(ann.id, "chess".to_owned()), (ann.id, "rowing".to_owned())]);
    Ok(())
}
