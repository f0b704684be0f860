//! What became of the transactions that were applied before, so that the same one again has no further effect.
//!
//! A store remembers this for the life of its process: lanes are reserved anew by each process and never recur. Memory
//! is bounded by two generations; when the young one is full it becomes the old one, and the old one is forgotten.
//! At least the last [`GENERATION`] transactions and lanes are remembered exactly. What is older than the last of its
//! lane and forgotten is refused, so it has no effect either way.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

use rome_core::store::{Applied, Decision, TxId};

/// How many transactions a generation holds.
const GENERATION: usize = 1 << 16;

/// The outcomes of transactions by id, and the last number of each lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    outcomes: Generations<TxId, Outcome>,
    last: Generations<u64, u64>,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer it got.
    Answered(Applied),
    /// It was refused with an error, for good.
    Refused,
}

impl Outcome {
    fn again(&self) -> Applied {
        match self {
            Self::Answered(Applied::Done { .. }) => Applied::Already(Decision::Committed),
            Self::Answered(other) => other.clone(),
            Self::Refused => Applied::Already(Decision::Aborted),
        }
    }
}

impl Lanes {
    /// The answer to a transaction that was decided before; none if it is new.
    pub(crate) fn recall(&self, id: TxId) -> Option<Applied> {
        if let Some(outcome) = self.outcomes.get(&id) {
            return Some(outcome.again());
        }
        let passed = self.last.get(&id.lane).is_some_and(|last| id.seq <= *last);
        passed.then_some(Applied::Already(Decision::Aborted))
    }

    /// Remembers how a transaction ended.
    pub(crate) fn record(&mut self, id: TxId, outcome: Outcome) {
        self.outcomes.insert(id, outcome);
        let last = self.last.get(&id.lane).map_or(id.seq, |last| id.seq.max(*last));
        self.last.insert(id.lane, last);
    }

    /// Remembers all that another one does.
    pub(crate) fn extend(&mut self, other: Self) {
        for (id, outcome) in other.outcomes.into_all() {
            self.record(id, outcome);
        }
    }
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Hash + Eq, V> Generations<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn insert(&mut self, key: K, value: V) {
        self.young.insert(key, value);
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
    }

    fn into_all(self) -> impl Iterator<Item = (K, V)> {
        self.old.into_iter().chain(self.young)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(lane: u64, seq: u64) -> TxId {
        TxId { lane, seq }
    }

    #[test]
    fn a_decided_transaction_keeps_its_outcome() {
        let mut lanes = Lanes::default();
        lanes.record(id(1, 5), Outcome::Answered(Applied::Done { seq: 9 }));
        lanes.record(id(1, 6), Outcome::Answered(Applied::StaleSchema { oldest: 3 }));
        lanes.record(id(1, 7), Outcome::Refused);
        assert_eq!(lanes.recall(id(1, 5)), Some(Applied::Already(Decision::Committed)));
        assert_eq!(lanes.recall(id(1, 6)), Some(Applied::StaleSchema { oldest: 3 }));
        assert_eq!(lanes.recall(id(1, 7)), Some(Applied::Already(Decision::Aborted)));
    }

    #[test]
    fn a_number_that_its_lane_has_passed_is_aborted() {
        let mut lanes = Lanes::default();
        lanes.record(id(1, 5), Outcome::Answered(Applied::Done { seq: 1 }));
        assert_eq!(lanes.recall(id(1, 4)), Some(Applied::Already(Decision::Aborted)));
        assert_eq!(lanes.recall(id(1, 6)), None);
        assert_eq!(lanes.recall(id(2, 1)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let mut lanes = Lanes::default();
        for lane in 0..5 * GENERATION as u64 {
            lanes.record(id(lane, 1), Outcome::Answered(Applied::Done { seq: lane }));
        }
        assert!(lanes.outcomes.young.len() + lanes.outcomes.old.len() <= 2 * GENERATION);
        let newest = 5 * GENERATION as u64 - 1;
        assert!(lanes.recall(id(newest, 1)).is_some());
        assert!(lanes.recall(id(newest - GENERATION as u64 + 1, 1)).is_some());
    }
}
