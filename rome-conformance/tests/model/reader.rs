//! A session that reads and writes nothing: what it read in several partitions is confirmed by a second look at each `seq`.

use super::client::acknowledged;
use super::partition::Answer;
use super::scenario::{Action, Model, Piece, ReaderPlan};
use super::state::{Decision, State};

impl Model {
    pub fn reader_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let Some(plan) = &self.reader else { return };
        let reader = &state.reader;
        if reader.ended.is_some() {
            return;
        }
        let all_read = (0..plan.reads.len()).all(|place| reader.read[place].is_some());
        let unblocked = reader.blockers == [0; 2];
        for place in 0..plan.reads.len() {
            let earlier = (0..place).all(|at| reader.read[at].is_some() && reader.blockers[at] == 0);
            if reader.read[place].is_none() && (plan.one_batch || earlier) {
                actions.push(Action::Read { place });
            }
            let locked = self.blockers(state, plan.reads[place]) != 0;
            if all_read
                && unblocked
                && reader.looked & 1 << place == 0
                && (self.has_not_moved(state, plan, place) || !locked)
            {
                actions.push(Action::ReaderLook { place });
            }
        }
        for tx in 0..self.txs.len() {
            let blocks = reader.blockers.iter().any(|blockers| blockers & 1 << tx != 0);
            if blocks && (all_read || !plan.one_batch) {
                actions.extend([false, true].map(|abort| Action::ReaderPush { tx, abort }));
            }
            if all_read
                && unblocked
                && reader.around & !reader.undecided & 1 << tx != 0
                && self.has(Piece::UndecidedAtTheEnd)
            {
                actions.push(Action::ReaderAsk { tx });
            }
        }
    }

    pub fn read(&self, state: &mut State, plan: &ReaderPlan, place: usize) {
        if !state.reader.begun {
            state.reader.begun = true;
            state.reader.before = acknowledged(state);
        }
        let register = plan.reads[place];
        state.reader.blockers[place] = self.blockers(state, register);
        self.see(state, plan, place);
        self.when_confirmed(state, plan);
    }

    /// Undecided: what was read stands, since the other was not committed when it was read. Decided: it is finished here,
    /// and read again. That a transaction is past tells nothing of how it ended.
    pub fn reader_push(&self, state: &mut State, plan: &ReaderPlan, tx: usize, abort: bool) -> Answer {
        let answer = self.push(state, tx, abort);
        for place in 0..plan.reads.len() {
            if state.reader.blockers[place] & 1 << tx == 0 {
                continue;
            }
            state.reader.blockers[place] &= !(1 << tx);
            if answer == Answer::Undecided && plan.around_is_moved {
                state.reader.stamp[place] = None;
            }
            if let Answer::Already(decision) = answer {
                state.sent[tx].finish[decision as usize] |= 1 << plan.reads[place].at;
                if decision == Decision::Committed || self.has(Piece::ReadingAgain) {
                    state.reader.read[place] = None;
                    state.reader.blockers[place] = 0;
                }
            }
        }
        if answer == Answer::Undecided && !plan.around_is_moved {
            state.reader.around |= 1 << tx;
            state.reader.undecided |= 1 << tx;
        }
        self.when_confirmed(state, plan);
        answer
    }

    pub fn reader_ask(&self, state: &mut State, plan: &ReaderPlan, tx: usize) -> Answer {
        let answer = self.push(state, tx, false);
        if let Answer::Already(decision) = answer {
            state.reader.around &= !(1 << tx);
            for place in (0..plan.reads.len()).filter(|place| self.txs[tx].writes_to(plan.reads[*place])) {
                state.reader.stamp[place] = None;
                state.reader.looked = 0;
                state.sent[tx].finish[decision as usize] |= state.sent[tx].met & 1 << plan.reads[place].at;
            }
        } else {
            state.reader.undecided |= 1 << tx;
        }
        self.when_confirmed(state, plan);
        answer
    }

    /// Where the partition has moved, what was read is tested, which is only done when nobody is in the way, and all are
    /// looked at once more.
    pub fn reader_look(&self, state: &mut State, plan: &ReaderPlan, place: usize) {
        let register = plan.reads[place];
        if self.has_not_moved(state, plan, place) {
            state.reader.looked |= 1 << place;
        } else if state.reader.read[place] == Some(state.partitions[register.at].version(register.slot)) {
            self.see(state, plan, place);
        } else {
            state.reader.ended = Some(false);
        }
        self.when_confirmed(state, plan);
    }

    fn see(&self, state: &mut State, plan: &ReaderPlan, place: usize) {
        let register = plan.reads[place];
        let partition = &state.partitions[register.at];
        state.reader.read[place] = Some(partition.version(register.slot));
        state.reader.stamp[place] = Some(self.stamp(partition));
        state.reader.undecided = 0;
        state.reader.looked = 0;
    }

    fn has_not_moved(&self, state: &State, plan: &ReaderPlan, place: usize) -> bool {
        state.reader.stamp[place] == Some(self.stamp(&state.partitions[plan.reads[place].at]))
    }

    /// A read of one partition is one moment by itself.
    fn when_confirmed(&self, state: &mut State, plan: &ReaderPlan) {
        let reader = &state.reader;
        let all = (1 << plan.reads.len()) - 1;
        let read = (0..plan.reads.len()).all(|place| reader.read[place].is_some() && reader.blockers[place] == 0);
        let looked = plan.reads.len() == 1 || reader.looked == all;
        let around = reader.around & !reader.undecided == 0 || !self.has(Piece::UndecidedAtTheEnd);
        if reader.ended.is_none() && read && looked && around {
            state.reader.ended = Some(true);
        }
    }
}
