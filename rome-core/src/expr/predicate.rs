//! Conditions.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use super::node::Node;
use super::size::Size;
use crate::cut::{LONG, cut};
use crate::sealed::Sealed;

/// A condition over the entities in `S`, true, false or unknown for each row. Filters keep the rows where it is true.
///
/// Combine conditions with [`and`](Self::and), [`or`](Self::or) and `!`, or with `&` and `|`.
pub struct Condition<S> {
    node: Node,
    /// Of how many entities `S` consists.
    pub(crate) width: u8,
    size: Size,
    marker: PhantomData<fn() -> S>,
}

impl<S> Condition<S> {
    /// A condition about one entity.
    pub(crate) fn new(node: Node) -> Self {
        Self::wide(node, 1)
    }

    /// A condition about several entities.
    pub(crate) fn wide(node: Node, width: u8) -> Self {
        Self::of_parts(sized(node), width)
    }

    /// A condition of a size that was limited.
    pub(super) fn of_parts((node, size): (Node, Size), width: u8) -> Self {
        Self { node, width, size, marker: PhantomData }
    }

    pub(crate) fn into_node(self) -> Node {
        self.node
    }

    /// The same condition on a scope with as many entities.
    pub(crate) fn of_scope<T>(self) -> Condition<T> {
        Condition { node: self.node, width: self.width, size: self.size, marker: PhantomData }
    }

    pub(super) fn into_parts(self) -> (Node, Size) {
        (self.node, self.size)
    }

    /// True where both are true.
    ///
    /// Conditions that are joined by `and` are one list, from whichever side they come, and so are those that are joined by `or`; both
    /// can be long. In other ways expressions nest up to 128 levels. A query with a condition that is nested deeper, or that
    /// has more than 500,000 parts, is refused when it runs ([`is_limit_exceeded`](crate::Error::is_limit_exceeded)).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let width = self.width;
        Self::of_parts(joined(List::And, self.into_parts(), other.into_parts()), width)
    }

    /// True where one is true. See [`and`](Self::and) for how many there can be.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let width = self.width;
        Self::of_parts(joined(List::Or, self.into_parts(), other.into_parts()), width)
    }

    /// True where all are true; true for an empty list.
    #[must_use]
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        conditions.into_iter().reduce(Self::and).unwrap_or_else(|| Self::new(Node::And(VecDeque::new())))
    }

    /// True where at least one is true; false for an empty list.
    #[must_use]
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        conditions.into_iter().reduce(Self::or).unwrap_or_else(|| Self::new(Node::Or(VecDeque::new())))
    }
}

#[derive(Clone, Copy)]
enum List {
    And,
    Or,
}

// What is below has no entity, so that it is compiled once.

/// An expression with its size, or what takes its place if that is too much.
fn sized(node: Node) -> (Node, Size) {
    Size::of(&node).limit(|| node)
}

/// Two conditions as one list.
fn joined(list: List, (left, left_size): (Node, Size), (right, right_size): (Node, Size)) -> (Node, Size) {
    let size = size_in(list, &left, left_size).beside(size_in(list, &right, right_size)).wrapped();
    size.limit(|| match list {
        List::And => left.and(right),
        List::Or => left.or(right),
    })
}

/// What a condition adds to the size of a list that it becomes a part of.
const fn size_in(list: List, node: &Node, size: Size) -> Size {
    match (list, node) {
        (List::And, Node::And(_)) | (List::Or, Node::Or(_)) => size.unwrapped(),
        _ => size,
    }
}

fn negated(node: Node, size: Size) -> (Node, Size) {
    match node {
        Node::Not(of) => (*of, size.unwrapped()),
        node => size.wrapped().limit(|| Node::Not(Box::new(node))),
    }
}

impl<S> Not for Condition<S> {
    type Output = Self;

    /// True where it is false; unknown stays unknown.
    fn not(self) -> Self {
        Self::of_parts(negated(self.node, self.size), self.width)
    }
}

impl<S> BitAnd for Condition<S> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl<S> BitOr for Condition<S> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl<S> Clone for Condition<S> {
    fn clone(&self) -> Self {
        Self { node: self.node.clone(), width: self.width, size: self.size, marker: PhantomData }
    }
}

impl<S> fmt::Debug for Condition<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cut(&self.node, LONG).fmt(f)
    }
}

/// Conditions that all have to hold, told apart where one does not: one, a tuple of them or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of conditions on `{E}`",
    note = "write `(Dog::AGE.lt(3), Dog::NAME.eq(\"Rex\"))`"
)]
pub trait Conditions<E> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// As a list.
    fn into_conditions(self) -> Vec<Condition<E>>;

    /// As a list that has no type, so that those of all entities are treated by the same code.
    #[doc(hidden)]
    fn into_nodes(self) -> Nodes
    where
        Self: Sized,
    {
        let mut nodes = Vec::new();
        for condition in self.into_conditions() {
            nodes.push(condition.node);
        }
        Nodes(nodes)
    }
}

/// Conditions without their entities.
#[doc(hidden)]
pub struct Nodes(pub(crate) Vec<Node>);

impl<E> Conditions<E> for Condition<E> {
    const SEALED: Sealed = Sealed;

    fn into_conditions(self) -> Vec<Self> {
        vec![self]
    }

    fn into_nodes(self) -> Nodes {
        Nodes(vec![self.node])
    }
}

impl<E> Conditions<E> for Vec<Condition<E>> {
    const SEALED: Sealed = Sealed;

    fn into_conditions(self) -> Self {
        self
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => { $(
        impl<E, $($name: Conditions<E>),+> Conditions<E> for ($($name,)+) {
            const SEALED: Sealed = Sealed;

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_conditions(self) -> Vec<Condition<E>> {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.extend($name.into_conditions());)+
                all
            }

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_nodes(self) -> Nodes {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.append(&mut $name.into_nodes().0);)+
                Nodes(all)
            }
        }
    )* };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D F) (A B C D F G) (A B C D F G H) (A B C D F G H I) }
