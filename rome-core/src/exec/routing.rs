//! Which partitions a plan reads, and what it reads there.

use std::ops::Bound;

use bytes::Bytes;

use super::runs::Source;
use crate::catalog::{StoredIndex, StoredTable};
use crate::error::{Error, Result};
use crate::placement::{Placement, Routed, begins_all};
use crate::plan::{Access, Plan};
use crate::store::{FilterRef, Partition, Range, Read, Space, Span};
use crate::value::key;

/// What the store does for a plan in addition to finding rows.
pub(super) struct Pushed<'a> {
    pub filter: Option<&'a FilterRef>,
    pub want: Option<u32>,
    pub keys_only: bool,
}

/// Whether a plan reads more than one partition, or one after another, so that it needs a session.
pub(super) fn is_wide(placement: Placement, table: &StoredTable, plan: &Plan) -> bool {
    if placement.is_one() {
        return false;
    }
    match &plan.access {
        Access::Nothing => false,
        Access::Keys(keys) => {
            let mut at = keys.iter().map(|key| placement.of_row(table, key));
            let first = at.next();
            at.any(|partition| Some(partition) != first)
        }
        Access::Claims { .. } | Access::Union(_) => true,
        Access::Index { index, .. } => plan.partition.is_none() || is_global(table, *index),
        Access::Rows { .. } => plan.partition.is_none(),
    }
}

/// Whether the entries of an access lie apart from their rows, so that the store cannot test the rows.
pub(super) fn is_apart(placement: Placement, table: &StoredTable, access: &Access) -> bool {
    !placement.is_one() && matches!(access, Access::Index { index, .. } if is_global(table, *index))
}

fn is_global(table: &StoredTable, index: usize) -> bool {
    table.indexes.get(index).is_some_and(|index| index.def.global)
}

/// Adds the lookups of claims and of entries of global indexes, which may lie apart from their rows. `want` is how many
/// rows are wanted, if each that is found is one.
pub(super) fn add_pointers(
    placement: Placement,
    table: &StoredTable,
    access: &Access,
    want: Option<u32>,
    reads: &mut Routed,
) {
    if placement.is_one() {
        return;
    }
    match access {
        Access::Claims { index, claims } => {
            let index = table.index(*index);
            for columns in claims {
                let read = Read::Get { space: index.space(), key: columns.clone() };
                reads.push(placement.of_claim(table, index, columns), read);
            }
        }
        Access::Index { index, ranges, reverse } if is_global(table, *index) => {
            let index = table.index(*index);
            for range in ranges {
                let span = span(index.space(), range, *reverse);
                let read = Read::Scan { span, filter: None, want, track: false };
                reads.push_all(&of_global(placement, index, range), &read);
            }
        }
        Access::Union(all) => all.iter().for_each(|access| add_pointers(placement, table, access, None, reads)),
        _ => {}
    }
}

/// The same access by the keys that its pointers, in their order, were found to have.
pub(super) fn by_keys(
    placement: Placement,
    table: &StoredTable,
    access: &Access,
    found: &mut impl Iterator<Item = Vec<Bytes>>,
) -> Access {
    match access {
        Access::Claims { claims, .. } => Access::Keys(found.take(claims.len()).flatten().collect()),
        Access::Index { index, ranges, .. } if is_global(table, *index) => {
            let index = table.index(*index);
            let n = ranges.iter().map(|range| of_global(placement, index, range).len()).sum();
            Access::Keys(found.take(n).flatten().collect())
        }
        Access::Union(all) => {
            Access::Union(all.iter().map(|access| by_keys(placement, table, access, found)).collect())
        }
        other => other.clone(),
    }
}

/// The partitions that hold a range of a global index: one if the range fixes the first column.
fn of_global(placement: Placement, index: &StoredIndex, range: &Range) -> Vec<Partition> {
    let (Bound::Included(lo), Bound::Excluded(hi)) = range else { return placement.all().collect() };
    let descending = index.def.parts.first().is_some_and(|part| part.descending);
    let first = |bytes: &Bytes| key::decode(bytes, descending).ok().map(|(_, used)| used);
    // The upper bound of what begins with a prefix is that prefix with its last byte raised, so both agree up to there.
    match first(lo) {
        Some(used) if lo.get(..used).is_some_and(|column| begins_all(column, hi)) => {
            vec![placement.of_global(index, lo)]
        }
        _ => placement.all().collect(),
    }
}

fn span(space: Space, (lo, hi): &Range, reverse: bool) -> Span {
    Span::between(space, lo.clone(), hi.clone()).reversed(reverse)
}

/// How rows are found in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    /// Directly.
    Rows,
    /// By index entries beside them.
    Entries,
    /// By index entries that may lie in other partitions.
    EntriesApart,
    /// By keys and claims.
    Lookups,
}

/// The runs of a plan that gives the rows of each of its ranges in order: one for each range in each partition, and one for all lookups.
/// `None` for a plan whose rows are found otherwise.
pub(super) fn runs(placement: Placement, table: &StoredTable, plan: &Plan) -> Option<Vec<Source>> {
    let mut sources = Vec::new();
    let mut lookups = Vec::new();
    add_runs(placement, table, plan, &plan.access, &mut sources, &mut lookups)?;
    if !lookups.is_empty() {
        sources.push(Source::Lookups(lookups));
    }
    Some(sources)
}

