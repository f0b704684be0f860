//! Merges sorted runs: the spans of a plan in each partition, each read as far as its rows are taken.
//!
//! A list of values and an `or` have a run for each of their ranges, and a store of several partitions has each of them in every
//! partition. A run gives its rows in order, and how many of the next ones it has is not known. Asking each for all that are wanted
//! would read as many times too many as there are runs. So each is asked for its share and a little more, what was read and
//! not taken yet is kept, and the runs that ran out are asked again. A row is given once no run can have one before it:
//! up to the least of the last rows that those still have to give (a k-way merge, Knuth, volume 3, 5.4). Rows that several runs have
//! come together there, and are given once.

mod asked;

pub(crate) use asked::{Asked, Got};

use std::collections::{HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::filter::RowCondition;
use super::hit::Hit;
use super::routing::{self, Through};
use super::sort::sort_key;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::Plan;
use crate::session::Reader;
use crate::store::{FilterRef, Partition, Read, Span};
use crate::value::Value;
use asked::{AskedOf, End, How, Merging};

/// How many members one read visits at most to find rows that pass a filter.
const MOST_VISITED: u32 = 16_384;
/// How many members such a read visits at least.
const LEAST_VISITED: u32 = 16;
/// By how many times such a read may grow from one to the next.
const GROWTH: u32 = 4;
/// The most runs that are merged in order: each of them is read ahead, so with more of them sorting costs less.
const MOST_MERGED: usize = 1_024;
/// The most rows of a read in search of the end of rows that are equal in the first parts of an order.
const MOST_EQUAL: u64 = 8_192;
/// How many runs are read at once at least, where any rows will do.
const FEW_RUNS: usize = 64;

/// How far one read of the runs goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    /// How many rows are wanted of all runs together.
    pub rows: u64,
    /// About how many bytes of rows are wanted at most of all runs together.
    pub bytes: Option<u64>,
    /// How many members are visited at most to find them, in all runs together.
    pub visits: Option<u64>,
    /// Whether a read may end before it has found what is wanted, because the next one goes on where it ended.
    pub in_steps: bool,
}

/// The sorted runs that a plan reads.
pub(crate) struct Runs<T> {
    how: Arc<How>,
    runs: Vec<Run<T>>,
    /// Whether rows were read that cannot be given before others are there.
    blocked: bool,
    /// Whether something was read since the last rows were asked for.
    fresh: bool,
    /// Where a row may be found several times in any order: those that were given.
    seen: HashSet<Vec<u8>>,
    /// How many runs are read at once where any rows will do.
    at_once: usize,
    visited: u64,
}

struct Run<T> {
    source: Source,
    /// What was read and not taken yet, by its place in the order.
    ready: VecDeque<(Vec<u8>, T)>,
    /// How far it has come, where it is in order in the first parts only.
    frontier: Option<Vec<u8>>,
    ended: bool,
    /// How many members were visited and how many rows they gave, so far.
    visited: u64,
    found: u64,
    /// How many members the last read visited.
    visits: u32,
    /// How many shares it is asked for: more where the next rows lie together in it.
    shares: u32,
}

/// Where the rows of a run are.
pub(in crate::exec) enum Source {
    /// What was not read yet of a span in a partition.
    Span(Through, Partition, Span),
    /// Under keys and claims, all of them looked up at once.
    Lookups(Vec<(Partition, Read)>),
    /// They are all there.
    Ready,
}

