//! Aggregates by seeks: groups of an index's leading columns with the least and greatest values of the next one, and numbers of
//! distinct values. Each costs a few entries, whatever the number of its rows.

use std::sync::Arc;

use bytes::Bytes;

use super::entries::Entry;
use super::groups::{Grouping, Groups};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::exec::fetch::own_writes;
use crate::exec::skip::{Found, Walk, values_of};
use crate::exec::target::Target;
use crate::expr::aggregate::{Aggregate, Func};
use crate::expr::node::Node;
use crate::place::{Placement, Routed};
use crate::plan::{Access, Explain, GroupSpec, Range, Skip, Spec, between, skip, with_prefix};
use crate::row;
use crate::schema::IndexPart;
use crate::store::{Read, Reply, Space, Span};
use crate::value::Value;

/// How many groups are found before their ends are read.
const CHUNK: usize = 1_024;

/// How aggregates are found by seeks.
#[derive(Debug)]
pub(super) enum Seek {
    /// Groups, and of each the ends of the next column.
    Groups(Ends),
    /// Of all rows, for each aggregate the distinct values of its column.
    Distinct(Vec<Skip>),
}

/// The ends of the column behind the groups' columns.
#[derive(Debug)]
pub(super) struct Ends {
    pub skip: Skip,
    /// Whether the groups are found in the order that was asked for.
    in_order: bool,
    /// Whether the least and the greatest value of each group are asked for.
    least: bool,
    greatest: bool,
}

/// How the aggregates of a query are found by seeks; `None` if that takes more than an index tells.
pub(super) fn plan(
    target: Target<'_>,
    table: &StoredTable,
    spec: &Spec,
    group: &GroupSpec,
    grouping: &Grouping,
) -> Option<Seek> {
    let unwritten = |skip: &Skip| own_writes(target, table, &skip.plan.access).is_empty();
    if grouping.by().is_empty() {
        let distinct = |aggregate: &Aggregate| match (aggregate.func, &aggregate.of) {
            (Func::CountDistinct, Some(Node::Column(column))) => {
                skip(target, table, spec, &[*column], &[], None).filter(unwritten)
            }
            _ => None,
        };
        let all: Option<Vec<Skip>> = grouping.aggregates().iter().map(distinct).collect();
        return all.filter(|all| !all.is_empty()).map(Seek::Distinct);
    }
    let by: Vec<u16> = grouping.by().iter().map(column_of).collect::<Option<_>>()?;
    let (mut next, mut least, mut greatest) = (None, false, false);
    for aggregate in grouping.aggregates() {
        let column = aggregate.of.as_ref().and_then(column_of)?;
        match aggregate.func {
            Func::Min | Func::Max if by.contains(&column) => continue,
            Func::Min => least = true,
            Func::Max => greatest = true,
            _ => return None,
        }
        if next.replace(column).is_some_and(|other| other != column) {
            return None;
        }
    }
    let order = grouping.order_of_columns();
    let found = skip(target, table, spec, &by, order.as_deref().unwrap_or_default(), next).filter(unwritten)?;
    let in_order = order.is_some() && found.plan.ordered && group.limit.is_some();
    // Where the order has no say, the direction is the one that meets the wanted end first.
    let found = match found.next.filter(|_| !in_order && (least || greatest)) {
        Some(next) => found.reversed(next.descending != greatest),
        None => found,
    };
    Some(Seek::Groups(Ends { skip: found, in_order, least, greatest }))
}

pub(super) const fn column_of(node: &Node) -> Option<u16> {
    match node {
        Node::Column(column) => Some(*column),
        _ => None,
    }
}

impl Seek {
    /// The plans of its reads.
    pub fn skips(&self) -> &[Skip] {
        match self {
            Self::Groups(ends) => std::slice::from_ref(&ends.skip),
            Self::Distinct(skips) => skips,
        }
    }

    /// For people to read.
    pub fn explain(&self, table: &StoredTable, spec: &Spec, placement: Placement) -> Explain {
        let what = match self {
            Self::Groups(ends) => match (ends.least, ends.greatest) {
                (false, false) => "each is a group",
                (true, true) => "each is a group, whose ends have the least and the greatest value",
                _ => "each is a group, whose end has the wanted value",
            },
            Self::Distinct(_) => "count them",
        };
        let mut all = self.skips().iter().map(|skip| skip.explain(table, spec, placement));
        let first = all.next().unwrap_or_else(|| Explain::of_text(String::new(), false, false)).and(what);
        all.fold(first, |explained, more| explained.and(&more.to_string().replace('\n', "\n  ")).and(what))
    }

    /// The rows of the groups, in order. Costs a round trip for each group or value at most, and one for each 1,024 groups of
    /// which both ends are asked for.
    pub async fn rows(
        &self,
        target: Target<'_>,
        table: &Arc<StoredTable>,
        group: &GroupSpec,
        mut groups: Groups<'_>,
    ) -> Result<Vec<Vec<Value>>> {
        match self {
            Self::Groups(ends) => return ends.rows(target, table, group, groups).await,
            Self::Distinct(skips) => {
                for (at, skip) in skips.iter().enumerate() {
                    count(target, table, skip, at, &mut groups).await?;
                }
            }
        }
        groups.finish(group, table.def.name)
    }
}

/// Counts the distinct values of the last column of the prefix for the aggregate at a place.
async fn count(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    skip: &Skip,
    at: usize,
    groups: &mut Groups<'_>,
) -> Result<()> {
    let mut walk = Walk::new(target, table, skip)?;
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
        target: Target<'_>,
        table: &Arc<StoredTable>,
        group: &GroupSpec,
        mut groups: Groups<'_>,
    ) -> Result<Vec<Vec<Value>>> {
        let name = table.def.name;
        let wanted = group.wanted().filter(|_| self.in_order);
        let mut walk = Walk::new(target, table, &self.skip)?;
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
                return Ok(group.cut(rows));
            }
            // How many groups the conditions leave is not known.
            chunk = (2 * chunk).min(CHUNK);
        }
    }

    /// Adds the groups of these prefixes: the entries that were met, and the ends that these do not show.
    async fn add(
        &self,
        target: Target<'_>,
        table: &Arc<StoredTable>,
        found: &[Found],
        groups: &mut Groups<'_>,
    ) -> Result<()> {
        let next = self.skip.next.filter(|_| self.least || self.greatest);
        let parts: Vec<IndexPart> = self.skip.prefix.iter().copied().chain(next).collect();
        let space = self.space(table)?;
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
            let Reply::Scanned(scanned) = reply else {
                return Err(Error::invalid("the store answered a scan with something else"));
            };
            if let Some(entry) = scanned.shared_key(0) {
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

    fn space(&self, table: &StoredTable) -> Result<Space> {
        match &self.skip.plan.access {
            Access::Index { index, .. } => table.indexes.get(*index).map(|index| index.space()),
            _ => Some(table.rows()),
        }
        .ok_or_else(|| Error::invalid("the plan of a group-by names an index that the table does not have"))
    }
}

fn add(table: &StoredTable, groups: &mut Groups<'_>, entry: &Bytes, columns: Vec<(u16, Value)>) -> Result<()> {
    groups.add(&Entry { columns }).map_err(|source| row::unreadable(table.def, entry, source))
}
