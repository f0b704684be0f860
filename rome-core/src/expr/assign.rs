//! Assignments: what `update` of a query changes.

use std::marker::PhantomData;

use super::node::Node;
use crate::sealed::Sealed;

/// Sets one column, made by [`Column::set`](super::Column::set).
pub struct Assignment<E> {
    pub(crate) column: u16,
    pub(crate) node: Node,
    marker: PhantomData<fn() -> E>,
}

impl<E> Assignment<E> {
    pub(crate) const fn new(column: u16, node: Node) -> Self {
        Self { column, node, marker: PhantomData }
    }
}

impl<E> Clone for Assignment<E> {
    fn clone(&self) -> Self {
        Self::new(self.column, self.node.clone())
    }
}

impl<E> std::fmt::Debug for Assignment<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment").field("column", &self.column).field("node", &self.node).finish()
    }
}

/// One assignment, a tuple of them or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of assignments to columns of `{E}`",
    note = "write `(Dog::AGE.set(1), Dog::NAME.set(\"Rex\"))`"
)]
pub trait Assignments<E> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// As a list.
    fn into_assignments(self) -> Vec<Assignment<E>>;

    /// As a list of columns and what they are set to, which has no type, so that those of all entities are treated by the same code.
    #[doc(hidden)]
    fn into_sets(self) -> Sets
    where
        Self: Sized,
    {
        let mut sets = Vec::new();
        for set in self.into_assignments() {
            sets.push((set.column, set.node));
        }
        Sets(sets)
    }
}

/// Columns, and what they are set to.
#[doc(hidden)]
pub struct Sets(pub(crate) Vec<(u16, Node)>);

impl<E> Assignments<E> for Assignment<E> {
    const SEALED: Sealed = Sealed;

    fn into_assignments(self) -> Vec<Assignment<E>> {
        vec![self]
    }

    fn into_sets(self) -> Sets {
        Sets(vec![(self.column, self.node)])
    }
}

impl<E> Assignments<E> for Vec<Assignment<E>> {
    const SEALED: Sealed = Sealed;

    fn into_assignments(self) -> Vec<Assignment<E>> {
        self
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => { $(
        impl<E, $($name: Assignments<E>),+> Assignments<E> for ($($name,)+) {
            const SEALED: Sealed = Sealed;

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_assignments(self) -> Vec<Assignment<E>> {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.extend($name.into_assignments());)+
                all
            }

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_sets(self) -> Sets {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.append(&mut $name.into_sets().0);)+
                Sets(all)
            }
        }
    )* };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D F) (A B C D F G) (A B C D F G H) (A B C D F G H I) }
