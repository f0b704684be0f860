//! Eager loading: the rows that relations lead to, with the rows that have them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Query;
use super::loading::{Branch, Decoder, Decoding, Leads, Loaded, Loader, Loads, MOST_LEVELS, Node, Rows, Tree, load};
use super::select::Output;
use crate::ask::{SoftDeleted, Spec, conjuncts, distinct_parts};
use crate::error::Result;
use crate::exec::LedRows;
use crate::expr::{Condition, In, Orders};
use crate::model::{Entity, Related, Relation, codec};
use crate::row;
use crate::row::reference::columns_of;
use crate::schema::{RelationDef, Table};
use crate::sealed::Sealed;
use crate::session::{Reader, Session};

/// A relation that is to be loaded, and how: filtered, ordered, limited for each row, with further relations of what it
/// leads to. Made from a [`Relation`]; [`Query::with`] takes it.
///
/// ```
/// use rome_orm::prelude::*;
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
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await?;
/// let ann = db.insert(Owner::default()).await?;
/// db.insert_many((1..=5).map(|age| Dog { owner_id: ann.id, age, ..Default::default() })).await?;
/// let eldest = Owner::DOGS.filter(Dog::AGE.gt(2)).order_by(Dog::AGE.desc()).limit(2);
/// let owner = db.query::<Owner>().with(eldest).one().await?;
/// assert_eq!(owner.dogs.get()?.iter().map(|dog| dog.age).collect::<Vec<_>>(), [5, 4]);
/// # Ok(())
/// # }
/// ```
pub struct Load<E, F: Related> {
    relation: Relation<E, F>,
    spec: Spec,
    limit: Option<u64>,
    loads: Loads<F::Target>,
    /// How many levels of relations it loads. Where they are too many, the lower ones are left out and the query is refused.
    levels: u16,
}

/// A relation, or a relation with conditions: what [`Query::with`] takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a relation of `{E}`",
    note = "write `Owner::DOGS`, or `Owner::DOGS.filter(...)`"
)]
pub trait IntoLoad<E: Entity> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The field that the relation is in.
    type Field: Related;

    /// With its conditions.
    fn into_load(self) -> Load<E, Self::Field>;
}

impl<E: Entity, F: Related> IntoLoad<E> for Relation<E, F> {
    const SEALED: Sealed = Sealed;

    type Field = F;

    fn into_load(self) -> Load<E, F> {
        Load { relation: self, spec: Spec::new(F::Target::table()), limit: None, loads: Vec::new(), levels: 1 }
    }
}

impl<E: Entity, F: Related> IntoLoad<E> for Load<E, F> {
    const SEALED: Sealed = Sealed;

    type Field = F;

    fn into_load(self) -> Self {
        self
    }
}

impl<E: Entity, F: Related> Relation<E, F> {
    /// Loads only the rows for which the condition is true.
    #[must_use]
    pub fn filter<S: In<F::Target, I>, I>(self, condition: Condition<S>) -> Load<E, F> {
        self.into_load().filter(condition)
    }

    /// Orders the rows; without an order they come by their keys.
    #[must_use]
    pub fn order_by(self, order: impl Orders<F::Target>) -> Load<E, F> {
        self.into_load().order_by(order)
    }

    /// Loads at most this many rows for each row that has the relation.
    #[must_use]
    pub fn limit(self, limit: u64) -> Load<E, F> {
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
    pub fn filter<S: In<F::Target, I>, I>(mut self, condition: Condition<S>) -> Self {
        self.spec.filter.extend(conjuncts(condition.into_node()));
        self
    }

    /// Orders the rows; the key breaks ties. Replaces an earlier order.
    #[must_use]
    pub fn order_by(mut self, order: impl Orders<F::Target>) -> Self {
        self.spec.order = distinct_parts(order.into_parts());
        self
    }

    /// Loads at most this many rows for each row that has the relation. All of them are read, and the others dropped.
    #[must_use]
    pub const fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Loads a relation of the rows that this one leads to. Costs one round trip more for all of them. A query that loads more
    /// than 32 levels of relations is refused when it runs ([`is_limit_exceeded`](crate::Error::is_limit_exceeded)).
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
        self.spec.deleted = SoftDeleted::Include;
        self
    }
}

impl<E: Entity, F: Related> Branch for Load<E, F> {
    fn levels(&self) -> u16 {
        self.levels
    }

    fn leads(&self) -> Leads<'_> {
        Leads { def: self.relation.def(), name: self.relation.name(), spec: &self.spec, limit: self.limit }
    }

    fn read(&self, found: &LedRows, places: &[usize]) -> Result<Rows> {
        let mut rows = Vec::with_capacity(places.len());
        found.for_each(places, &mut |key, body| match codec::decode::<F::Target>(key, body) {
            Ok(row) => {
                rows.push(row);
                Ok(())
            }
            Err(error) => Err(error),
        })?;
        Ok(Rows::new(rows))
    }

    fn node<'r>(&'r self, rows: &'r mut Rows) -> Result<Box<dyn Node + 'r>> {
        Ok(Box::new(Tree { rows: rows.get::<F::Target>()?, loads: &self.loads }))
    }
}

impl<E: Entity, F: Related> Loader<E> for Load<E, F> {
    fn branch(&self) -> &dyn Branch {
        self
    }

    fn keys(&self, rows: &[E]) -> Result<Vec<Option<Bytes>>> {
        let def = self.relation.def();
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push(local_key(def, row)?);
        }
        Ok(keys)
    }

    fn put(&self, rows: &mut [E], loaded: Loaded) -> Result<()> {
        // A plain loop from the end: each adapter of an iterator is compiled once more for each relation.
        let mut found = loaded.rows.take::<F::Target>()?;
        let mut end = found.len();
        let mut at = rows.len();
        while at > 0 {
            at -= 1;
            let (Some(row), Some(count)) = (rows.get_mut(at), loaded.counts.get(at)) else { continue };
            end = end.saturating_sub(*count);
            *self.relation.field(row) = F::of_rows(found.split_off(end));
        }
        Ok(())
    }

    fn tree<'r>(&self, rows: &'r mut [E], loads: &'r Loads<E>) -> Box<dyn Node + 'r> {
        Box::new(Tree { rows, loads })
    }

    fn decoding<'q>(&self, output: &'q Output<E>, loads: &'q Loads<E>) -> Box<dyn Decoding + 'q> {
        Box::new(Decoder { output, loads })
    }

    fn take(&self, rows: Rows) -> Result<Vec<E>> {
        rows.take()
    }
}

/// The encoded local columns of a row; none if one of them is NULL.
fn local_key<E: Entity>(def: &RelationDef, row: &E) -> Result<Option<Bytes>> {
    let table = E::table();
    if def.local_columns == table.key {
        return Ok(Some(codec::encode_key::<E>(&row.key())));
    }
    columns_of_row(table, def, &codec::encode(row)?)
}

fn columns_of_row(table: &'static Table, def: &RelationDef, body: &[u8]) -> Result<Option<Bytes>> {
    columns_of(table, body, &def.local_columns).map_err(|source| row::damaged(table, &[], body, source))
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
        self.load_many(std::slice::from_mut(row), relation).await
    }

    /// Loads a relation of rows, at the cost of one [`load`](Self::load).
    ///
    /// # Errors
    /// As [`Query::all`](crate::query::Query::all).
    pub async fn load_many<E: Entity>(&self, rows: &mut [E], relation: impl IntoLoad<E>) -> Result<()> {
        let loads: Loads<E> = vec![Arc::new(relation.into_load())];
        load(Reader::Session(self), &mut Tree { rows, loads: &loads }, None).await
    }
}
