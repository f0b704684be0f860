//! The trait that a store implements.

use std::pin::Pin;

use crate::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Snapshot,
    StoreError, StoreErrorKind, StoreResult,
};

/// What the calls of a store return: a boxed future, so that the trait can be a `dyn Store` and needs no macro. Most are written
/// `Box::pin(async move { … })`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

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
/// - **S7** [`Certainty::NotApplied`](crate::Certainty::NotApplied) only if it certainly was not and will not be applied; any other lost answer is
///   [`Certainty::Unknown`](crate::Certainty::Unknown). A backend never sends an `apply` again by itself unless S4 covers it.
/// - **S8** An acknowledged write is durable at the level that was asked for.
/// - **S9** Settings that lose data silently (eviction, expiry, lossy modes) are refused when the store is opened.
/// - **S10** Dropping the future of `apply` leaves the outcome unknown, never half.
/// - **S11** The schema gate is tested in the same atomic step as the checks.
/// - **S12** What is over a limit is refused with a clear error, and nothing of it is applied.
/// - **S13** From the state in which a space is retired on, a read of it is refused with [`StoreErrorKind::Retired`], unless it
///   [asks for that](ReadOptions::retired), and nothing of the batch is answered; other spaces are read as before. It stays retired for
///   ever.
/// - **S14** A read of a [snapshot](Store::snapshot) shows the state at its opening, whatever is committed after, or is refused with
///   [`StoreErrorKind::SnapshotGone`].
/// - **S15** A [`Read`], [`Check`](crate::Check), [`Effect`](crate::Effect) or [`Step`](crate::Step) that the store does not know is
///   refused with [`StoreErrorKind::Invalid`], and nothing of its batch is answered or applied.
///
/// # Room to grow
///
/// What is asked and answered may grow: enums and structs that may are `#[non_exhaustive]`, and S15 keeps a store from passing over what
/// a later version adds. [`Space`](crate::Space), [`SequenceId`] and the ids are closed: a store lays each of them out in its own way,
/// so that another kind is another contract.
pub trait Store: Send + Sync + 'static {
    /// What this store can do; constant for its life.
    fn capabilities(&self) -> &Capabilities;

    /// Answers each list of reads from one state of its partition; replies come in the order asked.
    ///
    /// # Errors
    /// When the store cannot be reached or its data is damaged.
    fn read<'a>(&'a self, batch: &'a [(Partition, Vec<Read>)], options: ReadOptions)
    -> StoreFuture<'a, Vec<ReadReply>>;

    /// Applies each minitransaction to its partition; each is atomic alone, the batch as a whole is not.
    ///
    /// # Errors
    /// When the outcome is not known or the request as a whole was refused; [`StoreError::certainty`] says which. A
    /// failed check is not an error but [`Applied::Conflict`].
    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>>;

    /// Keeps the present state readable, for readers that need more than one call: reads [at](ReadOptions::at) its id show
    /// what was acknowledged before this call began, and nothing that is committed after it returned (S14). `None` if the
    /// store has no snapshots, which is the default, or keeps as many as it can; the reader then checks that nothing changed.
    ///
    /// It costs little to open, and keeps the store from using the room of what is replaced later. So a store gives a snapshot up
    /// when it is dropped, when it is [too old](crate::Snapshots::LONGEST), and when it has to. Reads of it are then refused with
    /// [`StoreErrorKind::SnapshotGone`], and the reader begins anew.
    ///
    /// A store that wraps another forwards it.
    fn snapshot(&self) -> Option<Snapshot> {
        None
    }

    /// Takes `n` numbers of a sequence that no one else has had or will have; returns the first of the block. The first
    /// block of a sequence starts at 1. To take none, with an `n` of 0, says which number is the next.
    ///
    /// # Errors
    /// When the store cannot be reached, or the sequence is used up. Numbers may then be skipped, never given twice.
    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64>;

    /// Sees to it that a sequence gives no number below `least` from now on; returns the number that it gives next. Never sets a
    /// sequence back, also where several raise it and take numbers at once.
    ///
    /// By default takes the numbers below `least` and drops them, in blocks, for a few thousand billion of them at most.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve); when the sequence cannot come so far.
    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            for _ in 0..1000 {
                let next = self.reserve(sequence, 0).await?;
                let Some(missing) = least.checked_sub(next).filter(|missing| *missing > 0) else { return Ok(next) };
                self.reserve(sequence, u32::try_from(missing).unwrap_or(u32::MAX)).await?;
            }
            Err(StoreError::new(
                StoreErrorKind::Overflow,
                format!("the sequence {sequence:?} cannot be raised to {least}"),
            ))
        })
    }
}
