//! What a database does, counted: calls of the store, conflicts, transactions, and how long they took.

use std::sync::Arc;

use rome_orm::metrics::{Collector, Event, Metrics};
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
struct Seat {
    #[rome(key)]
    number: u32,
    #[rome(index)]
    taken_by: Option<u32>,
}

/// Counts, and tells at once of what somebody should look at.
struct Watch(Collector);

impl Metrics for Watch {
    fn record(&self, event: &Event) {
        self.0.record(event);
        if let Event::Transaction { attempts: attempts @ 8.., elapsed, .. } = event {
            println!("a transaction took {attempts} attempts, {elapsed:.1?} in all");
        }
    }
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let metrics = Arc::new(Watch(Collector::new()));
    let db = Database::builder().entity::<Seat>().metrics(metrics.clone()).open("memory:").await?;
    db.insert_many((0..40).map(|number| Seat { number, taken_by: None })).await?;
    let filled = metrics.0.snapshot();

    // Eight guests take the first free seat, again and again, and get in each other's way.
    let take_all = async |guest| {
        while take_one(&db, guest).await? {}
        Ok::<_, rome_orm::Error>(())
    };
    futures::future::try_join_all((0..8).map(take_all)).await?;

    // What came since the seats were there. A program would print or send this once a minute.
    let did = metrics.0.snapshot().since(&filled);
    println!("{did}");
    // 40 seats were taken, and each of 8 guests saw that there are no more.
    assert_eq!((did.committed, did.failed), (48, 0));
    assert_eq!(did.conflicts, did.retries);
    assert!(did.transactions.p50() <= did.transactions.p99());
    Ok(())
}

/// Takes the first free seat; false if there is none.
async fn take_one(db: &Database, guest: u32) -> rome_orm::Result<bool> {
    db.transaction(async move |s| {
        let Some(seat) = s.query::<Seat>().filter(Seat::TAKEN_BY.is_null()).first().await? else { return Ok(false) };
        tokio::task::yield_now().await;
        s.update(&Seat { taken_by: Some(guest), ..seat }).await?;
        Ok(true)
    })
    .await
}
