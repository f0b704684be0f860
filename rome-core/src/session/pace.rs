//! Long loops over rows let other tasks of their thread run.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many rows a loop goes through before it gives way.
const ROWS: usize = 512;

/// Counts the rows of a loop, and gives way now and then.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicUsize);

impl Pace {
    /// So many more rows are done.
    pub async fn passed(&self, rows: usize) {
        if self.0.fetch_add(rows, Ordering::Relaxed).saturating_add(rows) >= ROWS {
            self.0.store(0, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    }
}
