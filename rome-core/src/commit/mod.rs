//! Commits: from checks and effects on partitions to one outcome.
//!
//! What touches one partition is one minitransaction. What touches several is prepared at all of them but one and decided
//! there; `docs/design/several-partitions.md` has the protocol and why each piece of it is there (two-phase commit
//! with a last agent, after Gray, 1978; others find the outcome at the primary, after Percolator, Peng and Dabek, 2010).

mod calls;
mod confirm;
mod lanes;
mod push;
mod reply;
mod several;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind, Result};
use crate::store::{
    Applied, Certainty, Check, CheckRef, Decision, Durability, Effect, MiniTx, Partition, Read, ReadOptions, ReadReply,
    SequenceId, Step, Store, StoreError, StoreErrorKind, StoreResult, TxId,
};
pub(crate) use calls::Names;
use lanes::Lanes;
pub(crate) use reply::{ReplyExt, only_reply};

/// For how long in all a transaction waits for others that are not decided.
const LONGEST_BLOCK: Duration = Duration::from_secs(10);
/// The longest first pause while it waits, and the longest at all.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The way to the store: all of a database's calls go through it.
pub(crate) struct Committer {
    pub store: Arc<dyn Store>,
    /// That of the database. What is decided for others is at least so safe: an abort that a failover forgets could be followed
    /// by the commit that it had prevented.
    pub durability: Durability,
    lanes: Lanes,
    names: OnceLock<Names>,
}

/// What a transaction does in one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub partition: Partition,
    /// The state that all of `reads` saw, if it was one.
    pub unchanged_since: Option<u64>,
    pub reads: Vec<Check>,
    pub checks: Vec<Check>,
    pub effects: Vec<Effect>,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    /// A check failed.
    Conflict {
        /// The place of its part.
        part: usize,
        check: CheckRef,
    },
    /// Another transaction was in the way, and by now it may be out of it.
    Blocked,
    /// The schema has moved on.
    Stale {
        oldest: u32,
    },
}

impl Part {
    fn into_minitx(self, id: TxId, schema: u32, step: Step) -> (Partition, MiniTx) {
        let Self { partition, unchanged_since, reads, checks, effects } = self;
        (
            partition,
            MiniTx::one(id)
                .step(step)
                .schema(schema)
                .unchanged_since(unchanged_since)
                .reads(reads)
                .checks(checks)
                .effects(effects),
        )
    }
}

impl Committer {
    pub fn new(store: Arc<dyn Store>, durability: Durability) -> Self {
        Self { store, durability, lanes: Lanes::default(), names: OnceLock::new() }
    }

