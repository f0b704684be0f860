//! What is asked, without types: queries on one table, joins and groups, in the form that planning starts from.

mod group;
mod join;
mod join_order;
mod limits;
mod normal;
mod spec;
mod text;
mod window;

pub(crate) use group::{GROUP, GroupOrder, GroupSpec, GroupedRows};
pub(crate) use join::{Attach, Equal, JoinKind, JoinOrder, JoinPart, JoinSpec, Via, distinct_join_parts};
pub(crate) use join_order::TotalOrder;
pub(crate) use limits::MOST_ROWS;
pub(crate) use normal::conjuncts;
pub use spec::{Hints, ScanPolicy, SoftDeleted};
pub(crate) use spec::{IndexChoice, OrderPart, Spec, distinct_parts};
pub(crate) use window::Window;
