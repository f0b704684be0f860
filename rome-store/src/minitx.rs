//! Minitransactions: checks plus effects, applied to one partition atomically or not at all.

use bytes::Bytes;

use crate::{Digest, Partition, Space, Span, StoreError, StoreResult, TableId, TxId};

/// Something that must hold for a minitransaction to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The record's last writer is this one; `None`: there is no such record. Only for [versioned](Space::is_versioned) spaces.
    Version {
        /// Where.
        space: Space,
        /// Which record.
        key: Bytes,
        /// Its last writer, or none if it is absent.
        expect: Option<TxId>,
    },
    /// A scan of this span gives the same members as when it was read: no phantom appeared, none vanished.
    Same {
        /// What was scanned, cut where the scan stopped.
        span: Span,
        /// Where the span is of an index and its rows were read too: their table. The digest then covers row versions.
        rows: Option<TableId>,
        /// How many members it had.
        n: u32,
        /// Their digest, as the store itself gave it in [`Scanned`](crate::Scanned).
        digest: Digest,
    },
    /// This span has this many members, counted up to the span's limit if it has one.
    Count {
        /// What was counted.
        span: Span,
        /// How many there were.
        n: u64,
    },
    /// Stands for one of a later contract, so that tests can ask for what no store knows.
    #[doc(hidden)]
    Later(Space),
}

impl Check {
    /// With which contract it came.
    #[must_use]
    pub const fn contract(&self) -> u32 {
        match self {
            Self::Later(_) => u32::MAX,
            _ => 1,
        }
    }

    /// The space that it looks into first; the check of a scan through an index goes on to the rows.
    #[must_use]
    pub const fn space(&self) -> Space {
        match self {
            Self::Version { space, .. } => *space,
            Self::Same { span, .. } | Self::Count { span, .. } => span.space,
            Self::Later(space) => *space,
        }
    }
}

/// A change to one record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Sets a record. In a versioned space it is stamped with the id of the minitransaction.
    Put {
        /// Where.
        space: Space,
        /// Which record.
        key: Bytes,
        /// Its new value; empty for index entries.
        value: Bytes,
    },
    /// Removes a record; nothing happens if there is none.
    Delete {
        /// Where.
        space: Space,
        /// Which record.
        key: Bytes,
    },
    /// Adds to a counter that starts at zero, stored as 16 big-endian bytes of an `i128`. Overflow refuses the minitransaction.
    Add {
        /// Where.
        space: Space,
        /// Which counter.
        key: Bytes,
        /// How much.
        delta: i128,
    },
    /// From now on, refuses minitransactions of clients whose schema is older than this.
    RaiseGate {
        /// The oldest schema version that may still write.
        oldest: u32,
    },
    /// From now on, refuses reads of this space: of the entries, claims or counters of an index. Whoever still reads there would
    /// take what is no longer written, or no longer there, for what is stored.
    Retire {
        /// Of which index; no other spaces are retired.
        space: Space,
    },
    /// Stands for one of a later contract, so that tests can ask for what no store knows.
    #[doc(hidden)]
    Later,
}

impl Effect {
    /// With which contract it came.
    #[must_use]
    pub const fn contract(&self) -> u32 {
        match self {
            Self::Later => u32::MAX,
            _ => 1,
        }
    }

    /// The space and key it writes; none for the gate and for what is retired.
    #[must_use]
    pub const fn target(&self) -> Option<(Space, &Bytes)> {
        match self {
            Self::Put { space, key, .. } | Self::Delete { space, key } | Self::Add { space, key, .. } => {
                Some((*space, key))
            }
            Self::RaiseGate { .. } | Self::Retire { .. } | Self::Later => None,
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// All of its effects happened.
    Committed,
    /// None of them did or will.
    Aborted,
}

/// Which part of a commit a minitransaction is.
///
/// A transaction over several partitions prepares at all of them but one, its primary, and then carries out its part
/// there with [`Step::One`]: the primary's record of its lane is the outcome of the whole. `docs/design/several-partitions.md`
/// has the protocol and says what each step does in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The whole of a transaction that touches one partition, or the part at the primary of one that touches several:
    /// checks, effects and the outcome, at once.
    One,
    /// The part at a partition that is not the primary: tests everything and locks it, so that its effects can follow.
    Prepare {
        /// Where the outcome will be decided.
        primary: Partition,
        /// For how long, in milliseconds, others should wait before they decide in its place.
        lease: u32,
    },
    /// Asks the primary for the outcome of the transaction. It has no checks and no effects.
    Push {
        /// Whether to abort it if it has none.
        abort: bool,
    },
    /// Carries out the decision at a partition where the transaction is prepared, and unlocks it. It has no checks and no
    /// effects: the partition knows them.
    Finish(Decision),
    /// Stands for one of a later contract, so that tests can ask for what no store knows.
    #[doc(hidden)]
    Later,
}

impl Step {
    /// With which contract it came.
    #[must_use]
    pub const fn contract(self) -> u32 {
        match self {
            Self::Later => u32::MAX,
            _ => 1,
        }
    }
}

/// Checks plus effects on one partition.
///
/// `reads` says what the transaction has read, `checks` what must hold besides. If `unchanged_since` is the partition's
/// present `seq`, nothing at all has changed since the reads, and the store skips `reads`: the common case costs one
/// comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MiniTx {
    /// Its name, and the version of what it writes.
    pub id: TxId,
    /// Which part of a commit it is.
    pub step: Step,
    /// The schema version of the client; refused with [`Applied::StaleSchema`] if the gate is above it.
    pub schema: u32,
    /// The `seq` of the partition at the time of all `reads`, if they all saw the same one.
    pub unchanged_since: Option<u64>,
    /// What was read; tested unless `unchanged_since` holds.
    pub reads: Vec<Check>,
    /// What must hold in any case.
    pub checks: Vec<Check>,
    /// What to change, in order, if everything holds.
    pub effects: Vec<Effect>,
}

