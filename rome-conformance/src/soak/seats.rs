//! A race for unique values, with rows that come and go.

use std::collections::HashMap;

use rome_core::model::Id;
use rome_core::session::Session;
use rome_core::{Database, Result};
use rome_derive::Entity;

use crate::workloads::options;

/// How many unique values there are.
pub(super) const SEATS: u64 = 24;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "seats")]
pub(super) struct Seat {
    #[rome(key, auto)]
    id: Id<Seat>,
    #[rome(unique)]
    number: u64,
    holder: u64,
}

/// Takes a seat for a holder that nobody else is.
pub(super) async fn take(db: &Database, number: u64, holder: u64) -> Result<()> {
    db.insert(Seat { number, holder, ..Seat::default() }).await.map(drop)
}

/// Leaves it; says whether it was there.
pub(super) async fn leave(db: &Database, number: u64, holder: u64) -> Result<bool> {
    let seat = db.query::<Seat>().filter(Seat::NUMBER.eq(number)).filter(Seat::HOLDER.eq(holder));
    Ok(seat.delete().await? > 0)
}

/// Who has which seat, not by the unique index: it would not show a second one.
pub(super) async fn taken(db: &Database) -> Result<HashMap<u64, Vec<u64>>> {
    let mut taken: HashMap<u64, Vec<u64>> = HashMap::new();
    for seat in db.query::<Seat>().ignore_indexes().all().await? {
        taken.entry(seat.number).or_default().push(seat.holder);
    }
    Ok(taken)
}

/// Writes every row once more, as it is.
pub(super) async fn write_every_row(db: &Database) -> Result<()> {
    let all = async |s: &Session| s.query::<Seat>().update((Seat::HOLDER.set(Seat::HOLDER + 0),)).await;
    db.transaction_with(options(), all).await.map(drop)
}

/// Takes and leaves every seat that is free: no claim is left of who is gone.
pub(super) async fn try_free_ones(db: &Database, holder: u64) -> Result<Option<u64>> {
    let taken = taken(db).await?;
    for number in (0..SEATS).filter(|number| !taken.contains_key(number)) {
        if let Err(error) = take(db, number, holder).await {
            return if error.is_unique_violation() { Ok(Some(number)) } else { Err(error) };
        }
        leave(db, number, holder).await?;
    }
    Ok(None)
}
