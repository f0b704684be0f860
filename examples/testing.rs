//! Testing an application: on the in-memory store, which is a whole store and no mock.
//!
//! `cargo run --example testing`; in a program of your own these would be `#[tokio::test]` functions.

use std::sync::Arc;

use rome_orm::metrics::Collector;
use rome_orm::prelude::*;

/// The application: lending books.
mod library {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, Default, PartialEq)]
    pub struct Book {
        #[rome(key, auto)]
        pub id: Id<Book>,
        #[rome(unique)]
        pub title: String,
        #[rome(index)]
        pub lent_to: Option<String>,
    }

    /// Lends a book that is there; false if somebody has it.
    ///
    /// # Errors
    /// `is_not_found` if there is no such book.
    pub async fn lend(db: &Database, title: &str, to: &str) -> rome_orm::Result<bool> {
        db.transaction(async |s| {
            let book = s.query::<Book>().filter(Book::TITLE.eq(title)).one().await?;
            if book.lent_to.is_some() {
                return Ok(false);
            }
            s.update(&Book { lent_to: Some(to.into()), ..book }).await?;
            Ok(true)
        })
        .await
    }
}

use library::{Book, lend};

/// What each test begins with: a store of its own, with what the test wants in it. Queries that no index serves fail.
async fn library_with(titles: &[&str]) -> rome_orm::Result<Database> {
    let db = Database::builder().entity::<Book>().scan_policy(ScanPolicy::Deny).open("memory:").await?;
    db.insert_many(titles.iter().map(|title| Book { title: (*title).into(), ..Default::default() })).await?;
    Ok(db)
}

async fn a_book_is_lent_once() -> rome_orm::Result<()> {
    let db = library_with(&["Emma"]).await?;
    assert!(lend(&db, "Emma", "Ann").await?);
    assert!(!lend(&db, "Emma", "Bob").await?);
    assert!(lend(&db, "Ulysses", "Bob").await.is_err_and(|error| error.is_not_found()));
    Ok(())
}

async fn of_many_at_once_one_gets_it() -> rome_orm::Result<()> {
    let db = library_with(&["Emma"]).await?;
    let names: Vec<String> = (0..8).map(|n| format!("reader {n}")).collect();
    let lent = futures::future::try_join_all(names.iter().map(|name| lend(&db, "Emma", name))).await?;
    assert_eq!(lent.into_iter().filter(|lent| *lent).count(), 1);
    Ok(())
}

/// Two sessions, interleaved by hand: no sleeping, no threads.
async fn who_read_what_has_changed_is_refused() -> rome_orm::Result<()> {
    let db = library_with(&["Emma"]).await?;
    let slow = db.session();
    let book = slow.query::<Book>().filter(Book::TITLE.eq("Emma")).one().await?;
    assert!(lend(&db, "Emma", "Ann").await?);
    slow.update(&Book { lent_to: Some("Bob".into()), ..book }).await?;
    assert!(slow.commit().await.is_err_and(|error| error.is_conflict()));
    Ok(())
}

async fn lending_takes_one_read_and_one_commit() -> rome_orm::Result<()> {
    let metrics = Arc::new(Collector::new());
    let db = Database::builder().entity::<Book>().metrics(metrics.clone()).open("memory:").await?;
    db.insert(Book { title: "Emma".into(), ..Default::default() }).await?;
    let before = metrics.snapshot();
    assert!(lend(&db, "Emma", "Ann").await?);
    let did = metrics.snapshot().since(&before);
    assert_eq!((did.reads.calls, did.applies.calls), (1, 1));
    Ok(())
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    a_book_is_lent_once().await?;
    of_many_at_once_one_gets_it().await?;
    who_read_what_has_changed_is_refused().await?;
    lending_takes_one_read_and_one_commit().await?;
    println!("4 tests passed");
    Ok(())
}
