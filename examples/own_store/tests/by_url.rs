//! A program opens it by a URL, as it opens the stores that come with ROME.
#![allow(clippy::unwrap_used, missing_docs)]

use own_store::MapStore;
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(unique)]
    name: String,
    #[rome(index)]
    age: u32,
}

async fn open(url: &str) -> rome_orm::Result<Database> {
    Database::builder().entity::<Dog>().scheme(MapStore::scheme()).open(url).await
}

#[tokio::test]
async fn a_database_is_opened_by_its_url() {
    let db = open("map:kennel").await.unwrap();
    let rex = db.insert(Dog { name: "Rex".into(), age: 3, ..Default::default() }).await.unwrap();
    db.insert(Dog { name: "Fido".into(), age: 1, ..Default::default() }).await.unwrap();
    assert!(db.insert(Dog { name: "Rex".into(), ..Default::default() }).await.unwrap_err().is_unique_violation());

    let same = open("map:kennel").await.unwrap();
    let old = same.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::AGE.desc()).all().await.unwrap();
    assert_eq!(old, [rex]);
    let other = open("map:another").await.unwrap();
    assert_eq!(other.query::<Dog>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_url_is_said() {
    for (url, says) in [
        ("map:", "such as `map:kennel`"),
        ("map://kennel", "such as `map:kennel`"),
        ("map:kennel?size=3", "size"),
        ("MAP:kennel", "`map:`"),
        ("maps:kennel", "`map:NAME`"),
    ] {
        let error = open(url).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(says), "{url}: {error}");
    }
    let error = Database::builder().entity::<Dog>().open("map:kennel").await.unwrap_err();
    assert!(error.to_string().contains("is added with `scheme`"), "{error}");
}
