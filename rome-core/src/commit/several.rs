//! Transactions over several partitions.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lanes::Lane;
use super::{Committer, Outcome, Part};
use crate::error::{Error, Result};
use crate::store::{Applied, Certainty, Decision, Durability, MiniTx, Partition, Step, TxId};

/// For how long, in milliseconds, others wait before they decide in the place of a client that is gone.
const LEASE: u32 = 1000;
/// For how long the end of a transaction is tried to be told to its partitions. Later, those who meet it do that.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Committer {
    /// Carries out parts of several partitions. The first one with effects is at the primary; if there is none, the first
    /// one: the reads that the others lock have to be decided at one place too, or a pusher could let the first of these
    /// locks go before the last is taken.
    pub(super) async fn several(self: &Arc<Self>, schema: u32, parts: Vec<Part>, d: Durability) -> Result<Outcome> {
        let primary_at = parts.iter().position(|part| !part.effects.is_empty()).unwrap_or(0);
        let mut places: Vec<(usize, Partition)> = parts.iter().map(|part| part.partition).enumerate().collect();
        let primary = places.get(primary_at).map_or(Partition(0), |(_, partition)| *partition);
        places.retain(|(at, _)| *at != primary_at);
        let (lane, id) = self.lanes.take(self).await?;
        let mut own = Vec::with_capacity(1);
        let mut prepares = Vec::with_capacity(places.len());
        for (at, part) in parts.into_iter().enumerate() {
            if at == primary_at {
                own.push(part.into_minitx(id, schema, Step::One));
            } else {
                prepares.push(part.into_minitx(id, schema, Step::Prepare { primary, lease: LEASE }));
            }
        }
        let others = places.iter().map(|(_, partition)| *partition).collect();
        let open = Open { committer: self.clone(), lane, id, primary, others, durability: d, decision: None };
        let mut open = Guard(Some(Open { decision: Some(Decision::Aborted), ..open }));
        // Whatever went wrong: the primary is never asked, so nothing of this is applied.
        let answers = self.apply(prepares, d).await.map_err(|error| error.certainly_not_applied())?;
        if answers.len() != places.len() {
            return Err(Error::internal("the store did not answer every part of a commit"));
        }
        if let Some((answer, (at, partition))) =
            answers.iter().zip(&places).find(|(answer, _)| !matches!(answer, Applied::Done { .. }))
        {
            let prepared = answers.iter().zip(&places).filter(|(answer, _)| matches!(answer, Applied::Done { .. }));
            open.finish_at(prepared.map(|(_, (_, partition))| *partition).collect()).await;
            return self.outcome(*at, *partition, Some(answer.clone()), d).await;
        }
        open.decide(None);
        match self.apply(own, d).await {
            Ok(mut answers) => match answers.pop() {
                Some(Applied::Done { .. } | Applied::Already(Decision::Committed)) => {
                    open.decide(Some(Decision::Committed));
                    Ok(Outcome::Committed)
                }
                refused => {
                    open.decide(Some(Decision::Aborted));
                    open.finish().await;
                    self.outcome(primary_at, primary, refused, d).await
                }
            },
            Err(error) => {
                if error.certainty() == Certainty::NotApplied {
                    open.decide(Some(Decision::Aborted));
                }
                Err(error.into())
            }
        }
    }
}

/// A transaction that holds locks.
struct Open {
    committer: Arc<Committer>,
    lane: Lane,
    id: TxId,
    primary: Partition,
    /// Where it is or may be prepared.
    others: Vec<Partition>,
    durability: Durability,
    /// How it ended; none while only its primary knows.
    decision: Option<Decision>,
}

impl Open {
    /// Tells the partitions how it ended, asking the primary first if that is not known, and gives the lane back.
    async fn end(self) {
        let until = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        while !self.try_end().await {
            if Instant::now() >= until {
                tracing::warn!(id = %self.id, "the end of a transaction could not be told to all its partitions");
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.committer.lanes.give_back(self.lane);
    }

    async fn try_end(&self) -> bool {
        let decision = match self.decision {
            Some(decision) => decision,
            None => match self.committer.ask(self.id, self.primary, true, self.durability).await {
                Ok(Some(decision)) => decision,
                _ => return false,
            },
        };
        let finish = MiniTx::one(self.id).step(Step::Finish(decision));
        let batch: Vec<_> = self.others.iter().map(|partition| (*partition, finish.clone())).collect();
        match self.committer.apply(batch, self.durability).await {
            Ok(answers) => {
                let lost = answers.contains(&Applied::Already(Decision::Aborted));
                if lost && decision == Decision::Committed {
                    tracing::error!(id = %self.id, "a prepared part of a committed transaction was lost by its partition");
                }
                true
            }
            Err(error) => {
                tracing::debug!(id = %self.id, %error, "the end of a transaction is told again");
                false
            }
        }
    }
}

/// Sees to it that a transaction's locks are let go, in the background if the commit's future is dropped.
struct Guard(Option<Open>);

impl Guard {
    fn decide(&mut self, decision: Option<Decision>) {
        if let Some(open) = &mut self.0 {
            open.decision = decision;
        }
    }

    /// Lets the locks go at these partitions, the only ones where there are any. The caller is about to try again and
    /// would meet its own.
    async fn finish_at(&mut self, partitions: Vec<Partition>) {
        if let Some(open) = &mut self.0 {
            open.others = partitions;
        }
        self.finish().await;
    }

    async fn finish(&mut self) {
        let is_done = match &self.0 {
            Some(open) => open.others.is_empty() || open.try_end().await,
            None => true,
        };
        if let Some(open) = self.0.take_if(|_| is_done) {
            open.committer.lanes.give_back(open.lane);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Without a runtime, those who meet the locks let them go.
        if let (Some(open), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(open.end());
        }
    }
}
