//! Aggregates: what is calculated from all rows of a group.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::node::Node;
use super::scope::Groups;
use super::{Column, Expr};
use crate::model::OrNull;
use crate::sealed::Sealed;
use crate::value::{Field, Numeric, Ordered, Summable};

/// What is calculated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Func {
    /// How many rows, or how many values that are not NULL.
    Count,
    /// How many different values that are not NULL.
    CountDistinct,
    Sum,
    Min,
    Max,
    Avg,
}

impl Func {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::CountDistinct => "count distinct ",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
        }
    }
}

/// An aggregate without its types.
#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    pub func: Func,
    /// None: of the rows themselves.
    pub of: Option<Node>,
}

/// A column, or a value that is calculated from columns: what is aggregated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a column",
    note = "write `sum(Dog::AGE)`, or an expression such as `sum(Dog::AGE * 2)`"
)]
pub trait Term {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The entity that it is of.
    type Scope;
    /// The type of its values.
    type Type: Field;

    /// The same as an expression.
    #[doc(hidden)]
    fn into_expr(self) -> Expr<Self::Scope, Self::Type>;
}

impl<E, T: Field> Term for Column<E, T> {
    const SEALED: Sealed = Sealed;

    type Scope = E;
    type Type = T;

    fn into_expr(self) -> Expr<E, T> {
        self.into()
    }
}

impl<S, T: Field> Term for Expr<S, T> {
    const SEALED: Sealed = Sealed;

    type Scope = S;
    type Type = T;

    fn into_expr(self) -> Self {
        self
    }
}

fn aggregate<S, T>(func: Func, of: Option<Node>) -> Expr<Groups<S>, T> {
    Expr::new(Node::Aggregate(Arc::new(Aggregate { func, of })))
}

