//! Carries out plans: reads, tests, merges the session's own writes, sorts and cuts.
//!
//! Everything here works on encoded rows. All reads of a plan go out in one batch, so a query costs one round trip
//! whatever its number of rows.

mod aggregate;
mod by_value;
mod change;
mod compare_and_set;
mod fetch;
mod filter;
mod join;
mod reach;
mod related;
mod runs;
mod sort;
mod subquery;
mod target;

pub(crate) use aggregate::{aggregate, count_declared, explain_aggregate};
pub(crate) use change::{change_piece, change_rows, delete_rows};
pub(crate) use compare_and_set::{CompareAndSet, change_if};
pub(crate) use fetch::{Hit, Want, count, fetch, own_rows, scan};
pub(crate) use join::{
    Chunks as JoinChunks, Joined as JoinedRows, JoinedRow, aggregate_join, count_join, explain_join, join,
};
pub(crate) use related::{lead, rows_with, split};
pub(crate) use runs::{Asked, Batch, Got, Runs};
pub(crate) use sort::{sort_key_of_values, values_of_order};
pub(crate) use subquery::{answered, answered_group, has_subquery};
pub(crate) use target::{Target, in_session, session_rows};
