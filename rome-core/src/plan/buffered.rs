//! The buffered writes that a query meets.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::Access;
use crate::catalog::StoredTable;
use crate::session::{Overlay, Pending, Reader};

/// The buffered writes of a table that a query by an access may meet, in the order of their keys: of rows that it finds
/// stored and that are others by now, and of those that it will find. There may be more.
pub(crate) fn buffered<'o>(
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

/// Whether the session of a reader has written rows that a query by an access may meet.
pub(super) fn has_written(target: Reader<'_>, table: &StoredTable, access: &Access) -> bool {
    target
        .session()
        .is_some_and(|session| session.within_overlay(|overlay| !buffered(overlay, table, access).is_empty()))
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
