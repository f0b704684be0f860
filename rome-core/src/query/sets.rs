//! Set operations on queries whose rows have one shape.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::choose::{OrdersOf, PlacedOrder};
use super::rows::{only, or_none};
use super::set_operand::{Operand, pick};
use super::set_tree::{Combined, MOST_LEVELS, Operation, Order, Tree};
use super::{GroupBy, Joined, Parts, Query};
use crate::ask::Window;
use crate::error::Result;
use crate::metrics;
use crate::model::Entity;
use crate::sealed::Sealed;
use crate::session::Target;

/// Queries combined by set operations. Its rows are an `R`, as those of each; orders speak of the first query's entities `Q`.
///
/// Two rows are the same if all their values are, NULL being the same as NULL. All is of one moment. Queries that are added one after
/// the other are one level, however many they are; set operations that are sides of others nest up to 32 levels deep.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key)] id: u32, name: String, #[rome(index)] age: u32 }
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Cat { #[rome(key)] id: u32, name: String }
/// # fn dog(id: u32, name: &str, age: u32) -> Dog { Dog { id, name: name.into(), age } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().entity::<Cat>().open("memory:").await?;
/// db.insert_many([dog(1, "Rex", 3), dog(2, "Ida", 5), dog(3, "Max", 9)]).await?;
/// db.insert(Cat { id: 1, name: "Ida".into() }).await?;
/// let dogs = || db.query::<Dog>().select(Dog::NAME);
/// let cats = db.query::<Cat>().select(Cat::NAME);
/// let all = dogs().union(&cats).order_by(Dog::NAME.asc());
/// assert_eq!(all.all().await?, ["Ida", "Max", "Rex"]);
/// assert_eq!(dogs().union_all(&cats).count().await?, 4);
/// assert_eq!(dogs().intersect(&cats).all().await?, ["Ida"]);
/// assert_eq!(dogs().except(&cats).order_by(Dog::NAME.desc()).limit(1).all().await?, ["Rex"]);
/// # Ok(())
/// # }
/// ```
pub struct SetQuery<'a, Q, R> {
    target: Target<'a>,
    tree: Arc<Tree>,
    order: Vec<Order>,
    window: Window,
    rows: PhantomData<fn() -> (Q, R)>,
}

/// A query whose rows are an `R`, as one side of a set operation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query whose rows are `{R}`",
    label = "both sides of a set operation give rows of one shape",
    note = "select the same number of columns of the same types"
)]
pub trait SetOperand<R> {
    #[doc(hidden)]
    const SEALED: Sealed;

    #[doc(hidden)]
    fn operand(self) -> SetSide<R>;
}

/// One side of a set operation.
#[doc(hidden)]
pub struct SetSide<R>(Arc<Tree>, PhantomData<fn() -> R>);

macro_rules! operations {
    ($($ty:ident <$q:ident $(: $bound:ident)?> ;)*) => { $(
        impl<'a, $q $(: $bound)?, R: Send + 'static> $ty<'a, $q, R> {
            /// The rows of this query and of the other, each once. See [`SetQuery`]; an order of either has no say but for its
            /// own limit. Costs as both together; with a limit, as the first rows of both.
            #[must_use]
            pub fn union(self, other: impl SetOperand<R>) -> SetQuery<'a, $q, R> {
                self.into_set().with(Operation::Union, other)
            }

            /// The rows of this query and those of the other, as often as they are there. Costs as both together.
            #[must_use]
            pub fn union_all(self, other: impl SetOperand<R>) -> SetQuery<'a, $q, R> {
                self.into_set().with(Operation::UnionAll, other)
            }

            /// The rows of this query that the other has too, each once. Costs as both together.
            #[must_use]
            pub fn intersect(self, other: impl SetOperand<R>) -> SetQuery<'a, $q, R> {
                self.into_set().with(Operation::Intersect, other)
            }

            /// The rows of this query that the other does not have, each once. Costs as both together.
            #[must_use]
            pub fn except(self, other: impl SetOperand<R>) -> SetQuery<'a, $q, R> {
                self.into_set().with(Operation::Except, other)
            }
        }

        impl<$q $(: $bound)?, R: Send + 'static> SetOperand<R> for $ty<'_, $q, R> {
            const SEALED: Sealed = Sealed;

            fn operand(self) -> SetSide<R> {
                SetSide(self.into_set().into_tree(), PhantomData)
            }
        }

        impl<$q $(: $bound)?, R: Send + 'static> SetOperand<R> for &$ty<'_, $q, R> {
            const SEALED: Sealed = Sealed;

            fn operand(self) -> SetSide<R> {
                SetSide(self.clone().into_set().into_tree(), PhantomData)
            }
        }
    )* };
}

operations! {
    Query<Q: Entity>;
    Joined<Q: Parts>;
    GroupBy<Q: Whole>;
    SetQuery<Q: Whole>;
}

/// Any type: a bound for the macro above.
pub trait Whole: 'static {
    #[doc(hidden)]
    const SEALED: Sealed;
}
impl<T: 'static> Whole for T {
    const SEALED: Sealed = Sealed;
}

