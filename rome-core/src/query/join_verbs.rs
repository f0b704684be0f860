//! Runs queries on several entities.

use super::Joined;
use super::choose::ChosenOfGroup;
use super::explaining::Explaining;
use super::group::GroupBy;
use super::join_asking::{AskingJoin, FoundJoin};
use super::parts::Parts;
use super::rows::{only, or_none};
use crate::error::Result;

impl<Q: Parts, R> Joined<'_, Q, R> {
    /// All rows. Without a limit it costs a round trip for each entity, whatever the number of rows, and up to two more for each where
    /// plans have to be compared that were not lately. The entities are read one after another, each once: the first by its own
    /// conditions, each further one by all values that it is joined by.
    ///
    /// With a limit, the entity that the order begins with is read in that order, as many rows as are wanted, and the others by their values;
    /// where that does not find enough rows, twice as many, and so on. Beside that the entity with the fewest rows is read
    /// whole, with its partners, as soon as that may be less; the way that is finished first gives the rows. So what is visited depends on
    /// what is given, not on the size of the tables, if an index gives the order or finds few rows of one entity.
    ///
    /// # Errors
    /// [`is_scan_denied`](crate::Error::is_scan_denied) by the scan policy; [`is_limit_exceeded`](crate::Error::is_limit_exceeded) for more than 4,000,000
    /// joined rows, or so many rows of an entity, to keep in memory; [`is_corrupt`](crate::Error::is_corrupt) when a stored row does not fit; those of the store.
    pub async fn all(&self) -> Result<Vec<R>> {
        self.read(self.asking().find(None).await)
    }

    pub(super) fn asking(&self) -> AskingJoin<'_> {
        AskingJoin { target: self.target.reader(), spec: &self.spec, columns: self.output.columns() }
    }

    /// Reads the rows that were found.
    fn read(&self, found: Result<FoundJoin>) -> Result<Vec<R>> {
        self.output.read_all(&self.spec, found?)
    }

    /// The first row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        Ok(self.read(self.asking().find(Some(1)).await)?.pop())
    }

    /// The only row. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](crate::Error::is_not_found) when there is none,
    /// [`is_not_unique`](crate::Error::is_not_unique) when there are several;
    /// as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        let rows = self.read(self.asking().find(Some(2)).await)?;
        only(rows, self.spec.parts.first().map_or("", |part| part.spec.table.name))
    }

    /// The only row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_unique`](crate::Error::is_not_unique) when there are several; as [`all`](Self::all).
    pub async fn one_or_none(&self) -> Result<Option<R>> {
        or_none(self.one().await)
    }

    /// How many rows there are, after offset and limit. Costs as [`all`](Self::all); without offset, limit and `distinct` it
    /// keeps none of the rows, so there may be any number of them.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        self.asking().count().await
    }

    /// Whether there is any row. Reads until one is found, as [`first`](Self::first) does in any order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn exists(&self) -> Result<bool> {
        self.asking().exists().await
    }

    /// Aggregates of all rows, after offset and limit. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_overflow`](crate::Error::is_overflow) when a sum leaves the range of its type; as [`all`](Self::all).
    pub async fn aggregate<C: ChosenOfGroup<Q, I>, I>(&self, output: C) -> Result<C::Row> {
        GroupBy::<Q, ()>::whole_join(self.target.clone(), self.spec.clone()).select(output).one().await
    }

    /// How the query would be carried out, for people to read. Costs at most one round trip for each entity, and reads no
    /// rows, except those of subqueries, whose answers decide the plan.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn explain(&self) -> Explaining<'_> {
        self.asking().explaining()
    }
}
