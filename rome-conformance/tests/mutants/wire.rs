//! A way to the store on which calls take time.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rome_store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Store,
    StoreFuture,
};

/// A store whose calls take some time on their way there and back, another time each, and some of them very long. With a clock that goes on when all tasks wait, they mix
/// well and the same each time.
pub struct Wire<S> {
    inner: S,
    calls: AtomicU64,
}

impl<S: Store> Wire<S> {
    pub const fn new(inner: S) -> Self {
        Self { inner, calls: AtomicU64::new(0) }
    }

    async fn pass(&self) {
        // Any fixed choice will do, as long as neighbours differ (Knuth's multiplicative hash).
        let call = self.calls.fetch_add(1, SeqCst).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let millis = if (call >> 40).is_multiple_of(8) { 60 } else { 1 + (call >> 32) % 7 };
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

impl<S: Store> Store for Wire<S> {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let mut replies = Vec::new();
            // The partitions are asked one after the other, so that a batch sees each at its own moment.
            for one in batch {
                self.pass().await;
                replies.extend(self.inner.read(std::slice::from_ref(one), options).await?);
            }
            self.pass().await;
            Ok(replies)
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for one in batch {
                self.pass().await;
                outcomes.extend(self.inner.apply(vec![one], options).await?);
            }
            self.pass().await;
            Ok(outcomes)
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.inner.reserve(sequence, n)
    }
}
