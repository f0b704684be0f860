//! The rows that two indexes have in common, by leaps: both have their entries in the order of the keys of their rows, and where one has
//! gone ahead the other one is entered again at its key (the zigzag join; a leapfrog of two, Veldhuizen, ICDT 2014).

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::{add_hit, arrange_first, key_of_entry, own_rows};
use super::filter::RowCondition;
use super::hit::Hit;
use super::skip::length_of;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::commit::ReplyExt;
use crate::error::{Error, Result};
use crate::placement::Routed;
use crate::plan;
use crate::session::Reader;
use crate::store::{Partition, Range, Read, Reply, Scanned, Span};

/// How many entries of each index are read where leaps pass many.
const LEAST: u32 = 16;
/// The most entries of each index that are read at once.
const MOST: u32 = 4_096;

/// The rows so far, and where both indexes stand in each partition.
pub(super) struct Intersect<'a> {
    target: Reader<'a>,
    table: &'a Arc<StoredTable>,
    spec: Spec,
    condition: Option<Arc<RowCondition>>,
    pairs: Vec<Pair>,
    hits: Vec<Hit>,
    /// Whether rows are found in the order that is asked for, so that the first ones are enough.
    in_order: bool,
    visited: u64,
}

/// Both indexes in one partition.
struct Pair {
    partition: Partition,
    sides: [Side; 2],
    batch: u32,
}

/// One index in one partition.
struct Side {
    /// What all entries of it begin with.
    prefix: Bytes,
    /// What was not read yet.
    span: Span,
    /// The keys that were read and not compared yet.
    keys: VecDeque<Bytes>,
    ended: bool,
}

