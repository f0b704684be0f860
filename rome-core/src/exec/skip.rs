//! One entry for each distinct prefix of an index: a seek for each value in place of a scan of all its entries.
//!
//! How often a value repeats is not known before. So a read takes a batch of entries, and the next one begins behind the last
//! prefix that was met: where values repeat, batches are of one entry; where they are nearly all distinct, batches grow and the walk
//! becomes a scan. What it visits is at most twice the number of values, or the entries of a dense index, and a constant (a loose
//! index scan; the budgets are those of [`Pace`]).
//!
//! A value may lie in several partitions: all of them are walked at once, and it is given once.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::routing;
use crate::catalog::StoredTable;
use crate::commit::ReplyExt;
use crate::error::Result;
use crate::placement::Routed;
use crate::plan::Skip;
use crate::row;
use crate::schema::IndexPart;
use crate::session::{self, Reader};
use crate::store::{Partition, Read, Scanned, Span, successor};
use crate::value::{Value, ValueError, key};

/// How many entries a sample of how often values repeat has.
const SAMPLE: u32 = 32;
/// How many entries of a partition a sample has at least, where there are many partitions.
const LEAST_SAMPLE: u32 = 4;
/// A sample in which a value has fewer entries than this on average is one of a dense index.
const DENSE: u32 = 4;
/// The most entries of a batch.
const MOST: u32 = 8_192;
/// About how many bytes of entries a batch has at most.
const MOST_BYTES: u64 = 1 << 20;

/// A distinct prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The encoded leading columns.
    pub prefix: Bytes,
    /// The entries with them, of each partition that has any.
    pub ends: Vec<(Partition, FoundEnds)>,
}

/// What was met of the entries of one prefix in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundEnds {
    pub first: Bytes,
    /// The last one, if the batch went on behind it.
    pub last: Option<Bytes>,
    /// How long the prefix is.
    length: usize,
}

/// A walk over the distinct prefixes of a range, in its order.
#[derive(Debug)]
pub(crate) struct SkipScan {
    table: Arc<StoredTable>,
    parts: Vec<IndexPart>,
    runs: Vec<Run>,
    visited: u64,
    /// How long it has been read since other tasks could run.
    turns: session::Pace,
}

/// The walk in one partition.
#[derive(Debug)]
struct Run {
    partition: Partition,
    /// What was not read yet.
    span: Span,
    /// What was read and not given yet.
    ready: VecDeque<FoundEnds>,
    ended: bool,
    pace: Pace,
}

/// How many entries to read next.
///
/// Each read begins behind the last prefix, so its first entry is a new value. A sample that shows few repetitions doubles the next
/// batch; one that shows many is followed by reads of one entry, until these have found as many values as a sample has entries and
/// so have paid for another one.
#[derive(Debug)]
struct Pace {
    sample: u32,
    size: u32,
    /// How many values were found by reads of one entry since the last sample.
    seeks: u32,
}

impl Pace {
    fn new(runs: usize) -> Self {
        let runs = u32::try_from(runs).unwrap_or(u32::MAX).max(1);
        let sample = (SAMPLE / runs).max(LEAST_SAMPLE);
        Self { sample, size: sample, seeks: 0 }
    }

    /// Says that so many entries had so many distinct prefixes.
    fn saw(&mut self, entries: u32, values: u32) {
        if entries < LEAST_SAMPLE {
            self.seeks += values;
            self.size = if self.seeks >= self.sample { self.sample } else { 1 };
        } else if values.saturating_mul(DENSE) > entries {
            self.size = self.size.max(self.sample).saturating_mul(2).min(MOST);
        } else {
            (self.size, self.seeks) = (1, 0);
        }
    }
}

