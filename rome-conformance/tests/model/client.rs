//! The client of a transaction: what it sends, and what it does with the answers.
//!
//! A crash is not a step of its own. A client that has crashed is one that takes no further step, and the invariants are
//! tested in every state as if from there on no client took any.

use super::partition::Answer;
use super::scenario::{Model, Piece};
use super::state::{Decision, Phase, READER, State};

impl Model {
    /// Whether the client may begin or go on reading.
    pub fn may_begin(&self, state: &State, tx: usize) -> bool {
        match state.clients[tx].phase {
            Phase::Reading(_) => true,
            Phase::Idle => self.txs[tx].after.is_none_or(|earlier| {
                let earlier = &state.clients[earlier];
                earlier.phase == Phase::Ended || (earlier.told.is_some() && !self.has(Piece::LaneWaits))
            }),
            _ => false,
        }
    }

    /// The next read; after the last one all is sent. A writer reads around whatever is prepared and asks nobody: its
    /// checks are tested anyway, so this is the worst that it can do.
    pub fn begin(&self, state: &mut State, tx: usize) {
        let before = acknowledged(state);
        let client = &mut state.clients[tx];
        let done = match client.phase {
            Phase::Reading(done) => usize::from(done),
            _ => {
                client.before = before;
                0
            }
        };
        let reads = &self.txs[tx].reads;
        if let Some(register) = reads.get(done) {
            let partition = &state.partitions[register.at];
            let stamp = self.stamp(partition);
            let same = reads[..done].iter().all(|earlier| earlier.at != register.at)
                || client.stamp[register.at] == Some(stamp);
            client.read[done] = partition.version(register.slot);
            client.stamp[register.at] = same.then_some(stamp);
        }
        if done + 1 < reads.len() {
            client.phase = Phase::Reading(done as u8 + 1);
        } else {
            client.phase = Phase::Preparing;
            self.when_prepared(state, tx);
        }
    }

    pub fn hear_prepare(&self, state: &mut State, tx: usize, at: usize, answer: Answer) {
        if answer != Answer::Done {
            return self.end(state, tx, Decision::Aborted, true);
        }
        state.clients[tx].answered |= 1 << at;
        self.when_prepared(state, tx);
    }

    pub fn hear_one(&self, state: &mut State, tx: usize, answer: Answer) {
        let committed = matches!(answer, Answer::Done | Answer::Already(Decision::Committed));
        let decision = if committed { Decision::Committed } else { Decision::Aborted };
        self.end(state, tx, decision, true);
    }

    pub fn hear_finish(&self, state: &mut State, tx: usize, at: usize) {
        state.clients[tx].answered |= 1 << at;
        self.when_finished(state, tx);
    }

    /// Nothing was committed as long as the primary was not asked; then the outcome has to be found.
    pub fn give_up(&self, state: &mut State, tx: usize) {
        if state.clients[tx].phase == Phase::Preparing {
            self.end(state, tx, Decision::Aborted, true);
        } else {
            state.clients[tx].phase = Phase::Resolving;
        }
    }

    pub fn resolve(&self, state: &mut State, tx: usize) -> Answer {
        let answer = self.push(state, tx, true);
        if let Answer::Already(decision) = answer {
            self.end(state, tx, decision, false);
        }
        answer
    }

    fn when_prepared(&self, state: &mut State, tx: usize) {
        let client = &mut state.clients[tx];
        if client.answered != self.prepares_at(tx) {
            return;
        }
        client.answered = 0;
        if self.locks_everywhere(tx) {
            client.told = Some(Decision::Committed);
            self.end(state, tx, Decision::Aborted, false);
        } else {
            client.phase = Phase::Committing;
            state.sent[tx].one = true;
        }
    }

    fn end(&self, state: &mut State, tx: usize, decision: Decision, tell: bool) {
        let client = &mut state.clients[tx];
        client.phase = Phase::Finishing(decision);
        client.answered = 0;
        if tell {
            client.told = Some(decision);
        }
        state.sent[tx].finish[decision as usize] |= self.prepares_at(tx);
        self.when_finished(state, tx);
    }

    fn when_finished(&self, state: &mut State, tx: usize) {
        let client = &mut state.clients[tx];
        if client.answered == self.prepares_at(tx) {
            client.phase = Phase::Ended;
            client.answered = 0;
        }
    }
}

/// Who has been answered that it is committed: whatever begins now comes after these.
pub fn acknowledged(state: &State) -> u8 {
    let told = state.clients.iter().enumerate().filter(|(_, client)| client.told == Some(Decision::Committed));
    let reader = u8::from(state.reader.ended == Some(true)) << READER;
    told.fold(reader, |set, (tx, _)| set | 1 << tx)
}
