//! How indexes are built, and how far a build is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What is called with the progress of a build.
pub(crate) type OnProgress = dyn Fn(&BuildProgress) + Send + Sync;

/// How indexes are built.
#[derive(Clone)]
pub struct BuildOptions {
    pub(crate) batch: u32,
    pub(crate) pause: Duration,
    pub(crate) progress: Option<Arc<OnProgress>>,
}

impl BuildOptions {
    /// The defaults: 500 rows at once, no pause, nobody told.
    #[must_use]
    pub const fn new() -> Self {
        Self { batch: 500, pause: Duration::ZERO, progress: None }
    }

    /// How many rows are read and entered at once, at least one. Fewer are less in the way of others.
    #[must_use]
    pub const fn batch(mut self, rows: u32) -> Self {
        self.batch = rows;
        self
    }

    /// How long to wait after each batch.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// What is called after each batch.
    #[must_use]
    pub fn on_progress(mut self, told: impl Fn(&BuildProgress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(told));
        self
    }
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BuildOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildOptions").field("batch", &self.batch).field("pause", &self.pause).finish_non_exhaustive()
    }
}

/// How far the build of an index is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildProgress {
    /// The table.
    pub table: String,
    /// The index.
    pub index: String,
    /// How many rows were entered by this build, not counting those that an interrupted one had entered.
    pub rows: u64,
    /// How many rows there were when this build began, where it began.
    pub of: u64,
}
