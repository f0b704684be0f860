//! Reads by rounds of plain commands, between two looks at the partition.
//!
//! A look also shows who is prepared there. As a rule nobody is; else the records of those are asked for with the next
//! round, to see whose effects meet the reads. Prepared effects raise the `seq` as well, so an equal `seq` says that no other
//! transaction has come to those that were seen.

use redis::{Pipeline, Value};
use rome_store::{Read, StoreResult, TxId};

use super::answer::Answer;
use super::look::{Look, look};
use super::task::{self, Task};
use crate::partition_keys::PartitionKeys;
use crate::prepared::{self, Prepared};
use crate::reply::{next, unexpected};

/// Reads on their way.
pub(super) struct Rounds {
    tasks: Vec<Task>,
    first: Option<Look>,
    /// How many commands each task had in this round.
    asked: Vec<usize>,
    others: Others,
}

/// Transactions that are prepared in the partition.
enum Others {
    Unknown,
    AskedFor(Vec<TxId>),
    Known(Vec<(TxId, Prepared)>, u64),
}

impl Rounds {
    pub(super) fn new(partition: &PartitionKeys, reads: &[Read]) -> StoreResult<Self> {
        let tasks = task::plan(partition, reads)?;
        // What reads nothing needs a look for its own sake.
        let told = if tasks.is_empty() { None } else { partition.saved_look.seq() };
        let first = told.map(|seq| Look { seq, pending: Vec::new(), gone: Vec::new() });
        Ok(Self { tasks, first, asked: Vec::new(), others: Others::Unknown })
    }

    /// Whether this round is soon answered.
    pub(super) fn is_small(&self) -> bool {
        self.tasks.iter().all(Task::is_small)
    }

    /// Adds the commands of this round.
    pub(super) fn ask(&mut self, partition: &PartitionKeys, round: &mut Pipeline) {
        if self.first.is_none() {
            round.add_command(partition.look.clone());
        }
        self.asked = self.tasks.iter().map(|task| task.ask(round)).collect();
        if let (Some(first), Others::Unknown) = (&self.first, &self.others)
            && !first.pending.is_empty()
        {
            let ids = prepared::ids(&first.pending);
            round.cmd("HMGET").arg(&partition.layout.meta);
            for id in &ids {
                round.arg(prepared::field(*id));
            }
            round.cmd("TIME");
            self.others = Others::AskedFor(ids);
        }
        // Without tasks the one look is all there is to see.
        if !self.tasks.is_empty() {
            round.add_command(partition.look.clone());
        }
    }

    /// Takes the replies; says whether they are of the same state as those before.
    /// Refuses reads among `admitted` of what is retired.
    pub(super) fn take(
        &mut self,
        partition: &PartitionKeys,
        admitted: &[Read],
        replies: Vec<Value>,
    ) -> StoreResult<bool> {
        let mut replies = replies.into_iter();
        if self.first.is_none() {
            self.first = Some(look(next(&mut replies)?)?);
        }
        let Some(first) = &mut self.first else { return Ok(false) };
        let answers: Vec<Vec<Value>> = self.asked.iter().map(|n| replies.by_ref().take(*n).collect()).collect();
        let records = match &self.others {
            Others::AskedFor(_) => Some((next(&mut replies)?, next(&mut replies)?)),
            _ => None,
        };
        if !self.tasks.is_empty() {
            let last = look(next(&mut replies)?)?;
            partition.saved_look.saw(last.seq, last.pending.is_empty());
            // Before the answers are looked at: parts of two states may look like damage. Where the first look was saved, nobody
            // has looked for those who were prepared since.
            if last.seq != first.seq || (first.pending.is_empty() && !last.pending.is_empty()) {
                return Ok(false);
            }
            // Before that as well: what is retired may look like damage.
            last.admit(admitted)?;
        }
        if let Some((records, time)) = records
            && let Others::AskedFor(ids) = std::mem::replace(&mut self.others, Others::Unknown)
        {
            let time = prepared::time(&time).ok_or_else(|| unexpected(&time))?;
            self.others = Others::Known(prepared::decode_all(ids, records)?, time);
        }
        for (task, answers) in self.tasks.iter_mut().zip(answers) {
            task.take(answers)?;
            task.note(&partition.sizes);
        }
        Ok(true)
    }

    /// Whether nothing is left to ask.
    pub(super) fn is_done(&self) -> bool {
        let Some(first) = &self.first else { return false };
        let others = first.pending.is_empty() || self.tasks.is_empty() || matches!(self.others, Others::Known(..));
        others && self.tasks.iter().all(Task::is_done)
    }

    pub(super) fn finish(self, n: usize) -> StoreResult<Answer> {
        let (others, time) = match self.others {
            Others::Known(others, time) => (others, time),
            _ => (Vec::new(), 0),
        };
        let seq = self.first.expect("rounds that are done have had a look").seq;
        Ok(Answer { seq, replies: task::replies(self.tasks, n)?, others, time })
    }
}
