//! The first rows of a query whose conditions ask other tables.
//!
//! A condition of such a query is tested on rows in batches, or its subquery is answered first; the two ways compete. Where a
//! subquery is one part of an `or`, or one of several, answering all of them may be much too much, and testing all of them leaves the
//! table unnarrowed. So those that have few rows are answered before the ways begin: `owner = 3 or id in (the few that are shared)` is
//! then a union of ranges in order.

use std::sync::Arc;

use super::compete::{self, Trials, Way};
use super::fetch::fetch;
use super::hit::{Hit, Want};
use super::semi::{self, Asking};
use super::subquery::{self, has_subquery};
use super::walk::Walk;
use crate::ask::Spec;
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::subquery::Exists;
use crate::plan;
use crate::session::Reader;

/// A subquery with at most so many rows is answered first.
const FEW_ROWS: u64 = 64;
/// About how many visits are made to learn whether it has so few.
const FEW_VISITS: u64 = 128;

/// The rows of a query without its subqueries' conditions being answered before, in order, cut to its offset and limit. Has to run in a
/// session.
pub(crate) async fn fetch_asking(target: Reader<'_>, spec: &Spec, want: Want) -> Result<Vec<Hit>> {
    let table = target.shared().table(spec.table)?;
    let (Some(limit), true) = (spec.window.limit, has_subquery(spec)) else {
        let spec = Box::pin(subquery::answered(target, spec)).await?;
        let plan = plan::plan(target, table, &spec).await?;
        return Box::pin(fetch(target, table, &spec, &plan, want)).await;
    };
    if limit == 0 {
        return Ok(Vec::new());
    }
    spec.check_size()?;
    let spec = &few_answered(target, spec).await?;
    let Some((_, plain)) = Asking::of(spec) else {
        let plan = plan::plan(target, table, spec).await?;
        return Box::pin(fetch(target, table, spec, &plan, want)).await;
    };
    let trials = Trials::of(target, 3);
    let mut ways = Vec::with_capacity(3);
    match plan::plan(target, table, &plain).await {
        Ok(plan) => {
            for plan in [Some(&plan), plan.rival.as_deref()].into_iter().flatten() {
                let asking = Asking::of(spec).map(|(asking, _)| asking);
                ways.extend(Way::of(trials.target(ways.len(), target), table, &plain, plan, asking)?);
            }
        }
        // What the subqueries give may narrow it.
        Err(error) if error.is_scan_denied() => {}
        Err(error) => return Err(error),
    }
    ways.push(Way::inside_out(trials.target(ways.len(), target), table, spec));
    let wanted = limit.saturating_add(spec.window.offset);
    let mut hits = Box::pin(compete::first(target, spec, &trials, ways, wanted)).await?;
    spec.window.cut(&mut hits);
    Ok(hits)
}

/// The same query with those of its subqueries answered that have few rows, where that may open another way to its rows.
async fn few_answered(target: Reader<'_>, spec: &Spec) -> Result<Spec> {
    let mut spec = spec.clone();
    let asking = spec.filter.iter().filter(|condition| condition.has_subquery()).count();
    for condition in &mut spec.filter {
        // One that is a condition by itself, and the only one, is answered first by a way of its own.
        if !condition.has_subquery() || (asking == 1 && semi::is_leaf(condition)) {
            continue;
        }
        let mut asked = Vec::new();
        *condition = semi::by_partners(condition.clone());
        condition.for_each_leaf(&mut |leaf| match leaf {
            Node::Exists(exists) => asked.push(Some(exists.clone())),
            Node::InQuery(_) => asked.push(None),
            _ => {}
        });
        let mut answers = Vec::with_capacity(asked.len());
        for exists in asked {
            answers.push(match exists {
                Some(exists) => answer_if_few(target, &subquery::with_policy(&exists, spec.policy)).await?,
                None => None,
            });
        }
        // Leaves are replaced in the order in which they were visited.
        let mut answers = answers.into_iter();
        *condition = condition.clone().map_leaves(&mut |leaf| match leaf {
            Node::Exists(_) | Node::InQuery(_) => answers.next().flatten().unwrap_or(leaf),
            leaf => leaf,
        });
    }
    Ok(spec)
}

/// The condition on a row that a subquery comes to, if it has few rows. That it has many is remembered for some time.
async fn answer_if_few(target: Reader<'_>, exists: &Exists) -> Result<Option<Node>> {
    let spec = &*exists.spec;
    if !exists.through.is_empty() || !spec.window.is_all() || has_subquery(spec) {
        return Ok(None);
    }
    let statistics = &target.shared().statistics;
    let what = spec.text(true);
    if statistics.has_many(&what) {
        return Ok(None);
    }
    let table = target.shared().table(spec.table)?;
    let plan = match plan::plan(target, table, spec).await {
        Ok(plan) => plan,
        Err(error) if error.is_scan_denied() => return Ok(None),
        Err(error) => return Err(error),
    };
    let trials = Trials::of(target, 1);
    let Some(mut walk) = Walk::open(trials.target(0, target), table, spec, &plan, None)? else { return Ok(None) };
    walk.advance(FEW_ROWS + 1, Some(FEW_VISITS)).await?;
    let hits = walk.take(FEW_ROWS + 1);
    if !walk.is_taken() || hits.len() as u64 > FEW_ROWS {
        statistics.found_many(&what);
        return Ok(None);
    }
    trials.adopt(0, target)?;
    let found = subquery::tuples(spec.table, &hits, &exists.columns)?;
    Ok(Some(Node::InTuples(exists.of.clone(), Arc::new(found))))
}
