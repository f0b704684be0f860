//! What a model is made of: which transactions there are, what may fail, and which pieces of the protocol are left out.

use super::state::Decision;

/// A register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    pub at: usize,
    pub slot: usize,
    pub name: char,
}

/// A transaction that commits with checks of all it has read.
#[derive(Debug, Clone)]
pub struct Tx {
    pub lane: usize,
    pub number: u8,
    /// The one whose lane it takes over.
    pub after: Option<usize>,
    pub primary: usize,
    pub reads: Vec<Register>,
    pub puts: Vec<Register>,
    pub deletes: Vec<Register>,
}

impl Tx {
    /// The first of a lane, with nothing in it yet.
    pub fn new(lane: usize, primary: usize) -> Self {
        Self { lane, number: 1, after: None, primary, reads: vec![], puts: vec![], deletes: vec![] }
    }

    /// Made the next of its lane, after the transaction at a place of the scenario.
    pub fn after(mut self, number: u8, place: usize) -> Self {
        (self.number, self.after) = (number, Some(place));
        self
    }

    pub fn reads<const N: usize>(mut self, of: [Register; N]) -> Self {
        self.reads = of.to_vec();
        self
    }

    pub fn puts<const N: usize>(mut self, of: [Register; N]) -> Self {
        self.puts = of.to_vec();
        self
    }

    pub fn deletes<const N: usize>(mut self, of: [Register; N]) -> Self {
        self.deletes = of.to_vec();
        self
    }

    /// What it writes, and whether the write is a deletion.
    pub fn writes(&self) -> impl Iterator<Item = (Register, bool)> {
        let puts = self.puts.iter().map(|register| (*register, false));
        puts.chain(self.deletes.iter().map(|register| (*register, true)))
    }

    pub fn has_effects(&self) -> bool {
        self.writes().next().is_some()
    }

    pub fn has_effects_at(&self, at: usize) -> bool {
        self.writes().any(|(register, _)| register.at == at)
    }

    pub fn writes_to(&self, register: Register) -> bool {
        self.writes().any(|(mine, _)| mine == register)
    }

    /// The set of partitions that it touches.
    pub fn touches(&self) -> u8 {
        let all = self.writes().map(|(register, _)| register).chain(self.reads.iter().copied());
        all.fold(0, |set, register| set | 1 << register.at)
    }

    /// The set of partitions that it touches besides its primary.
    pub fn secondaries(&self) -> u8 {
        self.touches() & !(1 << self.primary)
    }
}

/// What the reader reads: two registers in one batch, or by two statements in this order; or one register alone.
#[derive(Debug, Clone)]
pub struct ReaderPlan {
    pub reads: Vec<Register>,
    pub one_batch: bool,
    /// Whether a partition where somebody was read around counts as moved; else the somebody is asked for again.
    pub around_is_moved: bool,
}

/// What a failover may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What was answered survives: an answer is given when all before it has been replicated.
    Replicated,
    /// Anything after some moment may be lost, answered or not.
    Memory,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// Every invariant.
    All,
    /// What is left where answered steps may be lost: a transaction of one partition is never torn, nothing is applied
    /// twice, no intent stays for ever.
    OnePartition,
}

/// One part of the protocol that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// `Push` with `abort` records what it answers.
    Tombstone,
    /// A refused `One` is recorded.
    RefusalsAtThePrimary,
    /// `Finish` and a refused `Prepare` are recorded.
    LaneRecordsAtSecondaries,
    /// A step of a lower number than the lane's last one does nothing.
    RefusingLowerNumbers,
    /// The next transaction of a lane waits until all have answered `Finish`.
    LaneWaits,
    /// What a prepared transaction has checked may not be written.
    ReadLocks,
    /// A check is refused beside a prepared effect on what it covers.
    ChecksMeetIntents,
    /// Locks are tested also where `seq` is as it was when reading.
    LocksInSpiteOfSeq,
    /// `Prepare` with effects raises `seq`.
    PrepareRaisesSeq,
    /// A reader that learns a decision reads again, whatever the decision was.
    ReadingAgain,
    /// Who was read around has to be undecided still after the last read.
    UndecidedAtTheEnd,
    /// A reader that locks what it read commits like every other transaction, at a primary.
    LockingReaderCommits,
    /// `Finish` carries out what is prepared even if the lane's record is not below it.
    FinishOfLeftovers,
    /// An answer that needed no write waits for replication, too.
    AnswersWait,
    /// An equal `seq` counts only if the same copy of the data gave it.
    Owner,
}