    /// Carries out all parts or none. Costs one round trip for one part, two for several.
    ///
    /// Where another transaction is in the way, waits until it is decided, for longer than any of them has before it is
    /// aborted. While it waits it holds no locks.
    pub async fn commit(self: &Arc<Self>, schema: u32, parts: Vec<Part>, d: Durability) -> Result<Outcome> {
        if self.store.capabilities().partitions == 1 {
            // Nothing is ever prepared.
            return self.attempt(schema, parts, d).await;
        }
        let until = Instant::now() + LONGEST_BLOCK;
        let mut pause = FIRST_PAUSE;
        loop {
            let outcome = self.attempt(schema, parts.clone(), d).await?;
            if outcome != Outcome::Blocked || Instant::now() >= until {
                return Ok(outcome);
            }
            sleep(self.random_pause(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(self: &Arc<Self>, schema: u32, mut parts: Vec<Part>, d: Durability) -> Result<Outcome> {
        match parts.len() {
            0 => Ok(Outcome::Committed),
            1 => self.one(schema, parts.remove(0), d).await,
            _ => Box::pin(self.several(schema, parts, d)).await,
        }
    }

    async fn one(&self, schema: u32, part: Part, durability: Durability) -> Result<Outcome> {
        let (lane, id) = self.lanes.take(self).await?;
        let partition = part.partition;
        let applied = self.apply(vec![part.into_minitx(id, schema, Step::One)], durability).await;
        if let Ok([Applied::Already(Decision::Aborted)]) = applied.as_deref() {
            // Nobody else has seen the id, so nobody can have aborted it. With the lane's next one it would be the same.
            return Err(spoiled(partition, id).into());
        }
        if !matches!(&applied, Err(error) if error.certainty() == Certainty::Unknown) {
            self.lanes.give_back(lane);
        }
        let answer = applied?.pop();
        self.outcome(0, partition, answer, durability).await
    }

    /// What the answer to a part means. If another transaction is in the way, sees to it that it will not be for long.
    async fn outcome(
        &self,
        part: usize,
        partition: Partition,
        applied: Option<Applied>,
        durability: Durability,
    ) -> Result<Outcome> {
        match applied {
            Some(Applied::Done { .. } | Applied::Already(Decision::Committed)) => Ok(Outcome::Committed),
            Some(Applied::Conflict { check }) => Ok(Outcome::Conflict { part, check }),
            Some(Applied::StaleSchema { oldest }) => Ok(Outcome::Stale { oldest }),
            Some(Applied::Blocked { by }) => {
                self.push(partition, by, durability).await?;
                Ok(Outcome::Blocked)
            }
            // Others took this one for dead and aborted it.
            Some(Applied::Already(Decision::Aborted)) => Ok(Outcome::Blocked),
            Some(Applied::Fenced) => Err(replaced(partition).into()),
            other => Err(Error::internal(format!("the store answered a commit with {other:?}"))),
        }
    }

    /// Reads from the store, and finishes decided transactions that are met. What is left of blockers was undecided after
    /// the reads.
    pub async fn read(&self, batch: &[(Partition, Vec<Read>)]) -> Result<Vec<ReadReply>> {
        self.read_as(batch, ReadOptions::new()).await
    }

    /// As [`read`](Self::read), as the options ask for.
    pub async fn read_as(&self, batch: &[(Partition, Vec<Read>)], options: ReadOptions) -> Result<Vec<ReadReply>> {
        let replies = self.call_read(batch, options).await.map_err(|error| self.told(error))?;
        if replies.len() != batch.len() {
            return Err(Error::internal("the store did not reply to every read"));
        }
        if replies.iter().all(|reply| reply.blockers.is_empty()) {
            return Ok(replies);
        }
        // In a box: rare, and deep, and every future of a query would be as deep.
        Box::pin(self.settle(batch, replies, options)).await
    }

    /// Reads hints from the store, which need be of no one moment: what is undecided is left alone.
    pub async fn peek(&self, batch: &[(Partition, Vec<Read>)]) -> Result<Vec<ReadReply>> {
        self.call_read(batch, ReadOptions::new().tracked(false)).await.map_err(|error| self.told(error))
    }

    /// The error of a read; one of an index that was dropped names it, and says what to do.
    fn told(&self, error: StoreError) -> Error {
        match error.retired_space() {
            None => error.into(),
            Some(space) => Kind::Schema(format!(
                "index `{}` was dropped by another program, or by a call of this one, after this handle was opened, and cannot be read any \
                 more: open the database again",
                self.name_of(space)
            ))
            .into(),
        }
    }

    pub async fn apply(&self, batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>> {
        self.call_apply(batch, durability).await
    }

    /// A random length of a pause, which other programs on the same store do not draw at the same time; never none.
    pub fn random_pause(&self, longest: Duration) -> Duration {
        let longest = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(1 + self.lanes.random() % longest)
    }

    /// Takes `n` numbers of a sequence; returns the first.
    pub async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        self.call_reserve(sequence, n).await
    }

    /// Sees to it that a sequence gives no number below `least`; returns the next one.
    pub async fn raise(&self, sequence: SequenceId, least: u64) -> StoreResult<u64> {
        self.call_raise(sequence, least).await
    }
}

/// The record of a lane speaks of a transaction that never came, or that comes only now.
fn spoiled(partition: Partition, id: TxId) -> StoreError {
    let message = format!(
        "the record of lane {} in partition {} is damaged: it says that transaction {} was decided otherwise, or a later one; \
         the write was not applied, and the lane is not used any more",
        id.lane, partition.0, id.seq
    );
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// The partition is not the one that the handle was opened for.
fn replaced(partition: Partition) -> StoreError {
    let message = format!(
        "another database, or another copy of it, is now where this handle's was; partition {} refused the write and nothing \
         was applied. The handle cannot be used any more: restore a backup, or open it again",
        partition.0
    );
    StoreError::new(StoreErrorKind::Gone, message)
}