/// The spans of a plan that reads one range, one for each partition that may have some of it, and how rows are found in them.
pub(super) fn spans(
    placement: Placement,
    table: &StoredTable,
    plan: &Plan,
) -> Result<(Through, Vec<(Partition, Span)>)> {
    let (mut how, mut spans) = (Through::Rows, Vec::new());
    for source in runs(placement, table, plan).unwrap_or_default() {
        let Source::Span(through, partition, span) = source else {
            return Err(Error::internal("a plan of one range has lookups"));
        };
        how = through;
        spans.push((partition, span));
    }
    Ok((how, spans))
}

fn add_runs(
    placement: Placement,
    table: &StoredTable,
    plan: &Plan,
    access: &Access,
    sources: &mut Vec<Source>,
    lookups: &mut Vec<(Partition, Read)>,
) -> Option<()> {
    let only = if placement.is_one() { Some(Partition::default()) } else { plan.partition };
    let all = |found: Option<Partition>| found.map_or_else(|| placement.all().collect(), |partition| vec![partition]);
    let mut add = |through: Through, span: Span, partitions: Vec<Partition>| {
        sources.extend(partitions.into_iter().map(|partition| Source::Span(through, partition, span.clone())));
    };
    match access {
        Access::Nothing => {}
        Access::Rows { ranges, reverse } => {
            for range in ranges {
                let partition = only.or_else(|| placement.of_keys(table, range));
                add(Through::Rows, span(table.rows(), range, *reverse), all(partition));
            }
        }
        Access::Index { index, ranges, reverse } => {
            let index = table.indexes.get(*index)?;
            for range in ranges {
                let span = span(index.space(), range, *reverse);
                if index.def.global && !placement.is_one() {
                    add(Through::EntriesApart, span, of_global(placement, index, range));
                } else {
                    let partition = only.or_else(|| placement.of_entries(table, index, range));
                    add(Through::Entries, span, all(partition));
                }
            }
        }
        Access::Keys(keys) => lookups.extend(
            keys.iter().map(|key| (placement.of_row(table, key), Read::Get { space: table.rows(), key: key.clone() })),
        ),
        // A claim and its row may lie in two partitions.
        Access::Claims { .. } if !placement.is_one() => return None,
        Access::Claims { index, claims } => {
            let index = table.indexes.get(*index)?;
            lookups.extend(claims.iter().map(|columns| {
                let read = Read::GetClaimed { index: index.id, columns: columns.clone(), table: table.id };
                (Partition::default(), read)
            }));
        }
        Access::Union(all) => {
            for access in all {
                add_runs(placement, table, plan, access, sources, lookups)?;
            }
        }
    }
    Some(())
}

/// Adds what an access of the plan reads.
pub(super) fn add_reads(
    placement: Placement,
    table: &StoredTable,
    plan: &Plan,
    access: &Access,
    pushed: &Pushed<'_>,
    reads: &mut Routed,
) {
    let Pushed { filter, want, keys_only } = *pushed;
    let only = if placement.is_one() { Some(Partition::default()) } else { plan.partition };
    let everywhere: Vec<Partition> = placement.all().collect();
    match access {
        Access::Nothing => {}
        Access::Keys(keys) => {
            for key in keys {
                reads.push(placement.of_row(table, key), Read::Get { space: table.rows(), key: key.clone() });
            }
        }
        Access::Claims { index, claims } => {
            let index = table.index(*index);
            for columns in claims {
                let read = Read::GetClaimed { index: index.id, columns: columns.clone(), table: table.id };
                reads.push(placement.of_claim(table, index, columns), read);
            }
        }
        Access::Rows { ranges, reverse } => {
            for range in ranges {
                let span = span(table.rows(), range, *reverse);
                let read = Read::Scan { span, filter: filter.cloned(), want, track: false };
                match only.or_else(|| placement.of_keys(table, range)) {
                    Some(partition) => reads.push(partition, read),
                    None => reads.push_all(&everywhere, &read),
                }
            }
        }
        Access::Index { index, ranges, reverse } => {
            let index = table.index(*index);
            for range in ranges {
                let span = span(index.space(), range, *reverse);
                let read = if keys_only {
                    Read::Scan { span, filter: None, want, track: false }
                } else {
                    Read::ScanRows { index: span, table: table.id, filter: filter.cloned(), want, track: false }
                };
                if index.def.global {
                    // Only its entries are of use where the rows lie elsewhere.
                    reads.push_all(&of_global(placement, index, range), &read);
                    continue;
                }
                match only.or_else(|| placement.of_entries(table, index, range)) {
                    Some(partition) => reads.push(partition, read),
                    None => reads.push_all(&everywhere, &read),
                }
            }
        }
        Access::Union(all) => {
            all.iter().for_each(|access| add_reads(placement, table, plan, access, pushed, reads));
        }
    }
}
