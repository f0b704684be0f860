//! What a query on several entities, or on groups, gives and is ordered by.

use super::parts::FoundValues;
use crate::ask::OrderPart;
use crate::expr::node::Node;
use crate::expr::{Column, Expr, ExprOrder, Found, In, InGroups, Nulls, Order};
use crate::sealed::Sealed;
use crate::value::{Field, ValueError};

/// An expression with its place in the query.
#[doc(hidden)]
pub struct Placed(pub(super) Node);

/// A part of an order with its place in the query.
#[doc(hidden)]
pub struct PlacedOrder {
    pub(super) node: Node,
    pub(super) descending: bool,
    pub(super) nulls: Nulls,
}

/// A column, or a tuple of columns, of the entities of a query over `Q`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selection of columns of `{Q}`",
    note = "write `Dog::NAME`, or `(Dog::NAME, Owner::CITY)`, of entities that are in the query; aggregates belong to `group_by(...).select(...)` and `aggregate(...)`"
)]
pub trait Chosen<Q, I> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// What a row becomes.
    type Row;

    #[doc(hidden)]
    fn place(&self, out: &mut Vec<Placed>);

    /// Reads a row.
    ///
    /// # Errors
    /// When the values do not fit.
    #[doc(hidden)]
    fn read(values: &mut FoundValues) -> Result<Self::Row, ValueError>;
}

/// What a group gives: a column that the query groups by, an aggregate, or a tuple of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selection of what groups of `{Q}` have",
    note = "write `(Owner::CITY, count())`: columns that the query groups by, and aggregates"
)]
pub trait ChosenOfGroup<Q, I> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// What a row becomes.
    type Row;

    #[doc(hidden)]
    fn place(&self, out: &mut Vec<Placed>);

    /// Reads a row.
    ///
    /// # Errors
    /// When the values do not fit.
    #[doc(hidden)]
    fn read(values: &mut FoundValues) -> Result<Self::Row, ValueError>;
}

fn placed(node: Node, places: fn(&mut Vec<u8>)) -> Placed {
    let mut at = Vec::new();
    places(&mut at);
    Placed(node.placed(&at))
}

impl<Q, E: In<Q, I>, T: Found<E::Presence>, I> Chosen<Q, I> for Column<E, T> {
    const SEALED: Sealed = Sealed;

    type Row = T::Type;

    fn place(&self, out: &mut Vec<Placed>) {
        out.push(placed(Node::Column(self.position()), E::places));
    }

    fn read(values: &mut FoundValues) -> Result<T::Type, ValueError> {
        values.next()
    }
}

impl<Q, E: In<Q, I>, T: Found<E::Presence>, I> ChosenOfGroup<Q, I> for Column<E, T> {
    const SEALED: Sealed = Sealed;

    type Row = T::Type;

    fn place(&self, out: &mut Vec<Placed>) {
        out.push(placed(Node::Column(self.position()), E::places));
    }

    fn read(values: &mut FoundValues) -> Result<T::Type, ValueError> {
        values.next()
    }
}

impl<Q, G: InGroups<Q, I>, T: Field, I> ChosenOfGroup<Q, I> for Expr<G, T> {
    const SEALED: Sealed = Sealed;

    type Row = T;

    fn place(&self, out: &mut Vec<Placed>) {
        out.push(placed(self.clone().into_node(), G::places));
    }

    fn read(values: &mut FoundValues) -> Result<T, ValueError> {
        values.next()
    }
}

macro_rules! tuples {
    ($trait:ident: $(($($name:ident $index:ident $at:tt)+))*) => { $(
        #[diagnostic::do_not_recommend]
        impl<Q, $($name: $trait<Q, $index>, $index),+> $trait<Q, ($($index,)+)> for ($($name,)+) {
            const SEALED: Sealed = Sealed;

            type Row = ($($name::Row,)+);

            fn place(&self, out: &mut Vec<Placed>) {
                $(self.$at.place(out);)+
            }

            fn read(values: &mut FoundValues) -> Result<Self::Row, ValueError> {
                Ok(($($name::read(values)?,)+))
            }
        }
    )* };
}

