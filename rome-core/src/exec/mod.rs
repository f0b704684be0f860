//! Carries out plans: reads, tests, merges the session's own writes, sorts and cuts.
//!
//! Where the reads of a query have to be of one consistent snapshot, it opens a session itself.
//!
//! Everything here works on encoded rows. All reads of a plan go out in one batch, so a query costs one round trip
//! whatever its number of rows; seeks, the first rows by another order and groups in order read on in further batches.

mod aggregate;
mod ahead;
mod answer;
mod asking;
mod batches;
mod compete;
mod distinct;
mod fetch;
mod filter;
mod group_by_key;
mod groups;
mod hit;
mod intersect;
mod join;
mod related;
mod routing;
mod runs;
mod semi;
mod skip;
mod sort;
mod subquery;
#[cfg(test)]
mod tests;
mod top;
mod walk;

pub(crate) use answer::{Answer, answer, count_rows, explain, find};
pub(crate) use distinct::{count_distinct, distinct, explain_distinct};
pub(crate) use fetch::{count, fetch, own_rows};
pub(crate) use filter::passes;
pub(crate) use groups::{explain_groups, groups};
pub(crate) use hit::{Hit, Want};
pub(crate) use join::{
    Chunks as JoinChunks, Joined as JoinedRows, JoinedRow, RowOf as RowOfJoin, count_join, explain_join, join,
};
pub(crate) use related::{Found as LedRows, Places, lead, rows_with, split};
pub(crate) use runs::{Asked, Batch, Got, Runs};
pub(crate) use sort::{sort_key_of_values, values_of_order};
pub(crate) use subquery::{answered, has_subquery};
