//! The store contract: what a backend promises, and all that the rest of ROME may ask of it.
//!
//! A store is an ordered key space cut into [partitions](Partition). It does two things: it [reads](Store::read),
//! and it [applies](Store::apply) *minitransactions*, checks plus effects on one partition that happen atomically or
//! not at all (after Sinfonia, Aguilera et al., SOSP 2007). It knows nothing of entities, sessions or queries; those
//! are built above it, once.
//!
//! The guarantees a store gives are numbered S1 to S14 on [`Store`]. The in-memory store in [`memory`] is their
//! executable specification, and the `rome-conformance` crate tests each of them on any store.

mod digest;
mod error;
pub mod locks;
#[cfg(feature = "memory")]
pub mod memory;
mod minitx;
mod read;
mod snapshot;
mod space;
pub mod url;

pub use digest::{Digest, Digester};
pub use error::{Certainty, StoreError, StoreErrorKind};
pub use minitx::{Applied, Blocker, Check, CheckRef, Decision, Effect, MiniTx, Step, TxId};
pub use read::{
    Claimed, Consistency, Counted, FilterRef, Read, ReadReply, RecordRef, Reply, RowFilter, Scanned, Scanner,
};
pub use snapshot::{Snapshot, SnapshotId, Snapshots};
pub use space::{IndexId, Partition, SequenceId, Space, Span, TableId, push_row_key, row_key, successor};

use async_trait::async_trait;

/// What a store call returns.
pub type StoreResult<T> = std::result::Result<T, StoreError>;

/// How safe an acknowledged write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// In the memory of the serving process; a crash of it may lose the write, never tear it.
    Memory,
    /// On the disk of the serving process (`fsync`ed). The default. A store without a disk treats it as `Memory`.
    #[default]
    Local,
    /// In the memory of the serving process and of this many replicas.
    Replicated(u8),
    /// On the disk of the serving process and of this many replicas.
    ReplicatedLocal(u8),
}

/// What a store can do and how much it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// A short name for logs and plans, such as `memory` or `embedded`.
    pub name: &'static str,
    /// How many partitions the key space is cut into, at least one.
    pub partitions: u32,
    /// The longest key, in bytes.
    pub max_key: usize,
    /// The longest value, in bytes.
    pub max_value: usize,
    /// The most effects in one minitransaction.
    pub max_effects: usize,
    /// The strongest durability that it gives.
    pub durability: Durability,
    /// Whether acknowledged data outlives the process.
    pub persistent: bool,
    /// Whether a reverse scan with a limit costs as much as a forward one: it reads about as many members as it visits, not the
    /// whole span.
    pub cheap_reverse_scans: bool,
    /// Whether to [count](Read::Count) the members of any span costs less than to visit them: no more than a few lookups.
    pub cheap_counts: bool,
    /// Whether it gives [snapshots](Store::snapshot).
    pub snapshots: bool,
}

impl Capabilities {
    /// Capabilities of a store with one partition and the default limits: keys of 1 KiB + overhead, values of 64 MiB,
    /// a million effects. Neither reverse scans nor counts are called cheap, and it has no
    /// snapshots.
    #[must_use]
    pub fn new(name: &'static str, durability: Durability, persistent: bool) -> Self {
        Self {
            name,
            partitions: 1,
            max_key: 4096,
            max_value: 64 << 20,
            max_effects: 1 << 20,
            durability,
            persistent,
            cheap_reverse_scans: false,
            cheap_counts: false,
            snapshots: false,
        }
    }
}

