//! Merges the sorted runs of several partitions: each is read as far as its rows are taken.
//!
//! A partition gives its rows in order, and how many of the next ones lie in it is not known. Asking each for all that are wanted
//! would read as many times too many as there are partitions. So each is asked for its share and a little more, what was read and
//! not taken yet is kept, and the partitions that ran out are asked again. A row is given once no partition can have one before it:
//! up to the least of the last rows that those still have to give (a k-way merge, Knuth, volume 3, 5.4).

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::{add_hit, key_of_entry};
use super::filter::Condition;
use super::hit::Hit;
use super::routing::{self, Through};
use super::sort::sort_key_of;
use crate::ask::{OrderPart, Spec};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::placement::Routed;
use crate::plan::Plan;
use crate::session::Reader;
use crate::store::{FilterRef, Partition, Read, Reply, Span};

/// How many members one read visits at most to find rows that pass a filter.
const MOST_VISITED: u32 = 16_384;
/// How many members such a read visits at least.
const LEAST_VISITED: u32 = 16;
/// By how many times such a read may grow from one to the next.
const GROWTH: u32 = 4;

/// How far one read of the runs goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    /// How many rows are wanted of all runs together.
    pub rows: u64,
    /// About how many bytes of rows are wanted at most of all runs together.
    pub bytes: Option<u64>,
    /// Whether a read may end before it has found what is wanted, because the next one goes on where it ended.
    pub in_steps: bool,
}

/// The sorted runs that a plan reads, one in each partition.
pub(crate) struct Runs<T> {
    how: Arc<How>,
    runs: Vec<Run<T>>,
    /// Whether rows were read that cannot be given before others are there.
    blocked: bool,
    /// Whether something was read since the last rows were asked for.
    fresh: bool,
}

/// How rows are read and put in order.
#[derive(Clone)]
struct How {
    table: Arc<StoredTable>,
    /// The total order; empty if any order will do.
    order: Vec<OrderPart>,
    condition: Option<Arc<Condition>>,
    /// Whether rows are read through the entries of an index, and whether these may lie in other partitions than their rows.
    through: Through,
    /// Whether only the keys of the rows are wanted.
    keys_only: bool,
}

struct Run<T> {
    partition: Partition,
    /// What was not read yet.
    span: Span,
    /// What was read and not taken yet, by its place in the order.
    ready: VecDeque<(Vec<u8>, T)>,
    ended: bool,
    /// How many members were visited and how many rows they gave, so far.
    visited: u64,
    found: u64,
    /// How many members the last read visited at most.
    visits: u32,
    /// How many shares it is asked for: more where the next rows lie together in it.
    shares: u32,
}

/// What to read of the runs.
#[derive(Clone)]
pub(crate) struct Asked {
    how: Arc<How>,
    /// Whether rows of several runs have to be put in order.
    merges: bool,
    reads: Vec<(usize, Partition, Read)>,
    /// Whether the ends of the runs are asked for too.
    ends: Vec<(Partition, Read)>,
}

/// What was read of the runs.
pub(crate) struct Got {
    pieces: Vec<Piece>,
    /// The last member of each run, if that was asked for.
    ends: Option<Vec<Option<Bytes>>>,
}

struct Piece {
    run: usize,
    rows: Vec<(Vec<u8>, Hit)>,
    visited: u32,
    stopped_at: Option<Bytes>,
}

impl Got {
    /// How many rows were read.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.rows.len()).sum()
    }

    /// The rows, as they are to be given to [`Runs::take`].
    pub fn hits(&self) -> impl Iterator<Item = &Hit> {
        self.pieces.iter().flat_map(|piece| &piece.rows).map(|(_, hit)| hit)
    }

    /// The same, without copying them.
    pub fn take_hits(&mut self) -> Vec<Hit> {
        let take =
            |(_, hit): &mut (Vec<u8>, Hit)| std::mem::replace(hit, Hit { key: Bytes::new(), body: Bytes::new() });
        self.pieces.iter_mut().flat_map(|piece| &mut piece.rows).map(take).collect()
    }
}

