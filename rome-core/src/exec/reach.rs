//! Which partitions a plan reads, and what it reads there.

use bytes::Bytes;

use super::fetch::Pushed;
use crate::catalog::StoredTable;
use crate::place::{Placement, Routed};
use crate::plan::{Access, Plan, Range};
use crate::store::{Partition, Read, Space, Span};

/// Whether a plan reads more than one partition, or one after another, so that it needs a session.
pub(super) fn is_wide(placement: Placement, table: &StoredTable, plan: &Plan) -> bool {
    if placement.is_one() {
        return false;
    }
    if plan.partition.is_some() && !matches!(plan.access, Access::Claims { .. } | Access::Union(_)) {
        return false;
    }
    match &plan.access {
        Access::Nothing => false,
        Access::Keys(keys) => {
            let mut at = keys.iter().map(|key| placement.of_row(table, key));
            let first = at.next();
            at.any(|partition| Some(partition) != first)
        }
        _ => true,
    }
}

/// Adds the lookups of claims that may lie apart from their rows.
pub(super) fn add_claims(placement: Placement, table: &StoredTable, access: &Access, reads: &mut Routed) {
    if placement.is_one() {
        return;
    }
    match access {
        Access::Claims { index, claims } => {
            let Some(index) = table.indexes.get(*index) else { return };
            for columns in claims {
                let read = Read::Get { space: index.space(), key: columns.clone() };
                reads.push(placement.of_claim(table, index, columns), read);
            }
        }
        Access::Union(all) => all.iter().for_each(|access| add_claims(placement, table, access, reads)),
        _ => {}
    }
}

/// The same access with the keys that the claims in it were found to have, in their order.
pub(super) fn by_keys(access: &Access, keys: &mut impl Iterator<Item = Option<Bytes>>) -> Access {
    match access {
        Access::Claims { claims, .. } => Access::Keys(keys.take(claims.len()).flatten().collect()),
        Access::Union(all) => Access::Union(all.iter().map(|access| by_keys(access, keys)).collect()),
        other => other.clone(),
    }
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
    let span =
        |space: Space, (lo, hi): &Range, reverse: bool| Span::between(space, lo.clone(), hi.clone()).reversed(reverse);
    let everywhere: Vec<Partition> = match plan.partition {
        Some(partition) => vec![partition],
        None => placement.all().collect(),
    };
    match access {
        Access::Nothing => {}
        Access::Keys(keys) => {
            for key in keys {
                reads.push(placement.of_row(table, key), Read::Get { space: table.rows(), key: key.clone() });
            }
        }
        Access::Claims { index, claims } => {
            let Some(index) = table.indexes.get(*index) else { return };
            for columns in claims {
                let read = Read::GetClaimed { index: index.id, columns: columns.clone(), table: table.id };
                reads.push(placement.of_claim(table, index, columns), read);
            }
        }
        Access::Rows { ranges, reverse } => {
            for range in ranges {
                let span = span(table.rows(), range, *reverse);
                reads.push_all(&everywhere, &Read::Scan { span, filter: filter.cloned(), want, track: false });
            }
        }
        Access::Index { index, ranges, reverse } => {
            let Some(index) = table.indexes.get(*index) else { return };
            for range in ranges {
                let span = span(index.space(), range, *reverse);
                let read = if keys_only {
                    Read::Scan { span, filter: None, want, track: false }
                } else {
                    Read::ScanRows { index: span, table: table.id, filter: filter.cloned(), want, track: false }
                };
                reads.push_all(&everywhere, &read);
            }
        }
        Access::Union(all) => {
            all.iter().for_each(|access| add_reads(placement, table, plan, access, pushed, reads));
        }
    }
}
