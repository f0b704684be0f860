//! The tables of the simulated application.

use rome_core::model::Id;
use rome_core::{Database, DatabaseBuilder};
use rome_derive::Entity;

/// How many lists there are; the first half are rows, the others are what an index finds.
pub(super) const LISTS: u64 = 6;
pub(super) const ACCOUNTS: u64 = 6;
/// What each account has at first.
pub(super) const BALANCE: i64 = 100;
pub(super) const SEATS: u64 = 5;
pub(super) const DUTIES: u64 = 4;

/// A list in one row.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "lists")]
pub(super) struct List {
    #[rome(key)]
    pub(super) id: u64,
    pub(super) members: Vec<u64>,
}

/// A member of a list that an index finds. No two lists have a value in common.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "items", index(list, place))]
pub(super) struct Item {
    #[rome(key)]
    pub(super) value: u64,
    pub(super) list: u64,
    pub(super) place: u64,
}

/// All accounts together always have the same.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "accounts")]
pub(super) struct Account {
    #[rome(key)]
    pub(super) id: u64,
    #[rome(index)]
    pub(super) balance: i64,
}

/// No two have the same number. Numbers are few and go from seat to seat.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "seats")]
pub(super) struct Seat {
    #[rome(key, auto)]
    pub(super) id: Id<Seat>,
    #[rome(unique)]
    pub(super) number: u64,
    #[rome(index)]
    pub(super) holder: u64,
}

/// Of the two of a pair, one at least is on call.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "duties")]
pub(super) struct Duty {
    /// Two following numbers are a pair.
    #[rome(key)]
    pub(super) id: u64,
    pub(super) on_call: bool,
}

/// Counts the increments.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "counters")]
pub(super) struct Counter {
    #[rome(key)]
    pub(super) id: u64,
    pub(super) n: u64,
}

pub(super) fn builder() -> DatabaseBuilder {
    Database::builder()
        .entity::<List>()
        .entity::<Item>()
        .entity::<Account>()
        .entity::<Seat>()
        .entity::<Duty>()
        .entity::<Counter>()
}

/// The rows that are there from the beginning.
pub(super) async fn fill(db: &Database) -> rome_core::Result<()> {
    db.insert_all((0..ACCOUNTS).map(|id| Account { id, balance: BALANCE })).await?;
    db.insert_all((0..DUTIES).map(|id| Duty { id, on_call: true })).await?;
    db.insert(Counter { id: 1, n: 0 }).await?;
    Ok(())
}
