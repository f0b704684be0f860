//! Comparisons and arithmetic on columns.

use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Rem, Sub};

use super::node::{Arithmetic, Comparison, Node, Step, ValueList};
use super::operand::{ContainedIn, IntoOperand, Operand, Summand};
use super::size::Size;
use super::{Column, Condition};
use crate::cut::{LONG, cut};
use crate::value::{Field, Nullable, Numeric, Ordered, Textual, Value};

/// A value that is computed from columns of `S`, such as `Dog::AGE + 1`.
///
/// Integers are calculated exactly and checked when they are stored; NULL with anything is NULL; a division by zero is
/// NULL.
pub struct Expr<S, T> {
    operand: Operand,
    marker: PhantomData<fn() -> (S, T)>,
}

impl<S, T> Expr<S, T> {
    pub(crate) fn new(node: Node) -> Self {
        Self::of(Operand::new(node))
    }

    const fn of(operand: Operand) -> Self {
        Self { operand, marker: PhantomData }
    }

    pub(crate) fn into_node(self) -> Node {
        self.operand.node
    }

    pub(super) fn into_sized(self) -> Operand {
        self.operand
    }

    /// The same value of a scope with as many entities.
    pub(crate) fn of_scope<A>(self) -> Expr<A, T> {
        Expr::of(self.operand)
    }
}

impl<S, T> Clone for Expr<S, T> {
    fn clone(&self) -> Self {
        Self::of(self.operand.clone())
    }
}

impl<S, T> std::fmt::Debug for Expr<S, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        cut(&self.operand.node, LONG).fmt(f)
    }
}

impl<E, T> From<Column<E, T>> for Expr<E, T> {
    fn from(column: Column<E, T>) -> Self {
        Self::of(Operand::column(column.position()))
    }
}

/// Logs a comparison with a value that is NULL: an option that is `None` and was not looked at.
#[track_caller]
pub(super) fn note_null(node: &Node) {
    if matches!(node, Node::Value(Value::Null)) {
        let at = std::panic::Location::caller();
        tracing::warn!(
            target: "rome_orm::query",
            file = at.file(),
            line = at.line(),
            "a comparison with NULL is never true; use `is_null` or `is_not_distinct_from`"
        );
    }
}

#[track_caller]
fn compared<S>(op: Comparison, left: Operand, right: Operand) -> Condition<S> {
    note_null(&right.node);
    Condition::of_parts(comparison(op, left, right), 1)
}

// Without the entity, so that it is compiled once.
fn comparison(op: Comparison, left: Operand, right: Operand) -> (Node, Size) {
    let size = left.size.beside(right.size).wrapped();
    size.limit(|| Node::Compare(op, Box::new(left.node), Box::new(right.node)))
}

/// A condition on one value, with so many bytes of its own.
fn about<S>(of: Operand, bytes: usize, condition: impl FnOnce(Box<Node>) -> Node) -> Condition<S> {
    Condition::of_parts(of.size.wrapped().and_bytes(bytes).limit(|| condition(Box::new(of.node))), 1)
}

/// Whether both are NULL, or neither is and they are equal.
fn same<S>(left: Operand, right: Operand) -> Condition<S> {
    let is_null = |of: &Operand| about::<S>(of.clone(), 0, Node::IsNull);
    match &right.node {
        Node::Value(Value::Null) => is_null(&left),
        Node::Value(_) => {
            let known = !is_null(&left);
            compared(Comparison::Eq, left, right).and(known)
        }
        _ => {
            let both = is_null(&left).and(is_null(&right));
            let neither = (!is_null(&left)).and(!is_null(&right));
            neither.and(compared(Comparison::Eq, left, right)).or(both)
        }
    }
}

fn listed<S, T, V: IntoOperand<S, T>>(of: Operand, values: impl IntoIterator<Item = V>) -> Condition<S> {
    let mut constants = Vec::new();
    let mut computed = Vec::new();
    for value in values {
        let operand = value.into_operand();
        match operand.node {
            Node::Value(value) => constants.push(value),
            _ => computed.push(operand),
        }
    }
    let constants = Node::In(Box::new(of.node.clone()), ValueList::new(constants));
    let any = computed.into_iter().map(|operand| compared(Comparison::Eq, of.clone(), operand));
    Condition::any(std::iter::once(Condition::new(constants)).chain(any))
}

