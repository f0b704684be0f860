//! Plans for the distinct values of leading columns: an index holds them in order, so a reader can seek from one to the next.

use super::candidate::{Access, Question, by_index, by_table};
use super::constraint::{self, Reading};
use super::operators::Ways;
use super::{Explain, Plan, check_policy, partition};
use crate::ask::{IndexChoice, OrderPart, Spec};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::node::Node;
use crate::placement::Placement;
use crate::schema::IndexPart;
use crate::session::Reader;

/// A plan that reads one entry for each distinct prefix of an index or of the table's keys.
#[derive(Debug, Clone)]
pub(crate) struct Skip {
    /// One range of an index or of keys, with no condition left to test. It is `ordered` if the prefixes come in the order that was
    /// asked for.
    pub plan: Plan,
    /// The leading columns that make up the prefix.
    pub prefix: Vec<IndexPart>,
    /// The column of the index behind the prefix, if there is one.
    pub next: Option<IndexPart>,
}

/// How the distinct values of these columns are found by seeks, in the order of the query if an index has that; `None` if they have to
/// be collected from rows.
///
/// # Errors
/// [`is_scan_denied`](crate::Error::is_scan_denied) by the scan policy.
pub(crate) fn plan_distinct(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    columns: &[u16],
) -> Result<Option<Skip>> {
    spec.check_size()?;
    // Another order is refused, where the rows are looked at.
    if spec.order.iter().any(|part| !columns.contains(&part.column)) {
        return Ok(None);
    }
    let Some(found) = skip(target, table, spec, columns, &spec.order, None) else { return Ok(None) };
    check_policy(target, spec, &found.plan)?;
    Ok(Some(found))
}

/// How the distinct values of `columns` are found by seeks, best in this order of them; `None` if no index holds them behind
/// columns that the filter fixes to one value, or if it does not serve the whole filter. With `next` the index has that column
/// behind them.
pub(super) fn skip(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    columns: &[u16],
    order: &[OrderPart],
    next: Option<u16>,
) -> Option<Skip> {
    let deleted = spec.deleted_condition();
    let conditions: Vec<&Node> = spec.filter.iter().chain(&deleted).collect();
    let mut constraints = Vec::with_capacity(conditions.len());
    for (at, condition) in conditions.iter().enumerate() {
        let Reading::Constraint(constraint) = constraint::read(condition, table.def) else { return None };
        constraints.push((at, constraint));
    }
    if spec.after.is_some() {
        return None;
    }
    let asked = Question { constraints, order: order.to_vec(), after: None };
    let key: Vec<IndexPart> = table.def.key.iter().map(|column| IndexPart::asc(*column)).collect();
    let of_keys = || Some((by_table(table, &asked), key.as_slice()));
    let of_index = |at: usize| {
        let index = table.indexes.get(at)?;
        let usable = match &spec.indexes {
            IndexChoice::Any => true,
            IndexChoice::None => false,
            IndexChoice::Only(name) => index.def.name == *name,
        };
        // A unique index has no entries; one on a list has several for a row, and none for an empty list.
        let whole = usable && !index.def.unique && !index.def.multi;
        whole.then(|| by_index(table, at, &asked)).flatten().map(|candidate| (candidate, index.def.parts.as_slice()))
    };
    let all = (0..table.indexes.len()).map(of_index);
    let keys = std::iter::once_with(of_keys).filter(|_| !matches!(spec.indexes, IndexChoice::Only(_)));
    let usable = all.chain(keys).flatten().filter_map(|(candidate, parts)| {
        let (Access::Rows { ranges, .. } | Access::Index { ranges, .. }) = &candidate.access else { return None };
        let served = (0..conditions.len()).all(|at| candidate.served.contains(&at));
        let width = width(parts, candidate.equalities, columns).filter(|_| served && ranges.len() == 1)?;
        // Every key is another one: nothing can be left out.
        let of_keys = matches!(candidate.access, Access::Rows { .. });
        let behind = parts.get(width).copied();
        let serves = next.is_none_or(|next| behind.is_some_and(|part| part.column == next));
        let leads = serves && !(of_keys && (width == parts.len() || next.is_some()));
        leads.then_some((candidate, parts, width))
    });
    let (candidate, parts, width) =
        usable.min_by_key(|(candidate, parts, _)| (!(candidate.ordered || order.is_empty()), parts.len()))?;
    Some(Skip {
        plan: Plan {
            partition: partition(target, table, &conditions),
            full_scan: !candidate.narrowed,
            ordered: candidate.ordered || order.is_empty(),
            ..Plan::of(candidate.access)
        },
        prefix: parts.get(..width)?.to_vec(),
        next: parts.get(width).copied(),
    })
}

/// How many leading parts hold these columns, if each of the parts is one of them or fixed to one value.
fn width(parts: &[IndexPart], fixed: usize, columns: &[u16]) -> Option<usize> {
    let mut width = 0;
    for column in columns {
        width = width.max(parts.iter().position(|part| part.column == *column)? + 1);
    }
    let leading = parts.get(..width)?;
    leading.iter().skip(fixed).all(|part| columns.contains(&part.column)).then_some(width)
}

impl Skip {
    /// The same in the other direction, which is of use where the order has no say.
    pub fn reversed(mut self, backwards: bool) -> Self {
        if let Access::Rows { reverse, .. } | Access::Index { reverse, .. } = &mut self.plan.access {
            *reverse = backwards;
        }
        self
    }

    /// For people to read.
    pub fn explain(&self, table: &StoredTable, spec: &Spec, placement: Placement) -> Explain {
        let ways = Ways { table, spec, placement, partners: &[], is_trial: false };
        let explained = Explain::of_plan(table, spec, &self.plan, ways.skip(self));
        if self.plan.ordered || spec.order.is_empty() { explained } else { explained.under("Sort the values") }
    }

    /// Whether entries are read from the last to the first.
    pub const fn is_reverse(&self) -> bool {
        matches!(self.plan.access, Access::Rows { reverse: true, .. } | Access::Index { reverse: true, .. })
    }
}
