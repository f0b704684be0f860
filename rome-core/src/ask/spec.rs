//! What a query asks for, without its types.

use super::{MOST_ROWS, Window};
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::size;
use crate::schema::Table;
use crate::value::Value;

pub(crate) use crate::expr::OrderPart;

/// Which rows a query sees in a table with soft deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SoftDeleted {
    /// Those that are not deleted.
    #[default]
    Exclude,
    /// All.
    Include,
    /// Those that are deleted.
    Only,
}

/// What happens to a query that reads a whole table because no index serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ScanPolicy {
    /// It runs.
    #[default]
    Allow,
    /// It runs, and a `tracing` warning names it.
    Warn,
    /// It fails with an error for which [`is_scan_denied`](crate::Error::is_scan_denied) is true.
    Deny,
}

/// Which indexes a query may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum IndexChoice {
    /// Whichever is cheapest.
    #[default]
    Any,
    /// None: the table itself.
    None,
    /// The one with this name.
    Only(String),
}

/// Forces what is otherwise chosen or bounded, so that tests reach every way with small tables. Changes no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(hidden)]
pub struct Hints {
    /// Whether counted ways compete too, however few entries they have.
    pub compete: bool,
    /// The only way that runs of those that compete, modulo their number.
    pub way: Option<usize>,
    /// The first budget of visits.
    pub budget: Option<u64>,
    /// The most rows that one batch asks for.
    pub batch: Option<u64>,
    /// The most rows that are sorted, the most that a hash table of a join has, and the most groups that are kept.
    pub rows: Option<usize>,
}

impl Hints {
    pub(crate) fn most_rows(&self) -> usize {
        self.rows.unwrap_or(MOST_ROWS)
    }
}

/// What a query asks for.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub table: &'static Table,
    /// Conditions that all have to be true.
    pub filter: Vec<Node>,
    pub order: Vec<OrderPart>,
    pub window: Window,
    pub deleted: SoftDeleted,
    pub policy: Option<ScanPolicy>,
    pub indexes: IndexChoice,
    /// Only rows that come after the one with these values in the [full order](Self::full_order).
    pub after: Option<Vec<Value>>,
    pub hints: Hints,
}

/// An order without the parts that say nothing: those by a column that an earlier part orders by already.
pub(crate) fn distinct_parts(parts: Vec<OrderPart>) -> Vec<OrderPart> {
    let mut order: Vec<OrderPart> = Vec::new();
    for part in parts {
        if !order.iter().any(|earlier| earlier.column == part.column) {
            order.push(part);
        }
    }
    order
}

impl Spec {
    pub fn new(table: &'static Table) -> Self {
        Self {
            table,
            filter: Vec::new(),
            order: Vec::new(),
            window: Window::ALL,
            deleted: SoftDeleted::Exclude,
            policy: None,
            indexes: IndexChoice::Any,
            after: None,
            hints: Hints::default(),
        }
    }

    /// What soft deletion adds to the filter.
    pub fn deleted_condition(&self) -> Option<Node> {
        let is_null = Node::IsNull(Box::new(Node::Column(self.table.deleted_at?)));
        match self.deleted {
            SoftDeleted::Exclude => Some(is_null),
            SoftDeleted::Include => None,
            SoftDeleted::Only => Some(Node::Not(Box::new(is_null))),
        }
    }

    /// Refuses conditions that are too large.
    pub fn check_size(&self) -> Result<()> {
        size::check(&self.filter, || format!("the condition of a query on table `{}`", self.table.name))
    }

    /// The whole filter as one condition, soft deletion included; none if every row passes.
    pub fn condition(&self) -> Option<Node> {
        let all: Vec<Node> = self.filter.iter().cloned().chain(self.deleted_condition()).collect();
        (!all.is_empty()).then(|| Node::all(all))
    }

    /// The order that was asked for, made total: the key columns break ties, in the direction of the last part.
    pub fn full_order(&self) -> Vec<OrderPart> {
        let mut order: Vec<OrderPart> = Vec::with_capacity(self.order.len() + self.table.key.len());
        order.extend(distinct_parts(self.order.clone()));
        let descending = order.last().is_some_and(|part| part.descending);
        for column in &self.table.key {
            if !order.iter().any(|part| part.column == *column) {
                order.push(OrderPart::new(*column, descending));
            }
        }
        order
    }

    /// Everything that decides which rows the query gives in which order, as text: what a cursor belongs to.
    pub fn fingerprint(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("{} {:?}", self.table.name, self.deleted);
        for condition in &self.filter {
            let _ = write!(text, " where {}", condition.display(self.table));
        }
        for part in self.full_order() {
            let name = &self.table.column(part.column).name;
            let _ = write!(text, " {name} {} {:?}", if part.descending { "desc" } else { "asc" }, part.nulls);
        }
        text
    }
}
