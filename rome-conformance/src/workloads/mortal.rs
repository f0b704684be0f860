//! Clients that go away.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{Either, select};
use rome_store::{
    Applied, ApplyOptions, Capabilities, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId,
    Snapshot, Store, StoreFuture,
};
use tokio::sync::watch;

type Batch = (Vec<(Partition, MiniTx)>, Durability);

/// The way of one client to the store. At some call the client dies: the call does not come back, whether it had reached the
/// store or not, and no later one does, not even of what the client left running in the background.
pub(crate) struct Mortal {
    inner: Arc<dyn Store>,
    /// Halves of applies until death: each counts before it reaches the store, and after.
    left: AtomicU64,
    is_dead: watch::Sender<bool>,
    /// The apply at which the client died, if it did not reach the store.
    under_way: Mutex<Option<Batch>>,
}

impl Mortal {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        let (left, is_dead) = (AtomicU64::new(u64::MAX), watch::Sender::new(false));
        Arc::new(Self { inner, left, is_dead, under_way: Mutex::default() })
    }

    /// From now on the client has so many halves of applies left.
    pub(crate) fn dies_after(&self, halves: u64) {
        self.left.store(halves, Ordering::SeqCst);
    }

    /// Runs something until its end, or until the client dies.
    pub(crate) async fn while_alive<T>(&self, life: impl Future<Output = T>) -> Option<T> {
        let mut dead = self.is_dead.subscribe();
        match select(pin!(life), pin!(dead.wait_for(|dead| *dead))).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }

    /// Whether the client has died.
    pub(crate) fn is_dead(&self) -> bool {
        *self.is_dead.borrow()
    }

    /// Gives what the client left in the background its store back: then only the future of its work is gone.
    pub(crate) fn revive(&self) {
        self.left.store(u64::MAX, Ordering::SeqCst);
        self.is_dead.send_replace(false);
    }

    /// The call at which the client died reaches the store after all.
    pub(crate) async fn arrive_late(&self) {
        let late = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((batch, durability)) = late {
            // Nobody is there to hear the answer.
            let _ = self.inner.apply(batch, ApplyOptions::new(durability)).await;
        }
    }

    /// Says whether the client is alive.
    fn is_left(&self) -> bool {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        if left == Ok(0) {
            self.is_dead.send_replace(true);
        }
        !self.is_dead()
    }

    async fn live_on(&self) {
        let mut dead = self.is_dead.subscribe();
        // The sender lives as long as this, so it cannot fail.
        let _ = dead.wait_for(|dead| !*dead).await;
        tokio::task::yield_now().await;
    }
}

impl Store for Mortal {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            // A client that dies while it reads is like one that was never there.
            self.inner.read(batch, options).await
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let was_dead = self.is_dead();
            if !self.is_left() && !was_dead {
                *self.under_way.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((batch.clone(), options.durability));
            }
            self.live_on().await;
            let applied = self.inner.apply(batch, options).await;
            self.is_left();
            self.live_on().await;
            applied
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.inner.snapshot()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.inner.reserve(sequence, n)
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        self.inner.raise(sequence, least)
    }
}
