//! Queries on groups of rows.

use std::fmt;
use std::marker::PhantomData;

use futures::future::BoxFuture;

use super::Query;
use super::choose::{Chosen, ChosenOfGroup, OrdersOfGroup, PlacedOrder};
use super::explaining::Explaining;
use super::parts::FoundValues;
use super::rows::{only, or_none};
use super::select::Output;
use super::watch::Watch;
use crate::ask::{GroupOrder, GroupSpec, GroupedRows, JoinSpec, conjuncts};
use crate::error::{Error, Kind, Result};
use crate::exec;
use crate::expr::{Condition, InGroups};
use crate::metrics;
use crate::model::Entity;
use crate::plan::Explain;
use crate::session::{Reader, Target};
use crate::value::{Value, ValueError, ValueErrorKind};

/// A query on groups of rows of `Q`, an entity or a tuple of joined ones. Each group becomes an `R`: the columns that it is
/// grouped by, or what [`select`](Self::select) says.
///
/// Made by [`Query::group_by`] and [`Joined::group_by`](super::Joined::group_by). NULL is a group of its own. Aggregates
/// skip NULL; of nothing they are NULL, and counts are 0.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, city: String, #[rome(index)] age: Option<u32> }
/// # fn dog(city: &str, age: Option<u32>) -> Dog { Dog { city: city.into(), age, ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Lyon", Some(3)), dog("Lyon", None), dog("Nice", Some(1)), dog("Oslo", None)]).await?;
/// let per_city = db.query::<Dog>().group_by(Dog::CITY);
/// assert_eq!(per_city.clone().order_by(Dog::CITY.desc()).all().await?, ["Oslo", "Nice", "Lyon"]);
/// let largest = per_city.order_by((count().desc(), Dog::CITY.asc())).limit(2);
/// assert_eq!(
///     largest.select((Dog::CITY, count(), sum(Dog::AGE), avg(Dog::AGE))).all().await?,
///     [("Lyon".to_owned(), 2, Some(3), Some(3.0)), ("Nice".to_owned(), 1, Some(1), Some(1.0))],
/// );
/// # Ok(())
/// # }
/// ```
pub struct GroupBy<'a, Q, R> {
    pub(super) target: Target<'a>,
    pub(super) groups: Groups<R>,
    entities: PhantomData<fn() -> Q>,
}

/// What is asked for, without where.
pub(super) struct Groups<R> {
    pub asked: AskedGroups,
    read: fn(&mut FoundValues) -> Result<R, ValueError>,
}

/// What is asked for, without the type of the rows.
#[derive(Clone)]
pub(super) struct AskedGroups {
    pub rows: GroupedRows,
    pub spec: GroupSpec,
    /// What is wrong with the query that the rows are of.
    refused: Option<&'static str>,
}

impl<'a, E: Entity, R> Query<'a, E, R> {
    /// Groups the rows, after limit and offset, by a column or a tuple of columns; see [`GroupBy`].
    #[must_use]
    pub fn group_by<C: Chosen<E, I>, I>(self, columns: C) -> GroupBy<'a, E, C::Row> {
        let refused = self.refused();
        let mut groups = GroupBy::new(self.target, GroupedRows::Table(Box::new(self.spec)), &columns);
        groups.groups.asked.refused = refused;
        groups
    }

    /// Aggregates of all rows, after limit and offset. Costs one round trip. A count that an index serves reads no rows;
    /// `min` and `max` where an index gives the order read one row each, and cost a round trip each; aggregates of columns
    /// that are all in one index read its entries alone.
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
    /// let in_lyon = db.query::<Dog>().filter(Dog::CITY.eq("Lyon"));
    /// assert_eq!(in_lyon.aggregate((count(), min(Dog::AGE), avg(Dog::AGE))).await?, (2, Some(3), Some(4.0)));
    /// let nowhere = db.query::<Dog>().filter(Dog::CITY.eq("Oslo"));
    /// assert_eq!(nowhere.aggregate((count(), sum(Dog::AGE))).await?, (0, None));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_overflow`](Error::is_overflow) when a sum leaves the range of its type; as [`all`](Self::all).
    pub async fn aggregate<C: ChosenOfGroup<E, I>, I>(&self, output: C) -> Result<C::Row> {
        let rows = GroupedRows::Table(Box::new(self.spec.clone()));
        let mut whole = GroupBy::<E, ()>::whole(self.target.clone(), rows);
        whole.groups.asked.refused = self.refused();
        whole.select(output).one().await
    }

    fn refused(&self) -> Option<&'static str> {
        let distinct = self.distinct && matches!(self.output, Output::Columns(..));
        distinct.then_some("distinct rows of a selection cannot be grouped: group by their columns")
    }
}