impl<T> Runs<T> {
    /// The runs of a plan; `None` if it does not give its rows as sorted runs.
    pub fn of(target: Reader<'_>, table: &Arc<StoredTable>, spec: &Spec, plan: &Plan) -> Option<Self> {
        let sources = routing::runs(target.shared().placement, table, plan)?;
        let sorted = !spec.order.is_empty() || spec.after.is_some();
        let in_part = sorted && !plan.ordered && plan.leading > 0;
        if !in_part && (!plan.ordered || (spec.after.is_some() && !plan.resumed)) {
            return None;
        }
        let apart = |source: &Source| matches!(source, Source::Span(Through::EntriesApart, ..));
        // A lookup finds its row wherever a cursor is.
        let looks_up = sources.iter().any(|source| matches!(source, Source::Lookups(_)));
        // The lookups of all steps are one run, whose rows are in no order and may repeat.
        let in_order = !in_part && matches!(sources.as_slice(), [] | [Source::Span(..) | Source::Ready]);
        let merging = match (sorted && !in_order, plan.may_repeat()) {
            (true, _) => Merging::Ordered,
            (false, true) => Merging::Distinct,
            (false, false) => Merging::Append,
        };
        if merging == Merging::Ordered && sources.len() > MOST_MERGED {
            return None;
        }
        let order = if sorted { spec.full_order() } else { Vec::new() };
        let place = |after: &Vec<Value>| sort_key(&order, after.iter().map(Value::as_ref));
        let how = How {
            table: table.clone(),
            behind: spec.after.as_ref().filter(|_| in_part || looks_up).map(place),
            leading: if in_part { plan.leading } else { order.len() },
            order,
            condition: plan.residual.as_ref().map(|residual| Arc::new(RowCondition::new(table, residual, false))),
            apart: sources.iter().any(apart),
            keys_only: false,
            merging,
            pace: Arc::default(),
        };
        Some(Self {
            how: Arc::new(how),
            runs: sources.into_iter().map(Run::new).collect(),
            blocked: false,
            fresh: false,
            seen: HashSet::new(),
            at_once: FEW_RUNS,
            visited: 0,
        })
    }

    /// The same for the keys of the rows alone, if any order of them will do and all rows are wanted.
    pub fn keys_only(self, keys_only: bool) -> Self {
        Self { how: Arc::new(How { keys_only, ..(*self.how).clone() }), ..self }
    }

    /// Whether all rows were read; some may not have been given yet.
    pub fn is_ended(&self) -> bool {
        self.runs.iter().all(|run| run.ended)
    }

    /// How many members were visited so far.
    pub const fn visited(&self) -> u64 {
        self.visited
    }

