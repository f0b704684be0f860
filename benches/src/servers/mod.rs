//! Servers of the benchmark's own, on free loopback ports, in temporary folders; they end with it.

mod postgres;
mod redis;

pub use self::{postgres::Postgres, redis::redis};
