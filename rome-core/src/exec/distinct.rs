//! Distinct values of selected columns, found by seeks where an index holds them in order.

use std::sync::Arc;

use super::fetch::own_writes;
use super::skip::{Found, SkipScan, values_of};
use super::sort::sort_key;
use super::subquery::has_subquery;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::{Explain, Skip, plan_distinct};
use crate::session::{Reader, Session, in_session};
use crate::value::{Value, ValueRef};

/// The distinct values of these columns in the order of the query, cut to its offset and limit, each value with its column; `None`
/// if they have to be collected from rows. Costs a round trip for each value at most, and far fewer where few rows have each value.
pub(crate) async fn distinct(
    target: Reader<'_>,
    spec: &Spec,
    columns: &[u16],
) -> Result<Option<Vec<Vec<(u16, Value)>>>> {
    let Some((table, skip)) = way(target, spec, columns)? else { return Ok(None) };
    let wanted = spec.window.reach().filter(|_| skip.plan.ordered);
    let Some(found) = walk(target, table, &skip, wanted).await? else { return Ok(None) };
    let mut rows = Vec::with_capacity(found.len());
    for one in &found {
        rows.push(values_of(table, &skip.prefix, &one.prefix)?);
    }
    if !skip.plan.ordered {
        rows.sort_by_cached_key(|values| {
            let value = |column| values.iter().find(|(of, _)| *of == column).map(|(_, value)| value.as_ref());
            sort_key(&spec.order, spec.order.iter().map(|part| value(part.column).unwrap_or(ValueRef::Null)))
        });
    }
    spec.window.cut(&mut rows);
    Ok(Some(rows))
}

/// How many distinct values these columns have, no more than the window of the query reaches; `None` if they have to be collected
/// from rows. Costs as [`distinct`].
pub(crate) async fn count_distinct(target: Reader<'_>, spec: &Spec, columns: &[u16]) -> Result<Option<u64>> {
    let Some((table, skip)) = way(target, spec, columns)? else { return Ok(None) };
    Ok(walk(target, table, &skip, spec.window.reach()).await?.map(|found| found.len() as u64))
}

/// How they would be found, as human-readable text; `None` if they have to be collected from rows.
pub(crate) fn explain_distinct(target: Reader<'_>, spec: &Spec, columns: &[u16]) -> Result<Option<Explain>> {
    let found = way(target, spec, columns)?;
    Ok(found.map(|(table, skip)| skip.explain(table, spec, target.shared().placement)))
}

/// The way by seeks, of a query that asks no other.
fn way<'a>(target: Reader<'a>, spec: &Spec, columns: &[u16]) -> Result<Option<(&'a Arc<StoredTable>, Skip)>> {
    if has_subquery(spec) {
        return Ok(None);
    }
    let table = target.shared().table(spec.table)?;
    Ok(plan_distinct(target, table, spec, columns)?.map(|skip| (table, skip)))
}

/// The prefixes of a plan; `None` in a session that has written rows among them.
async fn walk(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    skip: &Skip,
    wanted: Option<u64>,
) -> Result<Option<Vec<Found>>> {
    let wanted = wanted.map_or(usize::MAX, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
    match target {
        Reader::Database(shared) => {
            in_session(shared, async |session: &Session| walk_here(Reader::Session(session), table, skip, wanted).await)
                .await
        }
        Reader::Session(_) => walk_here(target, table, skip, wanted).await,
    }
}

async fn walk_here(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    skip: &Skip,
    wanted: usize,
) -> Result<Option<Vec<Found>>> {
    if !own_writes(target, table, &skip.plan.access).is_empty() {
        return Ok(None);
    }
    SkipScan::new(target, table, skip)?.next(target, wanted).await.map(Some)
}
