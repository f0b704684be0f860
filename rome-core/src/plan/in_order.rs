//! Plans for groups that are read in their order.

use super::aggregate::covers;
use super::buffered::has_written;
use super::candidate::{Access, Candidate, Question, by_index, by_table};
use super::{AskedOfGroups, Plan, constraints, partition};
use crate::ask::{IndexChoice, OrderPart, Spec};
use crate::catalog::StoredTable;
use crate::expr::node::Node;
use crate::session::Reader;

/// Groups in the order of an index or of the table.
#[derive(Debug)]
pub(crate) struct InOrder {
    pub plan: Plan,
    /// Whether the entries hold all that is needed, so that no row is read.
    pub of_entries: bool,
    /// The columns that have to be known of each row.
    pub needed: Vec<u16>,
}

impl InOrder {
    /// For people to read.
    pub const fn way(&self) -> &'static str {
        if self.of_entries { "Group entries as they come, reading no rows" } else { "Group rows as they come" }
    }
}

/// How the groups of a query are read in their order; `None` if no limit would end that early, or no index gives the order.
pub(super) fn groups_in_order(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    asked: &AskedOfGroups<'_>,
    needed: &[u16],
) -> Option<InOrder> {
    if !asked.limited || asked.by.is_empty() || !asked.by.iter().all(|node| node.as_column().is_some()) {
        return None;
    }
    let plan = in_order(target, table, spec, asked.order.as_deref()?)?;
    let index = match plan.access {
        Access::Index { index, .. } => table.indexes.get(index),
        _ => None,
    };
    let of_entries = matches!(plan.access, Access::Index { index, .. } if covers(table, index, needed));
    let is_apart = !target.shared().placement.is_one() && index.is_some_and(|index| index.def.global);
    if has_written(target, table, &plan.access) || (!of_entries && is_apart) {
        return None;
    }
    Some(InOrder { plan, of_entries, needed: needed.to_vec() })
}

/// The plan that gives rows in this order, which need not be a total one, by one range of an index or of the table; `None` if there
/// is none, or if another way reads fewer rows because it serves a condition that this one tests on them.
fn in_order(target: Reader<'_>, table: &StoredTable, spec: &Spec, order: &[OrderPart]) -> Option<Plan> {
    let deleted = spec.deleted_condition();
    let conditions: Vec<&Node> = spec.filter.iter().chain(&deleted).collect();
    let constraints = constraints(table, &conditions)?;
    let asked = Question { constraints, order: order.to_vec(), after: None };
    let usable = |at: &usize| match &spec.indexes {
        IndexChoice::Any => true,
        IndexChoice::None => false,
        IndexChoice::Only(name) => table.indexes.get(*at).is_some_and(|index| index.def.name == *name),
    };
    let of_index = (0..table.indexes.len()).filter(usable).filter_map(|at| by_index(table, at, &asked));
    let of_table = (!matches!(spec.indexes, IndexChoice::Only(_))).then(|| by_table(table, &asked));
    let all: Vec<Candidate> = of_index.chain(of_table).collect();
    let one_range = |candidate: &&Candidate| match &candidate.access {
        Access::Rows { ranges, .. } | Access::Index { ranges, .. } => candidate.ordered && ranges.len() == 1,
        _ => false,
    };
    let best = all.iter().filter(one_range).max_by_key(|candidate| (candidate.served.len(), candidate.equalities))?;
    let residual: Vec<(usize, &Node)> =
        conditions.iter().copied().enumerate().filter(|(at, _)| !best.served.contains(at)).collect();
    let elsewhere = |(at, condition): &(usize, &Node)| {
        matches!(condition, Node::Or(_)) || all.iter().any(|other| other.narrowed && other.served.contains(at))
    };
    if residual.iter().any(elsewhere) {
        return None;
    }
    Some(Plan {
        partition: partition(target, table, &conditions),
        full_scan: !best.narrowed,
        residual: (!residual.is_empty()).then(|| Node::all(residual.into_iter().map(|(_, node)| node.clone()))),
        ..Plan::of(best.access.clone())
    })
}
