//! The rows of the table that a join begins with, batch by batch.

use std::collections::VecDeque;
use std::sync::Arc;

use super::attach::bounded;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::exec::fetch::fetch;
use crate::exec::hit::{Hit, Want};
use crate::exec::walk::Walk;
use crate::plan::Plan;
use crate::session::Reader;

/// About how many bytes of rows one batch reads at most.
const BATCH_BYTES: u64 = 4 << 20;

/// The rows of a query on one table in its order, read as far as they are taken.
pub(super) enum FirstRows<'a> {
    Walk(Box<Walk<'a>>),
    /// All of them, where the plan does not give them in order.
    Read(VecDeque<Hit>),
}

impl<'a> FirstRows<'a> {
    /// Begins. Reads nothing yet where the plan gives its rows in order, else all rows.
    pub async fn open(target: Reader<'a>, table: &Arc<StoredTable>, spec: &Spec, plan: &Plan) -> Result<Self> {
        if let Some(walk) = Walk::open(target, table, spec, plan, None)? {
            return Ok(Self::Walk(Box::new(walk.within_bytes(BATCH_BYTES))));
        }
        let rows = fetch(target, table, &bounded(target, spec, plan), plan, Want::Rows).await?;
        Ok(Self::Read(rows.into()))
    }

    /// Whether all rows were taken.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Walk(walk) => walk.is_taken(),
            Self::Read(rows) => rows.is_empty(),
        }
    }

    /// So many of the rows that come next, or those that are found by about so many visits. There may be none though others follow.
    pub async fn take(&mut self, rows: u64, visits: Option<u64>) -> Result<Vec<Hit>> {
        match self {
            Self::Walk(walk) => {
                let visits = visits.map(|visits| walk.visited().saturating_add(visits));
                walk.advance(rows, visits).await?;
                Ok(walk.take(rows))
            }
            Self::Read(read) => {
                let n = usize::try_from(rows).unwrap_or(usize::MAX).min(read.len());
                Ok(read.drain(..n).collect())
            }
        }
    }
}
