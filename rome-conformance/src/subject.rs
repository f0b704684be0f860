//! The store under test.

use std::sync::Arc;

use rome_store::{Store, StoreResult};

/// How the store under test is opened.
///
/// A store that keeps nothing needs no place: any `async || -> Arc<dyn Store>` is a subject.
pub trait Subject: Send + Sync {
    /// Where a store keeps its data, for instance a temporary folder that is removed on drop.
    type Place: Send + Sync;

    /// A new, empty place.
    fn place(&self) -> Self::Place;

    /// Opens the store at a place. If its [capabilities](rome_store::Capabilities) say that it is persistent, the
    /// suite drops it and opens the place again to see what is left.
    ///
    /// # Errors
    /// What the store reports; the suite takes it for a violation.
    fn open(&self, place: &Self::Place) -> impl Future<Output = StoreResult<Arc<dyn Store>>> + Send;
}

impl<F, Opening> Subject for F
where
    F: Fn() -> Opening + Send + Sync,
    Opening: Future<Output = Arc<dyn Store>> + Send,
{
    type Place = ();

    fn place(&self) {}

    async fn open(&self, (): &()) -> StoreResult<Arc<dyn Store>> {
        Ok(self().await)
    }
}
