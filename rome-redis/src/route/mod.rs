//! The way from a partition to the server that serves it, and through what changes it: failovers and moved slots.
//!
//! A [`PartitionConn`](conn::PartitionConn) is a connection for calls about one partition: greeted, and the partition adopted for the
//! server's process. Nothing else may be assumed of it: the slot may move away at any time, and the server then says so. The caller
//! decides what to do about a refusal or a lost reply.

mod conn;
mod ownership;
mod redirect;
mod round;
mod router;
mod topology;

pub(crate) use conn::{PartitionConn, RetryCause};
pub(crate) use ownership::{Make, Opened, check_empty, new_id};
pub(crate) use redirect::Redirect;
pub(crate) use round::{Confirm, Round, Sent};
pub(crate) use router::Router;
