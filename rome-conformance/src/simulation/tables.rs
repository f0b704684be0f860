//! The tables of the simulated application.

use rome_core::model::Id;
use rome_core::{Database, DatabaseBuilder};
use rome_derive::Entity;

/// What each account has at first.
pub(super) const BALANCE: i64 = 100;
pub(super) const DUTIES: u64 = 4;
pub(super) const TWINS: u64 = 3;

/// How much there is; the less, the more often clients meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// An even number: the first half are rows, the others are what an index finds.
    pub(super) lists: u64,
    pub(super) accounts: u64,
    /// The numbers that seats can have.
    pub(super) seats: u64,
}

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
    pub(super) branch: u64,
    #[rome(index(global))]
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

/// Both rows of a group say the same. They lie in one partition, so that no crash can tear what is written to them.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "twins", partition_by = group)]
pub(super) struct Twin {
    #[rome(key)]
    pub(super) group: u64,
    #[rome(key)]
    pub(super) side: u64,
    pub(super) says: u64,
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
        .entity::<Twin>()
        .entity::<Counter>()
}

/// The rows that are there from the beginning.
pub(super) async fn fill(db: &Database, sizes: Sizes) -> rome_core::Result<()> {
    db.insert_all((0..sizes.accounts).map(|id| Account { id, branch: id % 2, balance: BALANCE })).await?;
    db.insert_all((0..DUTIES).map(|id| Duty { id, on_call: true })).await?;
    for group in 0..TWINS {
        db.insert_all((0..2).map(|side| Twin { group, side, says: 0 })).await?;
    }
    db.insert(Counter { id: 1, n: 0 }).await?;
    Ok(())
}
