//! Changes of the schema of a database that is in use: plans, online builds of indexes, and what is stored.
//!
//! An index that is new on a stored table is *write-only* first: the version of the schema rises, programs that do not know
//! the index are refused to write, and all others maintain it. Then the rows that were there before are entered, a batch at
//! a time, each batch only if its rows are still as they were read. When all are in it, the index is *readable*, and queries
//! use it. `docs/design/schema-change.md` says why that is right whatever happens meanwhile.

mod backfill;
mod build;
mod built;
mod drop;
mod pace;
mod recount;
mod status;

pub use crate::catalog::{Change, ChangeKind, Duplicate, IndexState, SchemaChange, SchemaPlan};
pub use build::{BuildOptions, BuildProgress, BuildReport};
pub(crate) use build::{build, take_back};
pub(crate) use built::Built;
pub(crate) use drop::clear;
pub use status::{AggregateStatus, IndexStatus, Status, TableStatus};

use bytes::Bytes;

use crate::store::IndexId;

/// Where the catalog's space has how far a build is in a partition.
pub(crate) fn mark_of(index: IndexId) -> Bytes {
    let mut key = b"build/".to_vec();
    key.extend_from_slice(&index.0.to_be_bytes());
    key.into()
}
