//! In which partitions the ranges of an access lie.

use super::Access;
use crate::catalog::StoredTable;
use crate::placement::Placement;
use crate::store::Partition;

/// Whether each range of an access fixes the partition of what lies in it.
pub(super) fn finds_each(placement: Placement, table: &StoredTable, access: &Access) -> bool {
    of_ranges(placement, table, access).is_some_and(|mut all| all.all(|partition| partition.is_some()))
}

/// Where the rows of each range of the table or of a local index lie, if it fixes that; `None` for another access.
pub(super) fn of_ranges<'a>(
    placement: Placement,
    table: &'a StoredTable,
    access: &'a Access,
) -> Option<impl Iterator<Item = Option<Partition>> + 'a> {
    let (index, ranges) = match access {
        Access::Rows { ranges, .. } => (None, ranges),
        Access::Index { index, ranges, .. } => (Some(table.indexes.get(*index)?), ranges),
        _ => return None,
    };
    Some(ranges.iter().map(move |range| match index {
        Some(index) => placement.of_entries(table, index, range),
        None => placement.of_keys(table, range),
    }))
}