/// A backend: an ordered key space cut into partitions.
///
/// # Guarantees
///
/// - **S1** `apply` is all or nothing on each partition, across a kill at any instruction.
/// - **S2** Everything on one partition has one order, consistent with real time; one `read` sees one state of each partition.
/// - **S3** Checks come before effects; the one that failed is named by its place.
/// - **S4** The same `(id, step)` again, late or reordered, has no further effect and gives the recorded outcome.
/// - **S5** Spans iterate in unsigned byte order; limits and reverse are exact.
/// - **S6** Effects raise the partition's `seq`; an equal `seq` means equal content. Where another copy of the data may begin to
///   serve, `seq` goes on beyond all that the one before it can have reached.
/// - **S7** [`Certainty::NotApplied`] only if it certainly was not and will not be applied; any other lost answer is
///   [`Certainty::Unknown`]. A backend never sends an `apply` again by itself unless S4 covers it.
/// - **S8** An acknowledged write is durable at the level that was asked for.
/// - **S9** Settings that lose data silently (eviction, expiry, lossy modes) are refused when the store is opened.
/// - **S10** Dropping the future of `apply` leaves the outcome unknown, never half.
/// - **S11** The schema gate is tested in the same atomic step as the checks.
/// - **S12** What is over a limit is refused with a clear error, and nothing of it is applied.
/// - **S13** From the state in which a space is retired on, a read of it is refused with [`StoreErrorKind::Retired`], whatever its
///   [`Consistency`] but [`Consistency::Retired`], and nothing of the batch is answered; other spaces are read as before. It stays
///   retired for ever.
/// - **S14** A read of a [snapshot](Store::snapshot) shows the state at its opening, whatever is committed after, or is refused with
///   [`StoreErrorKind::SnapshotGone`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What this store can do; constant for its life.
    fn capabilities(&self) -> &Capabilities;

    /// Answers each list of reads from one state of its partition; replies come in the order asked.
    ///
    /// # Errors
    /// When the store cannot be reached or its data is damaged.
    async fn read(&self, batch: &[(Partition, Vec<Read>)], consistency: Consistency) -> StoreResult<Vec<ReadReply>>;

    /// Applies each minitransaction to its partition; each is atomic alone, the batch as a whole is not.
    ///
    /// # Errors
    /// When the outcome is not known or the request as a whole was refused; [`StoreError::certainty`] says which. A
    /// failed check is not an error but [`Applied::Conflict`].
    async fn apply(&self, batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>>;

    /// Keeps the present state readable, for readers that need more than one call: reads of [`Consistency::At`] its id show
    /// what was acknowledged before this call began, and nothing that is committed after it returned (S14). `None` if the
    /// store has no snapshots, which is the default, or keeps as many as it can; the reader then checks that nothing changed.
    ///
    /// It costs little to open, and keeps the store from using the room of what is replaced later. So a store gives a snapshot up
    /// when it is dropped, when it is [too old](Snapshots::LONGEST), and when it has to. Reads of it are then refused with
    /// [`StoreErrorKind::SnapshotGone`], and the reader begins anew.
    ///
    /// A store that wraps another forwards it.
    fn snapshot(&self) -> Option<Snapshot> {
        None
    }

    /// Takes `n` numbers of a sequence that no one else has had or will have; returns the first of the block. The first
    /// block of a sequence starts at 1.
    ///
    /// # Errors
    /// When the store cannot be reached, or the sequence is used up. Numbers may then be skipped, never given twice.
    async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64>;

    /// Sees to it that a sequence gives no number below `least` from now on; returns the number that it gives next. Never sets a
    /// sequence back, also where several raise it and take numbers at once.
    ///
    /// By default takes the numbers below `least` and drops them, in blocks, for a few thousand billion of them at most.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve); when the sequence cannot come so far.
    async fn raise(&self, sequence: SequenceId, least: u64) -> StoreResult<u64> {
        for _ in 0..1000 {
            let next = self.reserve(sequence, 0).await?;
            let Some(missing) = least.checked_sub(next).filter(|missing| *missing > 0) else { return Ok(next) };
            self.reserve(sequence, u32::try_from(missing).unwrap_or(u32::MAX)).await?;
        }
        Err(StoreError::new(StoreErrorKind::Overflow, format!("the sequence {sequence:?} cannot be raised to {least}")))
    }
}
