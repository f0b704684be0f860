//! Redis by hand: the crate `redis`, one shared connection, one hash of rows, one sorted set an index.

mod peer;
mod scripts;

pub use self::peer::{Logic, RawRedis};
