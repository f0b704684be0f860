//! The rows of one table, batch by batch.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::bounded;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::exec::fetch::{fetch, own_rows};
use crate::exec::hit::{Hit, Want};
use crate::exec::runs::{Batch, Runs};
use crate::plan::Plan;
use crate::session::Reader;

/// About how many bytes of rows one batch reads at most.
const BATCH_BYTES: u64 = 4 << 20;

/// The rows of a query on one table in its order, read as far as they are taken. Those that the session has written are among
/// them, as they will be.
pub(super) struct Walk<'a> {
    target: Reader<'a>,
    /// `None` if the plan does not give its rows as sorted runs: they are all in `ready`.
    runs: Option<Runs<Hit>>,
    /// The keys of rows that the session has written.
    own: HashSet<Bytes>,
    ready: VecDeque<Hit>,
}

impl<'a> Walk<'a> {
    /// Begins. Reads nothing yet where the plan gives its rows as sorted runs, else all rows.
    pub async fn open(target: Reader<'a>, table: &Arc<StoredTable>, spec: &Spec, plan: &Plan) -> Result<Self> {
        let Some(mut runs) = Runs::of(target, table, spec, plan) else {
            let ready = fetch(target, table, &bounded(target, spec, plan), plan, Want::Rows).await?.into();
            return Ok(Self { target, runs: None, own: HashSet::new(), ready });
        };
        let own = own_rows(target, table, spec)?;
        if !own.rows.is_empty() {
            let placed = own.rows.into_iter().map(|hit| Ok((runs.place_in_order(&hit)?, hit)));
            let placed = placed.collect::<Result<Vec<_>>>()?;
            runs.add(placed);
        }
        Ok(Self { target, runs: Some(runs), own: own.keys, ready: VecDeque::new() })
    }

    /// Whether all rows were given.
    pub fn is_ended(&self) -> bool {
        self.ready.is_empty() && self.runs.is_none()
    }

    /// Reads at most once; gives at most so many of the rows that come next, and mostly so many. There may be none though the walk is
    /// not ended, where a condition is tested on the rows.
    pub async fn read(&mut self, rows: u64) -> Result<Vec<Hit>> {
        let most = usize::try_from(rows).unwrap_or(usize::MAX);
        if let Some(runs) = &mut self.runs {
            self.ready.extend(runs.next());
            if self.ready.len() < most && !runs.is_ended() {
                let missing = rows - self.ready.len() as u64;
                let batch = Batch { rows: missing, bytes: Some(BATCH_BYTES), visits: None, in_steps: true };
                let mut got = runs.ask(batch, false).read(self.target).await?;
                let hits = got.take_hits();
                let is_stored = |hit: &Hit| !self.own.contains(&hit.key);
                runs.take(got, hits.into_iter().map(|hit| is_stored(&hit).then_some(hit)));
                self.ready.extend(runs.next());
            }
            if runs.is_ended() {
                self.ready.extend(runs.next());
                self.runs = None;
            }
        }
        let n = most.min(self.ready.len());
        Ok(self.ready.drain(..n).collect())
    }
}
