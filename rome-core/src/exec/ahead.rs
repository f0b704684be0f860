//! Rows by an index whose condition stands behind a column that is not fixed: the values of that column are sought one by one, and each
//! of them bounds a range (a skip scan).

use std::sync::Arc;

use super::compete::Way;
use super::hit::Hit;
use super::skip::SkipScan;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::{Access, Ahead, Plan, plan_behind};
use crate::session::Reader;

/// How many values are sought between two looks at the budget.
const CHUNK: usize = 16;
/// With more values than this the plan that it stands beside is followed.
const MOST: usize = 1_000;

/// The values, and then the rows.
pub(super) struct SeekAhead<'a> {
    target: Reader<'a>,
    table: &'a Arc<StoredTable>,
    spec: Spec,
    ahead: Ahead,
    scan: SkipScan,
    prefixes: Vec<Vec<u8>>,
    /// How the rows are found once the values are known.
    way: Option<Way<'a>>,
}

impl<'a> SeekAhead<'a> {
    /// Reads nothing yet.
    pub fn open(target: Reader<'a>, table: &'a Arc<StoredTable>, spec: &Spec, ahead: &Ahead) -> Result<Self> {
        let scan = SkipScan::new(target, table, &ahead.skip)?;
        Ok(Self { target, table, spec: spec.clone(), ahead: ahead.clone(), scan, prefixes: Vec::new(), way: None })
    }

    pub fn visited(&self) -> u64 {
        self.scan.visited() + self.way.as_ref().map_or(0, Way::visited)
    }

    /// Goes on until the first rows are known, or about so many visits were made in all.
    pub async fn advance(&mut self, wanted: u64, visits: Option<u64>) -> Result<Option<Vec<Hit>>> {
        while self.way.is_none() {
            if visits.is_some_and(|visits| self.scan.visited() >= visits) {
                return Ok(None);
            }
            let found = self.scan.next(self.target, CHUNK).await?;
            let ended = found.len() < CHUNK;
            self.prefixes.extend(found.into_iter().map(|found| found.prefix.to_vec()));
            if ended || self.prefixes.len() > MOST {
                self.way = self.way_of_values()?;
            }
        }
        let left = visits.map(|visits| visits.saturating_sub(self.scan.visited()));
        match &mut self.way {
            Some(way) => way.advance(wanted, left).await,
            None => Ok(None),
        }
    }

    fn way_of_values(&mut self) -> Result<Option<Way<'a>>> {
        let prefixes = std::mem::take(&mut self.prefixes);
        if prefixes.is_empty() {
            return Way::of(self.target, self.table, &self.spec, &Plan::of(Access::Nothing), None);
        }
        if prefixes.len() <= MOST
            && let Some(plan) = plan_behind(self.target, self.table, &self.spec, &self.ahead, prefixes)
            && let Some(way) = Way::of(self.target, self.table, &self.spec, &plan, None)?
        {
            return Ok(Some(way));
        }
        Way::of(self.target, self.table, &self.spec, &self.ahead.instead, None)
    }
}
