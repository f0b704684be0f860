//! Dumps: all rows of a database as lines of JSON, and back.
//!
//! The first line describes the tables, each other one is a row, and the last one says how many there are and what their
//! digest is, so a dump that was cut in the middle is known as such before anything of it is loaded. Values lose nothing: numbers
//! that JSON readers may round, bytes and JSON texts are strings. Rows are written in the present form of their table, and
//! loading enters them into whatever indexes the table has then.
//!
//! A dump of a database that others write to is of several moments: 500 rows at a time are of one. So a row may be in it without one
//! that it references, and a unique value that moved from one row to another meanwhile may be in it twice; loading says which
//! rows these are. For a dump of one moment, let nobody write.
//!
//! What is not built is not part of a dump: a unique index that duplicates kept from being built is left out of the copy, and is built,
//! or refused with the duplicates, when a program that declares it opens the copy.

mod clash;
mod line;
mod load;
mod query;
mod rows;

pub use load::{Loaded, load, verify};

/// How far a dump or a load is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// The table.
    pub table: String,
    /// How many rows were written so far, of all tables.
    pub rows: u64,
    /// How many there are to be, as far as that is known.
    pub of: u64,
}
