//! How many rows a build does at once.

use std::time::Duration;

use super::options::{BuildOptions, BuildProgress};
use crate::commit::Committer;

/// The longest first pause after others have changed rows of a batch, and the longest at all.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The pace of a build: fewer rows at a time after others were in the way, more again when nobody is.
pub(super) struct Pace<'a> {
    options: &'a BuildOptions,
    size: u32,
    attempt: u32,
}

impl<'a> Pace<'a> {
    pub fn new(options: &'a BuildOptions) -> Self {
        Self { options, size: options.batch.max(1), attempt: 0 }
    }

    /// How many rows the next batch has.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Somebody changed one of the rows. Fewer at a time have a better chance.
    pub async fn after_conflict(&mut self, committer: &Committer) {
        (self.size, self.attempt) = ((self.size / 2).max(1), self.attempt + 1);
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempt.min(10)).min(LONGEST_PAUSE);
        tokio::time::sleep(committer.random_pause(pause)).await;
    }

    /// A batch of so many rows is done: tells it, and waits as long as the options say.
    pub async fn after_batch(&mut self, rows: usize, progress: &mut BuildProgress) {
        (self.size, self.attempt) = ((self.size * 2).min(self.options.batch.max(1)), 0);
        progress.rows += rows as u64;
        progress.of = progress.of.max(progress.rows);
        let BuildProgress { table, index, rows: n, of } = &*progress;
        tracing::debug!(table, index, rows = n, of, "builds an index");
        if let Some(tell) = &self.options.progress {
            tell(progress);
        }
        if !self.options.pause.is_zero() {
            tokio::time::sleep(self.options.pause).await;
        }
    }
}
