//! The steps at a partition, as the table in `docs/design/several-partitions.md` gives them.

use super::scenario::{Model, Piece, Register};
use super::state::{Decision, Partition, Record, State, Written};

/// What a partition answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Done,
    Already(Decision),
    Refused,
    Undecided,
}

/// How a transaction stands to the record of its lane.
enum Turn {
    Past,
    Recorded(Decision),
    Fresh,
}

impl Model {
    pub fn one(&self, state: &mut State, tx: usize) -> Answer {
        let at = self.txs[tx].primary;
        match self.turn(&state.partitions[at], tx) {
            Turn::Past => Answer::Already(Decision::Aborted),
            Turn::Recorded(decision) => Answer::Already(decision),
            Turn::Fresh if self.refuses(state, tx, at) => {
                if self.has(Piece::RefusalsAtThePrimary) {
                    self.record(&mut state.partitions[at], tx, Decision::Aborted);
                }
                Answer::Refused
            }
            Turn::Fresh => {
                self.carry_out(&mut state.partitions[at], tx, at);
                self.record(&mut state.partitions[at], tx, Decision::Committed);
                Answer::Done
            }
        }
    }

    pub fn prepare(&self, state: &mut State, tx: usize, at: usize) -> Answer {
        match self.turn(&state.partitions[at], tx) {
            Turn::Past => return Answer::Already(Decision::Aborted),
            Turn::Recorded(decision) => return Answer::Already(decision),
            Turn::Fresh => {}
        }
        if state.partitions[at].prepared & 1 << tx != 0 {
            return Answer::Done;
        }
        if self.refuses(state, tx, at) {
            if self.has(Piece::LaneRecordsAtSecondaries) {
                self.record(&mut state.partitions[at], tx, Decision::Aborted);
            }
            return Answer::Refused;
        }
        let raises = self.has(Piece::PrepareRaisesSeq) && self.txs[tx].has_effects_at(at);
        state.partitions[at].prepared |= 1 << tx;
        state.partitions[at].seq += u8::from(raises);
        state.sent[tx].met |= 1 << at;
        Answer::Done
    }

    /// At the primary of the transaction that is pushed.
    pub fn push(&self, state: &mut State, tx: usize, abort: bool) -> Answer {
        let partition = &mut state.partitions[self.txs[tx].primary];
        let record = partition.lanes[self.txs[tx].lane];
        match self.txs[tx].number.cmp(&record.last) {
            std::cmp::Ordering::Less => Answer::Already(Decision::Aborted),
            std::cmp::Ordering::Equal => Answer::Already(record.outcome),
            std::cmp::Ordering::Greater if abort => {
                if self.has(Piece::Tombstone) {
                    self.record(partition, tx, Decision::Aborted);
                }
                Answer::Already(Decision::Aborted)
            }
            std::cmp::Ordering::Greater => Answer::Undecided,
        }
    }

    pub fn finish(&self, state: &mut State, tx: usize, at: usize, decision: Decision) -> Answer {
        let partition = &mut state.partitions[at];
        let prepared = partition.prepared & 1 << tx != 0;
        if !(prepared && self.has(Piece::FinishOfLeftovers)) {
            match self.turn(partition, tx) {
                Turn::Past => return Answer::Already(decision),
                Turn::Recorded(recorded) => return Answer::Already(recorded),
                Turn::Fresh => {}
            }
        }
        if prepared {
            partition.prepared &= !(1 << tx);
            if decision == Decision::Committed {
                self.carry_out(partition, tx, at);
            }
        }
        let recorded = if prepared { decision } else { Decision::Aborted };
        let above =
            partition.lanes[self.txs[tx].lane].last < self.txs[tx].number || !self.has(Piece::RefusingLowerNumbers);
        if above && self.has(Piece::LaneRecordsAtSecondaries) {
            self.record(partition, tx, recorded);
        }
        if prepared { Answer::Done } else { Answer::Already(Decision::Aborted) }
    }

    /// Which state of the partition it is: equal stamps mean equal content.
    pub fn stamp(&self, partition: &Partition) -> u8 {
        let owner = if self.has(Piece::Owner) { partition.owner } else { 0 };
        owner << 7 | partition.seq
    }

    /// The prepared transactions whose effects meet a register.
    pub fn blockers(&self, state: &State, register: Register) -> u8 {
        let prepared = state.partitions[register.at].prepared;
        (0..self.txs.len())
            .filter(|tx| prepared & 1 << tx != 0 && self.txs[*tx].writes_to(register))
            .fold(0, |set, tx| set | 1 << tx)
    }

    fn turn(&self, partition: &Partition, tx: usize) -> Turn {
        let record = partition.lanes[self.txs[tx].lane];
        match self.txs[tx].number.cmp(&record.last) {
            std::cmp::Ordering::Less if self.has(Piece::RefusingLowerNumbers) => Turn::Past,
            std::cmp::Ordering::Equal => Turn::Recorded(record.outcome),
            std::cmp::Ordering::Less | std::cmp::Ordering::Greater => Turn::Fresh,
        }
    }

    fn record(&self, partition: &mut Partition, tx: usize, outcome: Decision) {
        partition.lanes[self.txs[tx].lane] = Record { last: self.txs[tx].number, outcome };
    }

    fn carry_out(&self, partition: &mut Partition, tx: usize, at: usize) {
        for (register, delete) in self.txs[tx].writes().filter(|(register, _)| register.at == at) {
            partition.write(register.slot, Written { by: tx as u8, delete });
        }
        partition.seq += u8::from(self.txs[tx].has_effects_at(at));
    }

    /// Whether locks or checks stand against it.
    fn refuses(&self, state: &State, tx: usize, at: usize) -> bool {
        let unchanged = state.clients[tx].stamp[at] == Some(self.stamp(&state.partitions[at]));
        let tests_locks = !unchanged || self.has(Piece::LocksInSpiteOfSeq);
        if tests_locks && self.is_locked(state, tx, at) {
            return true;
        }
        let reads = self.txs[tx].reads.iter().zip(state.clients[tx].read);
        !unchanged
            && reads
                .filter(|(register, _)| register.at == at)
                .any(|(register, read)| state.partitions[at].version(register.slot) != read)
    }

    fn is_locked(&self, state: &State, tx: usize, at: usize) -> bool {
        let mine = &self.txs[tx];
        let others =
            (0..self.txs.len()).filter(|other| *other != tx && state.partitions[at].prepared & 1 << other != 0);
        others.map(|other| &self.txs[other]).any(|other| {
            let writes = mine.writes().map(|(register, _)| register).filter(|register| register.at == at);
            let mut reads = mine.reads.iter().filter(|register| register.at == at);
            let locks = |register: Register| self.has(Piece::ReadLocks) && other.reads.contains(&register);
            writes.into_iter().any(|register| other.writes_to(register) || locks(register))
                || (self.has(Piece::ChecksMeetIntents) && reads.any(|register| other.writes_to(*register)))
        })
    }
}
