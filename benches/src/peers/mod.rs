//! The competitors: each the program that someone who knows that tool would write for this table.

pub mod btree;
pub mod diesel;
pub mod postgres;
pub mod raw;
pub mod redis;
pub mod rome;
pub mod rusqlite;
pub mod sqlite_file;
