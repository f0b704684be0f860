//! What runs a query on several entities, without the types of its rows: compiled once, and not for each entity of a program.
//!
//! The verbs of [`Joined`](super::Joined) hand what was asked to an [`AskingJoin`], whose futures are boxed, and only read what it
//! finds.

use futures::future::BoxFuture;

use super::explaining::Explaining;
use super::rows::values_of;
use super::watch::Watch;
use crate::ask::{JoinOrder, JoinSpec};
use crate::error::{Error, Result};
use crate::exec::{self, JoinedRows};
use crate::expr::node::Node;
use crate::metrics;
use crate::session::Reader;
use crate::value::Value;

/// What a query on several entities asks.
#[derive(Clone, Copy)]
pub(super) struct AskingJoin<'q> {
    pub target: Reader<'q>,
    pub spec: &'q JoinSpec,
    /// The columns that are given; none if the rows are read as entities.
    pub columns: Option<&'q [Node]>,
}

/// What was found.
pub(super) enum FoundJoin {
    Rows(JoinedRows),
    /// The columns that are given of each row.
    Values(Vec<Vec<Value>>),
}

impl<'q> AskingJoin<'q> {
    /// The rows, at most so many if that is said.
    pub fn find(self, most: Option<u64>) -> BoxFuture<'q, Result<FoundJoin>> {
        Box::pin(async move {
            let found = self.rows(most).await?;
            metrics::returned(match &found {
                FoundJoin::Rows(rows) => rows.len(),
                FoundJoin::Values(values) => values.len(),
            });
            Ok(found)
        })
    }

    /// The same, that were not given to a caller yet.
    pub async fn rows(self, most: Option<u64>) -> Result<FoundJoin> {
        let window = most.map_or(self.spec.window, |most| self.spec.window.at_most(most));
        let spec = JoinSpec { window, ..self.spec.clone() };
        let rows = self.found(&spec).await?;
        let Some(columns) = self.columns else { return Ok(FoundJoin::Rows(rows)) };
        let mut values = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            values.push(values_of(&spec, &row, columns)?);
        }
        Ok(FoundJoin::Values(values))
    }

    /// The joined rows, as they are stored.
    async fn found(self, spec: &JoinSpec) -> Result<JoinedRows> {
        let spec = &self.asked(spec)?;
        let watch = Watch::begin(self.target);
        let rows = exec::join(self.target, spec, self.columns.unwrap_or_default()).await?;
        watch.end(|values| spec.text(values));
        if let (Reader::Session(session), None) = (self.target, self.columns) {
            rows.remember(session)?;
        }
        Ok(rows)
    }

    /// What is asked for: whole entities are distinct by themselves.
    fn asked(self, spec: &JoinSpec) -> Result<JoinSpec> {
        let columns = self.columns.unwrap_or_default();
        let spec = JoinSpec { distinct: spec.distinct && self.columns.is_some(), ..spec.clone() };
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

    /// How many rows there are, after offset and limit.
    pub fn count(self) -> BoxFuture<'q, Result<u64>> {
        Box::pin(async move {
            let spec = self.asked(&JoinSpec { order: Vec::new(), ..self.spec.clone() })?;
            let watch = Watch::begin(self.target);
            let count = exec::count_join(self.target, &spec, self.columns.unwrap_or_default()).await?;
            watch.end(|values| spec.text(values));
            Ok(count)
        })
    }

    /// Whether there is any row.
    pub fn exists(self) -> BoxFuture<'q, Result<bool>> {
        Box::pin(async move {
            let window = self.spec.window.at_most(1);
            let spec = JoinSpec { window, order: Vec::new(), ..self.spec.clone() };
            Ok(self.found(&spec).await?.len() > 0)
        })
    }

    /// How the query would be carried out, and what running it takes.
    pub fn explaining(self) -> Explaining<'q> {
        let plan = async move { exec::explain_join(self.target, &self.asked(self.spec)?).await };
        let run = async move { self.find(None).await.map(drop) };
        Explaining::new(self.target, self.spec.text(false), Box::pin(plan), Box::pin(run))
    }
}
