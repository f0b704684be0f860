//! How reads and minitransactions are to be carried out.

use crate::{Durability, SnapshotId};

/// Which state reads show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Consistency {
    /// One with all that was acknowledged before the read began: reads are linearizable (Herlihy and Wing, 1990).
    #[default]
    Linearizable,
    /// That of a [snapshot](crate::Store::snapshot).
    At(SnapshotId),
}

/// How a batch of reads is to be carried out: a [`Store::read`](crate::Store::read).
///
/// ```
/// use rome_store::{Consistency, ReadOptions};
///
/// let options = ReadOptions::new().tracked(false);
/// assert_eq!((options.consistency, options.tracked, options.retired), (Consistency::Linearizable, false, false));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Which state the reads show.
    pub consistency: Consistency,
    /// Whether the caller has to know which state the answers are from. If not, [`ReadReply::seq`](crate::ReadReply::seq) may be 0, and a
    /// store can leave out what it would do for that number alone; one with a single partition, where nothing has to be prepared, need
    /// not look for blockers.
    pub tracked: bool,
    /// Whether [retired](crate::Effect::Retire) spaces are read too: for those who remove what is left there.
    pub retired: bool,
}

impl ReadOptions {
    /// Linearizable reads that are tracked, and refused of what is retired.
    #[must_use]
    pub const fn new() -> Self {
        Self { consistency: Consistency::Linearizable, tracked: true, retired: false }
    }

    /// The same, of the state of a snapshot.
    #[must_use]
    pub const fn at(mut self, snapshot: SnapshotId) -> Self {
        self.consistency = Consistency::At(snapshot);
        self
    }

    /// The same, [tracked](Self::tracked) or not.
    #[must_use]
    pub const fn tracked(mut self, tracked: bool) -> Self {
        self.tracked = tracked;
        self
    }

    /// The same, of [retired](Self::retired) spaces too or not.
    #[must_use]
    pub const fn retired(mut self, retired: bool) -> Self {
        self.retired = retired;
        self
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How a batch of minitransactions is to be carried out: a [`Store::apply`](crate::Store::apply).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct ApplyOptions {
    /// How safe what is acknowledged has to be.
    pub durability: Durability,
}

impl ApplyOptions {
    /// With this durability.
    #[must_use]
    pub const fn new(durability: Durability) -> Self {
        Self { durability }
    }

    /// The same with this durability.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }
}
