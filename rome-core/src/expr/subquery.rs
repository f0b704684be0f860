//! Subqueries: conditions that ask other tables.
//!
//! A condition holds what is asked, without where: it is asked where the query around it runs, in the same session.

use std::sync::Arc;

use super::node::Node;
use crate::ask::Spec;
use crate::schema::Through;

/// Whether a table has rows whose columns are equal to those of this row.
#[derive(Debug, Clone)]
pub(crate) struct Exists {
    /// The columns of this row, or what is calculated from them: those that are equal to `columns`, then those that are equal to
    /// the near columns of each table in between.
    pub of: Vec<Node>,
    /// The rows of the other table.
    pub spec: Arc<Spec>,
    /// The columns of the other table that are equal.
    pub columns: Vec<u16>,
    /// Tables in between, each with the columns of the other table that are equal to its far ones.
    pub through: Vec<(Through, Vec<u16>)>,
}

/// Whether a query gives a value of this row.
#[derive(Debug, Clone)]
pub(crate) struct InQuery {
    /// The value.
    pub of: Node,
    /// The rows of the query.
    pub spec: Arc<Spec>,
    /// The column that it gives.
    pub column: u16,
    /// Whether its limit counts values that differ.
    pub distinct: bool,
}
