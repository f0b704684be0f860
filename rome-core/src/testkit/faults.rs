//! Makes calls of a store fail on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Snapshot, Store,
    StoreError, StoreErrorKind, StoreFuture,
};

/// How a call of [`Store::apply`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It does not reach the store, and this is known: the error is certain.
    Refused,
    /// It does not reach the store, but the caller cannot know: the outcome is unknown.
    RequestLost,
    /// It is applied and the reply gets lost: the outcome is unknown.
    ReplyLost,
}

/// A store whose calls fail where a test says so, and, if asked, let other tasks run before and after each call.
///
/// Calls are counted from 0, those of `apply` and those of `read` apart.
pub struct Faults {
    inner: Arc<dyn Store>,
    applies: AtomicUsize,
    reads: AtomicUsize,
    of_applies: Mutex<BTreeMap<usize, Fault>>,
    of_reads: Mutex<BTreeSet<usize>>,
    yields: AtomicBool,
}

impl Faults {
    /// Wraps this store; nothing fails yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            applies: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            of_applies: Mutex::default(),
            of_reads: Mutex::default(),
            yields: AtomicBool::new(false),
        }
    }

    /// Makes the `n`-th apply from now on fail; 0 is the next one.
    pub fn fail_apply(&self, n: usize, fault: Fault) {
        let at = self.applies.load(Ordering::SeqCst) + n;
        self.of_applies.lock().unwrap_or_else(PoisonError::into_inner).insert(at, fault);
    }

    /// Makes the `n`-th read from now on fail as unavailable; 0 is the next one.
    pub fn fail_read(&self, n: usize) {
        let at = self.reads.load(Ordering::SeqCst) + n;
        self.of_reads.lock().unwrap_or_else(PoisonError::into_inner).insert(at);
    }

    /// Takes back all faults that no call has met.
    pub fn clear(&self) {
        self.of_applies.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.of_reads.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// From now on lets other tasks run before and after each call. Needs a tokio runtime.
    pub fn yield_around_calls(&self) {
        self.yields.store(true, Ordering::SeqCst);
    }

    async fn pause(&self) {
        if self.yields.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

impl Store for Faults {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let at = self.reads.fetch_add(1, Ordering::SeqCst);
            self.pause().await;
            if self.of_reads.lock().unwrap_or_else(PoisonError::into_inner).remove(&at) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, format!("read {at} fails on purpose")));
            }
            let result = self.inner.read(batch, options).await;
            self.pause().await;
            result
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let at = self.applies.fetch_add(1, Ordering::SeqCst);
            self.pause().await;
            let fault = self.of_applies.lock().unwrap_or_else(PoisonError::into_inner).remove(&at);
            let lost = || StoreError::new(StoreErrorKind::Unavailable, format!("apply {at} fails on purpose"));
            let result = match fault {
                Some(Fault::Refused) => Err(lost()),
                Some(Fault::RequestLost) => Err(lost().with_unknown_outcome()),
                Some(Fault::ReplyLost) => {
                    // Whatever it was, the caller does not get to know it.
                    let _ = self.inner.apply(batch, options).await;
                    Err(lost().with_unknown_outcome())
                }
                None => self.inner.apply(batch, options).await,
            };
            self.pause().await;
            result
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.inner.snapshot()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            self.pause().await;
            self.inner.reserve(sequence, n).await
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            self.pause().await;
            self.inner.raise(sequence, least).await
        })
    }
}
