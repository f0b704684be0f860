//! The order of a query's rows.

use std::fmt;
use std::marker::PhantomData;

use super::Column;
use crate::sealed::Sealed;
use crate::value::Ordered;

/// Where NULL stands in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Before every value.
    First,
    /// After every value.
    Last,
}

/// Orders by one column, made by [`Column::asc`] and [`Column::desc`]. NULL is below every value unless told otherwise.
///
/// `T` is the type of the column's values, by which [`Condition::after`](super::Condition::after) checks those of a marker; `()` if
/// the column was named at run time, or after [`untyped`](Self::untyped).
pub struct Order<S, T = ()> {
    pub(crate) part: OrderPart,
    marker: PhantomData<fn() -> (S, T)>,
}

/// The run-time form of an [`Order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub struct OrderPart {
    pub column: u16,
    pub descending: bool,
    pub nulls: Nulls,
}

impl Nulls {
    /// Where NULL stands by itself: it is below every value.
    pub(crate) const fn natural(descending: bool) -> Self {
        if descending { Self::Last } else { Self::First }
    }
}

impl OrderPart {
    pub const fn new(column: u16, descending: bool) -> Self {
        Self { column, descending, nulls: Nulls::natural(descending) }
    }

    /// Whether NULL stands where an index of the same direction has it.
    pub fn has_natural_nulls(self) -> bool {
        self.nulls == Nulls::natural(self.descending)
    }
}

impl<S, T> Order<S, T> {
    pub(crate) const fn of_part(part: OrderPart) -> Self {
        Self { part, marker: PhantomData }
    }

    pub(crate) const fn new(column: u16, descending: bool) -> Self {
        Self { part: OrderPart::new(column, descending), marker: PhantomData }
    }

    /// The same order without the type of its column, so that orders by columns of several types fit into one list, or into the
    /// arms of one `match`.
    #[must_use]
    pub const fn untyped(self) -> Order<S> {
        Order::of_part(self.part)
    }

    /// NULL before every value.
    #[must_use]
    pub const fn nulls_first(mut self) -> Self {
        self.part.nulls = Nulls::First;
        self
    }

    /// NULL after every value.
    #[must_use]
    pub const fn nulls_last(mut self) -> Self {
        self.part.nulls = Nulls::Last;
        self
    }
}

impl<S, T> Clone for Order<S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Order<S, T> {}

impl<S, T> fmt::Debug for Order<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.part.fmt(f)
    }
}

impl<E, T> Column<E, T> {
    /// Least values first.
    #[must_use]
    pub const fn asc(self) -> Order<E, T>
    where
        T: Ordered,
    {
        Order::new(self.position(), false)
    }

    /// Greatest values first.
    #[must_use]
    pub const fn desc(self) -> Order<E, T>
    where
        T: Ordered,
    {
        Order::new(self.position(), true)
    }
}

/// One order, a tuple of them or a `Vec`, most significant first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an order of rows of `{S}`",
    note = "write `Dog::AGE.asc()`, or `(Dog::AGE.desc(), Dog::NAME.asc())`"
)]
pub trait Orders<S> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// As a list.
    fn into_orders(self) -> Vec<Order<S>>;

    /// As a list that has no type, so that orders of all entities are treated by the same code.
    #[doc(hidden)]
    fn into_parts(self) -> Vec<OrderPart>
    where
        Self: Sized,
    {
        self.into_orders().into_iter().map(|order| order.part).collect()
    }
}

impl<S, T> Orders<S> for Order<S, T> {
    const SEALED: Sealed = Sealed;

    fn into_orders(self) -> Vec<Order<S>> {
        vec![self.untyped()]
    }

    fn into_parts(self) -> Vec<OrderPart> {
        vec![self.part]
    }
}

impl<S, T> Orders<S> for Vec<Order<S, T>> {
    const SEALED: Sealed = Sealed;

    fn into_orders(self) -> Vec<Order<S>> {
        self.into_iter().map(Order::untyped).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => { $(
        impl<S, $($name: Orders<S>),+> Orders<S> for ($($name,)+) {
            const SEALED: Sealed = Sealed;

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_orders(self) -> Vec<Order<S>> {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.extend($name.into_orders());)+
                all
            }

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn into_parts(self) -> Vec<OrderPart> {
                let ($($name,)+) = self;
                let mut all = Vec::new();
                $(all.append(&mut $name.into_parts());)+
                all
            }
        }
    )* };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }
