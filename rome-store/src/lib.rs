//! The store contract: what a backend promises, and all that the rest of ROME may ask of it.
//!
//! A store is an ordered key space cut into [partitions](Partition). It does two things: it [reads](Store::read),
//! and it [applies](Store::apply) *minitransactions*, checks plus effects on one partition that happen atomically or
//! not at all (after Sinfonia, Aguilera et al., SOSP 2007). It knows nothing of entities, sessions or queries; those
//! are built above it, once.
//!
//! The guarantees a store gives are numbered S1 to S15 on [`Store`]. The in-memory store in [`memory`] is their
//! executable specification, and the `rome-conformance` crate tests each of them on any store.
//!
//! # A store of one's own
//!
//! - Implement [`Store`]: its [`Capabilities`] say what the store can do and how much it takes, and which [contract](CONTRACT) it was written
//!   for. A store with one [`Partition`] takes [`Step::One`] alone, and has no [blockers](ReadReply::blockers).
//! - [`Scanner`] collects the members of a scan, [`Digester`] makes its digest, [`Snapshots`] keeps states for readers,
//!   [`MiniTx::check_known`] and [`Read::check_known`] refuse what came later, [`locks`] says what a prepared transaction locks.
//! - Run the suite of `rome-conformance` on it, and give programs a [`Scheme`], which they give to `DatabaseBuilder::scheme`; [`mod@url`]
//!   reads the parameters of its URLs.
//!
//! `examples/own_store` in the repository is one in a single file. A minor version adds only what a store may ignore. A new duty is a new
//! contract, and the changelog names it.

mod capabilities;
mod contract;
mod digest;
mod error;
pub mod locks;
pub mod memory;
mod minitx;
mod options;
mod read;
mod scheme;
mod snapshot;
mod space;
mod tx_id;
pub mod url;

pub use capabilities::{CONTRACT, Capabilities, Durability};
pub use contract::{Store, StoreFuture};
pub use digest::{Digest, Digester};
pub use error::{Certainty, StoreError, StoreErrorKind, StoreResult};
pub use minitx::{Applied, Blocker, Check, CheckRef, Decision, Effect, MiniTx, Step};
pub use options::{ApplyOptions, Consistency, ReadOptions};
pub use read::{Claimed, Counted, FilterRef, Read, ReadReply, RecordRef, Reply, RowFilter, Scanned, Scanner};
pub use scheme::Scheme;
pub use snapshot::{Snapshot, SnapshotId, Snapshots};
pub use space::{IndexId, Partition, SequenceId, Space, Span, TableId, push_row_key, row_key, successor};
pub use tx_id::TxId;
