//! Aggregates of the rows of one table: from the counters of an aggregate index, from the store's counts, from the ends of an index, from the entries of an index,
//! or from rows, whichever reads least.

mod accumulate;
mod declared;
mod entries;
mod float;
mod groups;
mod in_order;
mod seek;

pub(crate) use declared::count as count_declared;
pub(crate) use groups::{Grouping, Groups};

use std::sync::Arc;

use super::fetch::{Want, count, fetch};
use super::reach;
use super::subquery;
use super::target::{Target, in_session};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::aggregate::{Aggregate, Func};
use crate::expr::node::Node;
use crate::model::RowView;
use crate::plan::{self, Access, ByAggregate, Explain, GroupSpec, IndexChoice, OrderPart, Plan, Spec};
use crate::row;
use crate::session::Session;
use crate::value::Value;
use groups::is_row_count;
use in_order::InOrder;
use seek::Seek;

/// How aggregates of a table are found.
#[derive(Debug)]
enum Way {
    /// From the counters of an aggregate index.
    Declared(ByAggregate),
    /// By a few entries for each group or value.
    Seek(Seek),
    /// From rows or entries that come in the order of the groups, as far as the limit.
    InOrder(InOrder),
    /// Each by a read of its own: a count, or one row at an end of an index.
    Apart(Vec<(Spec, Plan)>),
    /// From the entries of the index that the plan reads.
    Entries(Plan),
    /// From the rows that the plan reads.
    Rows(Plan),
}

/// Chooses how the aggregates of a query's rows are found. Costs as [`plan::plan`].
async fn way(
    target: Target<'_>,
    table: &StoredTable,
    spec: &Spec,
    group: &GroupSpec,
    grouping: &Grouping,
) -> Result<Way> {
    if let Some(found) = plan::by_aggregate(target, table, spec, grouping.by(), grouping.aggregates()) {
        return Ok(Way::Declared(found));
    }
    let cut = spec.limit.is_some() || spec.offset > 0;
    if cut {
        return plan::plan(target, table, spec).await.map(Way::Rows);
    }
    // The order of rows has no say in what they add up to.
    let spec = Spec { order: Vec::new(), ..spec.clone() };
    spec.check_size()?;
    if let Some(seek) = seek::plan(target, table, &spec, group, grouping) {
        seek.skips().iter().try_for_each(|skip| plan::check_policy(target, &spec, &skip.plan))?;
        return Ok(Way::Seek(seek));
    }
    if grouping.by().is_empty()
        && let Some(apart) = apart(target, table, &spec, grouping.aggregates()).await?
    {
        return Ok(Way::Apart(apart));
    }
    let needed = needed(&spec, grouping);
    let covers = |at: usize| entries::covers(table, at, &needed);
    if let Some(found) = in_order::plan(target, table, &spec, group, grouping, &needed) {
        plan::check_policy(target, &spec, &found.plan)?;
        return Ok(Way::InOrder(found));
    }
    let plan = plan::plan(target, table, &spec).await?;
    match plan.access {
        Access::Index { index, .. } if covers(index) => return Ok(Way::Entries(plan)),
        Access::Rows { .. } if plan.full_scan && spec.indexes == IndexChoice::Any => {
            let narrow = |at: &usize| table.indexes.get(*at).map_or(usize::MAX, |index| index.def.parts.len());
            if let Some(at) = (0..table.indexes.len()).filter(|at| covers(*at)).min_by_key(narrow)
                && let Some(index) = table.indexes.get(at)
            {
                let indexes = IndexChoice::Only(index.def.name.clone());
                return plan::plan(target, table, &Spec { indexes, ..spec }).await.map(Way::Entries);
            }
        }
        _ => {}
    }
    Ok(Way::Rows(plan))
}

/// The columns that have to be known of each row.
fn needed(spec: &Spec, grouping: &Grouping) -> Vec<u16> {
    let mut needed = Vec::new();
    let of = grouping.aggregates().iter().filter_map(|aggregate| aggregate.of.as_ref());
    let condition = spec.condition();
    for node in of.chain(grouping.by()).chain(&condition) {
        node.for_each_column(&mut |column| {
            if !needed.contains(&column) {
                needed.push(column);
            }
        });
    }
    needed
}

/// A read for each aggregate, if each is a count of rows or stands at an end of an index.
async fn apart(
    target: Target<'_>,
    table: &StoredTable,
    spec: &Spec,
    aggregates: &[Aggregate],
) -> Result<Option<Vec<(Spec, Plan)>>> {
    let mut reads = Vec::with_capacity(aggregates.len());
    for aggregate in aggregates {
        let (spec, is_end) = match (aggregate.func, &aggregate.of) {
            _ if is_row_count(aggregate) => (spec.clone(), false),
            (Func::Min | Func::Max, Some(Node::Column(column))) => (end_of(spec, *column, aggregate.func), true),
            _ => return Ok(None),
        };
        let plan = plan::choose_plan(target, table, &spec).await?;
        let at_end = plan.ordered && !matches!(plan.access, Access::Union(_));
        // Counting beside a pass over all rows would only add a read.
        if is_end && !at_end {
            return Ok(None);
        }
        plan::check_policy(target, &spec, &plan)?;
        reads.push((spec, plan));
    }
    Ok(Some(reads))
}

