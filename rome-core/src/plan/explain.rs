//! Plans for people to read.

use std::fmt;

use super::operators::{Ways, limited};
use super::tree::{Noted, Tree};
use super::{Access, Plan};
use crate::ask::{Spec, Window};
use crate::catalog::StoredTable;
use crate::placement::Placement;

/// How a query would be carried out: a tree of operators, one on each line, below the one that takes its rows. Rows that are expected stand
/// behind an operator where they were counted, up to a bound: `(~12 rows)`, `(256+ rows)`. Several ways to the same rows compete where
/// nobody knows which visits less, and those that were not taken follow.
///
/// ```text
/// Limit 25
///   Filter disk_format = 'qcow2'
///     Scan images by index by_created (created_at), whole, backwards, in order
///   competes with
///     Sort by created_at desc, id desc
///       Filter disk_format = 'qcow2'
///         Scan images by index by_owner (owner), 1 range (256+ rows)
///   not taken: Scan images by index by_status (status), 1 range (256+ rows)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explain {
    tree: Tree,
    index: Option<String>,
    full_scan: bool,
    sorted: bool,
}

impl Explain {
    pub(crate) fn new(table: &StoredTable, spec: &Spec, plan: &Plan, placement: Placement) -> Self {
        let ways = Ways { table, spec, placement, partners: &[], is_trial: plan.has_rivals() };
        Self::of_plan(table, spec, plan, limited(&spec.window, ways.tree(plan)))
    }

    /// What a plan is known by, with the tree that it is part of.
    pub(super) fn of_plan(table: &StoredTable, spec: &Spec, plan: &Plan, tree: Tree) -> Self {
        let index = match &plan.access {
            Access::Claims { index, .. } | Access::Index { index, .. } => {
                table.indexes.get(*index).map(|index| index.def.name.clone())
            }
            _ => None,
        };
        Self { tree, index, full_scan: plan.full_scan, sorted: !plan.gives_order(spec) }
    }

    /// The plan of more than one table.
    pub(crate) const fn of_tree(tree: Tree, full_scan: bool, sorted: bool) -> Self {
        Self { tree, index: None, full_scan, sorted }
    }

    /// The plan of a query that an aggregate index answers.
    pub(crate) const fn of_aggregate(tree: Tree, index: String) -> Self {
        Self { tree, index: Some(index), full_scan: false, sorted: false }
    }

    /// The same plan, below an operator that takes its rows.
    pub(crate) fn under(self, operator: impl Into<String>) -> Self {
        Self { tree: self.tree.under(operator), ..self }
    }

    /// The same plan, cut to an offset and a limit.
    pub(crate) fn limited(self, window: &Window) -> Self {
        Self { tree: limited(window, self.tree), ..self }
    }

    /// The same plan, and another one beside it.
    pub(crate) fn beside(self, other: Self) -> Self {
        Self { tree: self.tree.beside(other.tree), ..self }
    }

    /// Its operators.
    pub(crate) const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Writes the tree, each operator with what `note` says of it.
    pub(crate) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        note: &dyn Fn(&mut fmt::Formatter<'_>, &Noted<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.tree.write(f, note)
    }

    /// The index or aggregate index that is used, if it is one.
    #[must_use]
    pub fn index(&self) -> Option<&str> {
        self.index.as_deref()
    }

    /// Whether the whole table or a whole index is read, as far as no limit stops it.
    #[must_use]
    pub const fn is_full_scan(&self) -> bool {
        self.full_scan
    }

    /// Whether the rows are sorted in memory.
    #[must_use]
    pub const fn sorts_in_memory(&self) -> bool {
        self.sorted
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree.fmt(f)
    }
}
