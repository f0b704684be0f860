//! The first rows of a join, by whichever way to them is finished first.
//!
//! A table can be walked in the order that was asked for, until there are enough joined rows; or the table with the fewest rows is read
//! whole and the joined rows are sorted. Which of them visits less depends on how many rows pass the conditions and have partners, and nobody knows that
//! before. So they compete (Antoshenkov, Dynamic query optimization in Rdb/VMS, 1993): the walk may visit so many rows; if it
//! has not finished then, the other way may visit twice as many, and so on. What is visited in all is bounded by a constant
//! times what the better way visits. Which way won is remembered for joins of the same shape, and what the other read is forgotten.

use super::none;
use super::rows::Joined;
use super::stream::Stream;
use crate::ask::{JoinSpec, TotalOrder, Window};
use crate::error::Result;
use crate::exec::compete::Trials;
use crate::expr::node::Node;
use crate::plan::{self, JoinWay, way_name};
use crate::session::{Reader, Session, Winner};

/// What the first way may visit before the other gets its turn: so many rows for each that is wanted, and so many besides.
const VISITS_A_ROW: u64 = 4;
const VISITS: u64 = 64;
/// The most rows of a table that are attached at once.
pub(super) const MOST_BATCH: u64 = 16_384;
/// How many rows of a table are attached at first where all of them are wanted.
const FIRST_OF_ALL: u64 = 4096;

/// The ways that compete: the walk in the order, and the table with the fewest rows first.
const WALK: usize = 0;
const SMALLEST: usize = 1;

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
    let first = match plan::walk_of_join(target, spec, wanted.order, wanted.rows).await? {
        Some(walk) => walk,
        // Nothing stops early, so nothing competes.
        None if !wanted.order.is_any() => return sorted(target, spec, last, wanted).await,
        None => plan::whole_of_join(target, spec, plan::first_of_join(target, spec).await?).await?,
    };
    plan::check_policy(target, &first.spec, &first.plan)?;
    let ways = Ways { spec, last, wanted, first: &first };
    let trials = Trials::of(target, 2);
    let statistics = &target.shared().statistics;
    let shape = spec.text(false);
    let (mut walk, mut smallest) = (None, None);
    let mut turn = match statistics.winner(&shape) {
        Some(Winner { way: SMALLEST, .. }) => SMALLEST,
        _ => WALK,
    };
    let mut is_alone = false;
    let usual = wanted.rows.saturating_mul(VISITS_A_ROW).saturating_add(VISITS);
    let mut budget = spec.first_visits.map_or(usual, |visits| visits.max(1));
    loop {
        let begun = if turn == WALK { &mut walk } else { &mut smallest };
        match ways.advance(begun, turn, trials.target(turn, target), budget).await {
            Ok(None) => {}
            Ok(Some(found)) => {
                let name = if turn == WALK { way_name::JOIN_WALK } else { way_name::JOIN_COLLECT };
                statistics.won(&shape, Winner { way: turn, visits: budget, name });
                trials.adopt(turn, target)?;
                return Ok(found);
            }
            // Each way looks the other tables up by other columns, and one that is allowed is enough.
            Err(error) if error.is_scan_denied() && turn == SMALLEST => is_alone = true,
            Err(error) if error.is_scan_denied() && !wanted.order.is_any() => {
                return sorted(target, spec, last, wanted).await;
            }
            Err(error) => return Err(error),
        }
        budget = budget.saturating_mul(2);
        turn = if turn == WALK && !is_alone { SMALLEST } else { WALK };
    }
}

/// All rows from the table with the fewest, the first of them in memory.
async fn sorted(target: Reader<'_>, spec: &JoinSpec, last: &[u16], wanted: &Wanted<'_>) -> Result<Joined> {
    let way = plan::whole_of_join(target, spec, plan::first_of_join(target, spec).await?).await?;
    plan::check_policy(target, &way.spec, &way.plan)?;
    let mut only = Competitor::open(target, spec, last, wanted, &way, true).await?;
    only.run(u64::MAX).await?;
    Ok(only.found)
}

/// The ways to the first rows of a join.
struct Ways<'a> {
    spec: &'a JoinSpec,
    last: &'a [u16],
    wanted: &'a Wanted<'a>,
    first: &'a JoinWay,
}

impl<'a> Ways<'a> {
    /// Goes on with a way until it has visited so many rows; begins it where that is possible by so many. Returns the rows once they
    /// are known.
    async fn advance(
        &self,
        begun: &mut Option<Competitor<'a>>,
        turn: usize,
        target: Reader<'a>,
        budget: u64,
    ) -> Result<Option<Joined>> {
        let competitor = match begun {
            Some(competitor) => competitor,
            None => match self.begin(turn, target, budget).await? {
                Some(competitor) => begun.insert(competitor),
                None => return Ok(None),
            },
        };
        let is_finished = competitor.run(budget).await?;
        Ok(is_finished.then(|| std::mem::replace(&mut competitor.found, none(self.spec))))
    }

    async fn begin(&self, turn: usize, target: Reader<'a>, budget: u64) -> Result<Option<Competitor<'a>>> {
        let Self { spec, last, wanted, first } = self;
        if turn == WALK {
            return Competitor::open(target, spec, last, wanted, first, false).await.map(Some);
        }
        let Some(way) = plan::smallest_of_join(target, spec, first, budget).await? else { return Ok(None) };
        plan::check_policy(target, &way.spec, &way.plan)?;
        Competitor::open(target, spec, last, wanted, &way, !wanted.order.is_any()).await.map(Some)
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
            let Some(asked) = self.next_batch(budget) else { return Ok(false) };
            self.asked = asked;
            let before = visited(self.target);
            let left = (budget < u64::MAX).then(|| budget - self.visited);
            let rows = Box::pin(self.stream.next(self.asked, left)).await?;
            self.visited += visited(self.target) - before;
            self.add(rows)?;
        }
    }

    fn add(&mut self, rows: Joined) -> Result<()> {
        if self.found.len() == 0 {
            self.found = rows;
        } else {
            self.found.append(&rows, 0..rows.len())?;
        }
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
    /// last time, or as there were in all, at most. `None` if much fewer than that may be visited: a larger batch of the next turn
    /// is a round trip less.
    fn next_batch(&self, budget: u64) -> Option<u64> {
        if self.asked == 0 {
            let all = if budget == u64::MAX { FIRST_OF_ALL } else { (budget / 8).max(16) };
            let wanted = self.wanted.rows.saturating_add(self.stream.ahead());
            return Some(if self.sorts { all } else { wanted }.clamp(1, MOST_BATCH));
        }
        let walked = self.stream.walked;
        let found = self.found.len() as u64;
        let missing = self.wanted.rows.saturating_sub(found);
        let expected = if self.sorts { u64::MAX } else { missing.saturating_mul(walked + 1) / (found + 1) + 1 };
        let rows = expected.min(self.asked.max(walked).saturating_mul(2)).clamp(1, MOST_BATCH);
        let left = (budget - self.visited) / self.visited.checked_div(walked).unwrap_or(1).max(1);
        (left >= rows / 2).then(|| rows.min(left.max(1)))
    }
}

fn visited(target: Reader<'_>) -> u64 {
    target.session().map_or(0, Session::visited)
}
