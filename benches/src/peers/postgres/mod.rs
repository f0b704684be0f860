//! ORMs on PostgreSQL.

pub mod diesel;
pub mod sea_orm;

/// The tables and indexes.
pub const SCHEMA: &str = include_str!("tables.sql");

/// Connections of a pool: one for each of the sixty-four clients.
pub const CONNECTIONS: u32 = 64;
