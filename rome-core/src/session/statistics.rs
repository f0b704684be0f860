//! How many entries key ranges had when they were last counted: hints for choosing a plan, never answers.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::Span;

/// How many ranges are remembered.
const CAPACITY: usize = 4096;
/// For how long a count is trusted.
const LIFETIME: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(crate) struct Statistics {
    counts: Mutex<HashMap<u64, (u64, Instant)>>,
    /// Which way won for queries of a shape.
    winners: Mutex<HashMap<String, Winner>>,
}

/// The way that was done first for queries of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Winner {
    pub way: usize,
    /// How many entries and rows it visited.
    pub visits: u64,
    /// What it does, for people to read.
    pub name: &'static str,
}

impl Statistics {
    pub fn get(&self, span: &Span) -> Option<u64> {
        self.counted(hash(span))
    }

    pub fn put(&self, span: &Span, count: u64) {
        self.remember(hash(span), count);
    }

    /// Whether a query with this text was found to have many rows.
    pub fn has_many(&self, query: &str) -> bool {
        self.counted(hash(query)).is_some()
    }

    /// Remembers that it has.
    pub fn found_many(&self, query: &str) {
        self.remember(hash(query), u64::MAX);
    }

    fn counted(&self, of: u64) -> Option<u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, at) = counts.get(&of)?;
        (at.elapsed() < LIFETIME).then_some(*count)
    }

    fn remember(&self, of: u64, count: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY {
            counts.clear();
        }
        counts.insert(of, (count, Instant::now()));
    }
}

impl Statistics {
    /// The way that was done first when a query of this shape was asked last.
    pub fn winner(&self, shape: &str) -> Option<Winner> {
        self.winners.lock().unwrap_or_else(PoisonError::into_inner).get(shape).copied()
    }

    /// Remembers which way was done first.
    pub fn won(&self, shape: &str, winner: Winner) {
        let mut winners = self.winners.lock().unwrap_or_else(PoisonError::into_inner);
        if winners.len() >= CAPACITY && !winners.contains_key(shape) {
            winners.clear();
        }
        winners.insert(shape.to_owned(), winner);
    }
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