impl MiniTx {
    /// A whole transaction on one partition, with nothing in it yet.
    #[must_use]
    pub const fn one(id: TxId) -> Self {
        Self {
            id,
            step: Step::One,
            schema: u32::MAX,
            unchanged_since: None,
            reads: Vec::new(),
            checks: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// The same under another name.
    #[must_use]
    pub const fn id(mut self, id: TxId) -> Self {
        self.id = id;
        self
    }

    /// The same as another part of a commit.
    #[must_use]
    pub const fn step(mut self, step: Step) -> Self {
        self.step = step;
        self
    }

    /// The same of a client whose schema has this version.
    #[must_use]
    pub const fn schema(mut self, schema: u32) -> Self {
        self.schema = schema;
        self
    }

    /// The same, all of whose reads saw this `seq`.
    #[must_use]
    pub const fn unchanged_since(mut self, seq: Option<u64>) -> Self {
        self.unchanged_since = seq;
        self
    }

    /// The same with these reads.
    #[must_use]
    pub fn reads(mut self, reads: Vec<Check>) -> Self {
        self.reads = reads;
        self
    }

    /// The same with these checks.
    #[must_use]
    pub fn checks(mut self, checks: Vec<Check>) -> Self {
        self.checks = checks;
        self
    }

    /// The same with these effects.
    #[must_use]
    pub fn effects(mut self, effects: Vec<Effect>) -> Self {
        self.effects = effects;
        self
    }

    /// Refuses a minitransaction in which something came with a later contract than the one that the store was written for (S15).
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`](crate::StoreErrorKind::Invalid), with what is not known.
    pub fn check_known(&self, contract: u32) -> StoreResult<()> {
        if self.step.contract() > contract {
            return Err(StoreError::unknown(&self.step));
        }
        let mut checks = self.reads.iter().chain(&self.checks);
        if let Some(check) = checks.find(|check| check.contract() > contract) {
            return Err(StoreError::unknown(check));
        }
        let unknown = self.effects.iter().find(|effect| effect.contract() > contract);
        unknown.map_or(Ok(()), |effect| Err(StoreError::unknown(effect)))
    }
}

/// Which check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckRef {
    /// The one at this place of `reads`.
    Read(usize),
    /// The one at this place of `checks`.
    Check(usize),
}

/// A prepared transaction that stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Blocker {
    /// Its id.
    pub id: TxId,
    /// Where its outcome is decided.
    pub primary: Partition,
    /// Whether its lease is over, by the clock of the partition.
    pub expired: bool,
}

impl Blocker {
    /// The transaction of this id, which is decided at that partition.
    #[must_use]
    pub const fn new(id: TxId, primary: Partition, expired: bool) -> Self {
        Self { id, primary, expired }
    }

    /// The same, whose lease is over or not.
    #[must_use]
    pub const fn expired(mut self, expired: bool) -> Self {
        self.expired = expired;
        self
    }
}

/// What became of a minitransaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It was applied; the partition is now at `seq`.
    Done {
        /// The partition's `seq` after it.
        seq: u64,
    },
    /// Its outcome was decided before. To [`Step::Finish`] of a transaction that is not prepared here: `Aborted`, since
    /// nothing of it was or will be applied here.
    Already(Decision),
    /// To [`Step::Push`]: the transaction has no outcome yet.
    Undecided,
    /// A check failed; nothing was applied.
    Conflict {
        /// Which: all of `reads` come before all of `checks`.
        check: CheckRef,
    },
    /// Another transaction that is prepared here and not decided has locked what this one writes, or writes what this
    /// one read; nothing was applied.
    Blocked {
        /// One of those that stand in the way.
        by: Blocker,
    },
    /// The schema gate is above the client's version; nothing was applied.
    StaleSchema {
        /// The oldest version that may still write.
        oldest: u32,
    },
    /// Another copy of the data, or another database, serves the partition now; nothing was applied.
    Fenced,
}
