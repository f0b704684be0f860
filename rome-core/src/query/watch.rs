//! Says which queries are slow.

use std::time::Duration;

use tokio::time::Instant;

use crate::cut::{BRIEF, cut};
use crate::session::{Reader, Shared};

/// A query that runs. Where nobody listens it does not even look at the clock.
pub(super) struct Watch<'a>(Option<(&'a Shared, Duration, Instant)>);

impl<'a> Watch<'a> {
    /// The query begins.
    pub fn begin(target: Reader<'a>) -> Self {
        if !tracing::enabled!(target: "rome_orm::query", tracing::Level::WARN) {
            return Self(None);
        }
        let shared = target.shared();
        Self(shared.slow_queries.slow.map(|slow| (&**shared, slow, Instant::now())))
    }

    /// The query has ended: warns if that was late. `text` is told whether it may show values.
    pub fn end(self, text: impl FnOnce(bool) -> String) {
        let Some((shared, slow, begun)) = self.0 else { return };
        let elapsed = begun.elapsed();
        if elapsed >= slow {
            let query = cut(&text(shared.slow_queries.values), BRIEF).to_string();
            tracing::warn!(target: "rome_orm::query", query, ?elapsed, "a query is slow");
        }
    }
}
