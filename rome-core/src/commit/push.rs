//! What happens to transactions that are met on the way: prepared, and maybe left behind by their client.

use tokio::time::sleep;

use super::{Committer, LONGEST_PAUSE};
use crate::error::{Kind, Result};
use crate::store::{
    Applied, Blocker, Decision, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, Step, TxId,
};

/// How often reads are repeated because what they met was decided in the meantime.
const ROUNDS: usize = 32;
/// How often at once.
const EAGER: usize = 8;

impl Committer {
    /// Asks for the outcome of a transaction that was met at `partition`, aborts it if its lease is over, and carries its
    /// outcome out there. Says whether it was decided. Costs one or two round trips.
    pub async fn push(&self, partition: Partition, met: Blocker, durability: Durability) -> Result<bool> {
        let durability = durability.max(self.durability);
        let Some(decision) = self.ask(met.id, met.primary, met.expired, durability).await? else {
            return Ok(false);
        };
        tracing::debug!(id = %met.id, partition = partition.0, ?decision, "finishes another's transaction");
        let finish = MiniTx::one(met.id).step(Step::Finish(decision));
        self.apply(vec![(partition, finish)], durability).await?;
        Ok(true)
    }

    /// The outcome of a transaction; none if it has none and is not to be aborted.
    pub(super) async fn ask(
        &self,
        id: TxId,
        primary: Partition,
        abort: bool,
        durability: Durability,
    ) -> Result<Option<Decision>> {
        let push = MiniTx::one(id).step(Step::Push { abort });
        match self.apply(vec![(primary, push)], durability).await?.pop() {
            Some(Applied::Already(decision)) => Ok(Some(decision)),
            _ => Ok(None),
        }
    }

    /// Pushes the transactions that reads met, and reads again where one of them is decided. Where none is left that is
    /// decided, the replies show the state before those that are named in them.
    pub(super) async fn settle(
        &self,
        batch: &[(Partition, Vec<Read>)],
        mut replies: Vec<ReadReply>,
        options: ReadOptions,
    ) -> Result<Vec<ReadReply>> {
        // What is read again need not be as little tracked as it was at first.
        let options = options.tracked(true);
        for round in 0..ROUNDS {
            if round >= EAGER {
                // Where each commit is one of several partitions there is always another one.
                sleep(self.random_pause(LONGEST_PAUSE)).await;
            }
            let mut again = Vec::new();
            for (at, ((partition, _), reply)) in batch.iter().zip(&replies).enumerate() {
                let mut decided = false;
                for met in &reply.blockers {
                    decided |= self.push(*partition, *met, self.durability).await?;
                }
                if decided {
                    again.push(at);
                }
            }
            if again.is_empty() {
                return Ok(replies);
            }
            let repeated: Vec<_> = again.iter().filter_map(|at| batch.get(*at)).cloned().collect();
            let fresh = self.call_read(&repeated, options).await.map_err(|error| self.told(error))?;
            for (at, reply) in again.into_iter().zip(fresh) {
                if let Some(slot) = replies.get_mut(at) {
                    *slot = reply;
                }
            }
        }
        let what = "what it reads, again and again".to_owned();
        Err(Kind::Conflict { attempts: 0, what }.into())
    }
}
