//! Says which queries are slow.

use std::time::Duration;

use tokio::time::Instant;

use crate::cut::{BRIEF, cut};
use crate::database::Shared;
use crate::exec::Target;

/// What is told of queries, as the database's builder says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling {
    /// Queries that take so long or longer are told; none if that is not wanted.
    pub slow: Option<Duration>,
    /// Whether values are shown.
    pub values: bool,
}

impl Default for Telling {
    fn default() -> Self {
        Self { slow: Some(Duration::from_millis(200)), values: false }
    }
}

/// A query that runs. Where nobody listens it does not even look at the clock.
pub(super) struct Watch<'a>(Option<(&'a Shared, Duration, Instant)>);

impl<'a> Watch<'a> {
    /// The query begins.
    pub fn begin(target: Target<'a>) -> Self {
        if !tracing::enabled!(target: "rome::query", tracing::Level::WARN) {
            return Self(None);
        }
        let shared = target.shared();
        Self(shared.telling.slow.map(|slow| (&**shared, slow, Instant::now())))
    }

    /// The query has ended: warns if that was late. `text` is told whether it may show values.
    pub fn end(self, text: impl FnOnce(bool) -> String) {
        let Some((shared, slow, begun)) = self.0 else { return };
        let elapsed = begun.elapsed();
        if elapsed >= slow {
            let query = cut(&text(shared.telling.values), BRIEF).to_string();
            tracing::warn!(target: "rome::query", query, ?elapsed, "a query is slow");
        }
    }
}
