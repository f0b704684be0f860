//! Comparisons and arithmetic on columns.

use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Rem, Sub};

use super::node::{Arithmetic, Comparison, Node, ValueList};
use super::operand::{ContainedIn, IntoOperand, Operand, Summand};
use super::{Column, Expr};
use crate::value::{Field, Nullable, Numeric, Ordered, Textual, Value};

/// A value that is computed from columns of `S`, such as `Dog::AGE + 1`.
///
/// Integers are calculated exactly and checked when they are stored; NULL with anything is NULL; a division by zero is
/// NULL.
pub struct Scalar<S, T> {
    node: Node,
    marker: PhantomData<fn() -> (S, T)>,
}

impl<S, T> Scalar<S, T> {
    pub(crate) const fn new(node: Node) -> Self {
        Self { node, marker: PhantomData }
    }

    pub(crate) fn into_node(self) -> Node {
        self.node
    }
}

impl<S, T> Clone for Scalar<S, T> {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

impl<S, T> std::fmt::Debug for Scalar<S, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.node.fmt(f)
    }
}

impl<E, T> From<Column<E, T>> for Scalar<E, T> {
    fn from(column: Column<E, T>) -> Self {
        Self::new(Node::Column(column.position()))
    }
}

/// Logs a comparison with a value that is NULL: an option that is `None` and was not looked at.
#[track_caller]
pub(super) fn note_null(node: &Node) {
    if matches!(node, Node::Value(Value::Null)) {
        let at = std::panic::Location::caller();
        tracing::warn!(
            target: "rome::query",
            file = at.file(),
            line = at.line(),
            "a comparison with NULL is never true; use `is_null` or `is_not_distinct_from`"
        );
    }
}

#[track_caller]
fn compared<S>(op: Comparison, left: Node, right: Operand) -> Expr<S> {
    note_null(&right.0);
    Expr::new(Node::Compare(op, Box::new(left), Box::new(right.0)))
}

/// Whether both are NULL, or neither is and they are equal.
fn same<S>(left: Node, right: Node) -> Expr<S> {
    let is_null = |node: &Node| Expr::new(Node::IsNull(Box::new(node.clone())));
    match right {
        Node::Value(Value::Null) => is_null(&left),
        Node::Value(value) => {
            let known = !is_null(&left);
            Expr::new(Node::Compare(Comparison::Eq, Box::new(left), Box::new(Node::Value(value)))).and(known)
        }
        right => {
            let both = is_null(&left).and(is_null(&right));
            let neither = (!is_null(&left)).and(!is_null(&right));
            neither.and(Expr::new(Node::Compare(Comparison::Eq, Box::new(left), Box::new(right)))).or(both)
        }
    }
}

fn listed<S, T, V: IntoOperand<S, T>>(of: Node, values: impl IntoIterator<Item = V>) -> Expr<S> {
    let mut constants = Vec::new();
    let mut computed = Vec::new();
    for value in values {
        match value.into_operand().0 {
            Node::Value(value) => constants.push(value),
            node => computed.push(node),
        }
    }
    let constants = Node::In(Box::new(of.clone()), ValueList::new(constants));
    if computed.is_empty() {
        return Expr::new(constants);
    }
    let mut any = vec![constants];
    any.extend(computed.into_iter().map(|node| Node::Compare(Comparison::Eq, Box::new(of.clone()), Box::new(node))));
    Expr::new(Node::Or(any))
}

