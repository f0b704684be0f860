//! The tables of the simulated application.

use futures::future::BoxFuture;
use rome_core::model::{Id, Many, One};
use rome_core::session::TransactionOptions;
use rome_core::{Database, DatabaseBuilder, Result};
use rome_derive::Entity;

use crate::Verdict;
use crate::workloads::merge::{Leaf, Needle};
use crate::workloads::operators::{self, Kept};
use crate::workloads::semi::Slot;
use crate::workloads::skip::Mark;

/// What each account has at first.
pub(super) const BALANCE: i64 = 100;
pub(super) const DUTIES: u64 = 4;
pub(super) const TWINS: u64 = 3;
/// How many sets the operator keeps.
pub(super) const SETS: u64 = 1;

/// Which operator finds the members of the sets of a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operator {
    Merge,
    /// With entries that lie together, and not beside their rows.
    MergeApart,
    Semi,
    Skip,
}

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
    #[rome(global_index)]
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

/// What all kinds of queries ask; posts come, change and go.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "posts", index(board, rank))]
pub(super) struct Post {
    #[rome(key)]
    pub(super) id: u64,
    pub(super) board: u64,
    #[rome(global_index)]
    pub(super) rank: u64,
    #[rome(index)]
    pub(super) shade: u64,
    #[rome(has_many(post))]
    pub(super) replies: Many<Reply>,
}

/// What belongs to a post, which may be gone.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "replies")]
pub(super) struct Reply {
    #[rome(key)]
    pub(super) id: u64,
    #[rome(index)]
    pub(super) post: u64,
    pub(super) weight: u64,
    #[rome(belongs_to(post))]
    pub(super) of: One<Post>,
}

/// Does something with the sets of the operator that a run has.
macro_rules! of_operator {
    ($operator:expr, $do:ident($($with:expr),*)) => {
        match $operator {
            Operator::Merge => $do::<Leaf>($($with),*),
            Operator::MergeApart => $do::<Needle>($($with),*),
            Operator::Semi => $do::<Slot>($($with),*),
            Operator::Skip => $do::<Mark>($($with),*),
        }
    };
}

pub(super) fn builder(operator: Operator) -> DatabaseBuilder {
    let builder = of_operator!(operator, add(Database::builder()));
    builder
        .entity::<List>()
        .entity::<Item>()
        .entity::<Account>()
        .entity::<Seat>()
        .entity::<Duty>()
        .entity::<Twin>()
        .entity::<Counter>()
        .entity::<Post>()
        .entity::<Reply>()
}

fn add<K: Kept>(builder: DatabaseBuilder) -> DatabaseBuilder {
    K::add(builder)
}

/// [`change`](operators::change) of sets of this operator.
pub(super) fn change_set(
    operator: Operator,
    db: &Database,
    options: TransactionOptions,
    (set, side, way): (u64, u64, u64),
) -> BoxFuture<'_, Result<(Vec<u64>, Vec<u64>)>> {
    fn change<K: Kept>(
        db: &Database,
        options: TransactionOptions,
        (set, side, way): (u64, u64, u64),
    ) -> BoxFuture<'_, Result<(Vec<u64>, Vec<u64>)>> {
        Box::pin(operators::change::<K>(db, options, set, side, way))
    }
    of_operator!(operator, change(db, options, (set, side, way)))
}

/// [`audit_sets`](operators::audit_sets) of this operator.
pub(super) fn audit_sets(operator: Operator, db: &Database) -> BoxFuture<'_, Result<Verdict>> {
    fn audit<K: Kept>(db: &Database) -> BoxFuture<'_, Result<Verdict>> {
        Box::pin(operators::audit_sets::<K>(db, SETS))
    }
    of_operator!(operator, audit(db))
}

/// How many rows they are, each of which has one entry.
pub(super) fn count_sets(operator: Operator, db: &Database) -> BoxFuture<'_, Result<u64>> {
    fn count<K: Kept>(db: &Database) -> BoxFuture<'_, Result<u64>> {
        K::count(db)
    }
    of_operator!(operator, count(db))
}

fn start_sets(operator: Operator, db: &Database) -> BoxFuture<'_, Result<()>> {
    fn start<K: Kept>(db: &Database) -> BoxFuture<'_, Result<()>> {
        Box::pin(operators::start::<K>(db, 0, SETS))
    }
    of_operator!(operator, start(db))
}

/// The rows that are there from the beginning.
pub(super) async fn fill(db: &Database, operator: Operator, sizes: Sizes) -> Result<()> {
    db.insert_many((0..sizes.accounts).map(|id| Account { id, branch: id % 2, balance: BALANCE })).await?;
    db.insert_many((0..DUTIES).map(|id| Duty { id, on_call: true })).await?;
    for group in 0..TWINS {
        db.insert_many((0..2).map(|side| Twin { group, side, says: 0 })).await?;
    }
    db.insert(Counter { id: 1, n: 0 }).await?;
    start_sets(operator, db).await
}
