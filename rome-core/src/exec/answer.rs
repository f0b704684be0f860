//! Answers whole queries on one table. Where the reads of a query have to be of one consistent snapshot, it runs in a session
//! of its own.

use std::sync::Arc;

use super::aggregate::count_declared;
use super::asking::fetch_asking;
use super::fetch::{count, fetch, scan};
use super::hit::{Hit, Want};
use super::subquery::{answered, has_subquery};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::aggregate::{Aggregate, Func};
use crate::plan::{self, Explain};
use crate::row;
use crate::session::{Reader, Session, in_session};
use crate::store::Scanned;

/// The rows of a query.
pub(crate) enum Answer {
    Hits(Vec<Hit>),
    /// As the store gave them, where they need no more work.
    Scanned(Arc<StoredTable>, Scanned),
}

/// What reads a row from its key and its columns.
pub(crate) type ReadRow<'r> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'r;

impl Answer {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Hits(hits) => hits.len(),
            Self::Scanned(_, scanned) => scanned.len(),
        }
    }

    /// Gives the key and the columns of each row to `read`, until it fails.
    pub fn for_each(&self, read: &mut ReadRow<'_>) -> Result<()> {
        match self {
            Self::Hits(hits) => hits.iter().try_for_each(|hit| read(&hit.key, &hit.body)),
            Self::Scanned(table, scanned) => scanned.iter().try_for_each(|record| {
                let body = row::unwrap(table, record.value)
                    .map_err(|source| row::unreadable(table.def, record.key, source))?;
                read(record.key, &body)
            }),
        }
    }
}

/// The rows of a query, in order, cut to its window. Costs as [`fetch`], one round trip more where plans are compared, and those
/// of its subqueries.
pub(crate) async fn find(target: Reader<'_>, spec: &Spec, want: Want) -> Result<Vec<Hit>> {
    if has_subquery(spec) {
        // Boxed: few queries have subqueries, and the future of every query would be as deep.
        return Box::pin(find_asking(target, spec, want)).await;
    }
    let table = target.shared().table(spec.table)?;
    let plan = plan::plan(target, table, spec).await?;
    fetch(target, table, spec, &plan, want).await
}

/// The same, in the form in which they take least work.
pub(crate) async fn answer(target: Reader<'_>, spec: &Spec) -> Result<Answer> {
    if has_subquery(spec) {
        return Box::pin(find_asking(target, spec, Want::Rows)).await.map(Answer::Hits);
    }
    let table = target.shared().table(spec.table)?;
    let plan = plan::plan(target, table, spec).await?;
    match scan(target, table, spec, &plan).await? {
        Some(scanned) => Ok(Answer::Scanned(table.clone(), scanned)),
        None => fetch(target, table, spec, &plan, Want::Rows).await.map(Answer::Hits),
    }
}

async fn find_asking(target: Reader<'_>, spec: &Spec, want: Want) -> Result<Vec<Hit>> {
    match target {
        Reader::Session(_) => fetch_asking(target, spec, want).await,
        Reader::Database(shared) => {
            in_session(shared, async |session: &Session| fetch_asking(Reader::Session(session), spec, want).await).await
        }
    }
}

/// How many rows a query has, whatever its window. Costs as [`count`].
pub(crate) async fn count_rows(target: Reader<'_>, spec: &Spec) -> Result<u64> {
    match target {
        Reader::Database(shared) if has_subquery(spec) => {
            Box::pin(in_session(shared, async |session: &Session| count_here(Reader::Session(session), spec).await))
                .await
        }
        _ => count_here(target, spec).await,
    }
}

async fn count_here(target: Reader<'_>, spec: &Spec) -> Result<u64> {
    let spec = answered(target, spec).await?;
    let table = target.shared().table(spec.table)?;
    let rows = Aggregate { func: Func::Count, of: None };
    if let Some(found) = plan::by_aggregate(target, table, &spec, &[], &[rows]) {
        let several = found.partition.is_none() && !target.shared().placement.is_one();
        let found = &found;
        return match target {
            Reader::Database(shared) if several => {
                in_session(shared, async |session: &Session| {
                    count_declared(Reader::Session(session), table, found).await
                })
                .await
            }
            target => count_declared(target, table, found).await,
        };
    }
    let plan = plan::plan(target, table, &spec).await?;
    count(target, table, &spec, &plan).await
}

/// How a query would be carried out, as human-readable text. Reads no rows, except those of subqueries.
pub(crate) async fn explain(target: Reader<'_>, spec: &Spec) -> Result<Explain> {
    match target {
        Reader::Database(shared) if has_subquery(spec) => {
            Box::pin(in_session(shared, async |session: &Session| explain_here(Reader::Session(session), spec).await))
                .await
        }
        _ => explain_here(target, spec).await,
    }
}

async fn explain_here(target: Reader<'_>, spec: &Spec) -> Result<Explain> {
    let after = answered(target, spec).await?;
    let table = target.shared().table(spec.table)?;
    let plan = plan::plan(target, table, &after).await?;
    if has_subquery(spec) {
        return Box::pin(plan::explain_asking(target, table, spec, &after, &plan)).await;
    }
    Ok(Explain::new(table, spec, &plan, target.shared().placement))
}