impl<T> Runs<T> {
    /// The runs of a plan; `None` if it does not give its rows as sorted runs.
    pub fn of(target: Reader<'_>, table: &Arc<StoredTable>, spec: &Spec, plan: &Plan) -> Option<Self> {
        let (through, spans) = routing::runs(target.shared().placement, table, plan)?;
        let sorted = !spec.order.is_empty() || spec.after.is_some();
        if !plan.ordered || (spec.after.is_some() && !plan.resumed) {
            return None;
        }
        let run = |(partition, span): (Partition, Span)| Run {
            partition,
            ended: !span.is_possible(),
            span,
            ready: VecDeque::new(),
            visited: 0,
            found: 0,
            visits: 0,
            shares: 1,
        };
        let how = How {
            table: table.clone(),
            order: if sorted { spec.full_order() } else { Vec::new() },
            condition: plan.residual.as_ref().map(|residual| Arc::new(Condition::new(table, residual, false))),
            through,
            keys_only: false,
        };
        Some(Self { how: Arc::new(how), runs: spans.into_iter().map(run).collect(), blocked: false, fresh: false })
    }

    /// The same for the keys of the rows alone, if any order of them will do and all rows are wanted.
    pub fn keys_only(self, keys_only: bool) -> Self {
        Self { how: Arc::new(How { keys_only, ..(*self.how).clone() }), ..self }
    }

    /// Whether all rows were read; some may not have been given yet.
    pub fn is_ended(&self) -> bool {
        self.runs.iter().all(|run| run.ended)
    }

    /// What to read next. With `ends` the last member of each run is asked for too.
    pub fn ask(&self, batch: Batch, ends: bool) -> Asked {
        let live = self.runs.iter().filter(|run| !run.ended).count().max(1);
        let share = share(batch.rows, live);
        let bytes = batch.bytes.map(|bytes| bytes / live as u64);
        let merges = self.merges();
        let mut asked = Asked { how: self.how.clone(), merges, reads: Vec::with_capacity(live), ends: Vec::new() };
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.ended) {
            let rows = share.saturating_mul(run.shares).min(u32::try_from(batch.rows).unwrap_or(u32::MAX));
            if self.blocked && !run.ready.is_empty() {
                continue;
            }
            let rows = rows.saturating_sub(u32::try_from(run.ready.len()).unwrap_or(u32::MAX));
            if rows > 0 {
                asked.reads.push((at, run.partition, self.read_of(run, rows, bytes, batch.in_steps)));
            }
        }
        if ends {
            asked.ends = self.runs.iter().map(|run| (run.partition, Self::end_of(run))).collect();
        }
        asked
    }

    fn read_of(&self, run: &Run<T>, rows: u32, bytes: Option<u64>, in_steps: bool) -> Read {
        let mut span = run.span.clone().within_bytes(bytes);
        let mut want = Some(rows);
        if self.how.condition.is_some() && (in_steps || self.how.is_apart()) {
            // Visiting is what costs, and all that passes is kept: nothing is read again.
            span.limit = Some(run.next_visits(rows));
            want = None;
        }
        let filter = self.how.condition.clone().map(|condition| FilterRef(condition));
        match self.how.through {
            Through::Rows => Read::Scan { span, filter, want, track: false },
            Through::Entries if !self.how.keys_only => {
                Read::ScanRows { index: span, table: self.how.table.id, filter, want, track: false }
            }
            _ => Read::Scan { span, filter: None, want, track: false },
        }
    }

    fn end_of(run: &Run<T>) -> Read {
        let span = Span { reverse: !run.span.reverse, limit: Some(1), ..run.span.clone() };
        Read::Scan { span, filter: None, want: None, track: false }
    }

    /// Takes what was read: `rows` stand for its rows, in their order. None is left out.
    pub fn take(&mut self, got: Got, rows: impl IntoIterator<Item = Option<T>>) {
        self.fresh = true;
        let mut rows = rows.into_iter();
        for piece in got.pieces {
            let Some(run) = self.runs.get_mut(piece.run) else { continue };
            run.visited += u64::from(piece.visited);
            run.found += piece.rows.len() as u64;
            run.visits = piece.visited;
            for ((place, _), row) in piece.rows.into_iter().zip(&mut rows) {
                run.ready.extend(row.map(|row| (place, row)));
            }
            match piece.stopped_at {
                Some(last) => run.begin_after(last),
                None => run.ended = true,
            }
        }
        for (run, end) in self.runs.iter_mut().zip(got.ends.into_iter().flatten()) {
            match end {
                Some(last) => run.end_at(last),
                None => run.ended = true,
            }
        }
    }

    /// The place of a row in the order.
    pub fn place_in_order(&self, hit: &Hit) -> Result<Vec<u8>> {
        self.how.place_of(hit)
    }

    /// Whether rows of several runs have to be put in order.
    fn merges(&self) -> bool {
        self.runs.len() > 1 && !self.how.order.is_empty()
    }

    /// Adds rows that no run has, with their places in the order. Only before anything is read.
    pub fn add(&mut self, rows: impl IntoIterator<Item = (Vec<u8>, T)>) {
        let mut ready: Vec<(Vec<u8>, T)> = rows.into_iter().collect();
        ready.sort_by(|a, b| a.0.cmp(&b.0));
        let nowhere = Span::all(self.how.table.rows());
        let partition = Partition::default();
        let ready = ready.into();
        self.runs.push(Run {
            partition,
            span: nowhere,
            ready,
            ended: true,
            visited: 0,
            found: 0,
            visits: 0,
            shares: 1,
        });
    }

    /// The rows that come next, as far as that is known.
    pub fn next(&mut self) -> Vec<T> {
        if !self.merges() {
            return self.runs.iter_mut().flat_map(|run| run.ready.drain(..)).map(|(_, row)| row).collect();
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
        // Stable, since that finds the runs and merges them.
        next.sort_by(|a, b| a.0.cmp(&b.0));
        next.into_iter().map(|(_, row)| row).collect()
    }
}

