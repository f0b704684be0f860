//! Reads of several partitions: whether they saw one moment.

use std::sync::Arc;

use super::{Committer, Outcome, Part};
use crate::error::{Error, Result};
use crate::store::{Applied, Certainty, Decision, Durability, Partition, Read, ReadOptions, Step};

/// How often the partitions are looked at before the reads are locked.
const ROUNDS: usize = 3;

impl Committer {
    /// Whether all that was read holds at one moment. The parts have no effects; one has no `unchanged_since` if it was
    /// read in several states or beside an undecided transaction. Costs one round trip if nothing has moved.
    pub async fn confirm(self: &Arc<Self>, schema: u32, mut parts: Vec<Part>, d: Durability) -> Result<Outcome> {
        for _ in 0..ROUNDS {
            let states = self.look(parts.iter().map(|part| part.partition)).await?;
            let moved =
                parts.iter().zip(states).enumerate().filter(|(_, (part, seq))| part.unchanged_since != Some(*seq));
            let moved: Vec<usize> = moved.map(|(at, _)| at).collect();
            if moved.is_empty() {
                return Ok(Outcome::Committed);
            }
            if let Some(refused) = self.check(schema, &mut parts, moved, d).await? {
                return Ok(refused);
            }
        }
        Box::pin(self.several(schema, parts, d)).await
    }

    /// Whether the partitions are still in these states, so that all that was read in them is of one moment. Costs one round
    /// trip.
    pub async fn still(&self, states: &[(Partition, u64)]) -> Result<bool> {
        let now = self.look(states.iter().map(|(partition, _)| *partition)).await?;
        Ok(states.iter().zip(now).all(|((_, seq), now)| *seq == now))
    }

    /// The states that partitions are in.
    async fn look(&self, partitions: impl Iterator<Item = Partition>) -> Result<Vec<u64>> {
        let looks: Vec<(Partition, Vec<Read>)> = partitions.map(|partition| (partition, Vec::new())).collect();
        let replies = self.call_read(&looks, ReadOptions::new()).await?;
        if replies.len() != looks.len() {
            return Err(Error::invalid("the store did not reply to every read"));
        }
        Ok(replies.into_iter().map(|reply| reply.seq).collect())
    }

    /// Tests the checks of some parts anew, and notes the states in which they held. Gives the first refusal.
    async fn check(
        &self,
        schema: u32,
        parts: &mut [Part],
        places: Vec<usize>,
        durability: Durability,
    ) -> Result<Option<Outcome>> {
        let (lane, id) = self.lanes.take(self).await?;
        let batch = places.iter().filter_map(|at| parts.get(*at));
        let batch = batch.map(|part| part.clone().into_minitx(id, schema, Step::One)).collect();
        let answers = self.apply(batch, durability).await;
        if !matches!(&answers, Err(error) if error.certainty() == Certainty::Unknown) {
            self.lanes.give_back(lane);
        }
        for (at, answer) in places.into_iter().zip(answers?) {
            let Some(part) = parts.get_mut(at) else { continue };
            match answer {
                Applied::Done { seq } => part.unchanged_since = Some(seq),
                // An earlier copy of this held, in a state that is not known.
                Applied::Already(Decision::Committed) => part.unchanged_since = None,
                refused => return self.outcome(at, part.partition, Some(refused), durability).await.map(Some),
            }
        }
        Ok(None)
    }
}
