//! How indexes are built, and how far a build is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a build reports of its progress.
pub type OnProgress = dyn Fn(&BuildProgress) + Send + Sync;

/// How indexes are built.
#[derive(Clone)]
pub struct BuildOptions {
    /// How many rows are read and entered at once, at least one. Fewer are less in the way of others.
    pub batch: u32,
    /// How long to wait after each batch.
    pub pause: Duration,
    /// OnProgress after each batch.
    pub progress: Option<Arc<OnProgress>>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { batch: 500, pause: Duration::ZERO, progress: None }
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
