//! The rows of a plan in the order of its query, read as far as they are taken.
//!
//! A [`Walk`] is what all operators that stop early stand on: it merges the runs of a plan with what the session has written, tests
//! conditions that ask other tables on each batch, and can be held at a budget of visits and go on from there.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::own_rows;
use super::hit::Hit;
use super::runs::{Batch, Runs};
use super::semi::Asking;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::Plan;
use crate::session::Reader;

/// By how many times each further batch is larger than the one before, where conditions are tested on the rows of a batch.
const GROWTH: u64 = 2;
/// The most rows of a batch.
const MOST_ROWS: u64 = 4_096;

/// Rows in the order of a query.
pub(crate) struct Walk<'a> {
    target: Reader<'a>,
    table: Arc<StoredTable>,
    runs: Runs<Hit>,
    /// The rows that the session had written when the walk began; they are given as they were then.
    own: HashSet<Bytes>,
    asking: Option<Asking>,
    ready: VecDeque<Hit>,
    /// How many rows the next batch asks for at least.
    batch: u64,
    /// How many rows a batch asks for at most.
    most: u64,
    /// About how many bytes of rows a batch reads at most.
    bytes: Option<u64>,
    /// How many rows `asking` has tested, and how many of them passed.
    tested: u64,
    passed: u64,
}

impl<'a> Walk<'a> {
    /// Begins a walk. `None` if the plan does not give its rows in order. Conditions of `asking` are those of the query that the plan
    /// leaves out. Reads nothing yet.
    pub fn open(
        target: Reader<'a>,
        table: &Arc<StoredTable>,
        spec: &Spec,
        plan: &Plan,
        asking: Option<Asking>,
    ) -> Result<Option<Self>> {
        let Some(mut runs) = Runs::of(target, table, spec, plan) else { return Ok(None) };
        let own = own_rows(target, table, spec)?;
        let places: Vec<_> = own.rows.iter().map(|hit| runs.place_in_order(hit)).collect::<Result<_>>()?;
        let after = runs.place_of_cursor(spec);
        let own_rows = places.into_iter().zip(own.rows);
        runs.add(own_rows.filter(|(place, _)| after.as_ref().is_none_or(|after| place > after)));
        Ok(Some(Self {
            target,
            table: table.clone(),
            runs,
            own: own.keys,
            asking,
            ready: VecDeque::new(),
            batch: 0,
            most: spec.hints.batch.unwrap_or(u64::MAX).max(1),
            bytes: None,
            tested: 0,
            passed: 0,
        }))
    }

    /// The same for the keys of the rows alone, where nothing else of them is needed to put them in order and to test them.
    pub fn keys_only(mut self) -> Self {
        if self.runs.needs_no_rows() && self.own.is_empty() && self.asking.is_none() {
            self.runs = self.runs.keys_only(true);
        }
        self
    }

    /// The same with about so many bytes of rows in a batch at most.
    pub fn within_bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// How many entries and rows were visited so far, those of other tables included.
    pub fn visited(&self) -> u64 {
        self.runs.visited() + self.asking.as_ref().map_or(0, Asking::visited)
    }

    /// Reads until `rows` are ready or about `visits` were made, in all. Returns whether the rows are ready or the walk has ended.
    pub async fn advance(&mut self, rows: u64, visits: Option<u64>) -> Result<bool> {
        loop {
            let missing = rows.saturating_sub(self.ready.len() as u64);
            if missing == 0 || self.is_ended() {
                return Ok(true);
            }
            let left = visits.map(|visits| visits.saturating_sub(self.visited()));
            if left == Some(0) {
                return Ok(false);
            }
            self.step(missing, left).await?;
        }
    }

    /// So many of the rows that are ready.
    pub fn take(&mut self, rows: u64) -> Vec<Hit> {
        let n = usize::try_from(rows).unwrap_or(usize::MAX).min(self.ready.len());
        self.ready.drain(..n).collect()
    }

    /// Whether all rows were taken.
    pub fn is_taken(&self) -> bool {
        self.is_ended() && self.ready.is_empty()
    }

    fn is_ended(&self) -> bool {
        self.runs.is_ended() && !self.runs.has_ready()
    }

    /// Reads one batch.
    async fn step(&mut self, rows: u64, visits: Option<u64>) -> Result<()> {
        if !self.runs.is_ended() {
            let asks = if self.asking.is_some() { self.expected(rows) } else { rows };
            let asks = visits.map_or(asks, |visits| asks.min(visits)).min(self.most);
            self.batch = asks.saturating_mul(GROWTH).min(MOST_ROWS.max(rows));
            let batch = Batch { rows: asks, bytes: self.bytes, visits, in_steps: false };
            let mut got = self.runs.ask(batch, false).read(self.target).await?;
            let own = &self.own;
            let hits = got.take_hits().into_iter().map(|hit| (!own.contains(&hit.key)).then_some(hit));
            self.runs.take(got, hits);
        }
        let mut next = self.runs.next();
        if let Some(asking) = &mut self.asking {
            self.tested += next.len() as u64;
            next = asking.keep(self.target, &self.table, next).await?;
            self.passed += next.len() as u64;
        }
        self.ready.extend(next);
        Ok(())
    }

    /// How many rows to test so that mostly so many more pass: by the share that has passed so far, and three standard deviations of
    /// that. No more than a batch may grow to, and enough that the number of batches stays logarithmic where fewer pass from then on.
    fn expected(&self, missing: u64) -> u64 {
        let by_share = missing.saturating_mul(self.tested + 1) / (self.passed + 1);
        let mostly = by_share.saturating_add(3 * by_share.isqrt() + 1);
        mostly.max(self.tested / 4).min(self.batch).max(missing)
    }
}
