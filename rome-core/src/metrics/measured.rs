//! A store that tells of each of its calls.

use std::sync::Arc;

use tokio::time::Instant;

use super::{CallKind, Event, Metrics, Observed, StoreCall};
use crate::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply, SequenceId, Snapshot,
    Step, Store, StoreFuture, StoreResult,
};

struct Measured {
    store: Arc<dyn Store>,
    metrics: Arc<dyn Metrics>,
}

/// The store, such that its calls are told; the store itself if nobody listens.
pub(crate) fn measured(store: Arc<dyn Store>, observed: &Observed) -> Arc<dyn Store> {
    match &observed.0 {
        Some(metrics) => Arc::new(Measured { store, metrics: metrics.clone() }),
        None => store,
    }
}

impl Measured {
    fn tell<T>(
        &self,
        kind: CallKind,
        partitions: usize,
        asked: u64,
        rows: u64,
        begun: Instant,
        result: &StoreResult<T>,
    ) {
        let (elapsed, failed) = (begun.elapsed(), result.is_err());
        self.metrics.record(&Event::Call(StoreCall { kind, partitions, asked, rows, elapsed, failed }));
    }
}

impl Store for Measured {
    fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let asked = batch.iter().map(|(_, reads)| reads.len() as u64).sum();
            let begun = Instant::now();
            let result = self.store.read(batch, options).await;
            let rows = result.iter().flatten().flat_map(|reply| &reply.replies).map(Reply::returned).sum();
            self.tell(CallKind::Read, batch.len(), asked, rows, begun, &result);
            result
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let asked = batch.iter().map(|(_, tx)| tx.effects.len() as u64).sum();
            let partitions = batch.len();
            let pushes: Vec<usize> =
                batch.iter().enumerate().filter(|(_, (_, tx))| is_push(tx)).map(|(at, _)| at).collect();
            let begun = Instant::now();
            let result = self.store.apply(batch, options).await;
            self.tell(CallKind::Apply, partitions, asked, 0, begun, &result);
            for at in pushes {
                let answer = result.as_ref().ok().and_then(|answers| answers.get(at));
                self.metrics.record(&Event::Push { decided: matches!(answer, Some(Applied::Already(_))) });
            }
            result
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.store.snapshot()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let begun = Instant::now();
            let result = self.store.reserve(sequence, n).await;
            self.tell(CallKind::Reserve, 1, u64::from(n), 0, begun, &result);
            result
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let begun = Instant::now();
            let result = self.store.raise(sequence, least).await;
            self.tell(CallKind::Reserve, 1, 0, 0, begun, &result);
            result
        })
    }
}

const fn is_push(tx: &MiniTx) -> bool {
    matches!(tx.step, Step::Push { .. })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::metrics::Collector;
    use crate::store::memory::MemoryStore;
    use crate::store::{Durability, Effect, Space, TxId};

    #[tokio::test]
    async fn pushes_are_told_with_what_they_found() {
        let collector = Arc::new(Collector::new());
        let observed = Observed(Some(collector.clone()));
        let store = measured(Arc::new(MemoryStore::with_partitions(2)), &observed);
        let left = TxId { lane: 7, seq: 1 };
        let effects = vec![Effect::Put { space: Space::Meta, key: "k".into(), value: "v".into() }];
        let prepare = Step::Prepare { primary: Partition(1), lease: 60_000 };
        let prepared = MiniTx::one(left).step(prepare).effects(effects);
        store.apply(vec![(Partition(0), prepared)], ApplyOptions::new(Durability::Memory)).await.unwrap();
        for (abort, decided) in [(false, 0), (true, 1), (false, 2)] {
            let push = MiniTx::one(left).step(Step::Push { abort });
            store.apply(vec![(Partition(1), push)], ApplyOptions::new(Durability::Memory)).await.unwrap();
            assert_eq!(collector.snapshot().pushes_decided, decided);
        }
        let told = collector.snapshot();
        assert_eq!((told.pushes, told.applies.calls, told.applies.asked), (3, 4, 1));
    }
}
