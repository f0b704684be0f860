//! The laws on another partition.

use std::sync::Arc;

use async_trait::async_trait;
use rome_store::{
    Applied, Blocker, Capabilities, Consistency, Durability, MiniTx, Partition, Read, ReadReply, SequenceId, Step,
    Store, StoreResult,
};

use crate::{Subject, Verdict};

/// A subject whose stores have their first and their last partition exchanged. So the laws, which work on the first
/// one where one is enough, are tested on the last.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere<'s, S>(&'s S);

impl<'s, S: Subject> Elsewhere<'s, S> {
    /// The subject with its partitions exchanged; none if its stores have one only.
    ///
    /// # Errors
    /// When a store cannot be opened to see how many it has.
    pub async fn of(subject: &'s S) -> Verdict<Option<Self>> {
        let place = subject.place();
        let partitions = subject.open(&place).await?.capabilities().partitions;
        Ok((partitions > 1).then_some(Self(subject)))
    }
}

impl<S: Subject> Subject for Elsewhere<'_, S> {
    type Place = S::Place;

    fn place(&self) -> S::Place {
        self.0.place()
    }

    async fn open(&self, place: &S::Place) -> StoreResult<Arc<dyn Store>> {
        Ok(Arc::new(Exchanged(self.0.open(place).await?)))
    }
}

/// A store that calls its first partition the last, and the last the first.
struct Exchanged(Arc<dyn Store>);

impl Exchanged {
    fn exchange(&self, partition: &mut Partition) {
        let last = self.0.capabilities().partitions - 1;
        if partition.0 == 0 || partition.0 == last {
            partition.0 = last - partition.0;
        }
    }

    fn exchange_primary(&self, blocker: &mut Blocker) {
        self.exchange(&mut blocker.primary);
    }
}

#[async_trait]
impl Store for Exchanged {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn read(&self, batch: &[(Partition, Vec<Read>)], consistency: Consistency) -> StoreResult<Vec<ReadReply>> {
        let mut batch = batch.to_vec();
        batch.iter_mut().for_each(|(partition, _)| self.exchange(partition));
        let mut replies = self.0.read(&batch, consistency).await?;
        replies.iter_mut().flat_map(|reply| &mut reply.blockers).for_each(|blocker| self.exchange_primary(blocker));
        Ok(replies)
    }

    async fn apply(&self, mut batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>> {
        for (partition, tx) in &mut batch {
            self.exchange(partition);
            if let Step::Prepare { primary, .. } = &mut tx.step {
                self.exchange(primary);
            }
        }
        let mut outcomes = self.0.apply(batch, durability).await?;
        for outcome in &mut outcomes {
            if let Applied::Blocked { by } = outcome {
                self.exchange_primary(by);
            }
        }
        Ok(outcomes)
    }

    async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        self.0.reserve(sequence, n).await
    }

    async fn raise(&self, sequence: SequenceId, least: u64) -> StoreResult<u64> {
        self.0.raise(sequence, least).await
    }
}
