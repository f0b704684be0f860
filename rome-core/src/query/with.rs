//! Eager loading: the rows that relations lead to, with the rows that have them.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;

use super::Query;
use crate::ask::{Deleted, MOST_ROWS, ScanPolicy, Spec, conjuncts, distinct_parts};
use crate::error::{Kind, Result};
use crate::exec;
use crate::expr::{Expr, In, Orders};
use crate::metrics;
use crate::model::{Entity, Related, Relation, codec};
use crate::row;
use crate::row::reference::columns_of;
use crate::schema::RelationDef;
use crate::session::{Reader, Session};

/// How many levels of relations a query loads at most.
const MOST_LEVELS: u16 = 32;

/// A relation that is to be loaded, and how: filtered, ordered, limited for each row, with further relations of what it
/// leads to. Made from a [`Relation`]; [`Query::with`] takes it.
///
/// ```
/// use rome::prelude::*;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Owner {
///     #[rome(key, auto)]
///     id: Id<Owner>,
///     #[rome(has_many(owner_id))]
///     dogs: Many<Dog>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     #[rome(references = Owner)]
///     owner_id: Id<Owner>,
///     age: u32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome::Result<()> {
/// # let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await?;
/// let ann = db.insert(Owner::default()).await?;
/// db.insert_all((1..=5).map(|age| Dog { owner_id: ann.id, age, ..Default::default() })).await?;
/// let eldest = Owner::DOGS.filter(Dog::AGE.gt(2)).order_by(Dog::AGE.desc()).limit(2);
/// let owner = db.query::<Owner>().with(eldest).one().await?;
/// assert_eq!(owner.dogs.get()?.iter().map(|dog| dog.age).collect::<Vec<_>>(), [5, 4]);
/// # Ok(())
/// # }
/// ```
pub struct Load<E, F: Related> {
    relation: Relation<E, F>,
    spec: Spec,
    limit: Option<usize>,
    loads: Loads<F::Target>,
    /// How many levels of relations it loads. Where they are too many, the lower ones are left out and the query is refused.
    levels: u16,
}

/// The relations that a query loads with its rows.
pub(crate) type Loads<R> = Vec<Arc<dyn Loader<R>>>;

type Loading<'a, R> = Pin<Box<dyn Future<Output = Result<Put<R>>> + Send + 'a>>;

/// Puts what was loaded into the rows.
pub(crate) type Put<R> = Box<dyn FnOnce(&mut [R]) + Send>;

/// Loads a relation of rows.
pub(crate) trait Loader<R>: Send + Sync {
    /// How many levels of relations it loads.
    fn levels(&self) -> u16;

    /// `policy` is the scan policy of the query around it.
    fn load<'a>(&'a self, target: Reader<'a>, rows: &'a [R], policy: Option<ScanPolicy>) -> Loading<'a, R>;
}

/// A relation, or a relation with conditions: what [`Query::with`] takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a relation of `{E}`",
    note = "write `Owner::DOGS`, or `Owner::DOGS.filter(...)`"
)]
pub trait IntoLoad<E: Entity> {
    /// The field that the relation is in.
    type Field: Related;

    /// With its conditions.
    fn into_load(self) -> Load<E, Self::Field>;
}

impl<E: Entity, F: Related> IntoLoad<E> for Relation<E, F> {
    type Field = F;

    fn into_load(self) -> Load<E, F> {
        Load { relation: self, spec: Spec::new(F::Target::table()), limit: None, loads: Vec::new(), levels: 1 }
    }
}

impl<E: Entity, F: Related> IntoLoad<E> for Load<E, F> {
    type Field = F;

    fn into_load(self) -> Self {
        self
    }
}

impl<E: Entity, F: Related> Relation<E, F> {
    /// Loads only the rows for which the condition is true.
    #[must_use]
    pub fn filter<S: In<F::Target, I>, I>(self, condition: Expr<S>) -> Load<E, F> {
        self.into_load().filter(condition)
    }

    /// Orders the rows; without an order they come by their keys.
    #[must_use]
    pub fn order_by(self, order: impl Orders<F::Target>) -> Load<E, F> {
        self.into_load().order_by(order)
    }

    /// Loads at most this many rows for each row that has the relation.
    #[must_use]
    pub fn limit(self, limit: usize) -> Load<E, F> {
        self.into_load().limit(limit)
    }

    /// Loads a relation of the rows that this one leads to.
    #[must_use]
    pub fn with(self, load: impl IntoLoad<F::Target>) -> Load<E, F> {
        self.into_load().with(load)
    }

    /// Loads softly deleted rows too.
    #[must_use]
    pub fn with_deleted(self) -> Load<E, F> {
        self.into_load().with_deleted()
    }
}

impl<E: Entity, F: Related> Load<E, F> {
    /// Loads only the rows for which the condition is true. Several filters have to hold together.
    #[must_use]
    pub fn filter<S: In<F::Target, I>, I>(mut self, condition: Expr<S>) -> Self {
        self.spec.filter.extend(conjuncts(condition.into_node()));
        self
    }

    /// Orders the rows; the key breaks ties. Replaces an earlier order.
    #[must_use]
    pub fn order_by(mut self, order: impl Orders<F::Target>) -> Self {
        self.spec.order = distinct_parts(order.into_orders().into_iter().map(|order| order.part));
        self
    }

