//! Whether the counters of aggregate indexes are what the rows add up to.
//!
//! Rows and counters are read in chunks, so they can differ because others write meanwhile. Groups that differ are looked at
//! once more: all of their rows and their counters in one read of their partition, which sees one state of it. A row that
//! changes what its group adds up to changes a counter, so a repair only has to test that the counters are as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::{Checker, Finding, FindingKind};
use crate::catalog::{StoredAggregate, StoredTable};
use crate::commit::{Outcome, Part, ReplyExt};
use crate::error::{Error, Result};
use crate::index::aggregate::{Counter, Totals, decode_counter};
use crate::index::{Entries, entries_of};
use crate::row;
use crate::store::{Check, Effect, FilterRef, Partition, Read, Reply, RowFilter, Span, TxId};

/// How many groups are looked at once more at a time.
const GROUPS: usize = 500;

/// What the rows add up to: by partition, place of the aggregate index in the table, and group.
#[derive(Default)]
pub(super) struct Tallies(BTreeMap<(Partition, usize), BTreeMap<Bytes, Totals>>);

impl Tallies {
    /// Adds what a row has.
    pub fn add(&mut self, partition: Partition, entries: &Entries) {
        for share in &entries.shares {
            let groups = self.0.entry((partition, share.at)).or_default();
            groups.entry(share.group.clone()).or_default().plus(share.totals, 1);
        }
    }
}

/// Keeps the rows of some groups.
struct OfGroups {
    table: Arc<StoredTable>,
    at: usize,
    groups: BTreeSet<Bytes>,
}

impl RowFilter for OfGroups {
    fn keep(&self, key: &[u8], value: &[u8]) -> bool {
        let Ok(body) = row::unwrap(&self.table, value) else { return true };
        entries_of(&self.table, key, &body).map_or(true, |entries| {
            entries.shares.iter().any(|share| share.at == self.at && self.groups.contains(&share.group))
        })
    }
}

/// The counters of a group as they are stored, and what their values are.
#[derive(Default)]
struct Stored {
    versions: [Option<TxId>; 3],
    /// None if one of them is damaged.
    totals: Option<Totals>,
}

