//! The laws on another partition.

use std::sync::Arc;

use rome_store::{
    Applied, ApplyOptions, Blocker, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Step,
    Store, StoreFuture, StoreResult,
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

impl Store for Exchanged {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let mut batch = batch.to_vec();
            batch.iter_mut().for_each(|(partition, _)| self.exchange(partition));
            let mut replies = self.0.read(&batch, options).await?;
            replies.iter_mut().flat_map(|reply| &mut reply.blockers).for_each(|blocker| self.exchange_primary(blocker));
            Ok(replies)
        })
    }

    fn apply(&self, mut batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            for (partition, tx) in &mut batch {
                self.exchange(partition);
                if let Step::Prepare { primary, .. } = &mut tx.step {
                    self.exchange(primary);
                }
            }
            let mut outcomes = self.0.apply(batch, options).await?;
            for outcome in &mut outcomes {
                if let Applied::Blocked { by } = outcome {
                    self.exchange_primary(by);
                }
            }
            Ok(outcomes)
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.0.reserve(sequence, n)
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        self.0.raise(sequence, least)
    }
}