impl SkipScan {
    /// The walk of a plan; nothing is read yet.
    pub fn new(target: Reader<'_>, table: &Arc<StoredTable>, skip: &Skip) -> Result<Self> {
        let (_, spans) = routing::spans(target.shared().placement, table, &skip.plan)?;
        let n = spans.len();
        let run = |(partition, span): (Partition, Span)| Run {
            partition,
            ended: !span.is_possible(),
            span,
            ready: VecDeque::new(),
            pace: Pace::new(n),
        };
        let runs = spans.into_iter().map(run).collect();
        Ok(Self { table: table.clone(), parts: skip.prefix.clone(), runs, visited: 0, turns: session::Pace::default() })
    }

    /// How many entries were visited so far.
    pub const fn visited(&self) -> u64 {
        self.visited
    }

    /// So many of the next prefixes, fewer only at the end. Costs a round trip for each value at most.
    pub async fn next(&mut self, target: Reader<'_>, wanted: usize) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        loop {
            while found.len() < wanted
                && let Some(next) = self.pop()
            {
                found.push(next);
            }
            if found.len() >= wanted || self.runs.iter().all(|run| run.ended && run.ready.is_empty()) {
                return Ok(found);
            }
            self.read(target, wanted - found.len()).await?;
        }
    }

    /// The next prefix, if it is known: each partition that has more has to say where it goes on.
    fn pop(&mut self) -> Option<Found> {
        let mut first: Option<&[u8]> = None;
        for run in &self.runs {
            match run.head() {
                Some(head) => {
                    let precedes = |first: &[u8]| if run.span.reverse { head > first } else { head < first };
                    if first.is_none_or(precedes) {
                        first = Some(head);
                    }
                }
                None if run.ended => {}
                None => return None,
            }
        }
        let prefix = Bytes::copy_from_slice(first?);
        let mut ends = Vec::new();
        for run in &mut self.runs {
            if run.head() == Some(&prefix) {
                ends.extend(run.ready.pop_front().map(|of_run| (run.partition, of_run)));
            }
        }
        Some(Found { prefix, ends })
    }

    /// Reads on in all partitions that have nothing left to give, and in those that soon will not have.
    async fn read(&mut self, target: Reader<'_>, wanted: usize) -> Result<()> {
        // Each entry gives one value at most, and the next one behind them costs another read where they repeat.
        let most = u32::try_from(wanted).unwrap_or(u32::MAX);
        let mut reads = Routed::default();
        let mut asked = Vec::new();
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.ended) {
            let limit = run.pace.size.min(most).max(1);
            if !run.ready.is_empty() && run.ready.len() >= limit as usize / 2 {
                continue;
            }
            let span = run.span.clone().limited(Some(limit)).within_bytes(Some(MOST_BYTES));
            reads.push(run.partition, Read::Scan { span, filter: None, want: None, track: false });
            asked.push(at);
        }
        let mut visited = 0;
        for (at, reply) in asked.into_iter().zip(target.read(reads).await?) {
            let scanned = reply.into_scanned()?;
            visited += scanned.visited.max(1);
            if let Some(run) = self.runs.get_mut(at) {
                run.take(&self.parts, &scanned).map_err(|(entry, source)| {
                    row::unreadable(self.table.def, &super::fetch::key_of_entry(entry.clone()).unwrap_or(entry), source)
                })?;
            }
        }
        self.visited += u64::from(visited);
        self.turns.passed(visited as usize).await;
        Ok(())
    }
}

impl Run {
    /// The prefix that comes next in this partition.
    fn head(&self) -> Option<&[u8]> {
        self.ready.front().and_then(FoundEnds::prefix)
    }