macro_rules! comparisons {
    ($($self:ident: $ty:ident => $node:expr;)*) => { $(
        impl<S, T> $ty<S, T> {
            /// True where it equals `other`; unknown where one of them is NULL: `eq(None)` is never true, and is logged as
            /// a warning. For an option that may be `None` there is [`is_not_distinct_from`](Self::is_not_distinct_from).
            #[track_caller]
            pub fn eq(self, other: impl IntoOperand<S, T>) -> Condition<S> {
                let $self = self;
                compared(Comparison::Eq, $node, other.into_operand())
            }

            /// True where it differs from `other`; unknown where one of them is NULL, so `ne(None)` is never true.
            #[track_caller]
            pub fn ne(self, other: impl IntoOperand<S, T>) -> Condition<S> {
                let $self = self;
                compared(Comparison::Ne, $node, other.into_operand())
            }

            /// SQL's `IS NOT DISTINCT FROM`: true where it equals the value or, for `None`, where it is NULL. Never unknown.
            /// Planned as [`eq`](Self::eq) or [`is_null`](Self::is_null), also by an index.
            pub fn is_not_distinct_from<V: IntoOperand<S, T>>(self, other: Option<V>) -> Condition<S> where T: Nullable {
                let $self = self;
                let of: Operand = $node;
                same(of, other.map_or_else(|| Operand::new(Node::Value(Value::Null)), IntoOperand::into_operand))
            }

            /// SQL's `IS DISTINCT FROM`: true where it differs from the value or is NULL and, for `None`, where it is not NULL.
            /// Never unknown.
            pub fn is_distinct_from<V: IntoOperand<S, T>>(self, other: Option<V>) -> Condition<S> where T: Nullable {
                !self.is_not_distinct_from(other)
            }

            /// True where it equals one of the values; false for an empty list.
            pub fn is_in<V: IntoOperand<S, T>>(self, values: impl IntoIterator<Item = V>) -> Condition<S> {
                let $self = self;
                listed::<S, T, V>($node, values)
            }

            /// True where it equals none of the values; true for an empty list, unknown if one of them is NULL.
            pub fn not_in<V: IntoOperand<S, T>>(self, values: impl IntoIterator<Item = V>) -> Condition<S> {
                !self.is_in(values)
            }

            /// True where it is NULL.
            pub fn is_null(self) -> Condition<S> where T: Nullable {
                let $self = self;
                about($node, 0, Node::IsNull)
            }

            /// True where it is not NULL.
            pub fn is_not_null(self) -> Condition<S> where T: Nullable {
                !self.is_null()
            }

            /// True where it is less than `other`.
            #[track_caller]
            pub fn lt(self, other: impl IntoOperand<S, T>) -> Condition<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Lt, $node, other.into_operand())
            }

            /// True where it is less than or equal to `other`.
            #[track_caller]
            pub fn le(self, other: impl IntoOperand<S, T>) -> Condition<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Le, $node, other.into_operand())
            }

            /// True where it is greater than `other`.
            #[track_caller]
            pub fn gt(self, other: impl IntoOperand<S, T>) -> Condition<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Gt, $node, other.into_operand())
            }

            /// True where it is greater than or equal to `other`.
            #[track_caller]
            pub fn ge(self, other: impl IntoOperand<S, T>) -> Condition<S> where T: Ordered {
                let $self = self;
                compared(Comparison::Ge, $node, other.into_operand())
            }

            /// True where it is neither less than `low` nor greater than `high`.
            #[track_caller]
            pub fn between(self, low: impl IntoOperand<S, T>, high: impl IntoOperand<S, T>) -> Condition<S> where T: Ordered {
                let $self = self;
                let of: Operand = $node;
                compared::<S>(Comparison::Ge, of.clone(), low.into_operand())
                    .and(compared(Comparison::Le, of, high.into_operand()))
            }

            /// True where the text matches the pattern: `%` stands for any text, `_` for one character, `\` makes the
            /// next one stand for itself. Case counts.
            pub fn like(self, pattern: impl Into<String>) -> Condition<S> where T: Textual {
                let $self = self;
                let pattern: String = pattern.into();
                about($node, pattern.len(), |of| Node::Like { of, pattern, ignore_case: false })
            }

            /// Like [`like`](Self::like), but upper and lower case are the same, by Unicode's simple lower case.
            pub fn ilike(self, pattern: impl Into<String>) -> Condition<S> where T: Textual {
                let $self = self;
                let pattern: String = pattern.into();
                about($node, pattern.len(), |of| Node::Like { of, pattern, ignore_case: true })
            }

            /// True where the text starts with `prefix`. An index on the column serves it as a range.
            pub fn starts_with(self, prefix: impl Into<String>) -> Condition<S> where T: Textual {
                let $self = self;
                let prefix: String = prefix.into();
                about($node, prefix.len(), |of| Node::StartsWith(of, prefix))
            }

            /// True where a text contains this text, or a list this element. A multi-valued index on a list column
            /// serves the latter.
            pub fn contains(self, part: impl ContainedIn<S, T>) -> Condition<S> {
                let $self = self;
                let Operand { node, size } = part.contained_in($node);
                Condition::of_parts(size.limit(|| node), 1)
            }
        }
    )* };
}

comparisons! {
    column: Column => Operand::column(column.position());
    scalar: Expr => scalar.operand;
}

/// The longer of two calculations goes on with the other one as a step, so that a chain is flat from whichever side it is
/// built, and what is not a chain nests no deeper than the logarithm of its size.
fn calculated(op: Arithmetic, left: Operand, right: Operand) -> Operand {
    let goes_on = |operand: &Operand| matches!(operand.node, Node::Calculation(..));
    let before = goes_on(&right) && !(goes_on(&left) && left.size.levels() >= right.size.levels());
    let (so_far, operand) = if before { (right, left) } else { (left, right) };
    let inside = if goes_on(&so_far) { so_far.size.unwrapped() } else { so_far.size };
    let (node, size) = inside.beside(operand.size).wrapped().limit(|| {
        let step = Step { op, operand: operand.node, before };
        match so_far.node {
            Node::Calculation(start, mut steps) => {
                steps.push(step);
                Node::Calculation(start, steps)
            }
            start => Node::Calculation(Box::new(start), vec![step]),
        }
    });
    Operand { node, size }
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $op:ident;)*) => { $(
        impl<E, T: Numeric, V: Summand<E, T>> $trait<V> for Column<E, T> {
            type Output = Expr<E, T>;

            fn $method(self, other: V) -> Expr<E, T> {
                Expr::<E, T>::from(self).$method(other)
            }
        }

        impl<S, T: Numeric, V: Summand<S, T>> $trait<V> for Expr<S, T> {
            type Output = Expr<S, T>;

            fn $method(self, other: V) -> Expr<S, T> {
                Expr::of(calculated(Arithmetic::$op, self.operand, other.into_operand()))
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
    /// Sets the column to a value or an expression, for `update` of a query.
    pub fn set(self, value: impl IntoOperand<E, T>) -> super::Assignment<E> {
        super::Assignment::new(self.position(), value.into_operand().node)
    }
}
