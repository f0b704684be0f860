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
    marker: PhantomData<fn() -> S>,
}

impl<S> Expr<S> {
    pub(crate) const fn new(node: Node) -> Self {
        Self { node, marker: PhantomData }
    }

    /// True where both are true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(self.node.and(other.node))
    }

    /// True where one is true.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::new(self.node.or(other.node))
    }

    /// True where all are true; true for an empty list.
    #[must_use]
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Node::And(conditions.into_iter().map(|condition| condition.node).collect()))
    }

    /// True where at least one is true; false for an empty list.
    #[must_use]
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Node::Or(conditions.into_iter().map(|condition| condition.node).collect()))
    }
}

impl<S> Not for Expr<S> {
    type Output = Self;

    /// True where it is false; unknown stays unknown.
    fn not(self) -> Self {
        Self::new(Node::Not(Box::new(self.node)))
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
        Self::new(self.node.clone())
    }
}

impl<S> fmt::Debug for Expr<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}
