//! A join that is read from one of its tables, batch by batch: each batch of that table's rows is attached to the others as a
//! whole join is.
//!
//! Where the table is walked in the order that was asked for, joined rows come in that order. Rows of one place in the table's own
//! part of the order come together, so those of a batch's last place wait until a row of a later place was read; where that
//! part has the table's key, each row is a place of its own and nothing waits.

use super::attach::{Join, Kept};
use super::none;
use super::rows::{Fetched, Joined};
use super::walk::FirstRows;
use crate::ask::{JoinSpec, OrderPart, TotalOrder};
use crate::error::Result;
use crate::exec::hit::Hit;
use crate::exec::sort::sort_key_of;
use crate::plan::JoinWay;
use crate::session::Reader;

/// A join whose first table is being walked.
pub(super) struct Stream<'a> {
    target: Reader<'a>,
    spec: &'a JoinSpec,
    last: &'a [u16],
    order: &'a TotalOrder,
    place: u8,
    walk: FirstRows<'a>,
    /// The table's part of the order of the joined rows; empty if they come in any order.
    leading: Vec<OrderPart>,
    kept: Kept,
    /// The joined rows of the last place that was walked, and how many of them are of use.
    held: Joined,
    most: Option<u64>,
    /// How many rows of the table were walked.
    pub walked: u64,
}

impl<'a> Stream<'a> {
    /// Begins at a table. At most `most` of the joined rows of one place in the order are of use.
    pub async fn open(
        target: Reader<'a>,
        spec: &'a JoinSpec,
        last: &'a [u16],
        order: &'a TotalOrder,
        way: &JoinWay,
        most: Option<u64>,
    ) -> Result<Self> {
        let table = target.shared().table(way.spec.table)?;
        let walk = FirstRows::open(target, table, &way.spec, &way.plan).await?;
        let leading = if way.spec.order.is_empty() { Vec::new() } else { order.leading() };
        let place = way.place;
        Ok(Self {
            target,
            spec,
            last,
            order,
            place,
            walk,
            leading,
            kept: Kept::default(),
            held: none(spec),
            most,
            walked: 0,
        })
    }

    /// Whether all joined rows were given.
    pub fn is_ended(&self) -> bool {
        self.walk.is_taken() && self.held.len() == 0
    }

    /// How many rows of the table are walked beyond those that are wanted, to know that no other has the place of the last one.
    pub fn ahead(&self) -> u64 {
        u64::from(!self.leading.is_empty() && !self.has_key())
    }

    /// Whether each row of the table has a place of its own.
    fn has_key(&self) -> bool {
        let key = &self.spec.part(self.place).spec.table.key;
        key.iter().all(|key| self.leading.iter().any(|part| part.column == *key))
    }

    /// The joined rows of so many more rows of the table, or of those that are found by about so many visits. There may be none though
    /// others follow.
    pub async fn next(&mut self, rows: u64, visits: Option<u64>) -> Result<Joined> {
        let hits = self.walk.take(rows, visits).await?;
        self.walked += hits.len() as u64;
        let last_hit = hits.last().cloned();
        let part = self.spec.part(self.place);
        let last = self.last.get(usize::from(self.place)).copied().unwrap_or(0);
        let fetched = Fetched::new(part.spec.table, hits, last)?;
        // What is read once need not serve other batches.
        let is_only = self.walked == fetched.hits.len() as u64 && self.walk.is_taken();
        let mut join = Join::new(self.target, self.spec, self.last, (!is_only).then_some(&mut self.kept));
        join.attach_all(self.place, fetched).await?;
        let mut joined = join.rows;
        if self.leading.is_empty() {
            return Ok(joined);
        }
        self.order.arrange(self.spec, &mut joined)?;
        if self.has_key() {
            return Ok(joined);
        }
        let place = |hit: Hit| sort_key_of(part.spec.table, &self.leading, &hit.key, &hit.body);
        let place = last_hit.map(place).transpose()?;
        self.finished(&joined, place)
    }

    /// Of the rows that are held and these, those of places before this one, the last that was walked.
    fn finished(&mut self, joined: &Joined, place: Option<Vec<u8>>) -> Result<Joined> {
        self.held.append(joined, 0..joined.len())?;
        self.order.arrange(self.spec, &mut self.held)?;
        let mut finished = self.held.len();
        if !self.walk.is_taken() {
            let Some(place) = place else { return Ok(none(self.spec)) };
            finished = 0;
            for row in self.held.iter() {
                if self.order.beginning(self.spec, &row, self.leading.len())? >= place {
                    break;
                }
                finished += 1;
            }
        }
        let mut rows = none(self.spec);
        rows.append(&self.held, 0..finished)?;
        let mut held = none(self.spec);
        let most = self.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        held.append(&self.held, finished..self.held.len().min(finished.saturating_add(most)))?;
        self.held = held;
        Ok(rows)
    }
}
