//! Clients that go away in the middle of a commit, while others go on.

use std::sync::Arc;

use rome_core::session::TransactionOptions;
use rome_core::{Database, DatabaseBuilder, OrNotFound};
use rome_derive::Entity;
use rome_store::Store;

use super::at_last;
use super::mortal::Mortal;
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

/// Purses that all clients use; besides, each has two of its own.
const SHARED: u64 = 12;
const PURSES: u64 = SHARED + 2 * CLIENTS;
const TOTAL: i64 = 100 * PURSES as i64;
/// The halves of calls after which a client goes: a commit over several partitions makes two calls, and one in the background.
const HALVES: u64 = 7;
/// How a client goes.
const FATES: [Fate; 3] = [Fate::ForGood, Fate::AndIsHeardLate, Fate::AndFinishesBehind];
const CLIENTS: u64 = 3 * HALVES * FATES.len() as u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing is ever heard of it.
    ForGood,
    /// What it sent last arrives when others have cleared away what it left.
    AndIsHeardLate,
    /// Only its future is dropped; what it left in the background goes on.
    AndFinishesBehind,
}

/// From which purse to which a client moves money.
const fn pair(n: u64) -> (u64, u64) {
    match fate(n) {
        // Nobody else shall tell a late call that it is late.
        Fate::AndIsHeardLate => (SHARED + 2 * n, SHARED + 2 * n + 1),
        _ => (n % SHARED, (n + 1 + n / SHARED) % SHARED),
    }
}

const fn fate(n: u64) -> Fate {
    FATES[(n / HALVES % 3) as usize]
}

/// Its row, its claim and its entry lie in different partitions.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "purses", global_index(money))]
struct Purse {
    #[rome(key)]
    id: u64,
    #[rome(unique)]
    label: String,
    money: i64,
}

/// Few attempts: what is locked for longer than a lease stays locked.
fn options() -> TransactionOptions {
    TransactionOptions::new().max_attempts(4)
}

fn builder() -> DatabaseBuilder {
    Database::builder().entity::<Purse>()
}

/// Clients move money between rows of different partitions and rename both, and go away at every place of a commit. Meanwhile
/// and afterwards the sum is the same, no commit is seen in part, and in the end every row can be written and every unique
/// value is free that no row has.
///
/// # Errors
/// When it is not so.
pub async fn clients_that_are_gone_leave_nothing_locked_or_torn(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let db = builder().open(store.clone()).await?;
    db.insert_many((0..PURSES).map(|id| Purse { id, label: format!("{id}"), money: 100 })).await?;
    let clients = (0..CLIENTS).map(|n| {
        let (store, db) = (store.clone(), db.clone());
        async move {
            let ((from, to), fate) = (pair(n), fate(n));
            let mortal = Mortal::new(store);
            let own = open(mortal.clone()).await?;
            // Most that are heard late have prepared everything and sent the last word.
            let halves =
                if fate == Fate::AndIsHeardLate { [0, 2, 2, 2, 2, 2, 4][(n % HALVES) as usize] } else { n % HALVES };
            mortal.dies_after(halves);
            // Whatever becomes of it: all or nothing.
            let _ = mortal.while_alive(transfer(&own, from, to, n)).await;
            if fate == Fate::AndFinishesBehind {
                mortal.revive();
            }
            if fate == Fate::AndIsHeardLate {
                // One of both; the other is as the client has seen it.
                let _ = rename(&db, if n % 2 == 0 { from } else { to }).await;
                mortal.arrive_late().await;
            }
            look(&db).await
        }
    });
    together(clients.collect::<Vec<_>>()).await?;
    look(&db).await?;
    // What was left behind is cleared away by those who meet it.
    let survivor = Arc::new(open(store).await?);
    let writers = (0..PURSES).map(|id| {
        let db = survivor.clone();
        async move {
            let mut tries = 0;
            while let Err(error) = rename(&db, id).await {
                // A lost request may be the reason that this takes some tries.
                let is_lost = error.is_unavailable() || error.is_outcome_unknown();
                ensure!(is_lost && tries < 10, "purse {id} cannot be written after its clients are gone: {error}");
                tries += 1;
            }
            Ok(())
        }
    });
    together(writers.collect::<Vec<_>>()).await?;
    look(&survivor).await?;
    labels_are_free(&survivor).await
}

/// A lost request may be the reason that this takes some tries.
async fn open(store: Arc<dyn Store>) -> Verdict<Database> {
    let mut opened = builder().open(store.clone()).await;
    for _ in 0..10 {
        if opened.is_ok() {
            break;
        }
        opened = builder().open(store.clone()).await;
    }
    Ok(opened?)
}

async fn transfer(db: &Database, from: u64, to: u64, n: u64) -> rome_core::Result<()> {
    db.transaction_with(options(), async move |s| {
        let mut source = s.get::<Purse>(from).await?.ok_or_not_found()?;
        let mut target = s.get::<Purse>(to).await?.ok_or_not_found()?;
        (source.money, target.money) = (source.money - 1, target.money + 1);
        (source.label, target.label) = (format!("{from} by {n}"), format!("{to} by {n}"));
        s.update(&source).await?;
        s.update(&target).await?;
        Ok(())
    })
    .await
}

async fn rename(db: &Database, id: u64) -> rome_core::Result<()> {
    db.transaction_with(options(), async move |s| {
        let mut purse = s.get::<Purse>(id).await?.ok_or_not_found()?;
        purse.label = format!("{id} at last");
        s.update(&purse).await?;
        Ok(())
    })
    .await
}

/// By rows, and by the index: the rows and what should lie beside them agree.
async fn look(db: &Database) -> Verdict {
    let by_row = db.query::<Purse>().ignore_indexes().all().await;
    let by_index = db.query::<Purse>().order_by(Purse::MONEY.asc()).all().await;
    for purses in [by_row, by_index] {
        // A read that failed says nothing.
        let Ok(purses) = purses else { continue };
        let sum: i64 = purses.iter().map(|purse| purse.money).sum();
        ensure_eq!((purses.len() as u64, sum), (PURSES, TOTAL), "purses and their sum, {purses:?},");
    }
    Ok(())
}

/// Every label that was ever given, and that no row has now, can be taken.
async fn labels_are_free(db: &Database) -> Verdict {
    for n in 0..CLIENTS {
        let (from, to) = pair(n);
        for id in [from, to] {
            let label = format!("{id} by {n}");
            let found = db.query::<Purse>().filter(Purse::LABEL.eq(label.as_str())).all().await;
            let Ok(found) = found else { continue };
            ensure!(found.is_empty(), "label {label:?} is claimed by {found:?}, whose label is another");
        }
    }
    let purse = |n| Purse { id: PURSES + n, label: format!("{} by {n}", pair(n).0), money: 0 };
    let all: Vec<Purse> = (0..CLIENTS).map(purse).collect();
    let taken = at_last(async || db.upsert_many(all.clone()).await).await;
    ensure!(taken.is_ok(), "labels that no row has cannot be taken: {taken:?}");
    Ok(())
}
