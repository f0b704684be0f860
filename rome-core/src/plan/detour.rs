//! Ways to the rows of a query that need reads of their own before any row is found: leaps between two indexes, and seeks over the values
//! of a column that is not fixed. They compete with the plan, since nobody knows before how many leaps or seeks there are.

use super::candidate::{Access, Candidate, Question, by_index, by_index_behind};
use super::constraint::ConstraintKind;
use super::skip::Skip;
use super::{Counted, Plan};
use crate::catalog::StoredTable;
use crate::expr::node::Node;
use crate::placement::Placement;
use crate::schema::IndexPart;
use crate::store::{Partition, Range};

/// A way with a step before.
#[derive(Debug, Clone)]
pub(crate) enum Detour {
    Intersect(Intersect),
    Ahead(Ahead),
}

/// The rows that two indexes have in common. The entries of each are in the order of the keys of their rows.
#[derive(Debug, Clone)]
pub(crate) struct Intersect {
    /// The indexes, each with its range.
    pub sides: [(usize, Range); 2],
    /// The only partition where its rows can lie.
    pub partition: Option<Partition>,
    /// What is tested on each row.
    pub residual: Option<Node>,
}

/// An index with a condition on a column behind one that is not fixed: the values of that one are sought, and the condition bounds a
/// range for each of them.
#[derive(Debug, Clone)]
pub(crate) struct Ahead {
    pub index: usize,
    pub skip: Skip,
    /// What is left where the values are too many.
    pub instead: Box<Plan>,
}

/// An index that conditions fix whole: how many entries it has, as far as that is known, its place, its range, and the conditions.
pub(super) type Side = (u64, usize, Range, Vec<usize>);

/// The indexes among these ways whose entries come in the order of the keys of their rows.
pub(super) fn sides<'c>(
    table: &StoredTable,
    placement: Placement,
    counted: impl IntoIterator<Item = &'c Counted>,
) -> Vec<Side> {
    let side = |(candidate, count): &Counted| match &candidate.access {
        Access::Index { index, ranges, .. } => {
            let def = &table.indexes.get(*index)?.def;
            let by_key = candidate.equalities == def.parts.len() && !def.ends_descending();
            let beside = !def.global || placement.is_one();
            let [range] = ranges.as_slice() else { return None };
            (by_key && beside).then(|| (count.unwrap_or(u64::MAX), *index, range.clone(), candidate.served.clone()))
        }
        _ => None,
    };
    counted.into_iter().filter_map(side).collect()
}

/// The detour that may visit less than a plan which leaves conditions to be tested, if there is one.
pub(super) fn detour(
    table: &StoredTable,
    asked: &Question<'_>,
    conditions: &[&Node],
    sides: Vec<Side>,
    plan: &Plan,
) -> Option<Detour> {
    let intersect = intersect(conditions, sides, plan.partition).map(Detour::Intersect);
    intersect.or_else(|| ahead(table, asked, plan).map(Detour::Ahead))
}

/// Of the two smallest indexes.
fn intersect(conditions: &[&Node], mut sides: Vec<Side>, partition: Option<Partition>) -> Option<Intersect> {
    sides.sort_by_key(|(count, index, ..)| (*count, *index));
    let mut sides = sides.into_iter();
    let ((_, a, range_a, served), (_, b, range_b, also)) = (sides.next()?, sides.next()?);
    let left = |at: &usize| !served.contains(at) && !also.contains(at);
    let residual = (0..conditions.len()).filter(left).filter_map(|at| conditions.get(at)).map(|node| (*node).clone());
    let residual: Vec<Node> = residual.collect();
    Some(Intersect {
        sides: [(a, range_a), (b, range_b)],
        partition,
        residual: (!residual.is_empty()).then(|| Node::all(residual)),
    })
}

/// By the index in which the condition behind the free column fixes most.
fn ahead(table: &StoredTable, asked: &Question<'_>, plan: &Plan) -> Option<Ahead> {
    let bounds = |column: u16| {
        asked.constraints.iter().any(|(_, constraint)| {
            constraint.column == column
                && matches!(
                    constraint.kind,
                    ConstraintKind::OneOf(_)
                        | ConstraintKind::Low(..)
                        | ConstraintKind::High(..)
                        | ConstraintKind::Prefix(_)
                )
        })
    };
    let of_index = |at: usize| {
        let index = table.indexes.get(at).filter(|index| !index.def.unique && !index.def.multi)?;
        // Without the conditions behind the free column, the index is one range of its values.
        let fixed = by_index(table, at, asked)?.equalities;
        let next = index.def.parts.get(fixed + 1).filter(|part| bounds(part.column))?;
        let columns: Vec<u16> = index.def.parts.get(..=fixed)?.iter().map(|part| part.column).collect();
        let skip = within(table, at, asked, fixed, &columns)?;
        let only_value = asked.constraints.iter().any(|(_, constraint)| {
            constraint.column == next.column && matches!(constraint.kind, ConstraintKind::OneOf(_))
        });
        Some((only_value, fixed, at, skip))
    };
    let found = (0..table.indexes.len()).filter_map(of_index);
    let (.., index, skip) = found.max_by_key(|(only_value, fixed, ..)| (*only_value, *fixed))?;
    Some(Ahead { index, skip, instead: Box::new(plan.clone()) })
}

/// The seeks over the values of the first `fixed + 1` columns of an index, which are `columns`.
fn within(table: &StoredTable, at: usize, asked: &Question<'_>, fixed: usize, columns: &[u16]) -> Option<Skip> {
    let leading = asked.constraints.iter().filter(|(_, constraint)| columns.contains(&constraint.column));
    let leading = leading
        .filter(|(_, constraint)| !matches!(constraint.kind, ConstraintKind::Tuples(..) | ConstraintKind::After(_)));
    let asked = Question { constraints: leading.copied().collect(), order: Vec::new(), after: None };
    let candidate = by_index(table, at, &asked)?;
    let Access::Index { ranges, .. } = &candidate.access else { return None };
    if ranges.len() != 1 || candidate.equalities != fixed {
        return None;
    }
    let parts: &[IndexPart] = &table.indexes.get(at)?.def.parts;
    Some(Skip {
        prefix: parts.get(..=fixed)?.to_vec(),
        next: parts.get(fixed + 1).copied(),
        plan: Plan { full_scan: !candidate.narrowed, ..Plan::of(candidate.access) },
    })
}

impl Ahead {
    /// How the index serves the query under these beginnings of its entries, each with a value of the free column.
    pub(super) fn behind(
        &self,
        table: &StoredTable,
        asked: &Question<'_>,
        prefixes: Vec<Vec<u8>>,
    ) -> Option<Candidate> {
        by_index_behind(table, self.index, asked, prefixes, self.skip.prefix.len())
    }
}