impl Asked {
    /// Whether a row and what leads to it are read one after the other, so that only a session sees both in one state.
    pub fn is_apart(&self) -> bool {
        self.how.is_apart()
    }

    /// Reads what was asked. Costs one round trip, two where rows lie apart from their entries.
    pub async fn read(self, target: Reader<'_>) -> Result<Got> {
        let Self { how, merges, reads: asked, ends } = self;
        let mut reads = Routed::with_capacity(asked.len() + ends.len());
        let n_ends = ends.len();
        let mut runs = Vec::with_capacity(asked.len());
        for (run, partition, read) in asked {
            reads.push(partition, read);
            runs.push(run);
        }
        ends.into_iter().for_each(|(partition, read)| reads.push(partition, read));
        let mut replies = target.read(reads).await?.into_iter();
        let mut pieces = Vec::with_capacity(runs.len());
        for run in runs {
            let Some(Reply::Scanned(scanned)) = replies.next() else { return Err(unexpected()) };
            let mut rows = Vec::with_capacity(scanned.len());
            let retest = how.condition.as_deref().filter(|condition| condition.failed());
            for at in 0..scanned.len() {
                let (Some(key), Some(stored)) = (scanned.shared_key(at), scanned.shared_value(at)) else { continue };
                if how.is_apart() || (how.keys_only && how.through == Through::Entries) {
                    rows.push(Hit { key: key_of_entry(key).unwrap_or_default(), body: Bytes::new() });
                } else {
                    add_hit(&how.table, retest, key, stored, &mut rows)?;
                }
            }
            pieces.push((run, rows, scanned.visited, scanned.stopped_at));
        }
        let mut ends = None;
        if n_ends > 0 {
            let mut all = Vec::with_capacity(n_ends);
            for _ in 0..n_ends {
                let Some(Reply::Scanned(scanned)) = replies.next() else { return Err(unexpected()) };
                all.push(scanned.shared_key(0));
            }
            ends = Some(all);
        }
        if how.is_apart() && !how.keys_only {
            how.read_apart(target, &mut pieces).await?;
        }
        let mut done = Vec::with_capacity(pieces.len());
        for (run, rows, visited, stopped_at) in pieces {
            let place = |hit: Hit| Ok((if merges { how.place_of(&hit)? } else { Vec::new() }, hit));
            let rows = rows.into_iter().map(place).collect::<Result<_>>()?;
            done.push(Piece { run, rows, visited, stopped_at });
        }
        Ok(Got { pieces: done, ends })
    }
}

