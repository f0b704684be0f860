//! Planning of aggregates: from the counters of an aggregate index, from the store's counts, from the ends of an index, from the
//! entries of an index, or from rows, whichever reads least.

use super::in_order::groups_in_order;
use super::seek::seek;
use super::{Access, ByAggregate, InOrder, Plan, Seek, by_aggregate, check_policy, choose_plan};
use crate::ask::{IndexChoice, OrderPart, Spec};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::aggregate::{Aggregate, Func};
use crate::expr::node::Node;
use crate::session::Reader;

/// How aggregates of a table are found.
#[derive(Debug)]
pub(crate) enum AggregateWay {
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

/// What is asked of the groups of a table's rows.
pub(crate) struct AskedOfGroups<'a> {
    /// What they are grouped by; nothing if all rows are one group.
    pub by: &'a [Node],
    pub aggregates: &'a [Aggregate],
    /// Their order as one of columns of the table; `None` if aggregates have a say.
    pub order: Option<Vec<OrderPart>>,
    /// Whether not all of them may be wanted.
    pub limited: bool,
}

/// Chooses how the aggregates of a query's rows are found. Costs as [`plan`].
pub(crate) async fn way_of_aggregates(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    asked: &AskedOfGroups<'_>,
) -> Result<AggregateWay> {
    let AskedOfGroups { by, aggregates, .. } = *asked;
    if let Some(found) = by_aggregate(target, table, spec, by, aggregates) {
        return Ok(AggregateWay::Declared(found));
    }
    let cut = !spec.window.is_all();
    if cut {
        return super::plan(target, table, spec).await.map(AggregateWay::Rows);
    }
    // The order of rows has no say in what they add up to.
    let spec = Spec { order: Vec::new(), ..spec.clone() };
    spec.check_size()?;
    if let Some(found) = seek(target, table, &spec, asked) {
        found.skips().iter().try_for_each(|skip| check_policy(target, &spec, &skip.plan))?;
        return Ok(AggregateWay::Seek(found));
    }
    if by.is_empty()
        && let Some(apart) = apart(target, table, &spec, aggregates).await?
    {
        return Ok(AggregateWay::Apart(apart));
    }
    let needed = needed(&spec, by, aggregates);
    let covers = |at: usize| covers(table, at, &needed);
    if let Some(found) = groups_in_order(target, table, &spec, asked, &needed) {
        check_policy(target, &spec, &found.plan)?;
        return Ok(AggregateWay::InOrder(found));
    }
    let plan = super::plan(target, table, &spec).await?;
    match plan.access {
        Access::Index { index, .. } if covers(index) => return Ok(AggregateWay::Entries(plan)),
        Access::Rows { .. } if plan.full_scan && spec.indexes == IndexChoice::Any => {
            let narrow = |at: &usize| table.indexes.get(*at).map_or(usize::MAX, |index| index.def.parts.len());
            if let Some(at) = (0..table.indexes.len()).filter(|at| covers(*at)).min_by_key(narrow)
                && let Some(index) = table.indexes.get(at)
            {
                let indexes = IndexChoice::Only(index.def.name.clone());
                return super::plan(target, table, &Spec { indexes, ..spec }).await.map(AggregateWay::Entries);
            }
        }
        _ => {}
    }
    Ok(AggregateWay::Rows(plan))
}

/// The columns that have to be known of each row.
pub(crate) fn needed(spec: &Spec, by: &[Node], aggregates: &[Aggregate]) -> Vec<u16> {
    let mut needed = Vec::new();
    let of = aggregates.iter().filter_map(|aggregate| aggregate.of.as_ref());
    let condition = spec.condition();
    for node in of.chain(by).chain(&condition) {
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
    target: Reader<'_>,
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
        let plan = choose_plan(target, table, &spec).await?;
        let at_end = plan.ordered && !matches!(plan.access, Access::Union(_));
        // Counting beside a pass over all rows would only add a read.
        if is_end && !at_end {
            return Ok(None);
        }
        check_policy(target, &spec, &plan)?;
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
    spec.window.limit = Some(1);
    spec
}

/// Whether the entries of an index hold these columns of every row.
pub(super) fn covers(table: &StoredTable, at: usize, needed: &[u16]) -> bool {
    table.indexes.get(at).is_some_and(|index| {
        let has =
            |column: &u16| index.def.parts.iter().any(|part| part.column == *column) || table.def.key.contains(column);
        // A unique index has no entry for a row with NULL in it, one on a list has several for a row.
        index.is_readable() && !index.def.unique && !index.def.multi && needed.iter().all(has)
    })
}

/// Whether an aggregate is the number of rows.
pub(crate) const fn is_row_count(aggregate: &Aggregate) -> bool {
    matches!(aggregate.func, Func::Count) && aggregate.of.is_none()
}
