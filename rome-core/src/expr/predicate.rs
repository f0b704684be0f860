//! Conditions.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use super::node::Node;

/// A condition over the entities in `S`, true, false or unknown for each row. Filters keep the rows where it is true.
///
/// Combine conditions with [`and`](Self::and), [`or`](Self::or) and `!`, or with `&` and `|`.
pub struct Expr<S> {
    pub(crate) node: Node,
    /// Of how many entities `S` consists.
    pub(crate) width: u8,
    marker: PhantomData<fn() -> S>,
}

impl<S> Expr<S> {
    pub(crate) const fn new(node: Node) -> Self {
        Self::wide(node, 1)
    }

    /// A condition about several entities.
    pub(crate) const fn wide(node: Node, width: u8) -> Self {
        Self { node, width, marker: PhantomData }
    }

    /// True where both are true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::wide(self.node.and(other.node), self.width)
    }

    /// True where one is true.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::wide(self.node.or(other.node), self.width)
    }

    /// True where all are true; true for an empty list.
    #[must_use]
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        let (nodes, width) = parts(conditions);
        Self::wide(Node::And(nodes), width)
    }

    /// True where at least one is true; false for an empty list.
    #[must_use]
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        let (nodes, width) = parts(conditions);
        Self::wide(Node::Or(nodes), width)
    }
}

fn parts<S>(conditions: impl IntoIterator<Item = Expr<S>>) -> (Vec<Node>, u8) {
    let mut width = 1;
    let nodes = conditions.into_iter().map(|condition| {
        width = condition.width;
        condition.node
    });
    (nodes.collect(), width)
}

impl<S> Not for Expr<S> {
    type Output = Self;

    /// True where it is false; unknown stays unknown.
    fn not(self) -> Self {
        Self::wide(Node::Not(Box::new(self.node)), self.width)
    }
}

impl<S> BitAnd for Expr<S> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl<S> BitOr for Expr<S> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl<S> Clone for Expr<S> {
    fn clone(&self) -> Self {
        Self::wide(self.node.clone(), self.width)
    }
}

impl<S> fmt::Debug for Expr<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

/// Conditions that all have to hold, told apart where one does not: one, a tuple of them or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of conditions on `{E}`",
    note = "write `(Dog::AGE.lt(3), Dog::NAME.eq(\"Rex\"))`"
)]
pub trait Conditions<E> {
    /// As a list.
    fn into_conditions(self) -> Vec<Expr<E>>;
}

impl<E> Conditions<E> for Expr<E> {
    fn into_conditions(self) -> Vec<Self> {
        vec![self]
    }
}

impl<E> Conditions<E> for Vec<Expr<E>> {
    fn into_conditions(self) -> Self {
        self
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => { $(
        impl<E, $($name: Conditions<E>),+> Conditions<E> for ($($name,)+) {
            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_conditions(self) -> Vec<Expr<E>> {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.extend($name.into_conditions());)+
                all
            }
        }
    )* };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D F) (A B C D F G) (A B C D F G H) (A B C D F G H I) }