    /// What to read next. With `ends` the last member of each run is asked for too.
    pub fn ask(&self, batch: Batch, ends: bool) -> Asked {
        let live = self.runs.iter().filter(|run| !run.ended).count().max(1);
        let any_will_do = self.how.merging != Merging::Ordered && batch.rows < u64::from(u32::MAX);
        let live = if any_will_do { live.min(self.at_once) } else { live };
        // A run that is asked costs a visit, whatever it has.
        let live = match batch.visits {
            Some(visits) if self.how.merging != Merging::Ordered => {
                live.min(usize::try_from(visits).unwrap_or(usize::MAX)).max(1)
            }
            _ => live,
        };
        let share = share(batch.rows, live);
        let part = |of: u64| (of / live as u64).max(1);
        let mut asked = Asked { how: self.how.clone(), reads: Vec::with_capacity(live), ends: Vec::new() };
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.ended).take(live) {
            let most = if self.how.is_in_part() { MOST_EQUAL.max(batch.rows) } else { batch.rows };
            let rows = share.saturating_mul(run.shares).min(u32::try_from(most).unwrap_or(u32::MAX));
            if self.blocked && !run.ready.is_empty() && !self.how.is_in_part() {
                continue;
            }
            let ready = u32::try_from(run.ready.len()).unwrap_or(u32::MAX);
            // Rows that are equal in the first parts of the order wait for all others of them, however many are there.
            // With a few more at once mostly none are missing.
            let rows =
                if self.how.is_in_part() { rows.saturating_add(rows / 4 + 8) } else { rows.saturating_sub(ready) };
            if rows == 0 {
                continue;
            }
            let (through, reads) = match &run.source {
                Source::Ready => continue,
                Source::Lookups(reads) => (Through::Lookups, reads.clone()),
                Source::Span(through, partition, span) => {
                    let mut limit = None;
                    let mut want = Some(rows);
                    if self.how.condition.is_some() && (batch.in_steps || self.how.apart) {
                        // Visiting is what costs, and all that passes is kept: nothing is read again.
                        limit = Some(run.next_visits(rows));
                        want = None;
                    }
                    if let Some(visits) = batch.visits {
                        let visits = u32::try_from(part(visits)).unwrap_or(u32::MAX);
                        limit = Some(limit.map_or(visits, |limit: u32| limit.min(visits)));
                    }
                    let span = span.clone().within_bytes(batch.bytes.map(part));
                    let span = if limit.is_some() { span.limited(limit) } else { span };
                    (*through, vec![(*partition, self.read_of(*through, span, want))])
                }
            };
            asked.reads.push(AskedOf { run: at, through, reads });
        }
        if ends {
            asked.ends = self.runs.iter().map(Run::end).collect();
        }
        asked
    }

    fn read_of(&self, through: Through, span: Span, want: Option<u32>) -> Read {
        let filter = self.how.condition.clone().map(|condition| FilterRef(condition));
        match through {
            Through::Rows => Read::Scan { span, filter, want, track: false },
            Through::Entries if !self.how.keys_only => {
                Read::ScanRows { index: span, table: self.how.table.id, filter, want, track: false }
            }
            _ => Read::Scan { span, filter: None, want, track: false },
        }
    }

    /// Takes what was read: `rows` stand for its rows, in their order. None is left out.
    pub fn take(&mut self, got: Got, rows: impl IntoIterator<Item = Option<T>>) {
        self.fresh = true;
        let mut rows = rows.into_iter();
        for piece in got.pieces {
            let Some(run) = self.runs.get_mut(piece.run) else { continue };
            self.visited += piece.visited.max(1);
            run.visited += piece.visited;
            run.found += piece.rows.len() as u64;
            run.visits = u32::try_from(piece.visited).unwrap_or(u32::MAX);
            let behind = self.how.behind.as_ref();
            for ((place, _), row) in piece.rows.into_iter().zip(&mut rows) {
                if behind.is_none_or(|behind| place > *behind) {
                    run.ready.extend(row.map(|row| (place, row)));
                }
            }
            run.frontier = piece.frontier.or_else(|| run.frontier.take());
            if matches!(run.source, Source::Lookups(_)) || self.how.is_in_part() {
                run.ready.make_contiguous().sort_by(|a, b| a.0.cmp(&b.0));
            }
            match piece.stopped_at {
                Some(last) => run.begin_after(last),
                None => run.ended = true,
            }
        }
        for (run, end) in self.runs.iter_mut().zip(got.ends.into_iter().flatten()) {
            match end {
                End::At(last) => run.end_at(last),
                End::Empty => run.ended = true,
                End::Unknown => {}
            }
        }
    }

    /// The place of a row in the order.
    pub fn place_in_order(&self, hit: &Hit) -> Result<Vec<u8>> {
        self.how.place_in_order(hit)
    }

    /// The place in the order behind which a query with a cursor begins.
    pub fn place_of_cursor(&self, spec: &Spec) -> Option<Vec<u8>> {
        let after = spec.after.as_ref()?;
        Some(sort_key(&self.how.order, after.iter().map(|value| value.as_ref())))
    }

    /// Whether the keys of the rows are enough to read them: none is tested or compared.
    pub fn needs_no_rows(&self) -> bool {
        self.how.condition.is_none() && self.how.merging != Merging::Ordered
    }

    /// Whether rows were read that were not given yet.
    pub fn has_ready(&self) -> bool {
        self.runs.iter().any(|run| !run.ready.is_empty())
    }

    /// Adds rows that no run has, with their places in the order. Only before anything is read.
    pub fn add(&mut self, rows: impl IntoIterator<Item = (Vec<u8>, T)>) {
        let mut ready: Vec<(Vec<u8>, T)> = rows.into_iter().collect();
        if ready.is_empty() {
            return;
        }
        ready.sort_by(|a, b| a.0.cmp(&b.0));
        self.runs.push(Run { ready: ready.into(), ended: true, ..Run::new(Source::Ready) });
        if !self.how.order.is_empty() {
            self.how = Arc::new(How { merging: Merging::Ordered, ..(*self.how).clone() });
        }
    }

    /// The rows that come next, as far as that is known.
    pub fn next(&mut self) -> Vec<T> {
        if self.how.merging != Merging::Ordered {
            self.at_once = self.at_once.saturating_mul(2);
            let seen = &mut self.seen;
            let distinct = self.how.merging == Merging::Distinct;
            let all = self.runs.iter_mut().flat_map(|run| run.ready.drain(..));
            return all.filter_map(|(key, row)| (!distinct || seen.insert(key)).then_some(row)).collect();
        }
        if self.how.is_in_part() {
            return self.next_in_part();
        }
        let mut bound: Option<Vec<u8>> = None;
        for run in self.runs.iter().filter(|run| !run.ended) {
            let Some((last, _)) = run.ready.back() else {
                self.blocked = self.fresh && self.runs.iter().any(|run| !run.ready.is_empty());
                self.fresh = false;
                return Vec::new();
            };
            if bound.as_ref().is_none_or(|bound| last < bound) {
                bound = Some(last.clone());
            }
        }
        (self.blocked, self.fresh) = (false, false);
        let mut next = Vec::new();
        for run in &mut self.runs {
            let n = bound.as_ref().map_or(run.ready.len(), |bound| run.ready.partition_point(|(at, _)| at <= bound));
            next.extend(run.ready.drain(..n));
            // Where keys do not spread by their hash, as in a global index, the next rows lie in a few runs.
            run.shares = if run.ready.is_empty() { run.shares.saturating_mul(2) } else { (run.shares / 2).max(1) };
        }
        merged(next)
    }

    /// The same where runs are in order in the first parts only: the rows before all that may still come.
    fn next_in_part(&mut self) -> Vec<T> {
        let live = || self.runs.iter().filter(|run| !run.ended);
        let all_known = live().all(|run| run.frontier.is_some());
        let bound = live().filter_map(|run| run.frontier.as_deref()).min().map(<[u8]>::to_vec);
        let mut next = Vec::new();
        for run in self.runs.iter_mut().filter(|_| all_known) {
            // A place begins with the place in the first parts, so what is equal there is not before it.
            let n = bound.as_ref().map_or(run.ready.len(), |bound| run.ready.partition_point(|(at, _)| at < bound));
            next.extend(run.ready.drain(..n));
        }
        for run in &mut self.runs {
            run.shares = if next.is_empty() { run.shares.saturating_mul(2) } else { (run.shares / 2).max(1) };
        }
        merged(next)
    }
}

