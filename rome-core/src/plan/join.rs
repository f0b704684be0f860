//! Planning of joins: which table is read first, and how the others are looked up.

use std::sync::Arc;

use super::measure::measure_all;
use super::{choose_plan, measure};
use crate::ask::{JoinKind, JoinSpec, ScanPolicy, Spec, Window};
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::tuples::Tuples;
use crate::session::Reader;
use crate::value::ValueRef;

/// From how many values on it is asked how large the table is that they are looked up in.
const MANY: u64 = 256;
/// How many rows of a scan cost as much as a lookup.
const LOOKUP: u64 = 4;

/// Whether the first table alone decides which rows come first: each of its rows is kept.
pub(crate) fn ends_with_first(spec: &JoinSpec) -> bool {
    let kept = spec.parts.iter().skip(1).all(|part| part.kind == JoinKind::Left);
    kept && spec.filter.is_empty() && !spec.distinct && spec.order.iter().all(|order| order.place == 0)
}

/// Gives the first table the join's limit where it alone decides which rows come first.
pub(crate) fn limit_first(spec: &mut JoinSpec) {
    let decides = ends_with_first(spec);
    if let (true, Some(limit), Some(first)) = (decides, spec.window.reach(), spec.parts.first_mut()) {
        first.spec.window = Window::first(limit);
        first.spec.order = spec.order.iter().map(|order| order.part).collect();
    }
}

/// The query for the rows of a table that have these values: by lookups, or without them where the table has fewer rows
/// than there are values. Says whether it is without them. `before` is how many values were looked up for earlier batches, if
/// what is found without them is kept for later ones.
pub(crate) async fn lookup_of_join(
    target: Reader<'_>,
    spec: &Spec,
    columns: &[u16],
    wanted: Tuples,
    before: Option<u64>,
) -> Result<(Spec, bool)> {
    let table = target.shared().table(spec.table)?;
    let mut looked_up = spec.clone();
    let n = wanted.len() as u64 + before.unwrap_or(0);
    let wanted = Arc::new(wanted);
    looked_up.filter.push(Node::among(columns, wanted.clone()));
    if before == Some(0) && !wanted.is_empty() {
        // Where no index serves the values, each batch would read the same rows.
        if choose_plan(target, table, &looked_up).await?.tests(&wanted) {
            return Ok((spec.clone(), true));
        }
    }
    if n <= MANY || spec.policy.unwrap_or_else(|| target.scan_policy()) != ScanPolicy::Allow {
        return Ok((looked_up, false));
    }
    let scan = choose_plan(target, table, spec).await?;
    let enough = LOOKUP * n;
    match measure(target, table, &scan.access, enough).await? {
        Some(entries) if entries < enough => Ok((spec.clone(), true)),
        _ => Ok((looked_up, false)),
    }
}

/// A query for the rows of a table that have some value of these columns, to plan it: any value does. Returns the value too.
pub(super) fn any_lookup(spec: &Spec, columns: &[u16]) -> (Spec, Arc<Tuples>) {
    let (mut spec, mut one, mut encoded) = (spec.clone(), Tuples::new(), Vec::new());
    columns.iter().for_each(|_| crate::value::key::encode(ValueRef::Bool(true), false, &mut encoded));
    one.insert(encoded);
    let one = Arc::new(one);
    spec.filter.push(Node::among(columns, one.clone()));
    (spec, one)
}

/// The table to read first: of those that can be, the one with the fewest rows by its own conditions. Costs a round trip
/// where several have conditions that an index serves, and that were not counted lately.
pub(crate) async fn first_of_join(target: Reader<'_>, spec: &JoinSpec) -> Result<u8> {
    let mut narrowed = Vec::new();
    for place in spec.core() {
        let part = spec.part(place);
        let table = target.shared().table(part.spec.table)?;
        if part.spec.filter.is_empty() {
            continue;
        }
        let plan = choose_plan(target, table, &part.spec).await?;
        if !plan.full_scan {
            narrowed.push((place, table, plan.access));
        }
    }
    if let [] | [_] = narrowed.as_slice() {
        return Ok(narrowed.first().map_or(0, |(place, ..)| *place));
    }
    let asked: Vec<_> = narrowed.iter().map(|(_, table, access)| (&***table, access)).collect();
    let counts = measure_all(target, &asked).await?;
    let least = narrowed.iter().zip(counts).min_by_key(|(_, count)| count.unwrap_or(u64::MAX));
    Ok(least.map_or(0, |((place, ..), _)| *place))
}