impl<'a, Q, R> GroupBy<'a, Q, R> {
    fn new<C: Chosen<Q, I, Row = R>, I>(target: Target<'a>, rows: GroupedRows, columns: &C) -> Self {
        let mut placed = Vec::new();
        columns.place(&mut placed);
        let by: Vec<_> = placed.into_iter().map(|placed| placed.0).collect();
        let spec = GroupSpec { output: by.clone(), by, ..GroupSpec::default() };
        let asked = AskedGroups { rows, spec, refused: None };
        Self { target, groups: Groups { asked, read: C::read }, entities: PhantomData }
    }

    pub(super) fn of_join<C: Chosen<Q, I, Row = R>, I>(target: Target<'a>, spec: JoinSpec, columns: &C) -> Self {
        Self::new(target, GroupedRows::Join(Box::new(spec)), columns)
    }

    fn whole(target: Target<'a>, rows: GroupedRows) -> GroupBy<'a, Q, ()> {
        let asked = AskedGroups { rows, spec: GroupSpec::default(), refused: None };
        GroupBy { target, groups: Groups { asked, read: |_| Ok(()) }, entities: PhantomData }
    }

    pub(super) fn whole_join(target: Target<'a>, spec: JoinSpec) -> GroupBy<'a, Q, ()> {
        Self::whole(target, GroupedRows::Join(Box::new(spec)))
    }

    /// Keeps the groups for which the condition is true: about aggregates, or about columns that the query groups by. Several
    /// have to hold together.
    #[must_use]
    pub fn having<S, I>(mut self, condition: Condition<S>) -> Self
    where
        S: InGroups<Q, I>,
    {
        let mut places = Vec::new();
        S::places(&mut places);
        self.groups.asked.spec.having.extend(conjuncts(condition.into_node().placed(&places)));
        self
    }

    /// Orders the groups, by aggregates or columns that the query groups by; its columns break ties, in the direction of the
    /// last part. Replaces an earlier order. Without one, groups come in the order of their columns.
    #[must_use]
    pub fn order_by<I>(mut self, order: impl OrdersOfGroup<Q, I>) -> Self {
        let mut parts = Vec::new();
        order.place(&mut parts);
        let part = |part: PlacedOrder| GroupOrder { node: part.node, descending: part.descending, nulls: part.nulls };
        self.groups.asked.spec.order = parts.into_iter().map(part).collect();
        self
    }

    /// Gives at most this many groups.
    #[must_use]
    pub const fn limit(mut self, limit: u64) -> Self {
        self.groups.asked.spec.window.limit = Some(limit);
        self
    }

    /// Leaves out the first groups.
    #[must_use]
    pub const fn offset(mut self, offset: u64) -> Self {
        self.groups.asked.spec.window.offset = offset;
        self
    }

    /// Gives columns that the query groups by, and aggregates.
    #[must_use]
    pub fn select<C: ChosenOfGroup<Q, I>, I>(self, output: C) -> GroupBy<'a, Q, C::Row> {
        let mut placed = Vec::new();
        output.place(&mut placed);
        let mut asked = self.groups.asked;
        asked.spec.output = placed.into_iter().map(|placed| placed.0).collect();
        GroupBy { target: self.target, groups: Groups { asked, read: C::read }, entities: PhantomData }
    }

    /// All groups. Costs one round trip, on joined entities one for each of them. The groups and their distinct values are
    /// kept in memory.
    ///
    /// Groups of the leading columns of an index, with no aggregates but `min` and `max` of the column behind them, cost a few entries
    /// each and no rows, and a round trip each at most. With a limit, and in the order of an index, groups are read in batches and no
    /// further than the limit.
    ///
    /// # Errors
    /// [`is_overflow`](Error::is_overflow) when a sum leaves the range of its type; [`is_invalid`](Error::is_invalid) for a
    /// column that is neither grouped by nor inside an aggregate; [`is_limit_exceeded`](Error::is_limit_exceeded) for more than 4,000,000
    /// groups and distinct values; as [`Query::all`].
    pub async fn all(&self) -> Result<Vec<R>> {
        let values = self.groups.asked.at_most(self.target.reader(), None).await?;
        self.groups.read_all(values)
    }

    /// The first group, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        let values = self.groups.asked.at_most(self.target.reader(), Some(1)).await?;
        Ok(self.groups.read_all(values)?.pop())
    }

