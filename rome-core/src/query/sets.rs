//! Set operations on queries whose rows have one shape.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::choose::{OrdersOf, PlacedOrder};
use super::rows::only;
use super::set_operand::{Operand, SetRow};
use super::watch::Watch;
use super::{GroupBy, Joined, Parts, Query};
use crate::ask::Window;
use crate::error::{Error, Kind, Result};
use crate::exec::sort_key_of_values;
use crate::expr::Nulls;
use crate::metrics;
use crate::model::Entity;
use crate::session::{Reader, Session, in_session};
use crate::value::key;

/// How two queries are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    UnionAll,
    Intersect,
    Except,
}

/// Queries combined by set operations. Its rows are an `R`, as those of each; orders speak of the first query's entities `Q`.
///
/// Two rows are the same if all their values are, NULL being the same as NULL. All is of one moment. Queries that are added one after
/// the other are one level, however many they are; set operations that are sides of others nest up to 32 levels deep.
///
/// ```
/// # use rome::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key)] id: u32, name: String, #[rome(index)] age: u32 }
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Cat { #[rome(key)] id: u32, name: String }
/// # fn dog(id: u32, name: &str, age: u32) -> Dog { Dog { id, name: name.into(), age } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome::Result<()> {
/// # let db = Database::builder().entity::<Dog>().entity::<Cat>().open("memory:").await?;
/// db.insert_all([dog(1, "Rex", 3), dog(2, "Ida", 5), dog(3, "Max", 9)]).await?;
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
    target: Reader<'a>,
    tree: Arc<Tree<R>>,
    order: Vec<Order>,
    window: Window,
    entities: PhantomData<fn() -> Q>,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    place: u8,
    column: u16,
    descending: bool,
    nulls: Nulls,
}

/// How deep set operations lie in each other at most. What is added to the right of others is one level with them.
const MOST_LEVELS: u16 = 32;

enum Tree<R> {
    Leaf(Box<dyn Operand<R>>),
    /// The first, and what is done with it, one after the other. It has so many levels.
    Chain(Arc<Self>, Vec<(Operation, Arc<Self>)>, u16),
    /// A combination of so many levels with an order and a limit of its own.
    Cut(Arc<Self>, Vec<Order>, Window, u16),
    /// What a combination of too many levels became.
    Refused,
}

impl<R: Send + 'static> Tree<R> {
    const fn levels(&self) -> u16 {
        match self {
            Self::Leaf(_) => 1,
            Self::Chain(_, _, levels) | Self::Cut(.., levels) => *levels,
            Self::Refused => MOST_LEVELS + 1,
        }
    }

    /// With one more to the right.
    fn then(self: Arc<Self>, operation: Operation, other: Arc<Self>) -> Self {
        let (first, mut steps, levels) = match Arc::try_unwrap(self) {
            Ok(Self::Chain(first, steps, levels)) => (first, steps, levels),
            Ok(first) => (Arc::new(first), Vec::new(), 0),
            Err(shared) => match &*shared {
                Self::Chain(first, steps, levels) => (first.clone(), steps.clone(), *levels),
                _ => (shared, Vec::new(), 0),
            },
        };
        let levels = levels.max(first.levels() + 1).max(other.levels() + 1);
        if levels > MOST_LEVELS {
            return Self::Refused;
        }
        steps.push((operation, other));
        Self::Chain(first, steps, levels)
    }

    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<SetRow<R>>>> {
        Box::pin(async move {
            match self {
                Self::Leaf(operand) => operand.rows(target).await,
                Self::Chain(first, steps, _) => {
                    let mut rows = first.rows(target).await?;
                    for (operation, other) in steps {
                        rows = combine(*operation, rows, other.rows(target).await?);
                    }
                    Ok(rows)
                }
                Self::Cut(tree, order, window, _) => arrange(self, tree.rows(target).await?, order, *window),
                Self::Refused => Err(Kind::Limit(format!(
                    "set operations are nested more than {MOST_LEVELS} levels deep, which is the limit; add queries one after the \
                     other, `a.union(b).union(c)`, or combine the rows of several queries"
                ))
                .into()),
            }
        })
    }

    /// Which of the values of a row a column of the first query is.
    fn place_of(&self, place: u8, column: u16) -> Option<usize> {
        match self {
            Self::Leaf(operand) => operand.place_of(place, column),
            Self::Chain(tree, ..) | Self::Cut(tree, ..) => tree.place_of(place, column),
            Self::Refused => None,
        }
    }

    fn table(&self) -> &'static str {
        match self {
            Self::Leaf(operand) => operand.table(),
            Self::Chain(tree, ..) | Self::Cut(tree, ..) => tree.table(),
            Self::Refused => "",
        }
    }
}

fn identity<R>(row: &SetRow<R>) -> Vec<u8> {
    let mut encoded = Vec::new();
    row.values.iter().for_each(|value| key::encode(value.as_ref(), false, &mut encoded));
    encoded
}

fn combine<R>(operation: Operation, mut left: Vec<SetRow<R>>, right: Vec<SetRow<R>>) -> Vec<SetRow<R>> {
    let mut seen = HashSet::new();
    match operation {
        Operation::UnionAll => left.extend(right),
        Operation::Union => {
            left.extend(right);
            left.retain(|row| seen.insert(identity(row)));
        }
        Operation::Intersect | Operation::Except => {
            let right: HashSet<Vec<u8>> = right.iter().map(identity).collect();
            left.retain(|row| {
                let identity = identity(row);
                right.contains(&identity) == (operation == Operation::Intersect) && seen.insert(identity)
            });
        }
    }
    left
}

