//! Work that goes on after its request was answered, and that a graceful stop waits for.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::task::JoinSet;

/// The work that goes on.
#[derive(Debug, Default)]
pub struct Background(Mutex<JoinSet<()>>);

impl Background {
    /// Starts some work.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forget what is done, so that the set does not grow for ever.
        while set.try_join_next().is_some() {}
        set.spawn(work);
    }

    /// Waits until nothing goes on.
    pub async fn finished(&self) {
        let set = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        set.join_all().await;
    }
}