impl Checker<'_> {
    /// Checks the aggregate indexes of a table that are built to their end; `tallies` is what its rows added up to.
    pub(super) async fn aggregates(&mut self, table: &Arc<StoredTable>, mut tallies: Tallies) -> Result<()> {
        for (at, aggregate) in table.aggregates.iter().enumerate().filter(|(_, aggregate)| aggregate.is_complete()) {
            for partition in self.shared.placement.all() {
                let rows = tallies.0.remove(&(partition, at)).unwrap_or_default();
                let suspects = self.suspects(aggregate, partition, rows).await?;
                for groups in suspects.chunks(GROUPS) {
                    self.look_at_groups(table, (at, aggregate), partition, groups).await?;
                }
            }
        }
        Ok(())
    }

    /// The groups whose counters are not what the rows added up to when they were read.
    async fn suspects(
        &mut self,
        aggregate: &StoredAggregate,
        partition: Partition,
        mut rows: BTreeMap<Bytes, Totals>,
    ) -> Result<Vec<Bytes>> {
        let mut damaged = BTreeSet::new();
        let mut after = None;
        loop {
            let records = self.shared.scan_chunk(partition, aggregate.space(), after, super::CHUNK).await?;
            let Some(last) = records.last() else { break };
            after = Some(last.key.clone());
            self.report.entries += records.len() as u64;
            for record in &records {
                let Some((group, counter)) = Counter::of_key(&record.key) else { continue };
                let group = record.key.slice_ref(group);
                match decode_counter(&record.value) {
                    // What is left is zero where rows and counters agree.
                    Ok(n) => rows.entry(group).or_default().add(counter, n.saturating_neg()),
                    Err(_) => {
                        damaged.insert(group);
                    }
                }
            }
        }
        let differ = rows.into_iter().filter(|(_, left)| *left != Totals::default()).map(|(group, _)| group);
        damaged.extend(differ);
        Ok(damaged.into_iter().collect())
    }

    /// Reports those of the groups whose counters are wrong.
    async fn look_at_groups(
        &mut self,
        table: &Arc<StoredTable>,
        (at, aggregate): (usize, &StoredAggregate),
        partition: Partition,
        groups: &[Bytes],
    ) -> Result<()> {
        let filter = OfGroups { table: table.clone(), at, groups: groups.iter().cloned().collect() };
        let mut reads = Vec::with_capacity(1 + 3 * groups.len());
        let span = Span::all(table.rows());
        reads.push(Read::Scan { span, filter: Some(FilterRef(Arc::new(filter))), want: None, track: false });
        for group in groups {
            let of_group = |counter: Counter| Read::Get { space: aggregate.space(), key: counter.key(group) };
            reads.extend(Counter::ALL.map(of_group));
        }
        let replies = self.shared.read(&[(partition, reads)]).await?.pop();
        let mut replies = replies.map(|reply| reply.replies).unwrap_or_default().into_iter();
        let rows = replies.next().ok_or_else(|| Error::internal("the store did not answer a read"))?.into_scanned()?;
        let mut totals: BTreeMap<Bytes, Totals> = BTreeMap::new();
        for record in rows.iter() {
            let shares =
                row::unwrap(table, record.value).ok().and_then(|body| entries_of(table, record.key, &body).ok());
            // A row that cannot be read is reported by itself, and what its group adds up to cannot be known.
            let Some(entries) = shares else { return Ok(()) };
            for share in entries.shares.into_iter().filter(|share| share.at == at) {
                totals.entry(share.group).or_default().plus(share.totals, 1);
            }
        }
        for group in groups {
            let stored = stored(&mut replies);
            let right = totals.get(group).copied().unwrap_or_default();
            if stored.totals == Some(right) {
                continue;
            }
            let mended = self.mend_group(aggregate, partition, group, &stored, right).await?;
            self.report.findings.push(Finding {
                kind: FindingKind::WrongAggregate,
                table: Some(table.def.name),
                index: Some(aggregate.def.name.clone()),
                key: row::show_key(group),
                mended,
            });
        }
        Ok(())
    }

    /// Sets the counters of a group to what is right, if they are as they were read; says whether they were set.
    async fn mend_group(
        &self,
        aggregate: &StoredAggregate,
        partition: Partition,
        group: &[u8],
        stored: &Stored,
        right: Totals,
    ) -> Result<bool> {
        if !self.repair {
            return Ok(false);
        }
        let space = aggregate.space();
        let mut part = Part { partition, ..Part::default() };
        for ((counter, n), expect) in right.counters().into_iter().zip(stored.versions) {
            let key = counter.key(group);
            part.checks.push(Check::Version { space, key: key.clone(), expect });
            let value = Bytes::copy_from_slice(&n.to_be_bytes());
            part.effects.push(if n == 0 { Effect::Delete { space, key } } else { Effect::Put { space, key, value } });
        }
        let outcome = self.shared.committer.commit(self.shared.schema, vec![part], self.shared.durability).await?;
        Ok(outcome == Outcome::Committed)
    }
}

/// The counters of the next group of these replies.
fn stored(replies: &mut impl Iterator<Item = Reply>) -> Stored {
    let mut stored = Stored { totals: Some(Totals::default()), ..Stored::default() };
    for (counter, version) in Counter::ALL.into_iter().zip(&mut stored.versions) {
        let Some(Reply::Record(Some((found, value)))) = replies.next() else { continue };
        *version = Some(found);
        match (decode_counter(&value), &mut stored.totals) {
            (Ok(n), Some(totals)) => totals.add(counter, n),
            _ => stored.totals = None,
        }
    }
    stored
}
