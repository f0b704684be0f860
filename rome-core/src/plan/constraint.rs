//! What a condition says about one column, in a form that an index can serve.

use crate::expr::like;
use crate::expr::node::{Comparison, Node};
use crate::schema::Table;
use crate::value::Value;

/// A condition on one column.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub column: u16,
    pub kind: ConstraintKind,
    /// Whether rows that an index finds by it need not be tested again.
    pub exact: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum ConstraintKind {
    /// One of these values, in order; one of them may be NULL for `is null`.
    OneOf(Vec<Value>),
    /// Not less than (or greater than, if the flag says excluded).
    Low(Value, Excluded),
    /// Not greater than (or less than).
    High(Value, Excluded),
    NotNull,
    /// Text with this prefix.
    Prefix(String),
    /// A list with this element.
    Element(Value),
}

/// Whether a bound itself is left out.
pub(crate) type Excluded = bool;

/// Whether a condition can be true at all, and what it says about a column.
pub(crate) enum Reading {
    /// It is never true.
    Never,
    /// It restricts a column.
    Constraint(Constraint),
    /// Only a look at the row can tell.
    Opaque,
}

pub(crate) fn read(node: &Node, table: &Table) -> Reading {
    match node {
        Node::Known(Some(false) | None) => Reading::Never,
        Node::Compare(op, left, right) => match (&**left, &**right) {
            (Node::Column(column), Node::Value(value)) => comparison(*op, *column, value, table),
            (Node::Value(value), Node::Column(column)) => comparison(mirrored(*op), *column, value, table),
            _ => Reading::Opaque,
        },
        Node::In(of, list) => match &**of {
            _ if list.values.is_empty() => Reading::Never,
            Node::Column(column) if is_ordered(table, *column) => {
                exact(*column, ConstraintKind::OneOf(list.values.to_vec()))
            }
            _ => Reading::Opaque,
        },
        Node::IsNull(of) => match &**of {
            Node::Column(column) if is_ordered(table, *column) => {
                exact(*column, ConstraintKind::OneOf(vec![Value::Null]))
            }
            _ => Reading::Opaque,
        },
        Node::Not(of) => match &**of {
            Node::IsNull(of) => match &**of {
                Node::Column(column) if is_ordered(table, *column) => exact(*column, ConstraintKind::NotNull),
                _ => Reading::Opaque,
            },
            _ => Reading::Opaque,
        },
        Node::StartsWith(of, prefix) => match &**of {
            Node::Column(column) => exact(*column, ConstraintKind::Prefix(prefix.clone())),
            _ => Reading::Opaque,
        },
        Node::Like { of, pattern, ignore_case: false } => match (&**of, like::literal_prefix(pattern)) {
            (Node::Column(column), prefix) if !prefix.is_empty() => {
                Reading::Constraint(Constraint { column: *column, kind: ConstraintKind::Prefix(prefix), exact: false })
            }
            _ => Reading::Opaque,
        },
        Node::ContainsElement(of, value) => match &**of {
            _ if value.is_null() => Reading::Never,
            Node::Column(column) => exact(*column, ConstraintKind::Element(value.clone())),
            _ => Reading::Opaque,
        },
        _ => Reading::Opaque,
    }
}

fn comparison(op: Comparison, column: u16, value: &Value, table: &Table) -> Reading {
    if value.is_null() {
        return Reading::Never;
    }
    if !is_ordered(table, column) {
        return Reading::Opaque;
    }
    let value = value.clone();
    match op {
        Comparison::Eq => exact(column, ConstraintKind::OneOf(vec![value])),
        Comparison::Ne => Reading::Opaque,
        Comparison::Lt => exact(column, ConstraintKind::High(value, true)),
        Comparison::Le => exact(column, ConstraintKind::High(value, false)),
        Comparison::Gt => exact(column, ConstraintKind::Low(value, true)),
        Comparison::Ge => exact(column, ConstraintKind::Low(value, false)),
    }
}

fn is_ordered(table: &Table, column: u16) -> bool {
    table.column(column).ty.is_ordered()
}

const fn exact(column: u16, kind: ConstraintKind) -> Reading {
    Reading::Constraint(Constraint { column, kind, exact: true })
}

const fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        same => same,
    }
}
