//! The Redis store of ROME.
//!
//! [`RedisStore`] keeps a database on one Redis server (6.2 or newer, or Valkey; no module is needed) or on a Redis Cluster, and
//! implements the store contract ([`rome_store`]): with one partition on a server unless told otherwise, with 16 on a
//! cluster. A write to a partition is one Lua script call, which checks, applies and records the outcome at once, since Redis
//! runs one script at a time. Reads are pipelines of plain commands between two looks at the partition's sequence number,
//! which proves that they saw one state.
//!
//! How safe an acknowledged write is depends on the server's settings; `docs/design/redis.md` says what is refused, what is
//! warned of, and what Redis cannot promise. The store knows nothing of entities, sessions or queries.

mod apply;
mod batcher;
mod database;
mod digest;
mod error;
mod layout;
mod link;
mod node;
mod options;
mod outage;
mod partition_keys;
mod prepared;
mod read;
mod replicas;
mod reply;
mod request;
mod reserve;
mod route;
mod saved_look;
mod script;
mod server;
mod setup;
mod sizes;
mod slot;
mod store;
mod target;
#[doc(hidden)]
pub mod testkit;

pub use options::RedisOptions;
pub use store::RedisStore;