impl<'a, E: Entity, R: Send + 'static> Query<'a, E, R> {
    fn into_set(self) -> SetQuery<'a, E, R> {
        SetQuery::of(self.target.clone(), super::set_operand::of_query(&self))
    }
}

impl<'a, Q: Parts, R: Send + 'static> Joined<'a, Q, R> {
    fn into_set(self) -> SetQuery<'a, Q, R> {
        SetQuery::of(self.target.clone(), super::set_operand::of_join(&self))
    }
}

impl<'a, Q: 'static, R: Send + 'static> GroupBy<'a, Q, R> {
    fn into_set(self) -> SetQuery<'a, Q, R> {
        SetQuery::of(self.target.clone(), super::set_operand::of_groups(&self))
    }
}

impl<'a, Q, R: Send + 'static> SetQuery<'a, Q, R> {
    fn of(target: Target<'a>, operand: Box<dyn Operand>) -> Self {
        let tree = Arc::new(Tree::Leaf(operand));
        Self { target, tree, order: Vec::new(), window: Window::ALL, rows: PhantomData }
    }

    fn into_set(self) -> Self {
        self
    }

    fn into_tree(self) -> Arc<Tree> {
        if self.window.is_all() {
            return self.tree;
        }
        let levels = self.tree.levels() + 1;
        Arc::new(if levels > MOST_LEVELS {
            Tree::Refused
        } else {
            Tree::Cut(self.tree, self.order, self.window, levels)
        })
    }

    fn with(self, operation: Operation, other: impl SetOperand<R>) -> Self {
        let target = self.target.clone();
        let SetSide(other, _) = other.operand();
        let tree = Arc::new(self.into_tree().then(operation, other));
        Self { target, tree, order: Vec::new(), window: Window::ALL, rows: PhantomData }
    }

    /// Orders the rows by columns that the first query gives; all values break ties, in the direction of the last part.
    /// Replaces an earlier order. Without one, rows come in any order.
    #[must_use]
    pub fn order_by<I>(mut self, order: impl OrdersOf<Q, I>) -> Self {
        let mut parts = Vec::new();
        order.place(&mut parts);
        let part = |part: PlacedOrder| {
            let mut at = (0, 0);
            part.node.for_each_place(&mut |place, column| at = (place, column));
            Order { place: at.0, column: at.1, descending: part.descending, nulls: part.nulls }
        };
        self.order = Vec::new();
        for part in parts.into_iter().map(part) {
            if !self.order.iter().any(|earlier| (earlier.place, earlier.column) == (part.place, part.column)) {
                self.order.push(part);
            }
        }
        self
    }

    /// Gives at most this many rows.
    #[must_use]
    pub const fn limit(mut self, limit: u64) -> Self {
        self.window.limit = Some(limit);
        self
    }

    /// Leaves out the first rows.
    #[must_use]
    pub const fn offset(mut self, offset: u64) -> Self {
        self.window.offset = offset;
        self
    }

    /// All rows. Costs as its queries together. With a limit queries on one entity are read as far as that needs; the right one of an
    /// intersection or a difference is asked for what the left one gave.
    ///
    /// # Errors
    /// [`is_invalid`](crate::Error::is_invalid) for an order by a column that the first query does not give; as
    /// [`Query::all`].
    pub async fn all(&self) -> Result<Vec<R>> {
        self.read(self.tree.find(self.target.reader(), &self.order, self.window).await)
    }

    fn read(&self, found: Result<Combined>) -> Result<Vec<R>> {
        let mut found = found?;
        metrics::returned(found.places.len());
        pick(&mut found.leaves, &found.places)
    }

    /// The first row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        Ok(self.read(self.tree.find(self.target.reader(), &self.order, self.window.at_most(1)).await)?.pop())
    }

    /// The only row. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](crate::Error::is_not_found) when there is none,
    /// [`is_not_unique`](crate::Error::is_not_unique) when there are several;
    /// as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        only(
            self.read(self.tree.find(self.target.reader(), &self.order, self.window.at_most(2)).await)?,
            self.tree.table(),
        )
    }

    /// The only row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_unique`](crate::Error::is_not_unique) when there are several; as [`all`](Self::all).
    pub async fn one_or_none(&self) -> Result<Option<R>> {
        or_none(self.one().await)
    }

    /// How many rows there are, after offset and limit. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        Ok(self.tree.find(self.target.reader(), &[], self.window).await?.places.len() as u64)
    }
}

impl<Q, R> Clone for SetQuery<'_, Q, R> {
    fn clone(&self) -> Self {
        Self {
            target: self.target.clone(),
            tree: self.tree.clone(),
            order: self.order.clone(),
            window: self.window,
            rows: PhantomData,
        }
    }
}

impl<Q, R> fmt::Debug for SetQuery<'_, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetQuery").field("order", &self.order).field("window", &self.window).finish_non_exhaustive()
    }
}
