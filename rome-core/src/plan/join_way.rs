//! Planning of joins that are read batch by batch: which table they begin with, and how it is walked.

use super::join::any_lookup;
use super::measure::{PROBE, measure_each};
use super::{Access, Plan, choose_plan, first_of_join};
use crate::ask::{JoinKind, JoinSpec, OrderPart, ScanPolicy, SoftDeleted, Spec, TotalOrder, Window};
use crate::error::Result;
use crate::session::Reader;

/// How the table that a join begins with is walked.
pub(crate) struct JoinWay {
    pub place: u8,
    /// The table's part of the join, in the order in which it is walked; without one in any order.
    pub spec: Spec,
    pub plan: Plan,
}

/// The walk that gives the rows in order, if there is one, for about so many rows.
pub(crate) async fn walk_of_join(
    target: Reader<'_>,
    spec: &JoinSpec,
    order: &TotalOrder,
    rows: u64,
) -> Result<Option<JoinWay>> {
    let Some(place) = order.leader().filter(|leader| spec.core().contains(leader)) else { return Ok(None) };
    let part = spec.part(place);
    let table = target.shared().table(part.spec.table)?;
    let walked = Spec { order: order.leading(), ..part.spec.clone() };
    let limited = Spec { window: Window::first(rows), ..walked.clone() };
    let mut plan = choose_plan(target, table, &limited).await?;
    if !plan.ordered {
        // A few rows, and all of them are found at once.
        if plan.estimate.is_some_and(|n| n <= rows)
            || !matches!(plan.access, Access::Index { .. } | Access::Rows { .. } | Access::Union(_))
        {
            return Ok(None);
        }
        plan = match plan.rival.take().filter(|rival| rival.ordered) {
            Some(rival) => *rival,
            None => {
                let any = Spec { filter: Vec::new(), deleted: SoftDeleted::Include, ..limited };
                let walk = choose_plan(target, table, &any).await?;
                Plan { residual: part.spec.condition(), partition: plan.partition, full_scan: true, ..walk }
            }
        };
    }
    let is_denied = plan.full_scan && part.spec.policy.unwrap_or_else(|| target.scan_policy()) == ScanPolicy::Deny;
    let plan = Plan { rival: None, detour: None, ..plan };
    Ok((plan.ordered && !is_denied).then_some(JoinWay { place, spec: walked, plan }))
}

/// The way that begins with all rows of a table, in any order.
pub(crate) async fn whole_of_join(target: Reader<'_>, spec: &JoinSpec, place: u8) -> Result<JoinWay> {
    let spec = spec.part(place).spec.clone();
    let plan = choose_plan(target, target.shared().table(spec.table)?, &spec).await?;
    Ok(JoinWay { place, spec, plan })
}

/// The way that begins with all rows of the table with the fewest, if it has fewer than `most` and it is not what `walk` does.
pub(crate) async fn smallest_of_join(
    target: Reader<'_>,
    spec: &JoinSpec,
    walk: &JoinWay,
    most: u64,
) -> Result<Option<JoinWay>> {
    let mut ways = Vec::new();
    for place in spec.core() {
        let way = whole_of_join(target, spec, place).await?;
        let is_same = place == walk.place && (way.plan.full_scan || walk.spec.order.is_empty());
        let policy = way.spec.policy.unwrap_or_else(|| target.scan_policy());
        let is_denied = way.plan.full_scan && policy == ScanPolicy::Deny;
        if !is_same && !is_denied {
            ways.push(way);
        }
    }
    let mut asked = Vec::with_capacity(ways.len());
    for way in &ways {
        asked.push((&**target.shared().table(way.spec.table)?, &way.plan.access));
    }
    // A table that has as many rows in each partition is too large.
    let each = most.div_ceil(target.shared().placement.all().count() as u64);
    let counts = measure_each(target, &asked, u32::try_from(each).unwrap_or(u32::MAX)).await?;
    let few = ways.into_iter().zip(counts).filter_map(|(way, count)| Some((count.filter(|n| *n < most)?, way)));
    Ok(few.min_by_key(|(count, _)| *count).map(|(_, way)| way))
}

/// The way of a join that is read in chunks of about so many rows, each of which is attached to the other tables by itself; `None` if the
/// rows are not read in their order, or not without reading a whole table for each chunk.
pub(crate) async fn chunks_of_join(
    target: Reader<'_>,
    spec: &JoinSpec,
    order: &TotalOrder,
    rows: u64,
) -> Result<Option<JoinWay>> {
    let way = if order.is_any() {
        let place = first_of_join(target, spec).await?;
        let part = spec.part(place);
        let table = target.shared().table(part.spec.table)?;
        let by_key = table.def.key.iter().map(|column| OrderPart::new(*column, false)).collect();
        let walked = Spec { order: by_key, ..part.spec.clone() };
        let plan = choose_plan(target, table, &Spec { window: Window::first(rows), ..walked.clone() }).await?;
        Some(JoinWay { place, spec: walked, plan })
    } else {
        walk_of_join(target, spec, order, rows).await?
    };
    let Some(way) = way else { return Ok(None) };
    Ok(if is_looked_up(target, spec, way.place).await? { Some(way) } else { None })
}

/// Whether all other tables are looked up by indexes or keys, for each chunk as many rows as belong to it.
async fn is_looked_up(target: Reader<'_>, spec: &JoinSpec, first: u8) -> Result<bool> {
    for attach in spec.attached(first) {
        let part = spec.part(attach.place);
        if attach.kind == JoinKind::Cross {
            return Ok(false);
        }
        for via in &attach.via {
            let between = Spec { policy: part.spec.policy, ..Spec::new(via.table) };
            let near: Vec<u16> = via.near.iter().map(|(.., near)| *near).collect();
            if !is_found(target, &between, &near).await? {
                return Ok(false);
            }
        }
        let own: Vec<u16> = match attach.via.first() {
            Some(via) => via.far.iter().map(|(_, own)| *own).collect(),
            None => attach.distinct_columns().0.iter().map(|(.., own)| *own).collect(),
        };
        if !is_found(target, &part.spec, &own).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an index or the key finds rows by these columns, or few rows are left without them.
async fn is_found(target: Reader<'_>, spec: &Spec, columns: &[u16]) -> Result<bool> {
    let (spec, one) = any_lookup(spec, columns);
    let plan = choose_plan(target, target.shared().table(spec.table)?, &spec).await?;
    let is_few = plan.estimate.is_some_and(|n| n < u64::from(PROBE)) || matches!(plan.access, Access::Nothing);
    Ok(is_few || (!plan.full_scan && !plan.tests(&one)))
}
