//! Builds queries.

use std::fmt;
use std::marker::PhantomData;

use super::loading::Loads;
use super::page::PageQuery;
use super::select::{Output, Selection};
use crate::ask::{Hints, IndexChoice, ScanPolicy, SoftDeleted, Spec, conjuncts, distinct_parts};
use crate::expr::{Condition, In, Orders};
use crate::model::{Entity, Projection};
use crate::session::{Reader, Session, Target};

/// A query on the entity `E` whose rows become `R`: the entity itself, a tuple of columns or a projection.
///
/// Building it costs nothing; a method with `.await` runs it. It may be cloned and run again.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 1)]).await?;
/// let grown_up = db.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::NAME.asc());
/// assert_eq!(grown_up.count().await?, 2);
/// let names: Vec<String> = grown_up.clone().select(Dog::NAME).all().await?;
/// assert_eq!(names, ["Ida", "Rex"]);
/// assert_eq!(grown_up.first().await?.map(|dog| dog.name).as_deref(), Some("Ida"));
/// # Ok(())
/// # }
/// ```
pub struct Query<'a, E: Entity, R = E> {
    pub(super) target: Target<'a>,
    pub(super) spec: Spec,
    pub(super) output: Output<R>,
    pub(super) distinct: bool,
    pub(super) loads: Loads<R>,
    pub(super) entity: PhantomData<fn() -> E>,
}

impl<'a, E: Entity> Query<'a, E> {
    pub(crate) fn new(target: Reader<'a>) -> Self {
        Self::at(Target::Reader(target))
    }

    pub(crate) fn at(target: Target<'a>) -> Self {
        Self {
            target,
            spec: Spec::new(E::table()),
            output: Output::Entity(E::read),
            distinct: false,
            loads: Vec::new(),
            entity: PhantomData,
        }
    }
}

impl<'a, E: Entity, R> Query<'a, E, R> {
    /// Keeps the rows for which the condition is true. Several filters have to hold together.
    #[must_use]
    pub fn filter<S, I>(mut self, condition: Condition<S>) -> Self
    where
        S: In<E, I>,
    {
        self.spec.filter.extend(conjuncts(condition.into_node()));
        self
    }

    /// Orders the rows; the key breaks ties, in the direction of the last part. Replaces an earlier order. Without one,
    /// rows come in any order. A column that an earlier part orders by already is left out, as it has no say.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 3)]).await?;
    /// let query = db.query::<Dog>().order_by((Dog::AGE.desc().nulls_first(), Dog::NAME.asc()));
    /// assert_eq!(query.select(Dog::NAME).all().await?, ["Ida", "Max", "Rex"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn order_by(mut self, order: impl Orders<E>) -> Self {
        self.spec.order = distinct_parts(order.into_parts());
        self
    }

    /// Gives at most this many rows.
    #[must_use]
    pub const fn limit(mut self, limit: u64) -> Self {
        self.spec.window.limit = Some(limit);
        self
    }

    /// Leaves out the first rows. They are still read: for pages, use [`page`](Self::page).
    #[must_use]
    pub const fn offset(mut self, offset: u64) -> Self {
        self.spec.window.offset = offset;
        self
    }

    /// Gives each distinct row of a selection once; in an order, the first one. Entities are distinct by their keys.
    ///
    /// Where an index begins with the selected columns, or has them behind columns that the filter fixes, each distinct row costs an
    /// entry or two and a round trip at most, however many rows have it, and a limit ends the reading; else all rows are read.
    #[must_use]
    pub const fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    /// Sees softly deleted rows too.
    #[must_use]
    pub const fn with_deleted(self) -> Self {
        self.deleted(SoftDeleted::Include)
    }

    /// Sees softly deleted rows only.
    #[must_use]
    pub const fn only_deleted(self) -> Self {
        self.deleted(SoftDeleted::Only)
    }

    /// Which rows it sees, by soft deletion.
    #[must_use]
    pub const fn deleted(mut self, deleted: SoftDeleted) -> Self {
        self.spec.deleted = deleted;
        self
    }

    /// What happens if no index serves it and the whole table would be read. It holds for all that the query reads: for subqueries
    /// without a policy of their own, and for the relations that are loaded with its rows.
    #[must_use]
    pub const fn scan_policy(mut self, policy: ScanPolicy) -> Self {
        self.spec.policy = Some(policy);
        self
    }

    /// Uses the index with this name, where the planner would choose otherwise; an error when run if it cannot serve
    /// the query.
    #[must_use]
    pub fn use_index(mut self, name: impl Into<String>) -> Self {
        self.spec.indexes = IndexChoice::Only(name.into());
        self
    }

    /// Forces ways and bounds, for tests.
    #[doc(hidden)]
    #[must_use]
    pub const fn hinted(mut self, hints: Hints) -> Self {
        self.spec.hints = hints;
        self
    }

    /// Uses the table alone, no index.
    #[must_use]
    pub fn ignore_indexes(mut self) -> Self {
        self.spec.indexes = IndexChoice::None;
        self
    }

    /// Gives one column, or a tuple of columns, in the place of the entity.
    #[must_use]
    pub fn select<C: Selection<E>>(self, columns: C) -> Query<'a, E, C::Row> {
        self.with_output(Output::of_columns(columns.positions(), C::read))
    }

    /// Gives a derived [`Projection`] in the place of the entity.
    #[must_use]
    pub fn project<P: Projection<E>>(self) -> Query<'a, E, P> {
        self.with_output(Output::of_columns(P::columns(), |row, _| P::read(row)))
    }

    fn with_output<N>(self, output: Output<N>) -> Query<'a, E, N> {
        Query {
            target: self.target,
            spec: self.spec,
            output,
            distinct: self.distinct,
            loads: Vec::new(),
            entity: PhantomData,
        }
    }

    /// Gives the rows page by page, each of `size`; see [`PageQuery`].
    #[must_use]
    pub const fn page(self, size: u32) -> PageQuery<'a, E, R> {
        PageQuery::new(self, size)
    }
}

impl<E: Entity, R> Clone for Query<'_, E, R> {
    fn clone(&self) -> Self {
        Self {
            target: self.target.clone(),
            spec: self.spec.clone(),
            output: self.output.clone(),
            distinct: self.distinct,
            loads: self.loads.clone(),
            entity: PhantomData,
        }
    }
}

impl<E: Entity, R> fmt::Debug for Query<'_, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.spec.fingerprint()).finish()
    }
}

impl Session {
    /// A query on an entity; it sees the session's own writes.
    pub fn query<D: Entity>(&self) -> Query<'_, D> {
        Query::new(Reader::Session(self))
    }
}
