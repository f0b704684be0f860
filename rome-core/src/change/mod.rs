//! Changes of the schema of a database that is in use: plans, online builds of indexes, and what is stored.
//!
//! An index that is new on a stored table is *write-only* first: the version of the schema rises, programs that do not know
//! the index are refused to write, and all others maintain it. Then the rows that were there before are entered, a batch at
//! a time, each batch only if its rows are still as they were read. When all are in it, the index is *readable*, and queries
//! use it. `docs/design/schema-change.md` says why that is right whatever happens meanwhile.

mod backfill;
mod build;
mod drop;
mod open;
mod options;
mod pace;
mod recount;
mod status;
mod trial;

pub use crate::catalog::{Change, ChangeKind, IndexState, SchemaPlan, SchemaPolicy};
pub use build::BuildReport;
pub(crate) use build::{build, take_back};
pub(crate) use drop::{clear, drop_index};
pub(crate) use open::{open, plan};
pub use options::{BuildOptions, BuildProgress};
pub(crate) use status::status;
pub use status::{AggregateStatus, DatabaseStatus, IndexStatus, TableStatus};
pub use trial::Duplicate;
pub(crate) use trial::{STAYS_UNBUILT, TAKEN_BACK, not_unique};
