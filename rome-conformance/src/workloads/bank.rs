//! Transfers between accounts.

use std::sync::Arc;

use rome_core::expr::sum;
use rome_core::session::Session;
use rome_core::{Database, OrNotFound};
use rome_derive::Entity;

use super::{TASKS, options};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

const ACCOUNTS: u64 = 6;
const EACH: u64 = 12;
const TOTAL: i64 = 100 * ACCOUNTS as i64;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "accounts")]
pub(crate) struct Account {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    balance: i64,
}

/// Half of the tasks move money between accounts, the others look at all of them, by row and by index, in one statement and in a
/// transaction: the sum is always the same, and no balance is below zero.
///
/// # Errors
/// When it is not so.
pub async fn no_money_is_made_or_lost(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let db = Database::builder().entity::<Account>().open(subject.open(&place).await?).await?;
    open_accounts(&db).await?;
    let db = Arc::new(db);
    let tasks = (0..TASKS).map(|n| {
        let db = db.clone();
        async move {
            for round in 0..EACH {
                if n % 2 == 0 {
                    // Whatever fails moves nothing, or all of it.
                    let _ = transfer(&db, n + round, n * 3 + round * 5 + 1, (round % 7) as i64 * 10).await;
                } else {
                    look(&db).await?;
                }
            }
            Ok(())
        }
    });
    together(tasks.collect::<Vec<_>>()).await?;
    look(&db).await
}

pub(crate) async fn open_accounts(db: &Database) -> rome_core::Result<()> {
    db.insert_many((0..ACCOUNTS).map(|id| Account { id, balance: 100 })).await.map(drop)
}

/// Writes every row once more, as it is.
pub(crate) async fn write_every_row(db: &Database) -> rome_core::Result<()> {
    let all = async |s: &Session| s.query::<Account>().update((Account::BALANCE.set(Account::BALANCE + 0),)).await;
    db.transaction_with(options(), all).await.map(drop)
}

pub(crate) async fn transfer(db: &Database, from: u64, to: u64, amount: i64) -> rome_core::Result<()> {
    let (from, to) = (from % ACCOUNTS, to % ACCOUNTS);
    db.transaction_with(options(), async move |s| {
        let mut source = s.get::<Account>(from).await?.ok_or_not_found()?;
        if source.balance < amount {
            return Ok(());
        }
        source.balance -= amount;
        s.update(&source).await?;
        // The session sees its own write, also if it is the same account.
        let mut target = s.get::<Account>(to).await?.ok_or_not_found()?;
        target.balance += amount;
        s.update(&target).await?;
        Ok(())
    })
    .await
}

pub(crate) async fn look(db: &Database) -> Verdict {
    let one_statement = db.query::<Account>().order_by(Account::BALANCE.asc()).all().await;
    let in_a_transaction = db
        .transaction_with(options(), async move |s| {
            let mut accounts = Vec::new();
            for id in 0..ACCOUNTS {
                accounts.push(s.get::<Account>(id).await?.ok_or_not_found()?);
            }
            Ok(accounts)
        })
        .await;
    for accounts in [one_statement, in_a_transaction] {
        // A read that failed says nothing.
        let Ok(accounts) = accounts else { continue };
        let sum: i64 = accounts.iter().map(|account| account.balance).sum();
        ensure_eq!((accounts.len() as u64, sum), (ACCOUNTS, TOTAL), "accounts and their sum, {accounts:?},");
        ensure!(accounts.iter().all(|account| account.balance >= 0), "a balance is below zero: {accounts:?}");
    }
    for accounts in [db.query::<Account>(), db.query::<Account>().ignore_indexes()] {
        let Ok(sum) = accounts.aggregate(sum(Account::BALANCE)).await else { continue };
        ensure_eq!(sum, Some(TOTAL), "the sum of all accounts");
    }
    Ok(())
}
