//! Whole databases on a store, driven by many tasks at once.
//!
//! Each workload has an invariant that a lost update, a phantom, a torn commit or a dishonest error breaks. They use a
//! database as a program does: through transactions that are tried again, queries and constraints. A store that loses requests or
//! replies is a fair subject; then transactions fail, and what their errors say must be true.

pub(crate) mod bank;
pub(crate) mod counters;
mod gone;
pub(crate) mod lists;
pub(crate) mod merge;
pub(crate) mod mortal;
pub(crate) mod operators;
mod orphans;
pub(crate) mod semi;
mod skew;
pub(crate) mod skip;
mod unique;

pub use bank::no_money_is_made_or_lost;
pub use counters::no_increment_is_lost;
pub use gone::clients_that_are_gone_leave_nothing_locked_or_torn;
pub use lists::{append_to_lists, lists_are_strictly_serializable, lists_outlive_their_clients};
pub use merge::unions_are_strictly_serializable;
pub use orphans::no_row_is_left_without_its_parent;
pub use semi::partners_are_strictly_serializable;
pub use skew::one_of_each_pair_stays;
pub use skip::distinct_values_are_strictly_serializable;
pub use unique::a_unique_value_is_taken_once;

use std::time::Duration;

use rome_core::Result;
use rome_core::session::TransactionOptions;

/// How many tasks work at the same time.
const TASKS: u64 = 16;

/// Patience: here tasks meet more often than anywhere else.
pub(crate) fn options() -> TransactionOptions {
    TransactionOptions::new().max_attempts(2000).retry_for(Duration::from_secs(60))
}

/// Does something that may be done more than once, until it succeeds: a lost request may be the reason that it takes some
/// tries.
async fn at_last<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    for _ in 0..20 {
        if let Ok(done) = attempt().await {
            return Ok(done);
        }
    }
    attempt().await
}
