//! Plans for aggregates that a few entries of an index tell: groups of its leading columns with the ends of the next one, and numbers
//! of distinct values.

use super::buffered::has_written;
use super::skip::skip;
use super::tree::Tree;
use super::{AskedOfGroups, Explain, Skip};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::expr::aggregate::{Aggregate, Func};
use crate::expr::node::Node;
use crate::placement::Placement;
use crate::session::Reader;

/// How aggregates are found by seeks.
#[derive(Debug)]
pub(crate) enum Seek {
    /// Groups, and of each the ends of the next column.
    Groups(Ends),
    /// Of all rows, for each aggregate the distinct values of its column.
    Distinct(Vec<Skip>),
}

/// The ends of the column behind the groups' columns.
#[derive(Debug)]
pub(crate) struct Ends {
    pub skip: Skip,
    /// Whether the groups are found in the order that was asked for.
    pub in_order: bool,
    /// Whether the least and the greatest value of each group are asked for.
    pub least: bool,
    pub greatest: bool,
}

/// How the aggregates of a query are found by seeks; `None` if that takes more than an index tells.
pub(super) fn seek(target: Reader<'_>, table: &StoredTable, spec: &Spec, asked: &AskedOfGroups<'_>) -> Option<Seek> {
    let unwritten = |skip: &Skip| !has_written(target, table, &skip.plan.access);
    if asked.by.is_empty() {
        let distinct = |aggregate: &Aggregate| match (aggregate.func, &aggregate.of) {
            (Func::CountDistinct, Some(Node::Column(column))) => {
                skip(target, table, spec, &[*column], &[], None).filter(unwritten)
            }
            _ => None,
        };
        let all: Option<Vec<Skip>> = asked.aggregates.iter().map(distinct).collect();
        return all.filter(|all| !all.is_empty()).map(Seek::Distinct);
    }
    let by: Vec<u16> = asked.by.iter().map(Node::as_column).collect::<Option<_>>()?;
    let (mut next, mut least, mut greatest) = (None, false, false);
    for aggregate in asked.aggregates {
        let column = aggregate.of.as_ref().and_then(Node::as_column)?;
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
    let found = skip(target, table, spec, &by, asked.order.as_deref().unwrap_or_default(), next).filter(unwritten)?;
    let in_order = asked.order.is_some() && found.plan.ordered && asked.limited;
    // Where the order has no say, the direction is the one that meets the wanted end first.
    let found = match found.next.filter(|_| !in_order && (least || greatest)) {
        Some(next) => found.reversed(next.descending != greatest),
        None => found,
    };
    Some(Seek::Groups(Ends { skip: found, in_order, least, greatest }))
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
                (false, false) => "Group, each entry is one",
                (true, true) => "Group, each entry is one, whose ends have the least and the greatest value",
                _ => "Group, each entry is one, whose end has the wanted value",
            },
            Self::Distinct(_) => "Count the values",
        };
        let mut all = self.skips().iter().map(|skip| skip.explain(table, spec, placement).under(what));
        let first = all.next().unwrap_or_else(|| Explain::of_tree(Tree::default(), false, false));
        all.fold(first, Explain::beside)
    }
}
