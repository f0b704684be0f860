//! The reads of one partition on their way to their replies: by rounds, or by a script.

use std::borrow::Cow;
use std::mem;

use redis::{Pipeline, Value};
use rome_store::{Read, ReadOptions, ReadReply, StoreResult};

use super::answer::Answer;
use super::plain::Plain;
use super::rounds::Rounds;
use super::script::Script;
use crate::partition_keys::PartitionKeys;
use crate::prepared;
use crate::setup::Setup;

/// The reads of one partition.
pub(super) struct Reading<'r> {
    pub(super) partition: &'r PartitionKeys,
    reads: Cow<'r, [Read]>,
    /// Which lists of the batch they are, and how many each has.
    lists: Vec<(usize, usize)>,
    state: State,
    /// Whether one command without a look is enough, where one answers the reads.
    plain: bool,
    by_script: bool,
    /// Whether what is retired is read too.
    of_retired: bool,
    /// The node that the slot is on its way to, if its keys are there already.
    pub(super) detour: Option<String>,
}

enum State {
    /// Nothing has been asked yet.
    New,
    Plain(Plain),
    Rounds(Rounds),
    Script(Script),
    Done(Answer),
}

/// What a reply came to.
pub(super) enum Progress {
    /// There is more to ask, or all is there.
    Fine,
    /// The partition changed meanwhile.
    Changed,
}

impl<'r> Reading<'r> {
    pub(super) fn new(
        setup: &Setup,
        partition: &'r PartitionKeys,
        list: usize,
        reads: &'r [Read],
        options: ReadOptions,
    ) -> Self {
        Self {
            partition,
            reads: Cow::Borrowed(reads),
            lists: vec![(list, reads.len())],
            state: State::New,
            plain: !options.tracked && !options.retired && !setup.is_cluster(),
            of_retired: options.retired,
            by_script: setup.options.always_by_script,
            detour: None,
        }
    }

    /// Adds another list of the batch.
    pub(super) fn join(&mut self, list: usize, reads: &[Read]) {
        self.lists.push((list, reads.len()));
        self.reads.to_mut().extend_from_slice(reads);
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Forgets what was read.
    pub(super) fn begin_again(&mut self) {
        self.state = State::New;
        self.detour = None;
    }

    /// Reads by a script from now on.
    pub(super) const fn by_script(&mut self) {
        self.by_script = true;
    }

    /// Whether what was asked is soon answered.
    pub(super) fn is_small(&self) -> bool {
        match &self.state {
            State::Plain(plain) => plain.is_small(&self.reads),
            State::Rounds(rounds) => rounds.is_small(),
            State::New | State::Script(_) | State::Done(_) => false,
        }
    }

    /// Adds the commands of this round.
    pub(super) fn ask(&mut self, setup: &Setup, round: &mut Pipeline) -> StoreResult<()> {
        if matches!(self.state, State::New) {
            let plain =
                if self.plain && !self.by_script { Plain::of(&self.partition.layout, &self.reads) } else { None };
            self.state = match plain {
                Some(plain) => State::Plain(plain),
                None if self.by_script => State::Script(Script::default()),
                None => State::Rounds(Rounds::new(self.partition, &self.reads)?),
            };
        }
        match &mut self.state {
            State::Plain(plain) => plain.ask(&self.reads, round),
            State::Rounds(rounds) => rounds.ask(self.partition, round),
            State::Script(script) => script.ask(setup, self.partition, &self.reads, round)?,
            State::New | State::Done(_) => {}
        }
        Ok(())
    }

    /// Takes the replies to what was asked.
    pub(super) fn take(&mut self, replies: Vec<Value>) -> StoreResult<Progress> {
        let admitted: &[Read] = if self.of_retired { &[] } else { &self.reads };
        let (done, changed) = match &mut self.state {
            State::Plain(plain) => {
                self.plain = false;
                self.state = plain.take(&self.reads, replies)?.map_or(State::New, State::Done);
                (false, false)
            }
            State::Rounds(rounds) => {
                let is_one_state = rounds.take(self.partition, admitted, replies)?;
                (is_one_state && rounds.is_done(), !is_one_state)
            }
            State::Script(script) => {
                if let Some(reply) = script.take(&self.reads, admitted, replies)? {
                    self.state = State::Done(reply);
                }
                (false, false)
            }
            State::New | State::Done(_) => (false, false),
        };
        if changed {
            self.by_script = true;
            self.state = State::New;
            return Ok(Progress::Changed);
        }
        if done && let State::Rounds(rounds) = mem::replace(&mut self.state, State::New) {
            self.state = State::Done(rounds.finish(self.reads.len())?);
        }
        Ok(Progress::Fine)
    }

    /// Gives each list its replies.
    pub(super) fn finish(self, all: &mut [ReadReply]) {
        let State::Done(Answer { seq, replies, others, time }) = self.state else {
            unreachable!("a call ends when each of its readings is done");
        };
        let mut replies = replies.into_iter();
        let mut rest = &*self.reads;
        for (list, n) in self.lists {
            let (reads, after) = rest.split_at(n.min(rest.len()));
            rest = after;
            let (replies, blockers) = (replies.by_ref().take(n).collect(), prepared::blockers(&others, reads, time));
            *all.get_mut(list).expect("a reading has the positions of its lists in the batch") =
                ReadReply::new(seq, replies).blockers(blockers);
        }
    }
}

/// A reply in which nothing is filled in yet.
pub(super) const fn empty() -> ReadReply {
    ReadReply::new(0, Vec::new())
}