macro_rules! aggregates_of {
    ($(($of:ident $scope:ident $($example:literal)?))*) => { $(
        impl<$scope, T: Field> $of<$scope, T> {
            /// In how many rows the value is not NULL: [`count_of`].
            #[must_use]
            pub fn count(self) -> Expr<Groups<$scope>, u64> {
                count_of(self)
            }

            /// How many different values there are, NULL left out: [`count_distinct`].
            #[must_use]
            pub fn count_distinct(self) -> Expr<Groups<$scope>, u64> {
                count_distinct(self)
            }

            /// The sum of the values that are not NULL; NULL if there is none: [`sum`].
            #[must_use]
            pub fn sum(self) -> Expr<Groups<$scope>, Option<T::Sum>>
            where
                T: Summable,
            {
                sum(self)
            }

            /// The least value that is not NULL; NULL if there is none: [`min`].
            $(#[doc = $example])?
            #[must_use]
            pub fn min(self) -> Expr<Groups<$scope>, T::OrNull>
            where
                T: Ordered + OrNull,
            {
                min(self)
            }

            /// The greatest value that is not NULL; NULL if there is none: [`max`].
            #[must_use]
            pub fn max(self) -> Expr<Groups<$scope>, T::OrNull>
            where
                T: Ordered + OrNull,
            {
                max(self)
            }

            /// The mean of the values that are not NULL; NULL if there is none: [`avg`].
            #[must_use]
            pub fn avg(self) -> Expr<Groups<$scope>, Option<f64>>
            where
                T: Numeric,
            {
                avg(self)
            }
        }
    )* };
}

aggregates_of! {
    (Column E "
```
# use rome_orm::prelude::*;
# #[derive(Entity, Clone, Debug, Default, PartialEq)]
# struct Dog { #[rome(key, auto)] id: Id<Dog>, city: String, #[rome(index)] age: Option<u32> }
# #[tokio::main(flavor = \"current_thread\")]
# async fn main() -> rome_orm::Result<()> {
# let db = Database::builder().entity::<Dog>().open(\"memory:\").await?;
db.insert(Dog { city: \"Lyon\".into(), age: Some(3), ..Default::default() }).await?;
let (youngest, oldest) = db.query::<Dog>().aggregate((Dog::AGE.min(), Dog::AGE.max())).await?;
assert_eq!((youngest, oldest), (Some(3), Some(3)));
# Ok(())
# }
```")
    (Expr S)
}

/// How many rows there are.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, city: String, #[rome(index)] age: Option<u32> }
/// # fn dog(city: &str, age: u32) -> Dog { Dog { city: city.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Lyon", 3), dog("Lyon", 5), dog("Nice", 1)]).await?;
/// let per = db.query::<Dog>().group_by(Dog::CITY).having(count().gt(1)).select((Dog::CITY, count())).all().await?;
/// assert_eq!(per, [("Lyon".to_owned(), 2)]);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn count() -> Expr<Groups<()>, u64> {
    aggregate(Func::Count, None)
}

/// In how many rows the value is not NULL.
#[must_use]
pub fn count_of<V: Term>(of: V) -> Expr<Groups<V::Scope>, u64> {
    aggregate(Func::Count, Some(of.into_expr().into_node()))
}

/// How many different values there are, NULL left out.
#[must_use]
pub fn count_distinct<V: Term>(of: V) -> Expr<Groups<V::Scope>, u64> {
    aggregate(Func::CountDistinct, Some(of.into_expr().into_node()))
}

/// The sum of the values that are not NULL; NULL if there is none.
///
/// Integers are added exactly and the result is checked: a sum that leaves the range of `i64` (of `u64` for unsigned
/// columns, and 128 bits for columns of 128) is an error for which [`is_overflow`](crate::Error::is_overflow) is true.
/// Floats are added exactly too, and rounded once, so that the sum does not depend on the order of the rows.
#[must_use]
pub fn sum<V: Term<Type: Summable>>(of: V) -> Expr<Groups<V::Scope>, Option<<V::Type as Summable>::Sum>> {
    aggregate(Func::Sum, Some(of.into_expr().into_node()))
}

/// The least value that is not NULL; NULL if there is none.
#[must_use]
pub fn min<V: Term<Type: Ordered + OrNull>>(of: V) -> Expr<Groups<V::Scope>, <V::Type as OrNull>::OrNull> {
    aggregate(Func::Min, Some(of.into_expr().into_node()))
}

/// The greatest value that is not NULL; NULL if there is none. NaN is above all other floats.
#[must_use]
pub fn max<V: Term<Type: Ordered + OrNull>>(of: V) -> Expr<Groups<V::Scope>, <V::Type as OrNull>::OrNull> {
    aggregate(Func::Max, Some(of.into_expr().into_node()))
}

/// The mean of the values that are not NULL; NULL if there is none. The sum is exact before it is divided.
#[must_use]
pub fn avg<V: Term<Type: Numeric>>(of: V) -> Expr<Groups<V::Scope>, Option<f64>> {
    aggregate(Func::Avg, Some(of.into_expr().into_node()))
}

/// Orders by a calculated value, made by [`Expr::asc`] and [`Expr::desc`].
pub struct ExprOrder<S> {
    pub(crate) node: Node,
    pub(crate) descending: bool,
    pub(crate) nulls: super::Nulls,
    marker: PhantomData<fn() -> S>,
}

impl<S> ExprOrder<S> {
    const fn new(node: Node, descending: bool) -> Self {
        let nulls = super::Nulls::natural(descending);
        Self { node, descending, nulls, marker: PhantomData }
    }

    /// NULL before every value.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.nulls = super::Nulls::First;
        self
    }

    /// NULL after every value.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.nulls = super::Nulls::Last;
        self
    }
}

impl<S> Clone for ExprOrder<S> {
    fn clone(&self) -> Self {
        Self { node: self.node.clone(), descending: self.descending, nulls: self.nulls, marker: PhantomData }
    }
}

impl<S> fmt::Debug for ExprOrder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExprOrder").field("node", &self.node).field("descending", &self.descending).finish()
    }
}

impl<S, T: Ordered> Expr<S, T> {
    /// Least values first.
    #[must_use]
    pub fn asc(self) -> ExprOrder<S> {
        ExprOrder::new(self.into_node(), false)
    }

    /// Greatest values first.
    #[must_use]
    pub fn desc(self) -> ExprOrder<S> {
        ExprOrder::new(self.into_node(), true)
    }
}