    /// Keeps the first entry of each prefix, and goes on behind the last one.
    fn take(&mut self, parts: &[IndexPart], scanned: &Scanned) -> Result<(), (Bytes, ValueError)> {
        let mut values = 0;
        let mut before = None;
        for at in 0..scanned.len() {
            let Some(entry) = scanned.shared_key(at) else { continue };
            let length = match length_of(parts, &entry) {
                Ok(length) => length,
                Err(source) => return Err((entry, source)),
            };
            let repeats = |ends: &FoundEnds| ends.prefix() == entry.get(..length);
            if !self.ready.back().is_some_and(repeats) {
                self.end_last(before.take());
                values += 1;
                self.ready.push_back(FoundEnds { first: entry.clone(), last: None, length });
            }
            before = Some(entry);
        }
        if scanned.stopped_at.is_none() {
            self.end_last(before);
        }
        self.pace.saw(scanned.visited, values);
        let last = self.ready.back().map(|ends| ends.first.slice(..ends.length)).filter(|prefix| !prefix.is_empty());
        match (scanned.stopped_at.is_some(), last) {
            (true, Some(last)) => self.begin_behind(&last),
            // An empty prefix is one value: there is no other.
            _ => self.ended = true,
        }
        Ok(())
    }

    /// Says what the last entry of the last prefix is, which was read in this batch.
    fn end_last(&mut self, entry: Option<Bytes>) {
        if let (Some(entry), Some(ends)) = (entry, self.ready.back_mut()) {
            ends.last = Some(entry);
        }
    }

    fn begin_behind(&mut self, prefix: &[u8]) {
        if self.span.reverse {
            self.span.hi = Bound::Excluded(Bytes::copy_from_slice(prefix));
        } else {
            match successor(prefix) {
                Some(next) => self.span.lo = Bound::Included(next),
                None => self.ended = true,
            }
        }
        self.ended |= !self.span.is_possible();
    }
}

impl FoundEnds {
    fn prefix(&self) -> Option<&[u8]> {
        self.first.get(..self.length)
    }
}

/// How many bytes of an entry its leading columns take.
pub(super) fn length_of(parts: &[IndexPart], entry: &[u8]) -> Result<usize, ValueError> {
    let mut length = 0;
    for part in parts {
        length += key::skip(entry.get(length..).unwrap_or_default(), part.descending)?;
    }
    Ok(length)
}

/// The values of the leading columns of an entry, with their columns.
pub(crate) fn values_of(table: &StoredTable, parts: &[IndexPart], entry: &[u8]) -> Result<Vec<(u16, Value)>> {
    let read = || {
        let mut rest = entry;
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            let (value, used) = key::decode(rest, part.descending)?;
            values.push((part.column, table.def.column(part.column).ty.named(value)));
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(values)
    };
    read().map_err(|source| row::unreadable(table.def, entry, source))
}

#[cfg(test)]
mod tests {
    use super::{MOST, Pace, SAMPLE};

    /// How many entries are visited of values that have so many entries each, and how many reads that takes.
    fn walk(lengths: &[u32]) -> (u32, u32) {
        let (mut pace, mut at, mut visited, mut reads) = (Pace::new(1), 0, 0, 0);
        while at < lengths.len() {
            let (mut left, mut values) = (pace.size, 0);
            while left > 0 && at < lengths.len() {
                left -= lengths[at].min(left);
                values += 1;
                at += 1;
            }
            let entries = pace.size - left;
            pace.saw(entries, values);
            visited += entries;
            reads += 1;
        }
        (visited, reads)
    }

    #[test]
    fn visits_are_twice_the_values_or_the_entries_and_a_constant() {
        for length in [8, 100, 10_000] {
            let (visited, reads) = walk(&vec![length; 1_000]);
            assert!(visited <= 2 * 1_000 + SAMPLE, "{visited} visits of runs of {length}");
            assert!(reads <= 1_000, "{reads} reads");
        }
        for length in [1, 2, 3] {
            let (visited, reads) = walk(&vec![length; 100_000]);
            assert!(visited <= length * 100_000, "{visited} visits of runs of {length}");
            assert!(reads <= 2 * length * 100_000 / MOST + 40, "{reads} reads");
        }
        // A dense beginning and long runs behind it, and the other way round.
        let mixed: Vec<u32> = [vec![1; 10_000], vec![1_000; 1_000], vec![1; 10_000]].concat();
        let (visited, reads) = walk(&mixed);
        assert!(visited <= 2 * 21_000 + SAMPLE, "{visited} visits");
        assert!(reads <= 1_100, "{reads} reads");
    }
}
