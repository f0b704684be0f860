//! The law of semantics, on every store.
//!
//! `queries` compares random queries with a naive evaluator and with SQLite; the other modules hold named tests, one
//! law each.
#![cfg(test)]
#![allow(clippy::unwrap_used, missing_docs)]

mod aggregates;
mod bad_input;
mod beside;
mod calls;
mod catalog;
mod check;
mod clustered;
mod damage;
mod dump;
mod edges;
mod explain;
mod first_rome;
mod fixtures;
mod foreign_key_cycles;
mod foreign_keys;
mod forged;
mod hooks;
mod join_costs;
mod left_behind;
mod limits;
mod links;
mod metrics;
mod null_safe;
mod on_redis;
mod ordered_enums;
mod page_costs;
mod partitions;
mod plans;
mod queries;
mod read_back;
mod read_costs;
mod references;
mod relational;
mod relations;
mod repeated_reads;
mod schema_change;
mod sequences;
mod sessions;
mod skips;
mod statistics;
mod stores;
mod streams;
mod tally;
mod tracing_events;
