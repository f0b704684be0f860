//! What became of the last transaction of each lane, so that the same one again has no further effect.
//!
//! A lane runs one transaction at a time, so its last one is all that can be asked for; one with a lower number was
//! given up by its lane and is refused. What is kept here lasts as long as the process; the file keeps the last commit of
//! each lane besides. It is bounded by two generations: when the young one is full it becomes the old one,
//! and the old one is forgotten, so at least the last [`GENERATION`] lanes in use are remembered.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::mem;

use rome_store::{Applied, Decision, TxId};

/// How many lanes a generation holds.
const GENERATION: usize = 1 << 16;

/// What is remembered of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// It was decided before, and this is its answer.
    Decided(Applied),
    /// It is new: its lane has not come to it.
    New,
    /// Nothing of its lane; the file may know more.
    Nothing,
}

/// The last outcome of each lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    young: HashMap<u64, Last>,
    old: HashMap<u64, Last>,
}

#[derive(Debug)]
struct Last {
    seq: u64,
    answer: Applied,
}

impl Lanes {
    /// What is remembered of a transaction.
    pub(crate) fn recall(&self, id: TxId) -> Recalled {
        let Some(last) = self.last(id.lane) else { return Recalled::Nothing };
        match id.seq.cmp(&last.seq) {
            Ordering::Greater => Recalled::New,
            Ordering::Less => Recalled::Decided(Applied::Already(Decision::Aborted)),
            Ordering::Equal => Recalled::Decided(match &last.answer {
                Applied::Done { .. } => Applied::Already(Decision::Committed),
                refusal => refusal.clone(),
            }),
        }
    }

    /// Remembers the answer to a transaction, unless its lane has passed it.
    pub(crate) fn record(&mut self, id: TxId, answer: Applied) {
        if self.last(id.lane).is_some_and(|last| id.seq < last.seq) {
            return;
        }
        self.young.insert(id.lane, Last { seq: id.seq, answer });
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
    }

    /// Remembers all that another one does.
    pub(crate) fn extend(&mut self, other: Self) {
        for (lane, last) in other.old.into_iter().chain(other.young) {
            self.record(TxId { lane, seq: last.seq }, last.answer);
        }
    }

    fn last(&self, lane: u64) -> Option<&Last> {
        self.young.get(&lane).or_else(|| self.old.get(&lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(lane: u64, seq: u64) -> TxId {
        TxId { lane, seq }
    }

    #[test]
    fn the_last_transaction_of_a_lane_keeps_its_outcome() {
        let mut lanes = Lanes::default();
        lanes.record(id(1, 5), Applied::Done { seq: 9 });
        assert_eq!(lanes.recall(id(1, 5)), Recalled::Decided(Applied::Already(Decision::Committed)));
        lanes.record(id(1, 6), Applied::StaleSchema { oldest: 3 });
        assert_eq!(lanes.recall(id(1, 6)), Recalled::Decided(Applied::StaleSchema { oldest: 3 }));
        assert_eq!(lanes.recall(id(1, 5)), Recalled::Decided(Applied::Already(Decision::Aborted)));
        assert_eq!(lanes.recall(id(1, 7)), Recalled::New);
        assert_eq!(lanes.recall(id(2, 1)), Recalled::Nothing);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let mut lanes = Lanes::default();
        let all = 3 * GENERATION as u64;
        for lane in 0..all {
            lanes.record(id(lane, 1), Applied::Done { seq: lane });
        }
        assert!(lanes.young.len() + lanes.old.len() <= 2 * GENERATION);
        assert_ne!(lanes.recall(id(all - 1, 1)), Recalled::Nothing);
        assert_ne!(lanes.recall(id(all - GENERATION as u64, 1)), Recalled::Nothing);
    }
}
