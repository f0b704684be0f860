//! How many entries a way to the rows visits: counted in the store up to a bound, and remembered for a while.

use std::collections::HashMap;

use super::candidate::{Access, Candidate};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::placement::Routed;
use crate::session::Reader;
use crate::store::{Range, Read, Reply, Span};

/// How many entries a probe counts at most.
pub(super) const PROBE: u32 = 256;
/// How many ranges of a candidate are probed at most.
const MOST_PROBES: usize = 16;

/// Counts the ranges of the candidates that a condition narrows.
pub(super) async fn probe(
    target: Reader<'_>,
    table: &StoredTable,
    candidates: &[Candidate],
) -> Result<Vec<Option<u64>>> {
    let narrowed = |candidate: &Candidate| candidate.narrowed.then(|| spans(table, &candidate.access, PROBE)).flatten();
    count_spans(target, candidates.iter().map(narrowed)).await
}

/// About how many entries these accesses visit, as far as [`PROBE`]; none if that is not known. Costs a round trip where
/// they were not counted lately.
pub(super) async fn measure_all(target: Reader<'_>, asked: &[(&StoredTable, &Access)]) -> Result<Vec<Option<u64>>> {
    measure_each(target, asked, PROBE).await
}

/// The same as far as `most` in each partition.
pub(super) async fn measure_each(
    target: Reader<'_>,
    asked: &[(&StoredTable, &Access)],
    most: u32,
) -> Result<Vec<Option<u64>>> {
    let counted = count_spans(target, asked.iter().map(|(table, access)| spans(table, access, most))).await?;
    let known = |access: &Access| match access {
        Access::Nothing => Some(0),
        Access::Keys(keys) => Some(keys.len() as u64),
        Access::Claims { claims, .. } => Some(claims.len() as u64),
        _ => None,
    };
    Ok(asked.iter().zip(counted).map(|((_, access), counted)| known(access).or(counted)).collect())
}

/// How many entries an access visits, as far as `most`. Costs a round trip where they were not counted lately.
pub(crate) async fn measure(
    target: Reader<'_>,
    table: &StoredTable,
    access: &Access,
    most: u64,
) -> Result<Option<u64>> {
    // In steps, so that a count for some number of values serves one for another.
    let most = u32::try_from(most.next_power_of_two()).unwrap_or(u32::MAX);
    Ok(count_spans(target, [spans(table, access, most)]).await?.pop().flatten())
}

/// Counts ranges, as far as they are not known from before.
async fn count_spans(
    target: Reader<'_>,
    candidates: impl IntoIterator<Item = Option<Vec<Span>>>,
) -> Result<Vec<Option<u64>>> {
    let statistics = &target.shared().statistics;
    let mut asked = Vec::new();
    let mut reads = Routed::default();
    let mut counts = Vec::new();
    for (at, spans) in candidates.into_iter().enumerate() {
        counts.push(spans.as_ref().map(|spans| Probed::new(spans.len())));
        for span in spans.into_iter().flatten().take(MOST_PROBES) {
            match (statistics.get(&span), counts.get_mut(at)) {
                (Some(count), Some(Some(probed))) => probed.sum += count,
                _ => {
                    for partition in target.shared().placement.all() {
                        asked.push((at, span.clone()));
                        reads.push(partition, Read::count(span.clone()));
                    }
                }
            }
        }
    }
    if !reads.is_empty() {
        let replies = target.peek(reads).await?;
        let mut found = HashMap::new();
        for ((at, span), reply) in asked.into_iter().zip(replies) {
            if let Reply::Count(counted) = reply {
                *found.entry((at, span)).or_insert(0) += counted.n;
            }
        }
        for ((at, span), count) in found {
            statistics.put(&span, count);
            if let Some(Some(probed)) = counts.get_mut(at) {
                probed.sum += count;
            }
        }
    }
    Ok(counts.into_iter().map(|probed| probed.map(Probed::estimate)).collect())
}

/// The counts of the first ranges of a candidate.
#[derive(Debug)]
struct Probed {
    ranges: u64,
    sum: u64,
}

impl Probed {
    const fn new(ranges: usize) -> Self {
        Self { ranges: ranges as u64, sum: 0 }
    }

    /// What all ranges are expected to have: as many as the first ones, on average.
    fn estimate(self) -> u64 {
        let probed = self.ranges.min(MOST_PROBES as u64).max(1);
        self.sum * self.ranges / probed
    }
}

fn spans(table: &StoredTable, access: &Access, most: u32) -> Option<Vec<Span>> {
    let (space, ranges) = match access {
        Access::Rows { ranges, .. } => (table.rows(), ranges),
        Access::Index { index, ranges, .. } => (table.indexes.get(*index)?.space(), ranges),
        Access::Union(all) => {
            let lookup = |access: &&Access| !matches!(access, Access::Keys(_) | Access::Claims { .. });
            let spans: Option<Vec<_>> = all.iter().filter(lookup).map(|access| spans(table, access, most)).collect();
            return spans.map(|spans| spans.concat());
        }
        _ => return None,
    };
    let span = |(lo, hi): &Range| Span::between(space, lo.clone(), hi.clone()).limited(Some(most));
    Some(ranges.iter().map(span).collect())
}
