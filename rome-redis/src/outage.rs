//! Since when nothing can be reached.
//!
//! A statement makes several calls, and a service many statements. So it is not each call that waits for a server that is down,
//! but all of them together: the store remembers since when, the first calls go on trying for as long as there is patience, and those
//! that come later try once. An outage is over when a server was reached, or when nobody has looked for a while.

use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

use rome_store::{StoreError, StoreErrorKind};

use crate::error;
use crate::options::RedisOptions;

/// What all calls of a store know of an outage.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Option<Down>>);

#[derive(Debug)]
struct Down {
    since: Instant,
    /// When it was looked for last, in vain.
    seen: Instant,
    /// Whether nobody listens.
    refused: bool,
    message: String,
}

impl Down {
    /// Until when to go on trying.
    fn until(&self, options: &RedisOptions) -> Instant {
        self.since + if self.refused { options.refused_patience } else { options.patience }
    }
}

impl Outage {
    /// Takes note that an attempt which began then has failed.
    pub(crate) fn note(&self, began: Instant, failure: &StoreError, options: &RedisOptions) {
        let mut down = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = |down: &&Down| began.saturating_duration_since(down.seen) <= options.patience;
        let since = down.as_ref().filter(lasts).map_or(began, |down| down.since.min(began));
        let (refused, message) = (error::is_refusal(failure), failure.to_string());
        *down = Some(Down { since, seen: Instant::now(), refused, message });
    }

    /// Takes note that a server was reached.
    pub(crate) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Until when to go on trying, for a call that would do it until then.
    pub(crate) fn until(&self, until: Instant, options: &RedisOptions) -> Instant {
        let down = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        down.as_ref().map_or(until, |down| until.min(down.until(options)))
    }

    /// What others found while a call waited for them since `came`, if there is no time left to try it once more.
    pub(crate) fn found_since(&self, came: Instant, options: &RedisOptions) -> Option<StoreError> {
        let down = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let down = down.as_ref().filter(|down| down.seen > came && Instant::now() >= down.until(options))?;
        Some(StoreError::new(StoreErrorKind::Unavailable, down.message.clone()))
    }
}