    /// The only group. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) when there is none,
    /// [`is_not_unique`](Error::is_not_unique) when there are several;
    /// as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        self.groups.read_one(self.groups.asked.one(self.target.reader()).await)
    }

    /// The only group, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_unique`](crate::Error::is_not_unique) when there are several; as [`all`](Self::all).
    pub async fn one_or_none(&self) -> Result<Option<R>> {
        or_none(self.one().await)
    }

    /// How many groups there are, after offset and limit. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        self.groups.asked.count(self.target.reader()).await
    }

    /// How the query would be carried out, for people to read. Costs as the explanation of the query whose rows are
    /// grouped.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn explain(&self) -> Explaining<'_> {
        self.groups.asked.explaining(self.target.reader())
    }
}

impl<R> Groups<R> {
    /// Reads what groups give.
    pub fn read_all(&self, values: Vec<Vec<Value>>) -> Result<Vec<R>> {
        let mut rows = Vec::with_capacity(values.len());
        for values in values {
            rows.push(self.read_one(Ok(values))?);
        }
        Ok(rows)
    }

    fn read_one(&self, values: Result<Vec<Value>>) -> Result<R> {
        match (self.read)(&mut FoundValues::new(values?)) {
            Ok(row) => Ok(row),
            Err(source) => Err(self.asked.unfit(source)),
        }
    }
}

impl AskedGroups {
    /// What all groups give, as values.
    pub fn all<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<Vec<Value>>>> {
        Box::pin(self.values(target, &self.spec))
    }

    /// The same of the first of the groups.
    fn at_most<'s>(&'s self, target: Reader<'s>, most: Option<u64>) -> BoxFuture<'s, Result<Vec<Vec<Value>>>> {
        Box::pin(async move {
            let rows = match most {
                None => self.values(target, &self.spec).await?,
                Some(most) => {
                    let window = self.spec.window.at_most(most);
                    self.values(target, &GroupSpec { window, ..self.spec.clone() }).await?
                }
            };
            metrics::returned(rows.len());
            Ok(rows)
        })
    }

    /// The same of the only group.
    fn one<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<Value>>> {
        Box::pin(async move {
            let window = self.spec.window.at_most(2);
            let rows = self.values(target, &GroupSpec { window, ..self.spec.clone() }).await?;
            let row = only(rows, self.rows.table())?;
            metrics::returned(1);
            Ok(row)
        })
    }

    fn count<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<u64>> {
        Box::pin(async move {
            let group = GroupSpec { order: Vec::new(), ..self.spec.clone() };
            Ok(self.values(target, &group).await?.len() as u64)
        })
    }

    fn explain<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Explain>> {
        Box::pin(exec::explain_groups(target, &self.rows, &self.spec))
    }

    fn explaining<'s>(&'s self, target: Reader<'s>) -> Explaining<'s> {
        let run = async move { self.all(target).await.map(|groups| metrics::returned(groups.len())) };
        Explaining::new(target, String::new(), self.explain(target), Box::pin(run))
    }

    async fn values(&self, target: Reader<'_>, group: &GroupSpec) -> Result<Vec<Vec<Value>>> {
        if let Some(why) = self.refused {
            return Err(Error::invalid(why));
        }
        let rows = &self.rows;
        let watch = Watch::begin(target);
        let values = exec::groups(target, rows, group).await?;
        watch.end(|shown| match rows {
            GroupedRows::Join(spec) => format!("groups of {}", spec.text(shown)),
            GroupedRows::Table(spec) => format!("groups of {}", spec.text(shown)),
        });
        Ok(values)
    }

    #[cold]
    fn unfit(&self, source: ValueError) -> Error {
        let table = self.rows.table();
        match source.kind() {
            ValueErrorKind::OutOfRange { .. } => Kind::Overflow { table, column: None, source }.into(),
            _ => Kind::StoredRow { table, key: "of a group".to_owned(), column: None, source }.into(),
        }
    }
}

impl<R> Clone for Groups<R> {
    fn clone(&self) -> Self {
        Self { asked: self.asked.clone(), read: self.read }
    }
}

impl<Q, R> Clone for GroupBy<'_, Q, R> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone(), groups: self.groups.clone(), entities: PhantomData }
    }
}

impl<Q, R> fmt::Debug for GroupBy<'_, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBy")
            .field("rows", &self.groups.asked.rows.table())
            .field("by", &self.groups.asked.spec.by)
            .finish_non_exhaustive()
    }
}
