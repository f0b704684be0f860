//! What one state of the model holds: the partitions, what was sent, and the clients. Small and `Copy`, because there are
//! hundreds of thousands of them.

/// The most partitions of a scenario.
pub const PARTITIONS: usize = 3;
/// The most transactions of a scenario.
pub const TXS: usize = 5;
/// The most lanes of a scenario.
pub const LANES: usize = 3;
/// The registers of a partition.
pub const SLOTS: usize = 2;
/// The bit of the reader in a set of transactions.
pub const READER: usize = TXS;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Decision {
    #[default]
    Aborted,
    Committed,
}

/// What a partition remembers of a lane; a refusal is remembered as an abort. Number zero: nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Record {
    pub last: u8,
    pub outcome: Decision,
}

/// One write that a register has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Written {
    pub by: u8,
    pub delete: bool,
}

/// A register, as the list of its writes: what is read is only the last, the others are for the invariants. One place more
/// than there are transactions, so that a second application has room to be found.
pub type Register = [Option<Written>; TXS + 1];

/// A partition. What a prepared transaction wants is known from its scenario and from what its client has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Partition {
    pub lanes: [Record; LANES],
    pub prepared: u8,
    pub seq: u8,
    /// Which copy of the data serves: raised by a failover.
    pub owner: u8,
    pub slots: [Register; SLOTS],
}

/// What was sent in the name of a transaction. Nothing is ever taken out: a message may arrive at any time, in any order,
/// any number of times, or never. `Prepare` was sent when the client has left [`Phase::Reading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sent {
    pub one: bool,
    /// Partitions to which a `Finish` was sent, by decision.
    pub finish: [u8; 2],
    /// Partitions where it has been prepared at some time, so that somebody may have met it there.
    pub met: u8,
}

/// Where the client of a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    #[default]
    Idle,
    /// How many of its reads are done.
    Reading(u8),
    Preparing,
    Committing,
    /// The answer of the primary was lost; the outcome is looked up.
    Resolving,
    Finishing(Decision),
    Ended,
}

/// The client of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Client {
    pub phase: Phase,
    /// What the user was told.
    pub told: Option<Decision>,
    /// The transactions that had been acknowledged when this one began.
    pub before: u8,
    /// What each of its reads saw: the writer, counted from one; zero if there was no record.
    pub read: [u8; 2],
    /// The stamp of each partition at its reads; none if they saw different ones.
    pub stamp: [Option<u8>; PARTITIONS],
    /// The partitions that have answered the present step.
    pub answered: u8,
}

/// A session that reads and writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reader {
    pub begun: bool,
    /// Whether it was confirmed, once it has ended.
    pub ended: Option<bool>,
    pub before: u8,
    /// What each read saw, as in [`Client::read`]; none: to be read (again).
    pub read: [Option<u8>; 2],
    /// The stamp of the partition at each read; none: what was read has to be tested again.
    pub stamp: [Option<u8>; 2],
    /// For each read the transactions that stand in the way and were not pushed yet.
    pub blockers: [u8; 2],
    /// The transactions it has read around.
    pub around: u8,
    /// Those of them that were found undecided since the last read.
    pub undecided: u8,
    /// The reads whose partition was looked at again.
    pub looked: u8,
}

/// One state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct State {
    pub partitions: [Partition; PARTITIONS],
    pub sent: [Sent; TXS],
    pub clients: [Client; TXS],
    pub reader: Reader,
    /// What a failover would leave of the partition that may fail; empty once it has failed.
    pub copy: Partition,
    pub failed: bool,
}

impl Partition {
    /// The writer of the record in a slot, counted from one; zero if there is none.
    pub fn version(&self, slot: usize) -> u8 {
        match self.slots[slot].iter().flatten().last() {
            Some(last) if !last.delete => last.by + 1,
            _ => 0,
        }
    }

    pub fn write(&mut self, slot: usize, written: Written) {
        let free = self.slots[slot].iter_mut().find(|place| place.is_none());
        *free.expect("the search ends at a second application") = Some(written);
    }
}