    /// Loads at most this many rows for each row that has the relation. All of them are read, and the others dropped.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Loads a relation of the rows that this one leads to. Costs one round trip more for all of them. A query that loads more
    /// than 32 levels of relations is refused when it runs ([`is_limit`](crate::Error::is_limit)).
    #[must_use]
    pub fn with(mut self, load: impl IntoLoad<F::Target>) -> Self {
        let load = load.into_load();
        self.levels = self.levels.max(load.levels.saturating_add(1));
        if self.levels > MOST_LEVELS {
            self.loads.clear();
        } else {
            self.loads.push(Arc::new(load));
        }
        self
    }

    /// Loads softly deleted rows too.
    #[must_use]
    pub const fn with_deleted(mut self) -> Self {
        self.spec.deleted = Deleted::Yes;
        self
    }

    pub(crate) async fn rows(&self, target: Reader<'_>, rows: &[E], policy: Option<ScanPolicy>) -> Result<Put<E>> {
        let def = self.relation.def();
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push(local_key(def, row)?);
        }
        let mut wanted: Vec<Bytes> = keys.iter().flatten().cloned().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let spec = Spec { policy, ..self.spec.clone() };
        let (rows_found, places) = exec::lead(target, def, &spec, wanted).await?;
        // A row that several lead to is read for each of them.
        let mut found = Vec::with_capacity(if self.limit.is_none() { rows_found.len() } else { 0 });
        let mut counts = Vec::with_capacity(keys.len());
        for key in &keys {
            let places = key.as_ref().and_then(|key| places.get(key)).map(Vec::as_slice).unwrap_or_default();
            let before = found.len();
            let places = places.iter().flat_map(Range::clone).take(self.limit.unwrap_or(usize::MAX));
            for at in places {
                if let Some((key, body)) = rows_found.get(at)? {
                    found.push(codec::decode::<F::Target>(key, &body)?);
                }
            }
            counts.push(found.len() - before);
            if found.len() > MOST_ROWS {
                return Err(Kind::Limit(format!(
                    "relation `{}` of `{}` would load more than {MOST_ROWS} rows: a row is loaded once for each that \
                     leads to it; limit it for each row, `.limit(n)`, or read it by a query of its own",
                    self.relation.name().field,
                    self.relation.name().entity
                ))
                .into());
            }
        }
        load_all(target, &self.loads, &mut found, policy).await?;
        metrics::returned(found.len());
        let relation = self.relation;
        Ok(Box::new(move |rows| {
            let mut found = found.into_iter();
            for (row, count) in rows.iter_mut().zip(counts) {
                *relation.field(row) = F::of_rows(found.by_ref().take(count).collect());
            }
        }))
    }
}

impl<E: Entity, F: Related> Loader<E> for Load<E, F> {
    fn levels(&self) -> u16 {
        self.levels
    }

    fn load<'a>(&'a self, target: Reader<'a>, rows: &'a [E], policy: Option<ScanPolicy>) -> Loading<'a, E> {
        Box::pin(self.rows(target, rows, policy))
    }
}

/// The encoded local columns of a row; none if one of them is NULL.
fn local_key<E: Entity>(def: &RelationDef, row: &E) -> Result<Option<Bytes>> {
    if def.local_columns == E::table().key {
        return Ok(Some(codec::encode_key::<E>(&row.key())));
    }
    let body = codec::encode(row)?;
    columns_of(E::table(), &body, &def.local_columns).map_err(|source| row::damaged(E::table(), &[], &body, source))
}

/// Loads relations of rows, side by side.
pub(crate) async fn load_all<R>(
    target: Reader<'_>,
    loads: &Loads<R>,
    rows: &mut [R],
    policy: Option<ScanPolicy>,
) -> Result<()> {
    if loads.iter().any(|load| load.levels() > MOST_LEVELS) {
        return Err(Kind::Limit(format!(
            "a query loads more than {MOST_LEVELS} levels of relations, which is the limit; load the lower ones by a query of \
             their own"
        ))
        .into());
    }
    if loads.is_empty() || rows.is_empty() {
        return Ok(());
    }
    let loaded = try_join_all(loads.iter().map(|load| load.load(target, rows, policy))).await?;
    for put in loaded {
        put(rows);
    }
    Ok(())
}

impl<E: Entity> Query<'_, E> {
    /// Loads the rows that a relation leads to with the rows of the query. Costs one round trip for all of them, two for a
    /// many-to-many relation; several relations of one level go out together.
    ///
    /// Outside of a session all that is loaded is of one moment, and so is what a read-only transaction gives when it succeeds. In
    /// an explicit session the levels may be of different moments as long as it runs; only its commit says whether they were one.
    #[must_use]
    pub fn with(mut self, load: impl IntoLoad<E>) -> Self {
        self.loads.push(Arc::new(load.into_load()));
        self
    }
}

impl<E, F: Related> Clone for Load<E, F> {
    fn clone(&self) -> Self {
        Self { spec: self.spec.clone(), loads: self.loads.clone(), ..*self }
    }
}

impl<E, F: Related> fmt::Debug for Load<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load")
            .field("relation", &self.relation)
            .field("of", &self.spec.fingerprint())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Loads a relation of a row. Costs a round trip for each level, two for a many-to-many relation.
    ///
    /// # Errors
    /// As [`Query::all`](crate::query::Query::all).
    pub async fn load<E: Entity>(&self, row: &mut E, relation: impl IntoLoad<E>) -> Result<()> {
        self.load_all(std::slice::from_mut(row), relation).await
    }

    /// Loads a relation of rows, at the cost of one [`load`](Self::load).
    ///
    /// # Errors
    /// As [`Query::all`](crate::query::Query::all).
    pub async fn load_all<E: Entity>(&self, rows: &mut [E], relation: impl IntoLoad<E>) -> Result<()> {
        load_all(Reader::Session(self), &vec![Arc::new(relation.into_load())], rows, None).await
    }
}