/// The rows by their places, each once.
fn merged<T>(mut rows: Vec<(Vec<u8>, T)>) -> Vec<T> {
    // Stable, since that finds the runs and merges them.
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    // The order is total: what has one place is one row.
    rows.dedup_by(|a, b| a.0 == b.0);
    rows.into_iter().map(|(_, row)| row).collect()
}

impl<T> Run<T> {
    fn new(source: Source) -> Self {
        let ended = match &source {
            Source::Span(_, _, span) => !span.is_possible(),
            Source::Lookups(reads) => reads.is_empty(),
            Source::Ready => true,
        };
        Self { source, ready: VecDeque::new(), frontier: None, ended, visited: 0, found: 0, visits: 0, shares: 1 }
    }

    /// How many members to visit to find so many rows, by what was found so far.
    fn next_visits(&self, rows: u32) -> u32 {
        let expected = match self.found {
            0 if self.visited == 0 => u64::from(rows),
            found => u64::from(rows).saturating_mul(self.visited + 1) / (found + 1),
        };
        let grown = self.visits.max(rows).saturating_mul(GROWTH);
        u32::try_from(expected).unwrap_or(u32::MAX).clamp(LEAST_VISITED, MOST_VISITED).min(grown.max(LEAST_VISITED))
    }

    /// The read of its last member.
    fn end(&self) -> Option<(Partition, Read)> {
        let Source::Span(_, partition, span) = &self.source else { return None };
        let span = span.clone().reversed(!span.reverse).limited(Some(1)).within_bytes(None);
        Some((*partition, Read::Scan { span, filter: None, want: None, track: false }))
    }

    fn begin_after(&mut self, last: Bytes) {
        let Source::Span(_, _, span) = &mut self.source else { return };
        let bound = Bound::Excluded(last);
        if span.reverse {
            span.hi = bound
        } else {
            span.lo = bound
        }
        self.ended |= !span.is_possible();
    }

    /// Ends the run at this member, which was its last.
    fn end_at(&mut self, last: Bytes) {
        let Source::Span(_, _, span) = &mut self.source else { return };
        let bound = Bound::Included(last);
        if span.reverse {
            span.lo = bound
        } else {
            span.hi = bound
        }
        self.ended |= !span.is_possible();
    }
}

/// How many rows to have of each run, so that mostly none runs out before so many were taken of all: its share, and three standard
/// deviations of what lies in one partition where keys are spread by their hash.
fn share(rows: u64, runs: usize) -> u32 {
    if runs == 1 {
        return u32::try_from(rows).unwrap_or(u32::MAX);
    }
    let even = rows / runs as u64 + 1;
    let more = even.saturating_add(3 * even.isqrt()).saturating_add(1).min(rows);
    u32::try_from(more).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_in_proportion_and_never_more_than_all() {
        assert_eq!((share(256, 1), share(1, 16), share(2, 1000)), (256, 1, 2));
        assert!(share(256, 16) < 256 / 16 * 2, "{}", share(256, 16));
        assert!(share(100_000, 16) < 100_000 / 16 * 11 / 10);
    }
}