impl<'a> Intersect<'a> {
    /// Reads nothing yet. `None` if the indexes do not begin with values.
    pub fn open(
        target: Reader<'a>,
        table: &'a Arc<StoredTable>,
        spec: &Spec,
        both: &plan::Intersect,
    ) -> Result<Option<Self>> {
        let placement = target.shared().placement;
        let partitions: Vec<Partition> = match both.partition {
            Some(partition) => vec![partition],
            None => placement.all().collect(),
        };
        let side = |(index, (lo, hi)): &(usize, Range)| {
            let index = table.index(*index);
            let Bound::Included(first) = lo else { return None };
            // A bound on the key, or a cursor, may go on behind the columns of the index.
            let prefix = first.slice(..length_of(&index.def.parts, first).ok()?);
            let span = Span::between(index.space(), lo.clone(), hi.clone());
            Some(Side { prefix, span, keys: VecDeque::new(), ended: false })
        };
        let [a, b] = &both.sides;
        let mut pairs = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let (Some(a), Some(b)) = (side(a), side(b)) else { return Ok(None) };
            pairs.push(Pair { partition, sides: [a, b], batch: LEAST });
        }
        let key = &table.def.key;
        let by_key = spec.order.iter().map(|part| (part.column, part.descending)).eq(key.iter().map(|at| (*at, false)));
        Ok(Some(Self {
            target,
            table,
            spec: spec.clone(),
            condition: both.residual.as_ref().map(|residual| Arc::new(RowCondition::new(table, residual, false))),
            in_order: pairs.len() == 1 && spec.after.is_none() && (by_key || spec.order.is_empty()),
            pairs,
            hits: Vec::new(),
            visited: 0,
        }))
    }

    pub const fn visited(&self) -> u64 {
        self.visited
    }

    /// Goes on until the first rows are known, or about so many visits were made in all.
    pub async fn advance(&mut self, wanted: u64, visits: Option<u64>) -> Result<Option<Vec<Hit>>> {
        let written = own_rows(self.target, self.table, &self.spec)?.keys.len() as u64;
        let enough = wanted.saturating_add(written);
        while !self.is_done(enough) {
            let left = visits.map_or(u64::MAX, |visits| visits.saturating_sub(self.visited));
            if left == 0 {
                return Ok(None);
            }
            self.step(left).await?;
        }
        let mut hits = std::mem::take(&mut self.hits);
        let wanted = Some(wanted).filter(|wanted| *wanted < u64::MAX);
        arrange_first(self.target, self.table, &self.spec, &mut hits, wanted)?;
        Ok(Some(hits))
    }

    fn is_done(&self, enough: u64) -> bool {
        self.pairs.iter().all(Pair::is_ended) || (self.in_order && self.hits.len() as u64 >= enough)
    }

    /// Reads on in both indexes of each partition, and the rows that they have in common.
    async fn step(&mut self, visits: u64) -> Result<()> {
        let (mut reads, mut asked) = (Routed::default(), Vec::new());
        let live = self.pairs.iter().filter(|pair| !pair.is_ended()).count().max(1) as u64;
        let most = u32::try_from(visits / (2 * live)).unwrap_or(u32::MAX).max(1);
        for (at, pair) in self.pairs.iter().enumerate().filter(|(_, pair)| !pair.is_ended()) {
            for (which, side) in pair.sides.iter().enumerate().filter(|(_, side)| side.keys.is_empty() && !side.ended) {
                let span = side.span.clone().limited(Some(pair.batch.min(most)));
                reads.push(pair.partition, Read::Scan { span, filter: None, want: None, track: false });
                asked.push((at, which));
            }
        }
        for ((at, which), reply) in asked.into_iter().zip(self.target.read(reads).await?) {
            let scanned = reply.into_scanned()?;
            self.visited += u64::from(scanned.visited.max(1));
            if let Some(side) = self.pairs.get_mut(at).and_then(|pair| pair.sides.get_mut(which)) {
                side.take(&scanned);
            }
        }
        let mut reads = Routed::default();
        let mut keys = Vec::new();
        for pair in &mut self.pairs {
            for key in pair.common() {
                reads.push(pair.partition, Read::Get { space: self.table.rows(), key: key.clone() });
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        self.visited += keys.len() as u64;
        for (key, reply) in keys.into_iter().zip(self.target.read(reads).await?) {
            match reply {
                Reply::Record(Some((_, stored))) => {
                    add_hit(self.table, self.condition.as_deref(), key, stored, &mut self.hits)?;
                }
                Reply::Record(None) => {}
                _ => return Err(Error::internal("the store answered a lookup with something else")),
            }
        }
        Ok(())
    }
}

impl Pair {
    /// Whether nothing that both have can come any more.
    fn is_ended(&self) -> bool {
        self.sides.iter().any(|side| side.ended && side.keys.is_empty())
    }

    /// The keys that both have of what was read. The one that ran out goes on at the next key of the other.
    fn common(&mut self) -> Vec<Bytes> {
        let mut common = Vec::new();
        let [a, b] = &mut self.sides;
        while let (Some(x), Some(y)) = (a.keys.front(), b.keys.front()) {
            let (x_first, y_first) = (x <= y, y <= x);
            let key = if x_first { a.keys.pop_front() } else { None };
            let other = if y_first { b.keys.pop_front() } else { None };
            common.extend(key.filter(|_| other.is_some()));
        }
        let left = a.keys.len().max(b.keys.len());
        // Nearly all of one batch is still there: the other index has few rows near its keys.
        let leaps = left * 4 >= self.batch as usize * 3;
        self.batch = if leaps { LEAST } else { self.batch.saturating_mul(2).min(MOST) };
        let (next_a, next_b) = (a.keys.front().cloned(), b.keys.front().cloned());
        if let Some(next) = next_b {
            a.leap(&next);
        }
        if let Some(next) = next_a {
            b.leap(&next);
        }
        common
    }
}

impl Side {
    fn take(&mut self, scanned: &Scanned) {
        self.keys.extend((0..scanned.len()).filter_map(|at| key_of_entry(scanned.shared_key(at)?)));
        match &scanned.stopped_at {
            Some(last) => self.span.lo = Bound::Excluded(last.clone()),
            None => self.ended = true,
        }
        self.ended |= !self.span.is_possible();
    }

    /// Goes on at this key of a row, if what was read ends before it.
    fn leap(&mut self, key: &Bytes) {
        if !self.keys.is_empty() || self.ended {
            return;
        }
        let at = Bytes::from([self.prefix.as_ref(), key.as_ref()].concat());
        let is_before = match &self.span.lo {
            Bound::Included(lo) | Bound::Excluded(lo) => *lo < at,
            Bound::Unbounded => true,
        };
        if is_before {
            self.span.lo = Bound::Included(at);
        }
        self.ended |= !self.span.is_possible();
    }
}
