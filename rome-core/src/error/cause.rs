//! What can go wrong, with all that is known about it.

use std::time::Duration;

use super::ErrorKind;
use crate::schema::RelationName;
use crate::store::StoreError;
use crate::value::ValueError;

#[derive(Debug)]
pub(crate) enum Kind {
    Conflict {
        attempts: u32,
        what: String,
    },
    DuplicateKey {
        table: &'static str,
        key: String,
    },
    Unique {
        table: &'static str,
        index: String,
        columns: String,
        value: String,
    },
    Reference {
        table: &'static str,
        columns: String,
        key: String,
        target: &'static str,
    },
    Referenced {
        table: &'static str,
        key: String,
        by: &'static str,
        by_key: String,
        columns: String,
    },
    NotFound {
        table: &'static str,
        key: String,
    },
    NotOne {
        table: &'static str,
        several: bool,
    },
    Stale {
        table: &'static str,
        key: String,
        given: String,
        stored: String,
    },
    Condition {
        table: &'static str,
        key: String,
        at: usize,
        of: usize,
        condition: String,
        stored: String,
    },
    Invalid(String),
    UnknownColumn {
        table: &'static str,
        column: String,
        nearest: Option<String>,
    },
    Value {
        table: &'static str,
        column: String,
        source: ValueError,
    },
    StoredRow {
        table: &'static str,
        key: String,
        column: Option<String>,
        source: ValueError,
    },
    Limit(String),
    Overflow {
        table: &'static str,
        column: Option<String>,
        source: ValueError,
    },
    Schema(String),
    ScanDenied {
        table: &'static str,
        /// What would make an index serve the query.
        advice: String,
    },
    Cursor(&'static str),
    NotLoaded {
        name: Option<&'static RelationName>,
        target: &'static str,
    },
    Finished,
    /// A transaction's body took longer than its options allow.
    TimedOut(Duration),
    /// A broken invariant of ROME, or an answer of a store that does not fit what it was asked.
    Internal(String),
    /// What a program said by itself.
    Said(ErrorKind, String),
    /// An error of the program's own type.
    Custom(Box<dyn std::error::Error + Send + Sync>),
    Store(StoreError),
}