impl How {
    /// Reads the rows of keys that were found, and keeps those that pass.
    async fn read_apart(&self, target: Reader<'_>, pieces: &mut [(usize, Vec<Hit>, u32, Option<Bytes>)]) -> Result<()> {
        let placement = target.shared().placement;
        let mut reads = Routed::default();
        for hit in pieces.iter().flat_map(|(_, rows, ..)| rows) {
            let read = Read::Get { space: self.table.rows(), key: hit.key.clone() };
            reads.push(placement.of_row(&self.table, &hit.key), read);
        }
        if reads.is_empty() {
            return Ok(());
        }
        let mut replies = target.read(reads).await?.into_iter();
        for (_, rows, ..) in pieces {
            let mut found = Vec::with_capacity(rows.len());
            for hit in rows.drain(..) {
                if let Some(Reply::Record(Some((_, stored)))) = replies.next() {
                    add_hit(&self.table, self.condition.as_deref(), hit.key, stored, &mut found)?;
                }
            }
            *rows = found;
        }
        Ok(())
    }

    fn place_of(&self, hit: &Hit) -> Result<Vec<u8>> {
        sort_key_of(self.table.def, &self.order, &hit.key, &hit.body)
    }

    const fn is_apart(&self) -> bool {
        matches!(self.through, Through::EntriesApart)
    }
}

impl Runs<Hit> {
    /// So many of the first rows, in order; fewer if there are not so many. Mostly costs one round trip.
    pub async fn first(mut self, target: Reader<'_>, wanted: u64) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        loop {
            hits.extend(self.next());
            let missing = wanted.saturating_sub(hits.len() as u64);
            if missing == 0 || self.is_ended() {
                return Ok(hits);
            }
            let batch = Batch { rows: missing, bytes: None, in_steps: false };
            let mut got = self.ask(batch, false).read(target).await?;
            let rows = got.take_hits();
            self.take(got, rows.into_iter().map(Some));
        }
    }
}

impl<T> Run<T> {
    /// How many members to visit to find so many rows, by what was found so far.
    fn next_visits(&self, rows: u32) -> u32 {
        let expected = match self.found {
            0 if self.visited == 0 => u64::from(rows),
            found => u64::from(rows).saturating_mul(self.visited + 1) / (found + 1),
        };
        let grown = self.visits.max(rows).saturating_mul(GROWTH);
        u32::try_from(expected).unwrap_or(u32::MAX).clamp(LEAST_VISITED, MOST_VISITED).min(grown.max(LEAST_VISITED))
    }

    fn begin_after(&mut self, last: Bytes) {
        let bound = Bound::Excluded(last);
        if self.span.reverse {
            self.span.hi = bound
        } else {
            self.span.lo = bound
        }
        self.ended |= !self.span.is_possible();
    }

    /// Ends the run at this member, which was its last.
    fn end_at(&mut self, last: Bytes) {
        let bound = Bound::Included(last);
        if self.span.reverse {
            self.span.lo = bound
        } else {
            self.span.hi = bound
        }
        self.ended |= !self.span.is_possible();
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

fn unexpected() -> Error {
    Error::internal("the store answered a scan with something else")
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
