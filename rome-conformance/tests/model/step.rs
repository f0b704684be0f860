//! Which steps a state allows, and what they lead to.

use super::partition::Answer;
use super::scenario::{Action, Durability, Model, Piece};
use super::state::{Decision, Partition, Phase, State};

impl Model {
    pub fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for tx in 0..self.txs.len() {
            self.actions_of(state, tx, actions);
        }
        self.reader_actions(state, actions);
        if let Some((at, _)) = self.failover.filter(|_| !state.failed) {
            if state.copy != state.partitions[at] {
                actions.push(Action::Replicate);
            }
            actions.push(Action::Failover);
        }
    }

    fn actions_of(&self, state: &State, tx: usize, actions: &mut Vec<Action>) {
        let (client, sent) = (&state.clients[tx], &state.sent[tx]);
        if self.may_begin(state, tx) {
            actions.push(Action::Begin { tx });
        }
        if matches!(client.phase, Phase::Idle | Phase::Reading(_)) {
            return;
        }
        for at in bits(self.prepares_at(tx)) {
            let unanswered = client.answered & 1 << at == 0;
            let heard = client.phase == Phase::Preparing && unanswered;
            actions.extend(arrivals(heard).map(|heard| Action::Prepare { tx, at, heard }));
            for decision in [Decision::Aborted, Decision::Committed] {
                if sent.finish[decision as usize] & 1 << at != 0 {
                    let heard = client.phase == Phase::Finishing(decision) && unanswered;
                    actions.extend(arrivals(heard).map(|heard| Action::Finish { tx, at, decision, heard }));
                }
            }
            if sent.met & 1 << at != 0 {
                actions.push(Action::Push { tx, met_at: at, heard: true });
                if self.failover.is_some_and(|(fails, _)| fails == self.txs[tx].primary) && !state.failed {
                    actions.push(Action::Push { tx, met_at: at, heard: false });
                }
            }
        }
        if sent.one {
            let heard = client.phase == Phase::Committing;
            actions.extend(arrivals(heard).map(|heard| Action::One { tx, heard }));
        }
        match client.phase {
            Phase::Preparing | Phase::Committing => actions.push(Action::GiveUp { tx }),
            Phase::Resolving => actions.push(Action::Resolve { tx }),
            _ => {}
        }
    }

    /// Does it, and gives what the partition answered if one was asked.
    pub fn take(&self, state: &mut State, action: Action) -> Option<Answer> {
        let (asked, heard) = self.asks(action);
        let before = asked.map(|at| state.partitions[at]);
        let answer = self.act(state, action);
        if let (Some(at), Some(before)) = (asked, before) {
            self.replicate_for_answer(state, at, &before, heard);
        }
        answer
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Answer> {
        let answer = match action {
            Action::Begin { tx } => {
                self.begin(state, tx);
                return None;
            }
            Action::Prepare { tx, at, heard } => {
                let answer = self.prepare(state, tx, at);
                if heard {
                    self.hear_prepare(state, tx, at, answer);
                }
                answer
            }
            Action::One { tx, heard } => {
                let answer = self.one(state, tx);
                if heard {
                    self.hear_one(state, tx, answer);
                }
                answer
            }
            Action::Finish { tx, at, decision, heard } => {
                let answer = self.finish(state, tx, at, decision);
                if heard {
                    self.hear_finish(state, tx, at);
                }
                answer
            }
            Action::Push { tx, met_at, heard } => {
                let answer = self.push(state, tx, true);
                if let (Answer::Already(decision), true) = (answer, heard) {
                    state.sent[tx].finish[decision as usize] |= 1 << met_at;
                }
                answer
            }
            Action::GiveUp { tx } => {
                self.give_up(state, tx);
                return None;
            }
            Action::Resolve { tx } => self.resolve(state, tx),
            Action::Replicate => {
                state.copy = state.partitions[self.failover?.0];
                return None;
            }
            Action::Failover => {
                let at = self.failover?.0;
                let owner = state.partitions[at].owner + 1;
                state.partitions[at] = Partition { owner, ..state.copy };
                (state.copy, state.failed) = (Partition::default(), true);
                return None;
            }
            _ => return self.act_as_reader(state, action),
        };
        Some(answer)
    }

    fn act_as_reader(&self, state: &mut State, action: Action) -> Option<Answer> {
        let plan = self.reader.as_ref()?;
        match action {
            Action::Read { place } => self.read(state, plan, place),
            Action::ReaderLook { place } => self.reader_look(state, plan, place),
            Action::ReaderPush { tx, abort } => return Some(self.reader_push(state, plan, tx, abort)),
            Action::ReaderAsk { tx } => return Some(self.reader_ask(state, plan, tx)),
            _ => unreachable!("not a step of the reader: {action:?}"),
        }
        None
    }

    /// The partition that applies something in this step, and whether its answer reaches anybody.
    fn asks(&self, action: Action) -> (Option<usize>, bool) {
        match action {
            Action::Prepare { at, heard, .. } | Action::Finish { at, heard, .. } => (Some(at), heard),
            Action::One { tx, heard } | Action::Push { tx, heard, .. } => (Some(self.txs[tx].primary), heard),
            Action::Resolve { tx } | Action::ReaderPush { tx, .. } | Action::ReaderAsk { tx } => {
                (Some(self.txs[tx].primary), true)
            }
            _ => (None, false),
        }
    }

    fn replicate_for_answer(&self, state: &mut State, at: usize, before: &Partition, heard: bool) {
        let waits = heard && (self.has(Piece::AnswersWait) || state.partitions[at] != *before);
        if self.failover == Some((at, Durability::Replicated)) && !state.failed && waits {
            state.copy = state.partitions[at];
        }
    }
}

/// A message that is waited for may be answered, or the answer may be lost.
fn arrivals(heard: bool) -> impl Iterator<Item = bool> {
    [false, true].into_iter().take(1 + usize::from(heard))
}

/// The members of a set.
pub fn bits(set: u8) -> impl Iterator<Item = usize> {
    (0..8).filter(move |bit| set & 1 << bit != 0)
}