macro_rules! all_tuples {
    ($($trait:ident)+) => { $(
        tuples! { $trait:
            (A IA 0)
            (A IA 0 B IB 1)
            (A IA 0 B IB 1 C IC 2)
            (A IA 0 B IB 1 C IC 2 D ID 3)
            (A IA 0 B IB 1 C IC 2 D ID 3 E IE 4)
            (A IA 0 B IB 1 C IC 2 D ID 3 E IE 4 F IF 5)
            (A IA 0 B IB 1 C IC 2 D ID 3 E IE 4 F IF 5 G IG 6)
            (A IA 0 B IB 1 C IC 2 D ID 3 E IE 4 F IF 5 G IG 6 H IH 7)
        }
    )+ };
}

all_tuples! { Chosen ChosenOfGroup }

/// An order of the rows of a query over `Q`: one part, a tuple or a `Vec` of them, most significant first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an order of rows of `{Q}`",
    note = "write `Dog::AGE.asc()`, or `(Owner::CITY.asc(), Dog::AGE.desc())`, of entities that are in the query"
)]
pub trait OrdersOf<Q, I> {
    #[doc(hidden)]
    const SEALED: Sealed;

    #[doc(hidden)]
    fn place(self, out: &mut Vec<PlacedOrder>);
}

/// An order of groups: by columns that the query groups by, and by aggregates such as `count().desc()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an order of groups of `{Q}`",
    note = "write `Owner::CITY.asc()` or `count().desc()`, or a tuple of such"
)]
pub trait OrdersOfGroup<Q, I> {
    #[doc(hidden)]
    const SEALED: Sealed;

    #[doc(hidden)]
    fn place(self, out: &mut Vec<PlacedOrder>);
}

fn placed_order(part: OrderPart, places: fn(&mut Vec<u8>)) -> PlacedOrder {
    let Placed(node) = placed(Node::Column(part.column), places);
    PlacedOrder { node, descending: part.descending, nulls: part.nulls }
}

impl<Q, S: In<Q, I>, T, I> OrdersOf<Q, I> for Order<S, T> {
    const SEALED: Sealed = Sealed;

    fn place(self, out: &mut Vec<PlacedOrder>) {
        out.push(placed_order(self.part, S::places));
    }
}

impl<Q, S: In<Q, I>, T, I> OrdersOfGroup<Q, I> for Order<S, T> {
    const SEALED: Sealed = Sealed;

    fn place(self, out: &mut Vec<PlacedOrder>) {
        out.push(placed_order(self.part, S::places));
    }
}

impl<Q, G: InGroups<Q, I>, I> OrdersOfGroup<Q, I> for ExprOrder<G> {
    const SEALED: Sealed = Sealed;

    fn place(self, out: &mut Vec<PlacedOrder>) {
        let Placed(node) = placed(self.node, G::places);
        out.push(PlacedOrder { node, descending: self.descending, nulls: self.nulls });
    }
}

macro_rules! orders {
    ($trait:ident: $(($($name:ident $index:ident)+))*) => {
        impl<Q, O: $trait<Q, I>, I> $trait<Q, I> for Vec<O> {
            const SEALED: Sealed = Sealed;

            fn place(self, out: &mut Vec<PlacedOrder>) {
                self.into_iter().for_each(|order| order.place(out));
            }
        }

        $(
            #[diagnostic::do_not_recommend]
            impl<Q, $($name: $trait<Q, $index>, $index),+> $trait<Q, ($($index,)+)> for ($($name,)+) {
                const SEALED: Sealed = Sealed;

                #[allow(non_snake_case, reason = "the type parameters name the parts")]
                fn place(self, out: &mut Vec<PlacedOrder>) {
                    let ($($name,)+) = self;
                    $($name.place(out);)+
                }
            }
        )*
    };
}

macro_rules! all_orders {
    ($($trait:ident)+) => { $(
        orders! { $trait:
            (A IA) (A IA B IB) (A IA B IB C IC) (A IA B IB C IC D ID) (A IA B IB C IC D ID E IE)
            (A IA B IB C IC D ID E IE F IF)
        }
    )+ };
}

all_orders! { OrdersOf OrdersOfGroup }
