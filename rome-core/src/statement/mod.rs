//! Statements: what writes, as one step of a session that happens whole or not at all.
//!
//! A statement finds the rows that it changes by the executor, runs their hooks, follows their foreign keys, and buffers what it
//! writes in the session.

mod aggregate_build;
mod cascade;
mod change;
mod compare_and_set;
mod hooks;
mod link;
mod unique_build;
mod verbs;
mod write;

pub(crate) use change::{change_piece, change_rows, delete_rows};
pub(crate) use compare_and_set::{CompareAndSet, change_if};
pub(crate) use verbs::written;
pub(crate) use write::{Write, Written, write_once};
