//! Aggregates of the rows of one table, found as they were planned.

mod accumulate;
mod aggregate_index;
mod entries;
mod float;
mod groups;
mod in_order;
mod seek;

pub(super) use aggregate_index::count as count_declared;
pub(crate) use groups::{Grouping, Groups};

use std::sync::Arc;

use super::batches;
use super::fetch::{count, fetch, own_writes};
use super::hit::{Hit, Want};
use super::routing;
use super::subquery;
use crate::ask::{GroupSpec, Spec};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::expr::node::Node;
use crate::plan::{self, AggregateWay, AskedOfGroups, Explain, Plan, Seek, is_row_count, needed, way_of_aggregates};
use crate::row::{self, RowView};
use crate::session::{Reader, Session, in_session};
use crate::value::Value;

/// What is asked of groups, as far as that says how they are found.
fn asked_of_groups<'a>(group: &GroupSpec, grouping: &'a Grouping) -> AskedOfGroups<'a> {
    AskedOfGroups {
        by: grouping.by(),
        aggregates: grouping.aggregates(),
        order: grouping.order_of_columns(),
        limited: group.window.limit.is_some(),
    }
}

/// The rows of a group-by on a table. Costs one round trip, one more in several partitions; one for each aggregate
/// that is found apart.
pub(crate) async fn aggregate(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    group: &GroupSpec,
) -> Result<Vec<Vec<Value>>> {
    let grouping = Grouping::new(group, &|_, column| spec.table.column(column).name.to_string())?;
    let grouping = &grouping;
    let question = asked_of_groups(group, grouping);
    let way = &way_of_aggregates(target, table, spec, &question).await?;
    let several = match way {
        AggregateWay::Declared(found) => found.partition.is_none() && !target.shared().placement.is_one(),
        AggregateWay::Seek(_) | AggregateWay::InOrder(_) => true,
        AggregateWay::Apart(reads) => reads.len() > 1,
        AggregateWay::Entries(plan) => routing::is_wide(target.shared().placement, table, plan),
        AggregateWay::Rows(_) => false,
    };
    if !(several && target.session().is_none())
        && let Some(rows) = run(target, table, spec, group, grouping, way).await?
    {
        return Ok(rows);
    }
    let within = async |session: &Session| run(Reader::Session(session), table, spec, group, grouping, way).await;
    let rows = in_session(target.shared(), within).await?;
    rows.ok_or_else(|| Error::internal("the rows of a group-by cannot be read in a session"))
}

/// How the groups of a table would be found, for people to read.
pub(crate) async fn explain_aggregate(target: Reader<'_>, spec: &Spec, group: &GroupSpec) -> Result<Explain> {
    let grouping = Grouping::new(group, &|_, column| spec.table.column(column).name.to_string())?;
    let spec = &subquery::answered(target, spec).await?;
    let table = target.shared().table(spec.table)?;
    let unordered = Spec { order: Vec::new(), ..spec.clone() };
    // The order of rows has no say in what they add up to, unless it says which of them are cut off.
    let spec = if spec.window.is_all() { &unordered } else { spec };
    let explain = |spec: &Spec, plan: &Plan| Explain::new(table, spec, plan, target.shared().placement);
    let way = way_of_aggregates(target, table, spec, &asked_of_groups(group, &grouping)).await?;
    let in_order = match &way {
        _ if group.order.is_empty() => true,
        AggregateWay::Seek(Seek::Groups(ends)) => ends.in_order,
        way => matches!(way, AggregateWay::InOrder(_)),
    };
    let explained = match way {
        AggregateWay::Declared(found) => found.explain(table, target.shared().placement.all().count()),
        AggregateWay::Seek(seek) => seek.explain(table, spec, target.shared().placement),
        AggregateWay::InOrder(found) => explain(spec, &found.plan).under(found.way()),
        AggregateWay::Apart(reads) => {
            let mut all = grouping.aggregates().iter().zip(&reads).map(|(aggregate, (spec, plan))| {
                let what = Node::Aggregate(Arc::new(aggregate.clone()));
                let how = if is_row_count(aggregate) { "counted by the store" } else { "one row at an end" };
                explain(spec, plan).under(format!("Aggregate {}, {how}", what.display(table.def)))
            });
            match all.next() {
                None => explain(spec, &plan::plan(target, table, spec).await?),
                Some(first) => all.fold(first, Explain::beside),
            }
        }
        AggregateWay::Entries(plan) => explain(spec, &plan).under("Group entries in a hash table, reading no rows"),
        AggregateWay::Rows(plan) => explain(spec, &plan).under("Group rows in a hash table"),
    };
    Ok(of_groups(explained, group, in_order))
}

/// What is done with groups, above what makes them.
pub(super) fn of_groups(explained: Explain, group: &GroupSpec, in_order: bool) -> Explain {
    let explained = match group.having.len() {
        0 => explained,
        1 => explained.under("Filter groups by a condition"),
        n => explained.under(format!("Filter groups by {n} conditions")),
    };
    let explained = if in_order { explained } else { explained.under("Sort groups") };
    explained.limited(&group.window)
}

/// The rows of the groups; `None` if that takes a session.
async fn run(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    group: &GroupSpec,
    grouping: &Grouping,
    way: &AggregateWay,
) -> Result<Option<Vec<Vec<Value>>>> {
    let mut groups = Groups::new(grouping, spec.hints.most_rows());
    match way {
        AggregateWay::Declared(found) => aggregate_index::add(target, table, found, &mut groups).await?,
        AggregateWay::Seek(found) => return seek::rows(found, target, table, group, groups).await.map(Some),
        AggregateWay::InOrder(found) => return found.rows(target, table, group, groups).await.map(Some),
        AggregateWay::Apart(reads) => {
            for (at, (spec, plan)) in reads.iter().enumerate() {
                let Some(aggregate) = grouping.aggregates().get(at) else { continue };
                if is_row_count(aggregate) {
                    groups.count(at, count(target, table, spec, plan).await?);
                    continue;
                }
                for hit in fetch(target, table, spec, plan, Want::Rows).await? {
                    let column = aggregate.of.as_ref().and_then(Node::last_column).unwrap_or(0);
                    row::with_view(table.def, &hit.body, column, |row| groups.set(at, row.value(column)?))
                        .map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))?;
                }
            }
        }
        AggregateWay::Entries(plan) => {
            entries::add(target, table, spec, plan, &needed(spec, grouping.by(), grouping.aggregates()), &mut groups)
                .await?
        }
        AggregateWay::Rows(plan) => {
            let needed = needed(spec, grouping.by(), grouping.aggregates());
            let last = needed.iter().copied().max().unwrap_or(0);
            let mut offsets = Vec::new();
            let mut add = |hit: Hit| {
                let mut add = || {
                    RowView::locate(table.def, &hit.body, last, &mut offsets)?;
                    groups.add(&RowView::new(table.def, &hit.body, &offsets))
                };
                add().map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))?;
                groups.check_size()
            };
            let in_batches = spec.window.is_all() && !plan.has_rivals() && batches::is_in_batches(target, plan);
            if in_batches && target.session().is_none() && routing::is_wide(target.shared().placement, table, plan) {
                return Ok(None);
            }
            let own = own_writes(target, table, &plan.access);
            if !in_batches || !batches::each(target, table, spec, plan, own, &mut add).await? {
                if in_batches && target.session().is_none() {
                    return Ok(None);
                }
                fetch(target, table, spec, plan, Want::Rows).await?.into_iter().try_for_each(add)?;
            }
        }
    }
    groups.finish(group, table.def.name).map(Some)
}
