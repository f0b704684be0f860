//! Whoever is told, if anybody is.

use std::sync::Arc;

use super::{Event, Metrics};

/// Whoever is told what happens; by default nobody.
#[derive(Clone, Default)]
pub(crate) struct Observed(pub Option<Arc<dyn Metrics>>);

impl Observed {
    /// Tells what happened. If nobody listens, it is not even put together.
    pub fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(metrics) = &self.0 {
            metrics.record(&event());
        }
    }
}

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Observed" } else { "Unobserved" })
    }
}
