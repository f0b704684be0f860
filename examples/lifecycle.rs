//! Columns that ROME keeps: timestamps, a version against lost updates, and soft deletion.
//!
//! `cargo run --example lifecycle`

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Page {
    #[rome(key)]
    slug: String,
    text: String,
    #[rome(created_at)]
    created: DateTime<Utc>,
    #[rome(updated_at)]
    updated: DateTime<Utc>,
    /// 1 after the insert, one more with each write.
    #[rome(version)]
    version: u64,
    #[rome(soft_delete)]
    deleted: Option<DateTime<Utc>>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Page>().open("memory:").await?;
    let new = Page { slug: "home".into(), text: "Hello".into(), ..Default::default() };
    let first = db.insert(new).await?;
    println!("version {} of {}", first.version, first.created);
    assert_eq!((first.version, first.created), (1, first.updated));

    let second = db.update(&Page { text: "Hello, you".into(), ..first.clone() }).await?;
    assert_eq!((second.version, second.created), (2, first.created));
    assert!(second.updated >= first.updated);

    // Somebody else still shows the first version in a form, and saves it now.
    let error = db.update(&Page { text: "Hi".into(), ..first }).await.expect_err("version 1 is old");
    println!("{error}");
    assert!(error.is_stale());

    // A soft deletion hides the row and keeps it.
    db.delete(&second).await?;
    assert_eq!(db.get::<Page>("home").await?, None);
    assert_eq!(db.query::<Page>().count().await?, 0);
    assert_eq!(db.query::<Page>().with_deleted().count().await?, 1);
    let hidden = db.query::<Page>().only_deleted().one().await?;
    println!("deleted at {:?}", hidden.deleted);

    // It comes back on purpose only: for an update it is not there.
    assert!(db.update(&second).await.expect_err("it is deleted").is_not_found());
    assert!(db.restore::<Page>("home").await?);
    assert!(db.get::<Page>("home").await?.is_some());

    // To remove it really, purge it.
    assert!(db.purge_by_key::<Page>("home").await?);
    assert_eq!(db.get_with_deleted::<Page>("home").await?, None);
    Ok(())
}
