//! Distinct values of selected columns, found by seeks where an index holds them in order.

use std::sync::Arc;

use super::fetch::own_writes;
use super::skip::{Found, Walk, values_of};
use super::sort::sort_key;
use super::target::{Target, in_session};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::{self, Skip, Spec};
use crate::session::Session;
use crate::value::{Value, ValueRef};

/// How the distinct values of these columns are found by seeks; `None` if they have to be collected from rows.
///
/// # Errors
/// [`is_scan_denied`](crate::Error::is_scan_denied) by the scan policy.
pub(crate) fn plan_distinct(
    target: Target<'_>,
    table: &StoredTable,
    spec: &Spec,
    columns: &[u16],
) -> Result<Option<Skip>> {
    spec.check_size()?;
    // Another order is refused, where the rows are looked at.
    if spec.order.iter().any(|part| !columns.contains(&part.column)) {
        return Ok(None);
    }
    let found = plan::skip(target, table, spec, columns, &spec.order, None);
    found.map(|skip| plan::check_policy(target, spec, &skip.plan).map(|()| skip)).transpose()
}

/// The distinct values of these columns in the order of the query, cut to its offset and limit, each value with its column; `None`
/// if they have to be collected from rows. Costs a round trip for each value at most, and far fewer where few rows have each value.
pub(crate) async fn distinct(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    columns: &[u16],
) -> Result<Option<Vec<Vec<(u16, Value)>>>> {
    let Some(skip) = plan_distinct(target, table, spec, columns)? else { return Ok(None) };
    let wanted = spec.limit.filter(|_| skip.plan.ordered).map(|limit| limit.saturating_add(spec.offset));
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
    let from = usize::try_from(spec.offset).unwrap_or(usize::MAX).min(rows.len());
    rows.drain(..from);
    rows.truncate(spec.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
    Ok(Some(rows))
}

/// How many distinct values these columns have, `wanted` at most; `None` if they have to be collected from rows. Costs as
/// [`distinct`].
pub(crate) async fn count_distinct(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    columns: &[u16],
    wanted: Option<u64>,
) -> Result<Option<u64>> {
    let Some(skip) = plan_distinct(target, table, spec, columns)? else { return Ok(None) };
    Ok(walk(target, table, &skip, wanted).await?.map(|found| found.len() as u64))
}

/// The prefixes of a plan; `None` in a session that has written rows among them.
async fn walk(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    skip: &Skip,
    wanted: Option<u64>,
) -> Result<Option<Vec<Found>>> {
    let wanted = wanted.map_or(usize::MAX, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
    match target {
        Target::Database(shared) => {
            in_session(shared, async |session: &Session| walk_here(Target::Session(session), table, skip, wanted).await)
                .await
        }
        Target::Session(_) => walk_here(target, table, skip, wanted).await,
    }
}

async fn walk_here(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    skip: &Skip,
    wanted: usize,
) -> Result<Option<Vec<Found>>> {
    if !own_writes(target, table, &skip.plan.access).is_empty() {
        return Ok(None);
    }
    Walk::new(target, table, skip)?.next(target, wanted).await.map(Some)
}
