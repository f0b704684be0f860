//! Runs queries.

use std::collections::HashSet;

use super::select::Output;
use super::watch::Watch;
use super::{Query, load_all};
use crate::ask::{Spec, Window};
use crate::catalog::StoredTable;
use crate::error::{Error, Kind, Result};
use crate::exec::{self, Answer, Hit, Want};
use crate::expr::Assignments;
use crate::expr::node::Node;
use crate::metrics;
use crate::model::{Entity, Key};
use crate::plan::Explain;
use crate::row;
use crate::session::{self, Purpose, Reader, Session, TransactionOptions, in_session};
use crate::statement::{change_rows, delete_rows};
use crate::store::Scanned;
use crate::value::Value;

impl<E: Entity, R> Query<'_, E, R> {
    /// All rows. Costs one round trip, one more where plans have to be compared.
    ///
    /// # Errors
    /// [`is_scan_denied`](Error::is_scan_denied) by the scan policy; [`is_corrupt`](Error::is_corrupt) when a stored row
    /// does not fit; those of the store.
    pub async fn all(&self) -> Result<Vec<R>> {
        let watch = Watch::begin(self.target);
        let rows = match self.target {
            Reader::Database(shared) if !self.loads.is_empty() => {
                in_session(shared, async |session: &Session| self.at(session).all_here().await).await?
            }
            _ => self.all_here().await?,
        };
        watch.end(|values| self.spec.text(values));
        metrics::returned(rows.len());
        Ok(rows)
    }

    /// The same query in a session.
    pub(super) fn at<'s>(&self, session: &'s Session) -> Query<'s, E, R> {
        let Self { spec, output, distinct, loads, entity, .. } = self.clone();
        Query { target: Reader::Session(session), spec, output, distinct, loads, entity }
    }

    async fn all_here(&self) -> Result<Vec<R>> {
        let mut rows = self.own_rows().await?;
        load_all(self.target, &self.loads, &mut rows, self.spec.policy).await?;
        Ok(rows)
    }

    async fn own_rows(&self) -> Result<Vec<R>> {
        if !self.distinct || matches!(self.output, Output::Entity(_)) {
            return self.rows(&self.spec).await;
        }
        if let Some(rows) = self.distinct_values().await? {
            return Ok(rows);
        }
        // The limit counts distinct rows.
        let spec = Spec { window: Window::ALL, ..self.spec.clone() };
        let mut hits = self.fetch(&spec, Want::Rows).await?;
        self.keep_distinct(&mut hits)?;
        self.spec.window.cut(&mut hits);
        self.read_all(&hits)
    }

    /// The rows of a distinct query where an index has them in order; `None` if they have to be collected.
    async fn distinct_values(&self) -> Result<Option<Vec<R>>> {
        let Some(columns) = self.distinct_columns() else { return Ok(None) };
        let found = exec::distinct(self.target, &self.spec, columns).await?;
        let read = |values: Vec<(u16, Value)>| self.output.read_values(self.spec.table, &values);
        found.map(|rows| rows.into_iter().map(read).collect()).transpose()
    }

    /// The columns whose distinct values are wanted.
    fn distinct_columns(&self) -> Option<&[u16]> {
        match &self.output {
            Output::Columns(columns, _) if self.distinct => Some(columns),
            _ => None,
        }
    }

    async fn rows(&self, spec: &Spec) -> Result<Vec<R>> {
        match exec::answer(self.target, spec).await? {
            Answer::Scanned(table, scanned) => self.read_scanned(&table, &scanned),
            Answer::Hits(hits) => {
                self.remember(&hits)?;
                self.read_all(&hits)
            }
        }
    }

    fn read_scanned(&self, table: &StoredTable, scanned: &Scanned) -> Result<Vec<R>> {
        let mut offsets = Vec::new();
        // Collecting into a result would forget how many there are.
        let mut rows = Vec::with_capacity(scanned.len());
        for record in scanned.iter() {
            let body =
                row::unwrap(table, record.value).map_err(|source| row::unreadable(table.def, record.key, source))?;
            rows.push(self.output.read(table.def, record.key, &body, &mut offsets)?);
        }
        Ok(rows)
    }

    pub(super) fn refuse_distinct(&self, how: &str) -> Result<()> {
        if self.distinct && matches!(self.output, Output::Columns(..)) {
            return Err(Error::invalid(format!("distinct rows of a selection cannot be read in {how}: use `all`")));
        }
        Ok(())
    }

    /// Keeps the first of the rows whose selected columns are the same.
    fn keep_distinct(&self, hits: &mut Vec<Hit>) -> Result<()> {
        let Output::Columns(columns, _) = &self.output else { return Ok(()) };
        let ordered_by_others = self.spec.order.iter().any(|part| !columns.contains(&part.column));
        if ordered_by_others {
            return Err(Error::invalid("a distinct query can only be ordered by columns that it selects"));
        }
        let last = columns.iter().copied().max().unwrap_or(0);
        let mut seen = HashSet::new();
        let mut failed = None;
        hits.retain(|hit| {
            let bytes = row::with_view(self.spec.table, &hit.body, last, |view| {
                let mut bytes = Vec::new();
                for column in columns {
                    crate::value::key::encode(view.value(*column)?, false, &mut bytes);
                }
                Ok(bytes)
            });
            match bytes {
                Ok(bytes) => seen.insert(bytes),
                Err(source) => {
                    failed.get_or_insert_with(|| row::damaged(self.spec.table, &hit.key, &hit.body, source));
                    true
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    pub(super) async fn fetch(&self, spec: &Spec, want: Want) -> Result<Vec<Hit>> {
        let hits = exec::find(self.target, spec, want).await?;
        if want == Want::Rows {
            self.remember(&hits)?;
        }
        Ok(hits)
    }

    /// Keeps rows that were read as entities for a later update of them in the session.
    fn remember(&self, hits: &[Hit]) -> Result<()> {
        if let (Reader::Session(session), Output::Entity(_)) = (self.target, &self.output) {
            session.remember_hits(session.shared.table(self.spec.table)?.id, hits);
        }
        Ok(())
    }

    pub(super) fn read_all(&self, hits: &[Hit]) -> Result<Vec<R>> {
        let mut offsets = Vec::new();
        let mut rows = Vec::with_capacity(hits.len());
        for hit in hits {
            rows.push(self.output.read(self.spec.table, &hit.key, &hit.body, &mut offsets)?);
        }
        Ok(rows)
    }

    /// The first row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        let window = self.spec.window.at_most(1);
        let query = Query { spec: Spec { window, ..self.spec.clone() }, ..self.clone() };
        Ok(query.all().await?.pop())
    }

    /// The only row. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) when there is none, [`is_invalid`](Error::is_invalid) when there are
    /// several; as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        let window = self.spec.window.at_most(2);
        let query = Query { spec: Spec { window, ..self.spec.clone() }, ..self.clone() };
        let mut rows = query.all().await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(Kind::NotOne { table: self.spec.table.name, several: false }.into()),
            (Some(_), false) => Err(Kind::NotOne { table: self.spec.table.name, several: true }.into()),
        }
    }

    /// How many rows there are, after offset and limit. Costs one round trip and, where an index serves the whole filter,
    /// reads no rows.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        let watch = Watch::begin(self.target);
        let count = if self.distinct && matches!(self.output, Output::Columns(..)) {
            self.count_distinct().await?
        } else {
            let spec = Spec { window: Window::ALL, order: Vec::new(), ..self.spec.clone() };
            Box::pin(exec::count_rows(self.target, &spec)).await?
        };
        watch.end(|values| format!("count of {}", self.spec.text(values)));
        Ok(self.spec.window.count(count))
    }

    /// How many distinct rows there are, before the offset; those beyond the limit need not be counted.
    async fn count_distinct(&self) -> Result<u64> {
        if let Some(columns) = self.distinct_columns()
            && let Some(count) = exec::count_distinct(self.target, &self.spec, columns).await?
        {
            return Ok(count);
        }
        let spec = Spec { window: Window::ALL, order: Vec::new(), ..self.spec.clone() };
        let mut hits = self.fetch(&spec, Want::Rows).await?;
        self.keep_distinct(&mut hits)?;
        Ok(hits.len() as u64)
    }

    /// Whether there is any row. Costs one round trip and reads one row at most where an index serves the filter.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn exists(&self) -> Result<bool> {
        if self.distinct && self.spec.window.offset > 0 {
            // The offset is over what differs.
            return Ok(self.count().await? > 0);
        }
        let window = self.spec.window.at_most(1);
        let spec = Spec { window, order: Vec::new(), ..self.spec.clone() };
        let watch = Watch::begin(self.target);
        let exists = !self.fetch(&spec, Want::Keys).await?.is_empty();
        watch.end(|values| spec.text(values));
        Ok(exists)
    }

    /// The keys of the rows. Costs as [`all`](Self::all), and reads no rows where an index serves filter and order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn keys(&self) -> Result<Vec<E::Key>> {
        let watch = Watch::begin(self.target);
        let hits = self.fetch(&self.spec, Want::Keys).await?;
        watch.end(|values| format!("keys of {}", self.spec.text(values)));
        metrics::returned(hits.len());
        hits.iter()
            .map(|hit| E::Key::decode(&hit.key).map_err(|source| row::unreadable(self.spec.table, &hit.key, source)))
            .collect()
    }

    /// How the query would be carried out, for people to read. Costs at most one round trip and reads no rows, except those
    /// of subqueries, whose answers decide the plan.
    ///
    /// ```
    /// # use rome::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let query = db.query::<Dog>().filter(Dog::AGE.ge(2)).filter(Dog::NAME.ne("Rex")).limit(5);
    /// let plan = query.explain().await?;
    /// assert_eq!(plan.index(), Some("by_age"));
    /// assert_eq!(plan.to_string(), "dog: 1 range of index by_age (age)\n  test on each row: name <> 'Rex'\n  limit 5");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn explain(&self) -> Result<Explain> {
        if let Some(columns) = self.distinct_columns()
            && let Some(explain) = exec::explain_distinct(self.target, &self.spec, columns)?
        {
            return Ok(explain);
        }
        exec::explain(self.target, &self.spec).await
    }

    /// Sets columns of all rows of the query in one transaction, and says how many there were. Costs two round trips, one
    /// of them in a session.
    ///
    /// ```
    /// # use rome::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_all([dog("Rex", 3), dog("Ida", 5)]).await?;
    /// let old = db.query::<Dog>().filter(Dog::AGE.gt(4));
    /// assert_eq!(old.update_all((Dog::AGE.set(Dog::AGE + 1), Dog::NAME.set("Old Ida"))).await?, 1);
    /// assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(6)).one().await?.name, "Old Ida");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_overflow`](Error::is_overflow) when a value leaves the range of its column,
    /// [`is_unique_violation`](Error::is_unique_violation), [`is_invalid`](Error::is_invalid) for a key column or NULL where
    /// there may be none; as [`all`](Self::all). Nothing is changed then.
    pub async fn update_all(&self, assignments: impl Assignments<E>) -> Result<u64> {
        let assignments: Vec<(u16, Node)> =
            assignments.into_assignments().into_iter().map(|set| (set.column, set.node)).collect();
        let table = self.target.shared().table(self.spec.table)?;
        let (spec, assignments) = (&self.spec, &assignments);
        let watch = Watch::begin(self.target);
        let count = match self.target {
            Reader::Session(session) => change_rows(session, table, spec, assignments).await?,
            Reader::Database(shared) => {
                session::run(
                    shared,
                    TransactionOptions::default(),
                    Purpose::OneStatement,
                    async move |session: &Session| change_rows(session, table, spec, assignments).await,
                )
                .await?
            }
        };
        watch.end(|values| format!("update of {}", spec.text(values)));
        Ok(count)
    }

    /// Deletes all rows of the query in one transaction, softly if the entity has a `soft_delete` column, and says how many
    /// there were. Costs two round trips, one of them in a session.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn delete_all(&self) -> Result<u64> {
        self.remove_all(false).await
    }

    /// Really deletes all rows of the query, also where the entity has a `soft_delete` column.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn purge_all(&self) -> Result<u64> {
        self.remove_all(true).await
    }

    async fn remove_all(&self, purge: bool) -> Result<u64> {
        let table = self.target.shared().table(self.spec.table)?;
        let spec = &self.spec;
        let watch = Watch::begin(self.target);
        let count = match self.target {
            Reader::Session(session) => delete_rows(session, table, spec, purge).await?,
            Reader::Database(shared) => {
                session::run(
                    shared,
                    TransactionOptions::default(),
                    Purpose::OneStatement,
                    async move |session: &Session| delete_rows(session, table, spec, purge).await,
                )
                .await?
            }
        };
        watch.end(|values| format!("delete of {}", spec.text(values)));
        Ok(count)
    }
}
