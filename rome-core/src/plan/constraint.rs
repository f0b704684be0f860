//! What a condition says about one column, in a form that an index can serve.

use crate::expr::after::{After, AfterPart};
use crate::expr::node::{Comparison, Node};
use crate::expr::tuples::Tuples;
use crate::expr::{Nulls, like};
use crate::schema::Table;
use crate::value::Value;

/// A condition on one column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constraint<'a> {
    pub column: u16,
    pub kind: ConstraintKind<'a>,
    /// Whether rows that an index finds by it need not be tested again.
    pub exact: bool,
}

impl<'a> Constraint<'a> {
    /// The value that the column has to have, if it is one.
    pub fn only_value(&self) -> Option<&'a Value> {
        match self.kind {
            ConstraintKind::OneOf([value]) => Some(value),
            _ => None,
        }
    }

    /// Whether it is on this column, alone or with others.
    pub fn is_on(&self, column: u16) -> bool {
        match self.kind {
            ConstraintKind::Tuples(of, _) => of.iter().any(|node| matches!(node, Node::Column(on) if *on == column)),
            _ => self.column == column,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum ConstraintKind<'a> {
    /// One of these values, in order; one of them may be NULL for `is null`.
    OneOf(&'a [Value]),
    /// Not less than (or greater than, if the flag says excluded).
    Low(&'a Value, Excluded),
    /// Not greater than (or less than).
    High(&'a Value, Excluded),
    NotNull,
    /// Text with this prefix.
    Prefix(&'a str),
    /// A list with this element.
    Element(&'a Value),
    /// One of these tuples, together with other columns.
    Tuples(&'a [Node], &'a Tuples),
    /// After a marker in an order of this column and others.
    After(Behind<'a>),
}

/// A bound on several columns at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind<'a> {
    /// Columns and their values, with NULL where an index has it: as many as bound an index.
    pub parts: &'a [AfterPart],
    /// Whether rows with these very values are within the bound.
    pub inclusive: bool,
    /// Whether rows with NULL in the first column have to be left out, although NULL comes after its value.
    pub not_null: bool,
}

impl Behind<'_> {
    /// The column of a part.
    pub fn column(&self, at: usize) -> Option<u16> {
        match self.parts.get(at)?.of {
            Node::Column(column) => Some(column),
            _ => None,
        }
    }
}

/// Whether a bound itself is left out.
pub(crate) type Excluded = bool;

/// Whether a condition can be true at all, and what it says about a column.
pub(crate) enum Reading<'a> {
    /// It is never true.
    Never,
    /// It restricts a column.
    Constraint(Constraint<'a>),
    /// Only a look at the row can tell.
    Opaque,
}

/// The only value of `is null`.
static NULL: Value = Value::Null;

pub(crate) fn read<'a>(node: &'a Node, table: &Table) -> Reading<'a> {
    match node {
        Node::Known(Some(false) | None) => Reading::Never,
        Node::Compare(op, left, right) => match (&**left, &**right) {
            (Node::Column(column), Node::Value(value)) => comparison(*op, *column, value, table),
            (Node::Value(value), Node::Column(column)) => comparison(op.mirrored(), *column, value, table),
            _ => Reading::Opaque,
        },
        Node::In(of, list) => match &**of {
            _ if list.values.is_empty() => Reading::Never,
            Node::Column(column) if is_ordered(table, *column) => exact(*column, ConstraintKind::OneOf(&list.values)),
            _ => Reading::Opaque,
        },
        Node::IsNull(of) => match &**of {
            Node::Column(column) if is_ordered(table, *column) => {
                exact(*column, ConstraintKind::OneOf(std::slice::from_ref(&NULL)))
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
            Node::Column(column) => exact(*column, ConstraintKind::Prefix(prefix)),
            _ => Reading::Opaque,
        },
        Node::Like { of, pattern, ignore_case: false } => match (&**of, like::plain_prefix(pattern)) {
            (Node::Column(column), prefix) if !prefix.is_empty() => {
                Reading::Constraint(Constraint { column: *column, kind: ConstraintKind::Prefix(prefix), exact: false })
            }
            _ => Reading::Opaque,
        },
        Node::ContainsElement(of, value) => match &**of {
            _ if value.is_null() => Reading::Never,
            Node::Column(column) => exact(*column, ConstraintKind::Element(value)),
            _ => Reading::Opaque,
        },
        Node::InTuples(_, tuples) if tuples.is_empty() => Reading::Never,
        Node::InTuples(of, tuples) => match of.first() {
            Some(Node::Column(first)) if of.iter().all(|node| is_ordered_column(table, node)) => {
                exact(*first, ConstraintKind::Tuples(of, tuples))
            }
            _ => Reading::Opaque,
        },
        Node::After(after) => behind(after, table),
        _ => Reading::Opaque,
    }
}

/// What of a comparison of tuples can bound an index. That is all of it where NULL stands as in an index, which it does wherever
/// there is none.
fn behind<'a>(after: &'a After, table: &Table) -> Reading<'a> {
    let mut exact = true;
    let mut not_null = false;
    let mut bounding = 0;
    for (at, part) in after.parts.iter().enumerate() {
        let (Node::Column(column), Node::Value(value)) = (&part.of, &part.value) else { break };
        let repeats =
            after.parts.iter().take(at).any(|earlier| matches!(earlier.of, Node::Column(of) if of == *column));
        if repeats || !is_ordered(table, *column) {
            break;
        }
        if table.column(*column).nullable && !part.has_natural_nulls() {
            // An index has NULL at the other end: it may have more rows behind the value, but not fewer.
            let is_wider = (part.nulls == Nulls::First) != value.is_null();
            if !is_wider {
                break;
            }
            if at == 0 && !value.is_null() {
                not_null = true;
            } else {
                exact = false;
            }
        }
        bounding += 1;
    }
    let Some(parts @ [AfterPart { of: Node::Column(first), .. }, ..]) = after.parts.get(..bounding) else {
        return Reading::Opaque;
    };
    let is_whole = bounding == after.parts.len();
    let inclusive = after.inclusive || !is_whole;
    let kind = ConstraintKind::After(Behind { parts, inclusive, not_null });
    Reading::Constraint(Constraint { column: *first, kind, exact: exact && is_whole })
}

fn is_ordered_column(table: &Table, node: &Node) -> bool {
    matches!(node, Node::Column(column) if is_ordered(table, *column))
}

fn comparison<'a>(op: Comparison, column: u16, value: &'a Value, table: &Table) -> Reading<'a> {
    if value.is_null() {
        return Reading::Never;
    }
    if !is_ordered(table, column) {
        return Reading::Opaque;
    }
    match op {
        Comparison::Eq => exact(column, ConstraintKind::OneOf(std::slice::from_ref(value))),
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

const fn exact(column: u16, kind: ConstraintKind<'_>) -> Reading<'_> {
    Reading::Constraint(Constraint { column, kind, exact: true })
}
