//! Aggregates by seeks: groups of an index's leading columns with the least and greatest values of the next one, and numbers of
//! distinct values. Each costs a few entries, whatever the number of its rows.

use std::sync::Arc;

use bytes::Bytes;

use super::entries::Entry;
use super::groups::Groups;
use crate::ask::GroupSpec;
use crate::catalog::StoredTable;
use crate::commit::ReplyExt;
use crate::error::Result;
use crate::exec::skip::{Found, SkipScan, values_of};
use crate::placement::Routed;
use crate::plan::{Access, Ends, Seek, Skip, between};
use crate::row;
use crate::schema::IndexPart;
use crate::session::Reader;
use crate::store::{Range, Read, Space, Span, with_prefix};
use crate::value::Value;

/// How many groups are found before their ends are read.
const CHUNK: usize = 1_024;

/// The rows of the groups, in order. Costs a round trip for each group or value at most, and one for each 1,024 groups of which both
/// ends are asked for.
pub(super) async fn rows(
    seek: &Seek,
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    group: &GroupSpec,
    mut groups: Groups<'_>,
) -> Result<Vec<Vec<Value>>> {
    match seek {
        Seek::Groups(ends) => return ends.rows(target, table, group, groups).await,
        Seek::Distinct(skips) => {
            for (at, skip) in skips.iter().enumerate() {
                count(target, table, skip, at, &mut groups).await?;
            }
        }
    }
    groups.finish(group, table.def.name)
}

/// Counts the distinct values of the last column of the prefix for the aggregate at a place.
async fn count(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    skip: &Skip,
    at: usize,
    groups: &mut Groups<'_>,
) -> Result<()> {
    let mut walk = SkipScan::new(target, table, skip)?;
    loop {
        let found = walk.next(target, CHUNK).await?;
        for one in &found {
            if let Some((_, value)) = values_of(table, &skip.prefix, &one.prefix)?.last() {
                groups.set(at, value.as_ref()).map_err(|source| row::unreadable(table.def, &one.prefix, source))?;
            }
        }
        groups.check_size()?;
        if found.len() < CHUNK {
            return Ok(());
        }
    }
}

impl Ends {
    async fn rows(
        &self,
        target: Reader<'_>,
        table: &Arc<StoredTable>,
        group: &GroupSpec,
        mut groups: Groups<'_>,
    ) -> Result<Vec<Vec<Value>>> {
        let name = table.def.name;
        let wanted =
            group.window.reach().filter(|_| self.in_order).map(|wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
        let mut walk = SkipScan::new(target, table, &self.skip)?;
        let mut rows = Vec::new();
        let mut chunk = wanted.unwrap_or(CHUNK).clamp(1, CHUNK);
        loop {
            let found = walk.next(target, chunk).await?;
            let ended = found.len() < chunk;
            self.add(target, table, &found, &mut groups).await?;
            groups.check_size()?;
            let Some(wanted) = wanted else {
                if ended {
                    return groups.finish(group, name);
                }
                continue;
            };
            rows.extend(groups.take_before(None, name)?);
            if ended || rows.len() >= wanted {
                group.window.cut(&mut rows);
                return Ok(rows);
            }
            // How many groups the conditions leave is not known.
            chunk = (2 * chunk).min(CHUNK);
        }
    }

    /// Adds the groups of these prefixes: the entries that were met, and the ends that these do not show.
    async fn add(
        &self,
        target: Reader<'_>,
        table: &Arc<StoredTable>,
        found: &[Found],
        groups: &mut Groups<'_>,
    ) -> Result<()> {
        let next = self.skip.next.filter(|_| self.least || self.greatest);
        let parts: Vec<IndexPart> = self.skip.prefix.iter().copied().chain(next).collect();
        let space = self.space(table);
        let mut ends = Routed::default();
        for one in found {
            for (partition, of_one) in &one.ends {
                let first = values_of(table, &parts, &of_one.first)?;
                let is_null = first.last().is_some_and(|(_, value)| value.is_null());
                add(table, groups, &of_one.first, first)?;
                let Some(next) = next else { continue };
                let last = of_one.last.as_ref().map(|last| values_of(table, &parts, last)).transpose()?;
                let last_is_value =
                    last.as_ref().and_then(|last| last.last()).is_some_and(|(_, value)| !value.is_null());
                self.ends_of(next, &one.prefix, (is_null, last_is_value), |(lo, hi), reverse| {
                    let span = Span::between(space, lo, hi).reversed(reverse).limited(Some(1));
                    ends.push(*partition, Read::Scan { span, filter: None, want: None, track: false });
                });
                if let (Some(entry), Some(columns)) = (&of_one.last, last) {
                    add(table, groups, entry, columns)?;
                }
            }
        }
        if ends.is_empty() {
            return Ok(());
        }
        for reply in target.read(ends).await? {
            if let Some(entry) = reply.into_scanned()?.shared_key(0) {
                add(table, groups, &entry, values_of(table, &parts, &entry)?)?;
            }
        }
        Ok(())
    }

    /// The ranges, each with a direction, whose first entries are the ends that were not met. `met` says whether the first entry of
    /// the prefix has NULL, and whether the last one is known and has a value.
    fn ends_of(&self, next: IndexPart, prefix: &Bytes, met: (bool, bool), mut read: impl FnMut(Range, bool)) {
        let (first_is_null, last_is_value) = met;
        // NULL is below every value, so one at the upper end is all that there is, and a value at either end is that end.
        let first_is_greatest = next.descending != self.skip.is_reverse();
        if self.greatest && !first_is_greatest && !last_is_value {
            read(with_prefix(prefix.clone()), !next.descending);
        }
        let least_is_met = if first_is_greatest { first_is_null || last_is_value } else { !first_is_null };
        if self.least && !least_is_met {
            read(between(prefix, next.descending, None, None), next.descending);
        }
    }

    fn space(&self, table: &StoredTable) -> Space {
        match &self.skip.plan.access {
            Access::Index { index, .. } => table.index(*index).space(),
            _ => table.rows(),
        }
    }
}

fn add(table: &StoredTable, groups: &mut Groups<'_>, entry: &Bytes, columns: Vec<(u16, Value)>) -> Result<()> {
    groups.add(&Entry::of(columns)).map_err(|source| row::unreadable(table.def, entry, source))
}
