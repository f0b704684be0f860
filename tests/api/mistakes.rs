//! The mistakes that newcomers make most and that only a run shows: each error says what, where and what to do. Those that the compiler
//! finds are in `tests/ui`.

use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;

use super::{Dog, dog};

mod another {
    use super::*;

    #[derive(Entity, Clone, Debug, Default)]
    #[rome(table = "dog")]
    pub struct Cat {
        #[rome(key, auto)]
        pub id: Id<Cat>,
        pub lives: u8,
    }
}

#[derive(Entity, Clone, Debug, Default)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    fortune: i128,
    #[rome(has_many(owner_id))]
    pets: Many<Pet>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Pet {
    #[rome(key, auto)]
    id: Id<Pet>,
    #[rome(references = Owner)]
    owner_id: Id<Owner>,
}

/// All that an error has to say.
fn says(error: rome_orm::Error, parts: &[&str]) {
    let text = error.to_string();
    let missing: Vec<_> = parts.iter().filter(|part| !text.contains(**part)).collect();
    assert!(missing.is_empty(), "{missing:?} is not in: {text}");
}

#[tokio::test]
async fn an_entity_was_not_given() {
    let db = Database::builder().entity::<Dog>().open("memory:").await.unwrap();
    let error = db.query::<another::Cat>().all().await.unwrap_err();
    says(error, &["`Cat` was not given to the database", "add `.entity::<Cat>()`"]);
    let error = Database::builder().entity::<Pet>().open("memory:").await.unwrap_err();
    says(error, &["`Pet` references `Owner`", "add `.entity::<"]);
}

#[tokio::test]
async fn two_entities_have_one_table() {
    let error = Database::builder().entity::<Dog>().entity::<another::Cat>().open("memory:").await.unwrap_err();
    says(error, &["Dog", "another::Cat", "the table `dog`", "`#[rome(table = \"...\")]`"]);
}

#[tokio::test]
async fn a_relation_was_not_loaded() {
    let db = Database::builder().entity::<Owner>().entity::<Pet>().open("memory:").await.unwrap();
    let owner = db.insert(Owner::default()).await.unwrap();
    says(owner.pets.get().map(drop).unwrap_err(), &["`pets` of `Owner`", "`.with(Owner::PETS)`"]);
}

#[tokio::test]
async fn a_sum_is_too_large() {
    let db = Database::builder().entity::<Owner>().entity::<Pet>().open("memory:").await.unwrap();
    for _ in 0..4 {
        db.insert(Owner { fortune: i128::MAX, ..Default::default() }).await.unwrap();
    }
    let error = db.query::<Owner>().aggregate(Owner::FORTUNE.sum()).await.unwrap_err();
    assert!(error.is_overflow());
    says(error, &["table `owner`", "the sum is out of range", "128 bits", "divide what is summed"]);
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn a_folder_is_opened_twice() {
    let folder = std::env::temp_dir().join(format!("rome-twice-{}", std::process::id()));
    let url = format!("embedded:{}", folder.display());
    let first = Database::builder().entity::<Dog>().open(&url).await.unwrap();
    let error = Database::builder().entity::<Dog>().open(&url).await.unwrap_err();
    assert!(error.is_in_use());
    says(error, &[&folder.display().to_string(), "is open already", "share the `Database`", "`redis://HOST`"]);
    drop(first);
    std::fs::remove_dir_all(folder).unwrap();
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn no_server_is_there() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://127.0.0.1:{port}?patience=20ms&refused_patience=20ms");
    let error = Database::builder().entity::<Dog>().open(&url).await.unwrap_err();
    assert!(error.is_unavailable());
    says(error, &[&format!("127.0.0.1:{port}"), "refused", "start the server"]);
}

#[tokio::test]
async fn no_store_has_this_scheme() {
    let open = async |url: &'static str| Database::builder().entity::<Dog>().open(url).await.unwrap_err();
    says(open("postgres://localhost").await, &["`postgres:` names no store", "`memory:`"]);
    says(open("./data").await, &["write `embedded:./data`"]);
    #[cfg(not(feature = "redis"))]
    says(open("redis://localhost").await, &["`redis:`", "enable the feature `redis` of `rome-orm`"]);
}

#[tokio::test]
async fn the_schema_is_another() {
    let store = std::sync::Arc::new(MemoryStore::new());
    let db = Database::builder().entity::<Dog>().open(store.clone()).await.unwrap();
    db.insert(dog("Rex", 3)).await.unwrap();
    let error = Database::builder().entity::<another::Cat>().open(store).await.unwrap_err();
    assert!(error.is_schema_mismatch());
    says(error, &["do not fit the stored tables", "`dog`", "`lives`", "default"]);
}
