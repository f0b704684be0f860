//! What happened in a run, in order: the same seed gives the same trace.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use rome_store::{Check, Effect, MiniTx, Space};
use tokio::time::Instant;

/// Collects lines, or only their digest.
#[derive(Debug)]
pub(super) struct Trace {
    began: Instant,
    keep: bool,
    lines: Vec<String>,
    digest: DefaultHasher,
    line: String,
}

impl Trace {
    pub(super) fn new(keep: bool) -> Self {
        // Its keys are fixed, unlike those of `RandomState`.
        let digest = DefaultHasher::new();
        Self { began: Instant::now(), keep, lines: Vec::new(), digest, line: String::new() }
    }

    pub(super) fn say(&mut self, what: std::fmt::Arguments<'_>) {
        self.line.clear();
        let now = self.began.elapsed().as_millis();
        // Writing to a string does not fail.
        let _ = write!(self.line, "{now:>7} {what}");
        self.line.hash(&mut self.digest);
        if self.keep {
            self.lines.push(self.line.clone());
        }
    }

    pub(super) fn finish(&mut self) -> (Vec<String>, u64) {
        (std::mem::take(&mut self.lines), self.digest.finish())
    }
}

/// A digest of what a minitransaction asks for, in order.
pub(super) fn digest_of(tx: &MiniTx) -> u32 {
    let mut digest = DefaultHasher::new();
    tx.unchanged_since.hash(&mut digest);
    for check in tx.reads.iter().chain(&tx.checks) {
        match check {
            Check::Version { space, key, expect } => (space, key, expect).hash(&mut digest),
            Check::Same { span, rows, n, digest: members } => (span, rows, n, members).hash(&mut digest),
            Check::Count { span, n } => (span, n).hash(&mut digest),
            other => format!("{other:?}").hash(&mut digest),
        }
    }
    for effect in &tx.effects {
        match effect {
            // The catalog has a random secret in it.
            Effect::Put { space: Space::Meta, key, .. } => key.hash(&mut digest),
            Effect::Put { space, key, value } => (space, key, value).hash(&mut digest),
            Effect::Delete { space, key } => (space, key).hash(&mut digest),
            other => format!("{other:?}").hash(&mut digest),
        }
    }
    (digest.finish() >> 32) as u32
}
