//! The first rows of a join, by whichever way to them is finished first.
//!
//! A table can be walked in the order that was asked for, until there are enough joined rows; or the table with the fewest rows is read
//! whole and the joined rows are sorted. Which of them visits less depends on how many rows pass the conditions and have partners, and nobody knows that
//! before. So they compete (Antoshenkov, Dynamic query optimization in Rdb/VMS, 1993): the walk may visit so many rows; if it
//! has not finished then, the other way may visit twice as many, and so on. What is visited in all is bounded by a constant
//! times what the better way visits.

use super::order::Order;
use super::rows::Joined;
use super::stream::{Stream, Way};
use super::{first, none};
use crate::error::Result;
use crate::exec::target::Target;
use crate::expr::node::Node;
use crate::plan::{self, Access, Deleted, JoinSpec, Plan, ScanPolicy, Spec};

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
    pub order: &'a Order,
    /// The columns that are given.
    pub columns: &'a [Node],
    /// Whether rows that agree in them are given once.
    pub distinct: bool,
}

/// At least so many of the first rows of a join as are wanted, if there are so many.
pub(super) async fn first_rows(
    target: Target<'_>,
    spec: &JoinSpec,
    last: &[u16],
    wanted: &Wanted<'_>,
) -> Result<Joined> {
    let in_order = in_order(target, spec, wanted.order, wanted.rows).await?;
    let sorts = in_order.is_none() && !wanted.order.is_any();
    let way = match in_order {
        Some(way) => way,
        None => whole(target, spec, first(target, spec).await?).await?,
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
            && let Some(smallest) = smallest(target, spec, &way, budget).await?
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

/// The walk that gives the rows in order, if there is one.
pub(super) async fn in_order(target: Target<'_>, spec: &JoinSpec, order: &Order, rows: u64) -> Result<Option<Way>> {
    let Some(place) = order.leader().filter(|leader| spec.core().contains(leader)) else { return Ok(None) };
    let Some(part) = spec.parts.get(usize::from(place)) else { return Ok(None) };
    let table = target.shared().table(part.spec.table)?;
    let walked = Spec { order: order.leading(), ..part.spec.clone() };
    let limited = Spec { limit: Some(rows), ..walked.clone() };
    let mut plan = plan::choose_plan(target, table, &limited).await?;
    if !plan.ordered {
        // A few rows, and all of them are found at once.
        if plan.estimate.is_some_and(|n| n <= rows)
            || !matches!(plan.access, Access::Index { .. } | Access::Rows { .. } | Access::Union(_))
        {
            return Ok(None);
        }
        let any = Spec { filter: Vec::new(), deleted: Deleted::Yes, ..limited };
        let walk = plan::choose_plan(target, table, &any).await?;
        plan = Plan { residual: part.spec.condition(), partition: plan.partition, full_scan: true, ..walk };
    }
    let allowed = || {
        let policy = part.spec.policy.unwrap_or_else(|| target.scan_policy());
        !plan.full_scan || policy != ScanPolicy::Deny
    };
    Ok((plan.ordered && allowed()).then_some(Way { place, spec: walked, plan }))
}

/// The way that begins with all rows of a table, in any order.
pub(super) async fn whole(target: Target<'_>, spec: &JoinSpec, place: u8) -> Result<Way> {
    let spec = spec.parts.get(usize::from(place)).map(|part| part.spec.clone());
    let spec = spec.ok_or_else(|| crate::error::Error::invalid("a join begins with one of its tables"))?;
    let plan = plan::choose_plan(target, target.shared().table(spec.table)?, &spec).await?;
    Ok(Way { place, spec, plan })
}

/// The way that begins with all rows of the table with the fewest, if it has fewer than `most` and it is not what `walk` does.
async fn smallest(target: Target<'_>, spec: &JoinSpec, walk: &Way, most: u64) -> Result<Option<Way>> {
    let mut ways = Vec::new();
    for place in spec.core() {
        let way = whole(target, spec, place).await?;
        let is_same = place == walk.place && (way.plan.full_scan || walk.spec.order.is_empty());
        let policy = way.spec.policy.unwrap_or_else(|| target.scan_policy());
        let is_denied = way.plan.full_scan && policy == ScanPolicy::Deny;
        if !is_same && !is_denied {
            ways.push(way);
        }
    }
    let mut asked = Vec::with_capacity(ways.len());
    for way in &ways {
        asked.push((&**target.shared().table(way.spec.table)?, &way.plan.access));
    }
    let counts = plan::measure_each(target, &asked, most).await?;
    let few = ways.into_iter().zip(counts).filter_map(|(way, count)| Some((count.filter(|n| *n < most)?, way)));
    Ok(few.min_by_key(|(count, _)| *count).map(|(_, way)| way))
}

/// A way to the first rows, as far as it has come.
struct Competitor<'a> {
    target: Target<'a>,
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
        target: Target<'a>,
        spec: &'a JoinSpec,
        last: &'a [u16],
        wanted: &'a Wanted<'a>,
        way: &Way,
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
            self.found.keep_distinct(self.wanted.columns)?;
        }
        let before = self.found.len();
        self.found.cut(0, Some(self.wanted.rows));
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

fn visited(target: Target<'_>) -> u64 {
    target.session().map_or(0, crate::session::Session::visited)
}
