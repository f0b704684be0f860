//! The first rows of a join, by whichever way to them is finished first.
//!
//! A table can be walked in the order that was asked for, until there are enough joined rows; or the table with the fewest rows is read
//! whole and the joined rows are sorted. Which of them visits less depends on how many rows pass the conditions and have partners, and nobody knows that
//! before. So they compete (Antoshenkov, Dynamic query optimization in Rdb/VMS, 1993): the walk may visit so many rows; if it
//! has not finished then, the other way may visit twice as many, and so on. What is visited in all is bounded by a constant
//! times what the better way visits.

use super::none;
use super::rows::Joined;
use super::stream::Stream;
use crate::ask::{JoinSpec, TotalOrder, Window};
use crate::error::Result;
use crate::expr::node::Node;
use crate::plan::{self, JoinWay};
use crate::session::{Reader, Session};

/// What the first way may visit before the other gets its turn: so many rows for each that is wanted, and so many besides.
const VISITS_A_ROW: u64 = 4;
const VISITS: u64 = 64;
/// The most rows of a table that are attached at once.
pub(super) const MOST_BATCH: u64 = 16_384;
/// How many rows of a table are attached at first where all of them are wanted.
const FIRST_OF_ALL: u64 = 4096;

/// What is wanted of a join.
pub(super) struct Wanted<'a> {
    /// How many rows.
    pub rows: u64,
    pub order: &'a TotalOrder,
    /// The columns that are given.
    pub columns: &'a [Node],
    /// Whether rows that agree in them are given once.
    pub distinct: bool,
}

/// At least so many of the first rows of a join as are wanted, if there are so many.
pub(super) async fn first_rows(
    target: Reader<'_>,
    spec: &JoinSpec,
    last: &[u16],
    wanted: &Wanted<'_>,
) -> Result<Joined> {
    let in_order = plan::walk_of_join(target, spec, wanted.order, wanted.rows).await?;
    let sorts = in_order.is_none() && !wanted.order.is_any();
    let way = match in_order {
        Some(way) => way,
        None => plan::whole_of_join(target, spec, plan::first_of_join(target, spec).await?).await?,
    };
    plan::check_policy(target, &way.spec, &way.plan)?;
    let mut one = Competitor::open(target, spec, last, wanted, &way, sorts).await?;
    if sorts {
        // Nothing stops early, so nothing competes.
        one.run(u64::MAX).await?;
        return Ok(one.found);
    }
    let mut other: Option<Competitor<'_>> = None;
    let usual = wanted.rows.saturating_mul(VISITS_A_ROW).saturating_add(VISITS);
    let mut budget = spec.first_visits.map_or(usual, |visits| visits.max(1));
    loop {
        if one.run(budget).await? {
            return Ok(one.found);
        }
        budget = budget.saturating_mul(2);
        if other.is_none()
            && let Some(smallest) = plan::smallest_of_join(target, spec, &way, budget).await?
        {
            let sorts = !wanted.order.is_any();
            plan::check_policy(target, &smallest.spec, &smallest.plan)?;
            other = Some(Competitor::open(target, spec, last, wanted, &smallest, sorts).await?);
        }
        if let Some(other) = &mut other
            && other.run(budget).await?
        {
            return Ok(std::mem::replace(&mut other.found, none(spec)));
        }
        budget = budget.saturating_mul(2);
    }
}

/// A way to the first rows, as far as it has come.
struct Competitor<'a> {
    target: Reader<'a>,
    spec: &'a JoinSpec,
    wanted: &'a Wanted<'a>,
    stream: Stream<'a>,
    /// Whether the rows have to be sorted, so that none is certain before all are there.
    sorts: bool,
    found: Joined,
    /// How many rows and entries it has visited.
    visited: u64,
    /// How many rows the last batch was asked for.
    asked: u64,
}

impl<'a> Competitor<'a> {
    async fn open(
        target: Reader<'a>,
        spec: &'a JoinSpec,
        last: &'a [u16],
        wanted: &'a Wanted<'a>,
        way: &JoinWay,
        sorts: bool,
    ) -> Result<Self> {
        let before = visited(target);
        let most = (!wanted.distinct).then_some(wanted.rows);
        let stream = Stream::open(target, spec, last, wanted.order, way, most).await?;
        let visited = visited(target) - before;
        Ok(Self { target, spec, wanted, stream, sorts, found: none(spec), visited, asked: 0 })
    }

    /// Goes on until it has visited so many rows. Says whether it is finished.
    async fn run(&mut self, budget: u64) -> Result<bool> {
        loop {
            if self.stream.is_ended() || (!self.sorts && self.found.len() as u64 >= self.wanted.rows) {
                return Ok(true);
            }
            if self.visited >= budget {
                return Ok(false);
            }
            self.asked = self.next_batch(budget);
            let before = visited(self.target);
            let rows = Box::pin(self.stream.next(self.asked)).await?;
            self.visited += visited(self.target) - before;
            self.add(&rows)?;
        }
    }

    fn add(&mut self, rows: &Joined) -> Result<()> {
        self.found.append(rows, 0..rows.len())?;
        if self.sorts {
            self.wanted.order.arrange(self.spec, &mut self.found)?;
        }
        if self.wanted.distinct {
            self.found.keep_distinct(self.spec, self.wanted.columns)?;
        }
        let before = self.found.len();
        self.found.cut(Window::first(self.wanted.rows));
        if self.found.len() < before || self.wanted.distinct { self.found.compact() } else { Ok(()) }
    }

    /// How many rows of the table to attach next: those that are missing, by what was found of those before; twice as many as the
    /// last time at most, and not more than may be visited.
    fn next_batch(&self, budget: u64) -> u64 {
        if self.asked == 0 {
            let all = if budget == u64::MAX { FIRST_OF_ALL } else { (budget / 8).max(16) };
            return if self.sorts { all } else { self.wanted.rows }.clamp(1, MOST_BATCH);
        }
        let walked = self.stream.walked;
        let left = (budget - self.visited) / (self.visited / (walked + 1)).max(1);
        let found = self.found.len() as u64;
        let missing = self.wanted.rows.saturating_sub(found);
        let expected = if self.sorts { u64::MAX } else { missing.saturating_mul(walked + 1) / (found + 1) + 1 };
        expected.min(self.asked.saturating_mul(2)).min(left).clamp(1, MOST_BATCH)
    }
}

fn visited(target: Reader<'_>) -> u64 {
    target.session().map_or(0, Session::visited)
}