/// The row with the least or greatest value of a column.
fn end_of(spec: &Spec, column: u16, func: Func) -> Spec {
    let mut spec = spec.clone();
    if spec.table.column(column).nullable {
        let is_null = Node::IsNull(Box::new(Node::Column(column)));
        spec.filter.push(Node::Not(Box::new(is_null)));
    }
    spec.order = vec![OrderPart::new(column, func == Func::Max)];
    spec.limit = Some(1);
    spec
}

/// The rows of a group-by on a table. Costs one round trip, one more in several partitions; one for each aggregate
/// that is found apart.
pub(crate) async fn aggregate(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    group: &GroupSpec,
) -> Result<Vec<Vec<Value>>> {
    let grouping = Grouping::new(group, &|_, column| spec.table.column(column).name.to_string())?;
    let grouping = &grouping;
    let way = &way(target, table, spec, group, grouping).await?;
    let several = match way {
        Way::Declared(found) => found.partition.is_none() && !target.shared().placement.is_one(),
        Way::Seek(_) | Way::InOrder(_) => true,
        Way::Apart(reads) => reads.len() > 1,
        Way::Entries(plan) => reach::is_wide(target.shared().placement, table, plan),
        Way::Rows(_) => false,
    };
    match target {
        Target::Database(shared) if several => {
            in_session(shared, async |session: &Session| {
                run(Target::Session(session), table, spec, group, grouping, way).await
            })
            .await
        }
        _ => run(target, table, spec, group, grouping, way).await,
    }
}

/// How the groups of a table would be found, for people to read.
pub(crate) async fn explain_aggregate(target: Target<'_>, spec: &Spec, group: &GroupSpec) -> Result<Explain> {
    let grouping = Grouping::new(group, &|_, column| spec.table.column(column).name.to_string())?;
    let spec = &subquery::answered(target, spec).await?;
    let table = target.shared().table(spec.table)?;
    let explain = |spec: &Spec, plan: &Plan| Explain::new(table, spec, plan, target.shared().placement);
    Ok(match way(target, table, spec, group, &grouping).await? {
        Way::Declared(found) => found.explain(table, target.shared().placement.all().count()),
        Way::Seek(seek) => seek.explain(table, spec, target.shared().placement),
        Way::InOrder(found) => explain(spec, &found.plan).and(found.way()),
        Way::Apart(reads) => {
            let mut all = grouping.aggregates().iter().zip(&reads).map(|(aggregate, (spec, plan))| {
                let what = Node::Aggregate(Arc::new(aggregate.clone()));
                let how = if is_row_count(aggregate) { "counted by the store" } else { "one row at the end of" };
                (format!("{}: {how}", what.display(table.def)), explain(spec, plan))
            });
            match all.next() {
                None => explain(spec, &plan::plan(target, table, spec).await?),
                Some((first, plan)) => all.fold(plan.and(&first), |explained, (how, plan)| {
                    explained.and(&format!("{how} {}", plan.to_string().replace('\n', "\n  ")))
                }),
            }
        }
        Way::Entries(plan) => explain(spec, &plan).and("group the entries of the index in memory, reading no rows"),
        Way::Rows(plan) => explain(spec, &plan).and("group the rows in memory"),
    })
}

async fn run(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    group: &GroupSpec,
    grouping: &Grouping,
    way: &Way,
) -> Result<Vec<Vec<Value>>> {
    let mut groups = Groups::new(grouping);
    match way {
        Way::Declared(found) => declared::add(target, table, found, &mut groups).await?,
        Way::Seek(seek) => return seek.rows(target, table, group, groups).await,
        Way::InOrder(found) => return found.rows(target, table, group, groups).await,
        Way::Apart(reads) => {
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
        Way::Entries(plan) => entries::add(target, table, spec, plan, &needed(spec, grouping), &mut groups).await?,
        Way::Rows(plan) => {
            let needed = needed(spec, grouping);
            let last = needed.iter().copied().max().unwrap_or(0);
            let mut offsets = Vec::new();
            for hit in fetch(target, table, spec, plan, Want::Rows).await? {
                let mut add = || {
                    RowView::locate(table.def, &hit.body, last, &mut offsets)?;
                    groups.add(&RowView::new(table.def, &hit.body, &offsets))
                };
                add().map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))?;
                groups.check_size()?;
            }
        }
    }
    groups.finish(group, table.def.name)
}
