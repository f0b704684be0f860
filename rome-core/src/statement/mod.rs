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
mod once;
mod restore;
mod unique_build;
mod verbs;
mod write;

pub(crate) use change::{change_piece, change_rows, delete_rows};
pub(crate) use compare_and_set::CompareAndSet;
pub(crate) use link::Linked;
pub(crate) use once::{
    change_if_once, link_once, remove_once, restore_once, write_once, write_row_once, write_rows_once,
};
pub(crate) use restore::deleted_at;
pub(crate) use verbs::{decode_all, deletes, encode_all};
pub(crate) use write::{Write, Written};
