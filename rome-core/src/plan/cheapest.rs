//! The choice among the ways to the rows of a query, by how many entries they are expected to visit.

use super::candidate::Candidate;
use super::measure::{PROBE, probe};
use crate::ask::{ScanPolicy, Spec};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::session::Reader;

/// Of how many rows one is assumed to pass the conditions that an ordered scan has to test.
const UNSERVED: u64 = 8;

/// A way with the number of its entries, as far as that was counted.
pub(super) type Counted = (Candidate, Option<u64>);

/// Which way is taken.
pub(super) struct Choice {
    pub best: Counted,
    /// One that may visit less.
    pub rival: Option<Counted>,
    pub rejected: Vec<Counted>,
}

pub(super) async fn cheapest(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    candidates: Vec<Candidate>,
    conditions: usize,
) -> Result<Choice> {
    if candidates.len() == 1 {
        let only = candidates.into_iter().next().ok_or_else(|| Error::internal("a query has no way to its rows"))?;
        return Ok(Choice { best: (only, None), rival: None, rejected: Vec::new() });
    }
    let counts = probe(target, table, &candidates).await?;
    // A count that did not reach the bound is exact and small. A scan that hopes to end early is not preferred to that.
    let is_small = |count: &Option<u64>| !spec.hints.compete && count.is_some_and(|count| count < u64::from(PROBE));
    let small = candidates.iter().zip(&counts).any(|(candidate, count)| candidate.narrowed && is_small(count));
    let denied = spec.policy.unwrap_or_else(|| target.scan_policy()) == ScanPolicy::Deny;
    let narrow = candidates.iter().any(|candidate| candidate.narrowed);
    let wanted = spec.window.reach();
    // Whether it stops early if many rows pass what is tested on them.
    let hopes = |candidate: &Candidate| {
        let may_take_more = candidate.leading > 0 || (candidate.ordered && conditions > candidate.served.len());
        may_take_more && wanted.is_some() && !candidate.is_lookup()
    };
    let mut ranked: Vec<(u64, Candidate, Option<u64>)> = candidates
        .into_iter()
        .zip(counts)
        .filter(|(candidate, count)| {
            let too_much = small && !is_small(count);
            !(hopes(candidate) && (too_much || (denied && narrow && !candidate.narrowed)))
        })
        .map(|(candidate, count)| {
            let mut visits = match count {
                // The probe stopped: what is fixed by more columns is taken for smaller.
                Some(count) if count >= u64::from(PROBE) => {
                    count * if candidate.equalities == 0 { 64 } else { 16 / candidate.equalities.min(8) as u64 }
                }
                Some(count) => count,
                None => u64::MAX / 16,
            };
            let unserved = conditions > candidate.served.len() || candidate.leading > 0;
            if let (true, Some(wanted)) = (candidate.gives_order(), wanted) {
                visits = visits.min(wanted.saturating_mul(if unserved { UNSERVED } else { 1 }));
            }
            let sort = if candidate.gives_order() || spec.order.is_empty() { 0 } else { visits / 4 };
            (visits.saturating_add(sort), candidate, count)
        })
        .collect();
    ranked.sort_by_key(|(cost, candidate, _)| (*cost, std::cmp::Reverse(candidate.equalities)));
    let mut ranked = ranked.into_iter().map(|(_, candidate, count)| (candidate, count));
    let best = ranked.next().ok_or_else(|| Error::internal("a query has no way to its rows"))?;
    let mut rejected: Vec<Counted> = ranked.collect();
    // What is exact and small, or serves everything in order, needs no rival. Else the best of the other kind is one.
    let is_sure = is_small(&best.1) || (best.0.ordered && conditions <= best.0.served.len());
    let may_win = |other: &Counted| hopes(&other.0) != hopes(&best.0) && (hopes(&other.0) || other.0.narrowed);
    let rival = match rejected.iter().position(may_win) {
        Some(at) if wanted.is_some() && !is_sure => Some(rejected.remove(at)),
        _ => None,
    };
    Ok(Choice { best, rival, rejected })
}