impl Piece {
    pub const ALL: [Self; 15] = [
        Self::Tombstone,
        Self::RefusalsAtThePrimary,
        Self::LaneRecordsAtSecondaries,
        Self::RefusingLowerNumbers,
        Self::LaneWaits,
        Self::ReadLocks,
        Self::ChecksMeetIntents,
        Self::LocksInSpiteOfSeq,
        Self::PrepareRaisesSeq,
        Self::ReadingAgain,
        Self::UndecidedAtTheEnd,
        Self::LockingReaderCommits,
        Self::FinishOfLeftovers,
        Self::AnswersWait,
        Self::Owner,
    ];
}

/// A scenario, and the protocol in it.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: &'static str,
    pub txs: Vec<Tx>,
    pub reader: Option<ReaderPlan>,
    /// The partition that may fail once.
    pub failover: Option<(usize, Durability)>,
    pub claims: Claims,
    without: u32,
}

impl Model {
    pub fn new<const N: usize>(name: &'static str, txs: [Tx; N]) -> Self {
        Self { name, txs: txs.to_vec(), reader: None, failover: None, claims: Claims::All, without: 0 }
    }

    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub fn reader<const N: usize>(mut self, reads: [Register; N], one_batch: bool) -> Self {
        self.reader = Some(ReaderPlan { reads: reads.to_vec(), one_batch, around_is_moved: false });
        self
    }

    /// Makes the reader test again what it has read around somebody, in place of asking for that one again.
    pub fn around_is_moved(mut self) -> Self {
        self.reader.iter_mut().for_each(|plan| plan.around_is_moved = true);
        self
    }

    pub fn failover(mut self, at: usize, durability: Durability) -> Self {
        self.failover = Some((at, durability));
        self
    }

    pub fn claims(mut self, claims: Claims) -> Self {
        self.claims = claims;
        self
    }

    pub fn without(mut self, piece: Piece) -> Self {
        self.without |= 1 << piece as u32;
        self
    }

    pub fn has(&self, piece: Piece) -> bool {
        self.without & (1 << piece as u32) == 0
    }

    /// The pieces that are missing.
    pub fn left_out(&self) -> Vec<Piece> {
        Piece::ALL.into_iter().filter(|piece| !self.has(*piece)).collect()
    }

    /// Whether it locks its reads by a `Prepare` everywhere, its primary included, and lets them go by `Finish(Aborted)`.
    pub fn locks_everywhere(&self, tx: usize) -> bool {
        !self.has(Piece::LockingReaderCommits) && !self.txs[tx].has_effects()
    }

    /// The partitions where it is prepared.
    pub fn prepares_at(&self, tx: usize) -> u8 {
        if self.locks_everywhere(tx) { self.txs[tx].touches() } else { self.txs[tx].secondaries() }
    }
}

/// What is done in one step of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client reads, or begins to commit if it has nothing to read.
    Begin {
        tx: usize,
    },
    /// A `Prepare` arrives; `heard`: the client gets the answer.
    Prepare {
        tx: usize,
        at: usize,
        heard: bool,
    },
    One {
        tx: usize,
        heard: bool,
    },
    Finish {
        tx: usize,
        at: usize,
        decision: Decision,
        heard: bool,
    },
    /// Somebody who met the transaction at a partition pushes it with `abort`, and sends the decision there if it gets it.
    Push {
        tx: usize,
        met_at: usize,
        heard: bool,
    },
    /// The client waits no longer.
    GiveUp {
        tx: usize,
    },
    /// The client whose answer was lost pushes its own transaction.
    Resolve {
        tx: usize,
    },
    Read {
        place: usize,
    },
    /// The reader pushes one that stands in its way.
    ReaderPush {
        tx: usize,
        abort: bool,
    },
    /// The reader asks whether one that it read around is still undecided.
    ReaderAsk {
        tx: usize,
    },
    /// The reader looks at the `seq` of the partition of a read, and tests what was read if it has moved.
    ReaderLook {
        place: usize,
    },
    Replicate,
    Failover,
}
