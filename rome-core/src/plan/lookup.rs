//! The plan of a lookup by many values: nothing is compared, and no value is decoded.

use bytes::Bytes;

use super::Plan;
use super::candidate::Access;
use super::placed::of_ranges;
use crate::ask::{IndexChoice, Spec};
use crate::catalog::{StoredIndex, StoredTable};
use crate::placement::Placement;
use crate::session::Reader;
use crate::store::{Partition, Range, with_prefix};

/// The plan for the rows whose columns hold one of these values, which are encoded, sorted, different and not NULL, where the
/// key of the table or one of its indexes begins with these columns and nothing else could serve the query better; none
/// elsewhere.
pub(crate) fn lookup(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    columns: &[u16],
    values: &[Bytes],
) -> Option<Plan> {
    // The planner may find an index that serves a condition on one of the rows of one value besides.
    let plain = (spec.filter.is_empty() || columns.len() > 1) && spec.after.is_none() && spec.window.is_all();
    // The rows of one value may come in the order that is asked for, from the right index.
    let in_order = values.len() > 1 || spec.order.is_empty();
    if !plain || spec.indexes != IndexChoice::Any || !in_order || !values.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let ranges = || -> Vec<Range> { values.iter().cloned().map(with_prefix).collect() };
    let access = if table.def.key == columns {
        Access::Keys(values.to_vec())
    } else if table.def.key.starts_with(columns) {
        Access::Rows { ranges: ranges(), reverse: false }
    } else {
        let index = table.indexes.iter().position(|index| leads_with(index, columns))?;
        match table.indexes.get(index)?.def.unique {
            true => Access::Claims { index, claims: values.to_vec() },
            false => Access::Index { index, ranges: ranges(), reverse: false },
        }
    };
    Some(Plan {
        partition: only_partition(target.shared().placement, table, &access),
        residual: spec.condition(),
        ordered: spec.order.is_empty(),
        resumed: false,
        ..Plan::of(access)
    })
}

/// Whether the entries of the index begin with these columns, as they are encoded in a key.
fn leads_with(index: &StoredIndex, columns: &[u16]) -> bool {
    let parts = &index.def.parts;
    let leads = parts.len() >= columns.len()
        && parts.iter().zip(columns).all(|(part, column)| part.column == *column && !part.descending);
    leads && index.is_readable() && !index.def.multi && (!index.def.unique || parts.len() == columns.len())
}

/// The only partition where these rows lie, if it is only one.
fn only_partition(placement: Placement, table: &StoredTable, access: &Access) -> Option<Partition> {
    if placement.is_one() {
        return None;
    }
    let mut all = of_ranges(placement, table, access)?;
    let first = all.next()??;
    all.all(|partition| partition == Some(first)).then_some(first)
}
