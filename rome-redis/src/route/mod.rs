//! The way from a partition to the server that serves it, and through what changes it: failovers and moved slots.
//!
//! A [`Seat`](seat::Seat) is a place at a server for calls about one partition: connected, greeted, and the partition adopted for the
//! server's process. Nothing else may be assumed of it: the slot may move away at any time, and the server says so then. What to do
//! about a refusal or a lost reply is decided where the call is made.

mod ownership;
mod redirect;
mod round;
mod router;
mod seat;
mod topology;

pub(crate) use ownership::{Make, Opened, check_empty, new_id};
pub(crate) use redirect::Passing;
pub(crate) use round::{Confirm, Round, Sent};
pub(crate) use router::Router;
pub(crate) use seat::Lesson;