macro_rules! comparisons {
    ($($self:ident: $ty:ident => $node:expr;)*) => { $(
        impl<S, T> $ty<S, T> {
            /// True where it equals `other`; unknown where one of them is NULL: `eq(None)` is never true, and is logged as
            /// a warning. For an option that may be `None` there is [`is_not_distinct_from`](Self::is_not_distinct_from).
            #[track_caller]
            pub fn eq(self, other: impl IntoOperand<S, T>) -> Expr<S> {
                let $self = self;
                compared(Comparison::Eq, $node, other.into_operand())
            }

            /// True where it differs from `other`; unknown where one of them is NULL, so `ne(None)` is never true.
            #[track_caller]
            pub fn ne(self, other: impl IntoOperand<S, T>) -> Expr<S> {
                let $self = self;
                compared(Comparison::Ne, $node, other.into_operand())
            }

            /// SQL's `IS NOT DISTINCT FROM`: true where it equals the value or, for `None`, where it is NULL. Never unknown.
            /// Planned as [`eq`](Self::eq) or [`is_null`](Self::is_null), also by an index.
            pub fn is_not_distinct_from<V: IntoOperand<S, T>>(self, other: Option<V>) -> Expr<S> where T: Nullable {
                let $self = self;
                let node: Node = $node;
                same(node, other.map_or(Node::Value(Value::Null), |other| other.into_operand().0))
            }

            /// SQL's `IS DISTINCT FROM`: true where it differs from the value or is NULL and, for `None`, where it is not NULL.
            /// Never unknown.
            pub fn is_distinct_from<V: IntoOperand<S, T>>(self, other: Option<V>) -> Expr<S> where T: Nullable {
                !self.is_not_distinct_from(other)
            }

            /// True where it equals one of the values; false for an empty list.
            pub fn is_in<V: IntoOperand<S, T>>(self, values: impl IntoIterator<Item = V>) -> Expr<S> {
                let $self = self;
                listed::<S, T, V>($node, values)
            }

            /// True where it equals none of the values; true for an empty list, unknown if one of them is NULL.
            pub fn not_in<V: IntoOperand<S, T>>(self, values: impl IntoIterator<Item = V>) -> Expr<S> {
                !self.is_in(values)
            }

            /// True where it is NULL.
            pub fn is_null(self) -> Expr<S> where T: Nullable {
                let $self = self;
                Expr::new(Node::IsNull(Box::new($node)))
            }

            /// True where it is not NULL.
            pub fn is_not_null(self) -> Expr<S> where T: Nullable {
                !self.is_null()
            }

            /// True where it is less than `other`.
            #[track_caller]
            pub fn lt(self, other: impl IntoOperand<S, T>) -> Expr<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Lt, $node, other.into_operand())
            }

            /// True where it is less than or equal to `other`.
            #[track_caller]
            pub fn le(self, other: impl IntoOperand<S, T>) -> Expr<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Le, $node, other.into_operand())
            }

            /// True where it is greater than `other`.
            #[track_caller]
            pub fn gt(self, other: impl IntoOperand<S, T>) -> Expr<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Gt, $node, other.into_operand())
            }

            /// True where it is greater than or equal to `other`.
            #[track_caller]
            pub fn ge(self, other: impl IntoOperand<S, T>) -> Expr<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Ge, $node, other.into_operand())
            }

            /// True where it is neither less than `low` nor greater than `high`.
            #[track_caller]
            pub fn between(self, low: impl IntoOperand<S, T>, high: impl IntoOperand<S, T>) -> Expr<S> where T: Ordered {
                let $self = self;
                let node: Node = $node;
                compared::<S>(Comparison::Ge, node.clone(), low.into_operand())
                    .and(compared(Comparison::Le, node, high.into_operand()))
            }

            /// True where the text matches the pattern: `%` stands for any text, `_` for one character, `\` makes the
            /// next one stand for itself. Case counts.
            pub fn like(self, pattern: impl Into<String>) -> Expr<S> where T: Textual {
                let $self = self;
                Expr::new(Node::Like { of: Box::new($node), pattern: pattern.into(), ignore_case: false })
            }

            /// Like [`like`](Self::like), but upper and lower case are the same, by Unicode's simple lower case.
            pub fn ilike(self, pattern: impl Into<String>) -> Expr<S> where T: Textual {
                let $self = self;
                Expr::new(Node::Like { of: Box::new($node), pattern: pattern.into(), ignore_case: true })
            }

            /// True where the text starts with `prefix`. An index on the column serves it as a range.
            pub fn starts_with(self, prefix: impl Into<String>) -> Expr<S> where T: Textual {
                let $self = self;
                Expr::new(Node::StartsWith(Box::new($node), prefix.into()))
            }

            /// True where a text contains this text, or a list this element. A multi-valued index on a list column
            /// serves the latter.
            pub fn contains(self, part: impl ContainedIn<S, T>) -> Expr<S> {
                let $self = self;
                Expr::new(part.contained_in(Operand($node)).0)
            }
        }
    )* };
}

comparisons! {
    column: Column => Node::Column(column.position());
    scalar: Scalar => scalar.node;
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $op:ident;)*) => { $(
        impl<E, T: Numeric, V: Summand<E, T>> $trait<V> for Column<E, T> {
            type Output = Scalar<E, T>;

            fn $method(self, other: V) -> Scalar<E, T> {
                Scalar::<E, T>::from(self).$method(other)
            }
        }

        impl<S, T: Numeric, V: Summand<S, T>> $trait<V> for Scalar<S, T> {
            type Output = Scalar<S, T>;

            fn $method(self, other: V) -> Scalar<S, T> {
                Scalar::new(Node::Arithmetic(
                    Arithmetic::$op,
                    Box::new(self.node),
                    Box::new(other.into_operand().0),
                ))
            }
        }
    )* };
}

arithmetic! {
    Add add Add;
    Sub sub Sub;
    Mul mul Mul;
    Div div Div;
    Rem rem Rem;
}

impl<E, T: Field> Column<E, T> {
    /// Sets the column to a value or an expression, for `update_all`.
    pub fn set(self, value: impl IntoOperand<E, T>) -> super::Assignment<E> {
        super::Assignment::new(self.position(), value.into_operand().0)
    }
}
