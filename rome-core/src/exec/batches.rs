//! Reads all rows of a plan in batches, where nothing else may change them meanwhile: no more than a batch is in memory besides what
//! is kept of it.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::{Own, matches};
use super::hit::Hit;
use super::runs::{Batch, Runs};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::{Access, Plan};
use crate::session::{Purpose, Reader};

/// How many rows the first batch has.
const FIRST: u64 = 4_096;
/// The most rows of a batch.
const MOST: u64 = 65_536;
/// About how many bytes of rows a batch has at most.
const MOST_BYTES: u64 = 1 << 20;
/// Fewer rows than this are read at once.
const FEW: u64 = 256;

/// Whether all rows of a plan are to be read in batches: they may be many, and are in one range. Another attempt, after one during which
/// rows were changed, reads all of them at once, which no write can disturb.
pub(super) fn is_in_batches(target: Reader<'_>, plan: &Plan) -> bool {
    let one_range = match &plan.access {
        Access::Rows { ranges, .. } | Access::Index { ranges, .. } => ranges.len() == 1,
        _ => false,
    };
    let many = plan.estimate.is_none_or(|estimate| estimate >= FEW);
    one_range && many && target.session().is_none_or(|session| session.purpose == Purpose::SnapshotRead)
}

/// Gives all rows of a plan, those among them that the session has written as they will be, in any order. Gives none and says `false` if
/// they cannot be read in batches, or if there is more than one batch and no session in which these are of one state. Costs a round trip
/// for each batch.
pub(super) async fn each(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    own: Own,
    mut give: impl FnMut(Hit) -> Result<()>,
) -> Result<bool> {
    // As the rows come.
    let (any, unordered) =
        (Spec { order: Vec::new(), after: None, ..spec.clone() }, Plan { ordered: true, ..plan.clone() });
    let Some(mut runs) = Runs::of(target, table, &any, &unordered) else { return Ok(false) };
    let changed: HashSet<&Bytes> = own.iter().map(|(key, ..)| key).collect();
    let mut rows = FIRST;
    while !runs.is_ended() {
        let batch = Batch { rows, bytes: Some(MOST_BYTES), visits: None, in_steps: true };
        let mut got = runs.ask(batch, false).read(target).await?;
        let hits = got.take_hits();
        runs.take(got, std::iter::empty::<Option<Hit>>());
        if target.session().is_none() && !runs.is_ended() {
            return Ok(false);
        }
        for hit in hits {
            if !changed.contains(&hit.key) {
                give(hit)?;
            }
        }
        rows = (2 * rows).min(MOST);
    }
    let condition = spec.condition();
    for (key, _, after) in &own {
        if let Some(body) = after
            && matches(table, condition.as_ref(), key, body)?
        {
            give(Hit { key: key.clone(), body: body.clone() })?;
        }
    }
    Ok(true)
}