fn arrange<R: Send + 'static>(
    tree: &Tree<R>,
    mut rows: Vec<SetRow<R>>,
    order: &[Order],
    window: Window,
) -> Result<Vec<SetRow<R>>> {
    if !order.is_empty() {
        let mut places = Vec::with_capacity(order.len());
        for part in order {
            let place = tree.place_of(part.place, part.column).ok_or_else(|| {
                Error::invalid("a set operation can only be ordered by columns that its first query gives")
            })?;
            places.push((place, part));
        }
        let descending = order.last().is_some_and(|last| last.descending);
        rows.sort_by_cached_key(|row| {
            let of = |(place, part): &(usize, &Order)| {
                let value = row.values.get(*place).map_or(crate::value::ValueRef::Null, crate::value::Value::as_ref);
                (value, part.descending, part.nulls)
            };
            // All values break ties, so that rows come in the same order on each store.
            let nulls = Nulls::natural(descending);
            let rest = row.values.iter().map(|value| (value.as_ref(), descending, nulls));
            sort_key_of_values(places.iter().map(of).chain(rest))
        });
    }
    window.cut(&mut rows);
    Ok(rows)
}

/// A query whose rows are an `R`, as one side of a set operation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query whose rows are `{R}`",
    label = "both sides of a set operation give rows of one shape",
    note = "select the same number of columns of the same types"
)]
pub trait SetOperand<R> {
    #[doc(hidden)]
    fn operand(self) -> SetSide<R>;
}

/// One side of a set operation.
#[doc(hidden)]
pub struct SetSide<R>(Arc<Tree<R>>);

macro_rules! operations {
    ($($ty:ident <$q:ident $(: $bound:ident)?> ;)*) => { $(
        impl<'a, $q $(: $bound)?, R: Send + 'static> $ty<'a, $q, R> {
            /// The rows of this query and of the other, each once. See [`SetQuery`]; an order of either has no say but for its
            /// own limit. Costs as both together.
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
            fn operand(self) -> SetSide<R> {
                SetSide(self.into_set().into_tree())
            }
        }

        impl<$q $(: $bound)?, R: Send + 'static> SetOperand<R> for &$ty<'_, $q, R> {
            fn operand(self) -> SetSide<R> {
                SetSide(self.clone().into_set().into_tree())
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
pub trait Whole: 'static {}
impl<T: 'static> Whole for T {}

impl<'a, E: Entity, R: Send + 'static> Query<'a, E, R> {
    fn into_set(self) -> SetQuery<'a, E, R> {
        SetQuery::of(self.target, super::set_operand::of_query(&self))
    }
}

impl<'a, Q: Parts, R: Send + 'static> Joined<'a, Q, R> {
    fn into_set(self) -> SetQuery<'a, Q, R> {
        SetQuery::of(self.target, super::set_operand::of_join(&self))
    }
}

impl<'a, Q: 'static, R: Send + 'static> GroupBy<'a, Q, R> {
    fn into_set(self) -> SetQuery<'a, Q, R> {
        SetQuery::of(self.target, super::set_operand::of_groups(&self))
    }
}

impl<'a, Q, R: Send + 'static> SetQuery<'a, Q, R> {
    fn of(target: Reader<'a>, operand: Box<dyn Operand<R>>) -> Self {
        let tree = Arc::new(Tree::Leaf(operand));
        Self { target, tree, order: Vec::new(), window: Window::ALL, entities: PhantomData }
    }

    fn into_set(self) -> Self {
        self
    }

    fn into_tree(self) -> Arc<Tree<R>> {
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
        let target = self.target;
        let SetSide(other) = other.operand();
        let tree = Arc::new(self.into_tree().then(operation, other));
        Self { target, tree, order: Vec::new(), window: Window::ALL, entities: PhantomData }
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

    /// All rows. Costs as its queries together; all rows of each are read.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) for an order by a column that the first query does not give; as
    /// [`Query::all`].
    pub async fn all(&self) -> Result<Vec<R>> {
        let rows = self.rows(&self.order, self.window).await?;
        metrics::returned(rows.len());
        Ok(rows)
    }

    async fn rows(&self, order: &[Order], window: Window) -> Result<Vec<R>> {
        let tree = &self.tree;
        let watch = Watch::begin(self.target);
        let rows = match self.target {
            Reader::Session(_) => tree.rows(self.target).await?,
            Reader::Database(shared) => {
                in_session(shared, async |session: &Session| tree.rows(Reader::Session(session)).await).await?
            }
        };
        watch.end(|_| format!("set operation on {}", tree.table()));
        let rows = arrange(tree, rows, order, window)?;
        Ok(rows.into_iter().map(|row| row.row).collect())
    }

    /// The first row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        let mut rows = self.rows(&self.order, self.window.at_most(1)).await?;
        metrics::returned(rows.len());
        Ok(rows.pop())
    }

    /// The only row. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) when there is none, [`is_invalid`](Error::is_invalid) when there are several;
    /// as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        let row = only(self.rows(&self.order, self.window.at_most(2)).await?, self.tree.table())?;
        metrics::returned(1);
        Ok(row)
    }

    /// How many rows there are, after offset and limit. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        Ok(self.rows(&[], self.window).await?.len() as u64)
    }
}

impl<Q, R> Clone for SetQuery<'_, Q, R> {
    fn clone(&self) -> Self {
        Self {
            target: self.target,
            tree: self.tree.clone(),
            order: self.order.clone(),
            window: self.window,
            entities: PhantomData,
        }
    }
}

impl<Q, R> fmt::Debug for SetQuery<'_, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetQuery").field("order", &self.order).field("window", &self.window).finish_non_exhaustive()
    }
}
