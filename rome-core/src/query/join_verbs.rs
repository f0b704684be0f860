//! Runs queries on several entities.

use super::Joined;
use super::choose::ChosenOfGroup;
use super::explaining::Explaining;
use super::group::GroupBy;
use super::join::JoinOutput;
use super::parts::{FoundRow, FoundValues, Parts};
use super::rows::{only, unfit, values_of};
use super::watch::Watch;
use crate::ask::{JoinOrder, JoinSpec};
use crate::error::{Error, Result};
use crate::exec::{self, JoinedRow, JoinedRows};
use crate::expr::node::Node;
use crate::metrics;
use crate::session::Reader;

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
    /// [`is_scan_denied`](Error::is_scan_denied) by the scan policy; [`is_limit`](Error::is_limit) for more than 4,000,000
    /// joined rows, or so many rows of an entity, to keep in memory; [`is_corrupt`](Error::is_corrupt) when a stored row does not fit; those of the store.
    pub async fn all(&self) -> Result<Vec<R>> {
        self.read(&self.spec).await
    }

    pub(super) async fn read(&self, spec: &JoinSpec) -> Result<Vec<R>> {
        let rows = self.found(spec).await?;
        metrics::returned(rows.len());
        rows.iter().map(|row| self.read_row(row)).collect()
    }

    pub(super) fn read_row(&self, row: JoinedRow<'_>) -> Result<R> {
        match &self.output {
            JoinOutput::Entities(read) => read(&FoundRow(row)),
            JoinOutput::Columns(columns, read) => {
                let values = values_of(&self.spec, &row, columns)?;
                read(&mut FoundValues::new(values)).map_err(|source| unfit(&self.spec, source))
            }
        }
    }

    pub(super) fn columns(&self) -> &[Node] {
        match &self.output {
            JoinOutput::Entities(_) => &[],
            JoinOutput::Columns(columns, _) => columns,
        }
    }

    /// What is asked for: whole entities are distinct by themselves.
    fn asked(&self, spec: JoinSpec) -> Result<JoinSpec> {
        let whole = matches!(self.output, JoinOutput::Entities(_));
        let spec = JoinSpec { distinct: spec.distinct && !whole, ..spec };
        let columns = self.columns();
        let is_given = |order: &JoinOrder| {
            columns.iter().any(|column| {
                let mut given = false;
                column
                    .for_each_place(&mut |place, column| given |= (place, column) == (order.place, order.part.column));
                given
            })
        };
        if spec.distinct && !spec.order.iter().all(is_given) {
            return Err(Error::invalid("a distinct query can only be ordered by columns that it selects"));
        }
        Ok(spec)
    }

    /// The joined rows, as they are stored.
    async fn found(&self, spec: &JoinSpec) -> Result<JoinedRows> {
        let (whole, columns) = (matches!(self.output, JoinOutput::Entities(_)), self.columns());
        let spec = &self.asked(spec.clone())?;
        let watch = Watch::begin(self.target);
        let rows = exec::join(self.target, spec, columns).await?;
        watch.end(|values| spec.text(values));
        if let (Reader::Session(session), true) = (self.target, whole) {
            rows.remember(session)?;
        }
        Ok(rows)
    }

    /// The first row, if there is one. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first(&self) -> Result<Option<R>> {
        let window = self.spec.window.at_most(1);
        Ok(self.read(&JoinSpec { window, ..self.spec.clone() }).await?.pop())
    }

    /// The only row. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) when there is none, [`is_invalid`](Error::is_invalid) when there are several;
    /// as [`all`](Self::all).
    pub async fn one(&self) -> Result<R> {
        let window = self.spec.window.at_most(2);
        let rows = self.read(&JoinSpec { window, ..self.spec.clone() }).await?;
        only(rows, self.spec.parts.first().map_or("", |part| part.spec.table.name))
    }

    /// How many rows there are, after offset and limit. Costs as [`all`](Self::all); without offset, limit and `distinct` it
    /// keeps none of the rows, so there may be any number of them.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<u64> {
        let spec = self.asked(JoinSpec { order: Vec::new(), ..self.spec.clone() })?;
        let watch = Watch::begin(self.target);
        let columns = self.columns();
        let count = exec::count_join(self.target, &spec, columns).await?;
        watch.end(|values| spec.text(values));
        Ok(count)
    }

    /// Whether there is any row. Reads until one is found, as [`first`](Self::first) does in any order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn exists(&self) -> Result<bool> {
        let window = self.spec.window.at_most(1);
        let spec = JoinSpec { window, order: Vec::new(), ..self.spec.clone() };
        Ok(self.found(&spec).await?.len() > 0)
    }

    /// Aggregates of all rows, after offset and limit. Costs as [`all`](Self::all).
    ///
    /// # Errors
    /// [`is_overflow`](Error::is_overflow) when a sum leaves the range of its type; as [`all`](Self::all).
    pub async fn aggregate<C: ChosenOfGroup<Q, I>, I>(&self, output: C) -> Result<C::Row> {
        GroupBy::<Q, ()>::whole_join(self.target, self.spec.clone()).select(output).one().await
    }

    /// How the query would be carried out, for people to read. Costs at most one round trip for each entity, and reads no
    /// rows, except those of subqueries, whose answers decide the plan.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn explain(&self) -> Explaining<'_> {
        let run = async { exec::join(self.target, &self.spec, &[]).await.map(|rows| metrics::returned(rows.len())) };
        let plan = exec::explain_join(self.target, &self.spec);
        Explaining::new(self.target, self.spec.text(false), Box::pin(plan), Box::pin(run))
    }
}
