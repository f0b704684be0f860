//! Runs queries.

use super::Query;
use super::asking::{Asking, Found, FoundRows, Part};
use super::explaining::Explaining;
use super::loading::{Decoding, Rows};
use super::rows::{only, or_none};
use crate::error::{Error, Result};
use crate::expr::Assignments;
use crate::model::{Entity, Key};
use crate::row;
use futures::future::BoxFuture;

impl<E: Entity, R> Query<'_, E, R> {
    /// All rows. Costs one round trip, one more where plans have to be compared.
    ///
    /// # Errors
    /// [`is_scan_denied`](Error::is_scan_denied) by the scan policy; [`is_corrupt`](Error::is_corrupt) when a stored row
    /// does not fit; those of the store.
    pub async fn all(&self) -> Result<Vec<R>> {
        self.read(self.find(Part::All).await)
    }

    pub(super) fn asking(&self) -> Asking<'_> {
        Asking {
            target: self.target.reader(),
            spec: &self.spec,
            columns: self.output.columns(),
            distinct: self.distinct,
        }
    }

    /// What reads the rows where relations are loaded with them.
    pub(super) fn decoding(&self) -> Option<Box<dyn Decoding + '_>> {
        match self.loads.first() {
            Some(loader) => Some(loader.decoding(&self.output, &self.loads)),
            None => None,
        }
    }

    pub(super) fn find<'q>(&'q self, part: Part<'q>) -> BoxFuture<'q, Result<Found>> {
        self.asking().find(part, self.decoding())
    }

    /// Reads the rows that were found.
    pub(super) fn read(&self, found: Result<Found>) -> Result<Vec<R>> {
        match found?.rows {
            FoundRows::Stored(answer) => self.output.read_all(self.spec.table, &answer),
            FoundRows::Values(rows) => self.output.read_values(self.spec.table, &rows),
            FoundRows::Loaded(rows) => self.take(rows),
        }
    }

    pub(super) fn take(&self, loaded: Rows) -> Result<Vec<R>> {
        match self.loads.first() {
            Some(loader) => loader.take(loaded),
            None => Err(Error::internal("relations were loaded that no query asked for")),
        }
    }

    /// The first row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        Ok(self.read(self.find(Part::AtMost(1)).await)?.pop())
    }

    /// The only row. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) when there is none,
    /// [`is_not_unique`](Error::is_not_unique) when there are several; as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        only(self.read(self.find(Part::AtMost(2)).await)?, self.spec.table.name)
    }

    /// The only row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_unique`](crate::Error::is_not_unique) when there are several; as [`all`](Self::all).
    pub async fn one_or_none(&self) -> Result<Option<R>> {
        or_none(self.one().await)
    }

    /// How many rows there are, after offset and limit. Costs one round trip and, where an index serves the whole filter,
    /// reads no rows.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        self.asking().count().await
    }

    /// Whether there is any row. Costs one round trip and reads one row at most where an index serves the filter.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn exists(&self) -> Result<bool> {
        self.asking().exists().await
    }

    /// The keys of the rows. Costs as [`all`](Self::all), and reads no rows where an index serves filter and order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn keys(&self) -> Result<Vec<E::Key>> {
        let hits = self.asking().keys().await?;
        let mut keys = Vec::with_capacity(hits.len());
        for hit in &hits {
            match E::Key::decode(&hit.key) {
                Ok(key) => keys.push(key),
                Err(source) => return Err(row::unreadable(self.spec.table, &hit.key, source)),
            }
        }
        Ok(keys)
    }

    /// How the query would be carried out: a tree of operators, for people to read. Costs at most one round trip, and one for each table
    /// that a subquery asks; reads no rows, except those of subqueries, whose answers decide the plan. `explain().analyze()` runs it and
    /// tells what it took.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let query = db.query::<Dog>().filter(Dog::AGE.ge(2)).filter(Dog::NAME.ne("Rex")).limit(5);
    /// let plan = query.explain().await?;
    /// assert_eq!(plan.index(), Some("by_age"));
    /// let tree = "Limit 5\n  Filter name <> 'Rex'\n    Scan dog by index by_age (age), 1 range";
    /// assert_eq!(plan.to_string(), tree);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn explain(&self) -> Explaining<'_> {
        self.asking().explaining()
    }

    /// Sets columns of all rows of the query in one transaction, and says how many there were. Costs two round trips, one
    /// of them in a session.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_many([dog("Rex", 3), dog("Ida", 5)]).await?;
    /// let old = db.query::<Dog>().filter(Dog::AGE.gt(4));
    /// assert_eq!(old.update((Dog::AGE.set(Dog::AGE + 1), Dog::NAME.set("Old Ida"))).await?, 1);
    /// assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(6)).one().await?.name, "Old Ida");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_overflow`](Error::is_overflow) when a value leaves the range of its column,
    /// [`is_unique_violation`](Error::is_unique_violation), [`is_invalid`](Error::is_invalid) for a key column or NULL where
    /// there may be none; as [`all`](Self::all). Nothing is changed then.
    pub async fn update(&self, assignments: impl Assignments<E>) -> Result<u64> {
        self.asking().update(assignments.into_sets().0).await
    }

    /// Deletes all rows of the query in one transaction, softly if the entity has a `soft_delete` column, and says how many
    /// there were. Costs two round trips, one of them in a session.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn delete(&self) -> Result<u64> {
        self.asking().delete(false).await
    }

    /// Brings the softly deleted rows of the query back in one transaction, with what they had, and says how many there were. The query
    /// looks at those alone, whatever it says of deleted rows. Costs two round trips, one of them in a session.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the entity has no `soft_delete` column; as [`all`](Self::all).
    pub async fn restore(&self) -> Result<u64> {
        self.asking().restore().await
    }

    /// Really deletes all rows of the query, also where the entity has a `soft_delete` column.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn purge(&self) -> Result<u64> {
        self.asking().delete(true).await
    }
}
