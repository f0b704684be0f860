//! The buffered writes that a query meets.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::catalog::StoredTable;
use crate::plan::Access;
use crate::session::{Overlay, Pending};

/// The buffered writes of a table that a query by an access may meet, in the order of their keys: of rows that it finds
/// stored and that are others by now, and of those that it will find. There may be more.
pub(super) fn buffered<'o>(
    overlay: &'o mut Overlay,
    table: &StoredTable,
    access: &Access,
) -> Vec<(&'o Bytes, &'o Pending)> {
    let mut found = BTreeSet::new();
    if overlay.has_written(table.id) {
        find(overlay, table, access, &mut found);
    }
    overlay.of_keys(table.id, found)
}

fn find(overlay: &mut Overlay, table: &StoredTable, access: &Access, found: &mut BTreeSet<Bytes>) {
    match access {
        Access::Nothing => {}
        Access::Keys(keys) => overlay.find_keys(table.id, keys, found),
        Access::Rows { ranges, .. } => ranges.iter().for_each(|range| overlay.find_rows(table.id, range, found)),
        Access::Index { index, ranges, .. } => {
            let space = table.index(*index).space();
            ranges.iter().for_each(|range| overlay.find_entries(space, range, found));
        }
        Access::Claims { index, claims } => {
            let space = table.index(*index).space();
            claims.iter().for_each(|claim| overlay.find_claims(space, claim, found));
        }
        Access::Union(all) => all.iter().for_each(|access| find(overlay, table, access, found)),
    }
}
