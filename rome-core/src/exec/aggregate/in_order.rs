//! Groups that come as they are complete: rows are read in the order of the groups, and no further than the limit needs.
//!
//! Each partition gives its rows in that order. A group is complete when each of them has gone on to a later one, so at most a
//! batch of each partition is in memory besides the groups that are given.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::entries::Entry;
use super::groups::Groups;
use crate::ask::GroupSpec;
use crate::catalog::StoredTable;
use crate::commit::ReplyExt;
use crate::error::Result;
use crate::exec::filter::RowCondition;
use crate::exec::routing::{self, Through};
use crate::placement::Routed;
use crate::plan::{Access, InOrder};
use crate::row::{self, RowView};
use crate::session::{Pace, Reader};
use crate::store::{FilterRef, Partition, Read, Scanned, Span, row_key};
use crate::value::{Value, ValueError};

/// How many entries or rows the first batch of all partitions has at least.
const FIRST: usize = 64;
/// How many entries or rows are read for each group that is wanted, at first.
const A_GROUP: usize = 4;
/// The most entries or rows of a batch.
const MOST: u32 = 8_192;
/// About how many bytes of them a batch has at most.
const MOST_BYTES: u64 = 1 << 20;

/// The rows of one partition.
struct Run {
    partition: Partition,
    /// What was not read yet.
    span: Span,
    /// The place of the last group that was met.
    at: Option<Vec<u8>>,
    ended: bool,
}

impl InOrder {
    /// The rows of the groups, in order. Costs a round trip for each batch; each is twice the last.
    pub(super) async fn rows(
        &self,
        target: Reader<'_>,
        table: &Arc<StoredTable>,
        group: &GroupSpec,
        mut groups: Groups<'_>,
    ) -> Result<Vec<Vec<Value>>> {
        let (through, spans) = routing::spans(target.shared().placement, table, &self.plan)?;
        let wanted = group.window.reach().map_or(usize::MAX, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
        let first = wanted.saturating_mul(A_GROUP).max(FIRST) / spans.len().max(1) + 1;
        let mut size = u32::try_from(first).unwrap_or(MOST).min(MOST);
        let run = |(partition, span): (Partition, Span)| Run { partition, ended: !span.is_possible(), span, at: None };
        let mut runs: Vec<Run> = spans.into_iter().map(run).collect();
        let (mut rows, pace) = (Vec::new(), Pace::default());
        while rows.len() < wanted && runs.iter().any(|run| !run.ended) {
            let condition = self.condition(table);
            let mut reads = Routed::default();
            for run in runs.iter().filter(|run| !run.ended) {
                reads.push(run.partition, self.read_of(table, run, size, condition.as_ref()));
            }
            let live = runs.iter_mut().filter(|run| !run.ended);
            for (run, reply) in live.zip(target.read(reads).await?) {
                let scanned = reply.into_scanned()?;
                let retest = condition.as_deref().filter(|condition| condition.failed());
                let last = self.add(table, through, &scanned, retest, &mut groups)?;
                run.at = last.or_else(|| run.at.take());
                match &scanned.stopped_at {
                    Some(stopped) => run.begin_after(stopped),
                    None => run.ended = true,
                }
            }
            groups.check_size()?;
            rows.extend(complete(&runs, &mut groups, table)?);
            pace.passed(size as usize).await;
            size = size.saturating_mul(2).min(MOST);
        }
        group.window.cut(&mut rows);
        Ok(rows)
    }

    fn condition(&self, table: &Arc<StoredTable>) -> Option<Arc<RowCondition>> {
        let residual = self.plan.residual.as_ref().filter(|_| !self.of_entries)?;
        Some(Arc::new(RowCondition::new(table, residual, false)))
    }

    fn read_of(&self, table: &StoredTable, run: &Run, size: u32, condition: Option<&Arc<RowCondition>>) -> Read {
        let span = run.span.clone().limited(Some(size)).within_bytes(Some(MOST_BYTES));
        let filter = condition.map(|condition| FilterRef(condition.clone()));
        match &self.plan.access {
            Access::Index { .. } if !self.of_entries => {
                Read::ScanRows { index: span, table: table.id, filter, want: None, track: false }
            }
            _ => Read::Scan { span, filter, want: None, track: false },
        }
    }

    /// Adds what was read to the groups, and says the place of the last group.
    fn add(
        &self,
        table: &Arc<StoredTable>,
        through: Through,
        scanned: &Scanned,
        retest: Option<&RowCondition>,
        groups: &mut Groups<'_>,
    ) -> Result<Option<Vec<u8>>> {
        let mut place = None;
        if self.of_entries && through != Through::Rows {
            let Access::Index { index, .. } = &self.plan.access else { return Ok(None) };
            let index = table.index(*index);
            let mut entry = Entry::default();
            for record in scanned.iter() {
                let mut add = || {
                    let same = entry.read(&index.def.parts, &table.def.key, &self.needed, record.key)?;
                    groups.add_entry(&entry, same, self.plan.residual.as_ref())
                };
                add().map_err(|source| row::unreadable(table.def, &row_key(record.key).unwrap_or_default(), source))?;
            }
            if !scanned.is_empty() {
                place = Some(groups.place_of(&entry).map_err(|source| row::unreadable(table.def, &[], source))?);
            }
            return Ok(place);
        }
        let last = self.needed.iter().copied().max().unwrap_or(0);
        let mut offsets = Vec::new();
        for (at, record) in scanned.iter().enumerate() {
            if let Some(condition) = retest {
                condition.test(record.value).map_err(|source| condition.damaged(record.key, record.value, source))?;
            }
            let body =
                row::unwrap(table, record.value).map_err(|source| row::unreadable(table.def, record.key, source))?;
            let mut add = || -> Result<(), ValueError> {
                RowView::locate(table.def, &body, last, &mut offsets)?;
                let view = RowView::new(table.def, &body, &offsets);
                groups.add(&view)?;
                if at + 1 == scanned.len() {
                    place = Some(groups.place_of(&view)?);
                }
                Ok(())
            };
            add().map_err(|source| row::damaged(table.def, record.key, &body, source))?;
        }
        Ok(place)
    }
}

/// The rows of the groups that no partition can add to any more.
fn complete(runs: &[Run], groups: &mut Groups<'_>, table: &StoredTable) -> Result<Vec<Vec<Value>>> {
    let mut bound: Option<&Vec<u8>> = None;
    for run in runs.iter().filter(|run| !run.ended) {
        let Some(at) = &run.at else { return Ok(Vec::new()) };
        if bound.is_none_or(|bound| at < bound) {
            bound = Some(at);
        }
    }
    groups.take_before(bound.map(Vec::as_slice), table.def.name)
}

impl Run {
    fn begin_after(&mut self, last: &Bytes) {
        let bound = Bound::Excluded(last.clone());
        if self.span.reverse {
            self.span.hi = bound;
        } else {
            self.span.lo = bound;
        }
        self.ended |= !self.span.is_possible();
    }
}
