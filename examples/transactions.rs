//! Transactions: serializable, tried again after a conflict, with the error type of your program.
//!
//! `cargo run --example transactions`

use std::time::Duration;

use rome_orm::prelude::*;
use tokio::task::JoinSet;

#[derive(Entity, Clone, Debug)]
struct Account {
    #[rome(key)]
    name: String,
    cents: u64,
}

#[derive(Debug, thiserror::Error)]
enum TransferError {
    #[error("{0} has only {1} cents")]
    TooLittle(String, u64),
    #[error(transparent)]
    Database(#[from] rome_orm::Error),
}

/// Both accounts change, or none. The body may run several times, so it does nothing but through its session.
async fn transfer(db: &Database, from: &str, to: &str, cents: u64) -> Result<(), TransferError> {
    db.try_transaction(async |s| {
        let mut payer = s.get::<Account>(from).await?.ok_or_not_found()?;
        let mut payee = s.get::<Account>(to).await?.ok_or_not_found()?;
        let Some(left) = payer.cents.checked_sub(cents) else {
            return Err(TransferError::TooLittle(payer.name, payer.cents));
        };
        payer.cents = left;
        payee.cents += cents;
        s.update(&payer).await?;
        s.update(&payee).await?;
        Ok(())
    })
    .await
}

#[tokio::main]
async fn main() -> Result<(), TransferError> {
    let db = Database::builder().entity::<Account>().open("memory:").await?;
    let account = |name: &str, cents| Account { name: name.into(), cents };
    db.insert_many([account("ann", 10_000), account("bob", 0)]).await?;

    // A hundred at once, all on the same two rows: each sees the work of those before it.
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let db = db.clone();
        tasks.spawn(async move { transfer(&db, "ann", "bob", 10).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no transfer panics")?;
    }
    let bob = db.get::<Account>("bob").await?.ok_or_not_found()?;
    println!("{} has {} cents", bob.name, bob.cents);
    assert_eq!(bob.cents, 1_000);

    // An error of the body rolls everything back and comes out as it is.
    match transfer(&db, "bob", "ann", 5_000).await {
        Err(TransferError::TooLittle(name, cents)) => println!("refused: {name} has only {cents} cents"),
        other => panic!("it was not refused: {other:?}"),
    }

    // How long conflicts are tried again, a time-out and durability can be chosen; a read-only transaction cannot write.
    let options = TransactionOptions::new().max_attempts(5).retry_for(Duration::from_secs(1)).read_only(true);
    let total = db
        .transaction_with(options, async |s| {
            let cents = s.query::<Account>().select(Account::CENTS).all().await?;
            Ok(cents.iter().sum::<u64>())
        })
        .await?;
    println!("together they have {total}");
    assert_eq!(total, 10_000);
    Ok(())
}
