//! Ways to the first rows of a query that compete, where nobody knows how many rows pass a condition.
//!
//! A walk in the order of the query stops early if many rows pass; collecting what an index narrows is exact; and a subquery may be
//! asked first. The way that looks best gets a budget of visits. If it is not done by then the next one gets twice as much, and so on,
//! each going on where it stopped, and the first that is done wins. So what is visited in all is bounded by a constant times what the best
//! of the ways visits, whatever the data (after Antoshenkov, Dynamic Query Optimization in Rdb/VMS, ICDE 1993). Which way won is remembered
//! for queries of the same shape.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::ahead::SeekAhead;
use super::fetch::{arrange_first, fetch_one_way};
use super::hit::{Hit, Want};
use super::intersect::Intersect;
use super::runs::{Batch, Runs};
use super::semi::Asking;
use super::subquery;
use super::walk::Walk;
use crate::ask::{Spec, Window};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::node::Node;
use crate::plan::{self, Access, Detour, Plan, way_name};
use crate::session::{Reader, Session, Winner};

/// The first budget of visits: for each row that is wanted and each partition, and a constant.
const FIRST_BUDGET: (u64, u64) = (4, 64);
/// A way that won before begins with twice what it visited then, up to so many visits: if it loses now, they are lost.
const MOST_TRUSTED: u64 = 512;
/// For how many rows the first budget is where all are wanted.
const FEW: u64 = 8;
/// By how many times each budget is larger than the one before.
const GROWTH: u64 = 2;

/// A way to the first rows of a query.
pub(super) enum Way<'a> {
    /// In the order of the query, as far as rows are wanted.
    Walk(Box<Walk<'a>>),
    /// All rows that the plan finds, then the first of them.
    Collect(Box<Collect<'a>>),
    /// By the answers to its subqueries.
    InsideOut(Box<InsideOut<'a>>),
    /// What two indexes have in common.
    Intersect(Box<Intersect<'a>>),
    /// By the values of a column before the conditions.
    Ahead(Box<SeekAhead<'a>>),
}

impl<'a> Way<'a> {
    /// The way of a plan, which leaves the conditions of `asking` out.
    pub fn of(
        target: Reader<'a>,
        table: &'a Arc<StoredTable>,
        spec: &Spec,
        plan: &Plan,
        asking: Option<Asking>,
    ) -> Result<Option<Self>> {
        if plan.leading > 0 || plan.ordered && (plan.resumed || spec.after.is_none()) {
            let walk = Walk::open(target, table, spec, plan, asking)?;
            return Ok(walk.map(|walk| Self::Walk(Box::new(walk))));
        }
        let collect = Collect::open(target, table, spec, plan, asking);
        Ok(collect.map(|collect| Self::Collect(Box::new(collect))))
    }

    /// The way of a detour.
    pub fn detour(
        target: Reader<'a>,
        table: &'a Arc<StoredTable>,
        spec: &Spec,
        detour: &Detour,
    ) -> Result<Option<Self>> {
        Ok(match detour {
            Detour::Intersect(both) => {
                Intersect::open(target, table, spec, both)?.map(|both| Self::Intersect(Box::new(both)))
            }
            Detour::Ahead(ahead) => Some(Self::Ahead(Box::new(SeekAhead::open(target, table, spec, ahead)?))),
        })
    }

    pub fn inside_out(target: Reader<'a>, table: &'a Arc<StoredTable>, spec: &Spec) -> Self {
        Self::InsideOut(Box::new(InsideOut { target, table, spec: spec.clone(), answered: None }))
    }

    /// What it does, for people to read.
    const fn name(&self) -> &'static str {
        match self {
            Self::Walk(_) => way_name::WALK,
            Self::Collect(_) => way_name::COLLECT,
            Self::InsideOut(_) => way_name::INSIDE_OUT,
            Self::Intersect(_) => way_name::INTERSECT,
            Self::Ahead(_) => way_name::AHEAD,
        }
    }

    /// How many entries and rows it has visited, as far as that is known.
    pub fn visited(&self) -> u64 {
        match self {
            Self::Walk(walk) => walk.visited(),
            Self::Collect(collect) => collect.visited(),
            Self::Intersect(both) => both.visited(),
            Self::Ahead(ahead) => ahead.visited(),
            Self::InsideOut(inside_out) => match &inside_out.answered {
                Some(Answered::Way(way)) => way.visited(),
                _ => 0,
            },
        }
    }

    /// Goes on until the first rows are known, or so many visits were made in all. The rows may be more than are wanted.
    pub fn advance(&mut self, wanted: u64, visits: Option<u64>) -> BoxFuture<'_, Result<Option<Vec<Hit>>>> {
        // Boxed, so that a query among other queries takes little of the stack.
        match self {
            Self::Walk(walk) => {
                Box::pin(async move { Ok(walk.advance(wanted, visits).await?.then(|| walk.take(wanted))) })
            }
            Self::Collect(collect) => Box::pin(collect.advance(wanted, visits)),
            Self::InsideOut(inside_out) => Box::pin(inside_out.advance(wanted, visits)),
            Self::Intersect(both) => Box::pin(both.advance(wanted, visits)),
            Self::Ahead(ahead) => Box::pin(ahead.advance(wanted, visits)),
        }
    }
}

/// The sessions in which ways read: what those read that lose is of no consequence, so it is forgotten.
pub(super) struct Trials(Vec<Session>);

impl Trials {
    /// For so many ways.
    pub fn of(target: Reader<'_>, ways: usize) -> Self {
        Self(target.session().map_or_else(Vec::new, |session| (0..ways).map(|_| session.trial()).collect()))
    }

    /// Where the way at this position reads.
    pub fn target<'a>(&'a self, way: usize, target: Reader<'a>) -> Reader<'a> {
        self.0.get(way).map_or(target, Reader::Session)
    }

    /// Records what the way at this position has read.
    pub fn adopt(&self, way: usize, target: Reader<'_>) -> Result<()> {
        match (target.session(), self.0.get(way)) {
            (Some(session), Some(trial)) => session.adopt(trial),
            _ => Ok(()),
        }
    }
}

/// The first rows, by whichever of the ways knows them first. All have to read one state, so there has to be a session if there are
/// several; what the winner has read is recorded there.
pub(super) async fn first(
    target: Reader<'_>,
    spec: &Spec,
    trials: &Trials,
    mut ways: Vec<Way<'_>>,
    wanted: u64,
) -> Result<Vec<Hit>> {
    let statistics = &target.shared().statistics;
    let shape = spec.text(false);
    let (each, constant) = FIRST_BUDGET;
    let partitions = target.shared().placement.all().count() as u64;
    // How many all rows are nobody knows.
    let rows = if wanted == u64::MAX { FEW } else { wanted };
    let first_budget = rows.saturating_add(partitions).saturating_mul(each).saturating_add(constant);
    let mut budget = spec.hints.budget.unwrap_or(first_budget);
    let mut order: Vec<usize> = (0..ways.len()).collect();
    if let (Some(way), true) = (spec.hints.way, !ways.is_empty()) {
        order = vec![way % ways.len()];
    }
    match statistics.winner(&shape) {
        Some(before) => {
            order.sort_by_key(|at| *at != before.way);
            if spec.hints.budget.is_none() {
                budget = budget.max(before.visits.saturating_mul(2).min(MOST_TRUSTED));
            }
        }
        // Subqueries with few rows by their own conditions are the safer bet.
        None if order.len() > 1 => {
            let mut affordable = None;
            for (at, way) in ways.iter().enumerate() {
                if let Way::InsideOut(inside_out) = way
                    && Box::pin(inside_out.is_affordable(budget)).await?
                {
                    affordable = Some(at);
                }
            }
            order.sort_by_key(|at| Some(*at) != affordable);
        }
        None => {}
    }
    let several = order.len() > 1 || spec.hints.budget.is_some();
    loop {
        for at in &order {
            let Some(way) = ways.get_mut(*at) else { continue };
            if let Some(hits) = way.advance(wanted, several.then_some(budget)).await? {
                if several {
                    statistics.won(&shape, Winner { way: *at, visits: way.visited(), name: way.name() });
                }
                trials.adopt(*at, target)?;
                return Ok(hits);
            }
            budget = budget.saturating_mul(GROWTH);
        }
    }
}

/// All rows that a plan finds, to be put in order when all are there.
pub(super) struct Collect<'a> {
    target: Reader<'a>,
    table: &'a Arc<StoredTable>,
    spec: Spec,
    runs: Runs<Hit>,
    hits: Vec<Hit>,
    asking: Option<Asking>,
    /// The rows that pass, once all were collected.
    passed: Option<Vec<Hit>>,
    /// How many of the collected rows were tested.
    tested: usize,
}

impl<'a> Collect<'a> {
    fn open(
        target: Reader<'a>,
        table: &'a Arc<StoredTable>,
        spec: &Spec,
        plan: &Plan,
        asking: Option<Asking>,
    ) -> Option<Self> {
        let any_order = Spec { order: Vec::new(), after: None, ..spec.clone() };
        let runs = Runs::of(target, table, &any_order, &Plan { ordered: true, ..plan.clone() })?;
        Some(Self { target, table, spec: spec.clone(), runs, hits: Vec::new(), asking, passed: None, tested: 0 })
    }

    fn visited(&self) -> u64 {
        self.runs.visited() + self.asking.as_ref().map_or(0, Asking::visited)
    }

    async fn advance(&mut self, wanted: u64, visits: Option<u64>) -> Result<Option<Vec<Hit>>> {
        while !self.runs.is_ended() {
            let left = visits.map(|visits| visits.saturating_sub(self.visited()));
            if left == Some(0) {
                return Ok(None);
            }
            let batch = Batch { rows: u64::MAX, bytes: None, visits: left, in_steps: false };
            let mut got = self.runs.ask(batch, false).read(self.target).await?;
            let rows = got.take_hits();
            self.runs.take(got, rows.into_iter().map(Some));
            self.hits.extend(self.runs.next());
        }
        if self.passed.is_none() {
            // Sorting the collected rows and the session's own is for once.
            arrange_first(
                self.target,
                self.table,
                &self.spec,
                &mut self.hits,
                self.asking.is_none().then_some(wanted),
            )?;
            self.passed = Some(Vec::new());
        }
        let passed = self.passed.get_or_insert_default();
        let Some(asking) = &mut self.asking else { return Ok(Some(std::mem::take(&mut self.hits))) };
        let mut batch = usize::try_from(wanted).unwrap_or(usize::MAX);
        while (passed.len() as u64) < wanted && self.tested < self.hits.len() {
            if visits.is_some_and(|visits| self.runs.visited() + asking.visited() >= visits) {
                return Ok(None);
            }
            let end = self.tested.saturating_add(batch).min(self.hits.len());
            let some = self.hits.get(self.tested..end).unwrap_or_default().to_vec();
            self.tested = end;
            passed.extend(asking.keep(self.target, self.table, some).await?);
            batch = batch.saturating_mul(2);
        }
        Ok(Some(std::mem::take(passed)))
    }
}

/// The subqueries first, and then the rows that their answers lead to.
pub(super) struct InsideOut<'a> {
    target: Reader<'a>,
    table: &'a Arc<StoredTable>,
    spec: Spec,
    /// How the rows are found once the subqueries are answered.
    answered: Option<Answered<'a>>,
}

enum Answered<'a> {
    Way(Way<'a>),
    /// Rows that lie apart from what leads to them are all read at once.
    Whole(Box<(Spec, Plan)>),
}

impl InsideOut<'_> {
    /// Whether its subqueries have fewer rows than that.
    async fn is_affordable(&self, visits: u64) -> Result<bool> {
        is_affordable(self.target, &self.spec.filter, visits).await
    }

    /// What subqueries read is counted before it is read.
    async fn advance(&mut self, wanted: u64, visits: Option<u64>) -> Result<Option<Vec<Hit>>> {
        if self.answered.is_none() {
            if let Some(visits) = visits
                && !self.is_affordable(visits).await?
            {
                return Ok(None);
            }
            let spec = subquery::answered(self.target, &self.spec).await?;
            let plan = plan::plan(self.target, self.table, &spec).await?;
            self.answered = Some(match Way::of(self.target, self.table, &spec, &plan, None)? {
                Some(way) => Answered::Way(way),
                None => Answered::Whole(Box::new((spec, plan))),
            });
        }
        match &mut self.answered {
            Some(Answered::Way(way)) => way.advance(wanted, visits).await,
            Some(Answered::Whole(whole)) => {
                let (spec, plan) = &**whole;
                let spec = Spec { window: Window::first(wanted), ..spec.clone() };
                fetch_one_way(self.target, self.table, &spec, plan, Want::Rows).await.map(Some)
            }
            None => Ok(None),
        }
    }
}

/// Whether the tables that subqueries of these conditions ask have fewer rows than that, as their own conditions narrow them.
fn is_affordable<'a>(target: Reader<'a>, conditions: &'a [Node], visits: u64) -> BoxFuture<'a, Result<bool>> {
    Box::pin(async move {
        let mut specs = Vec::new();
        for condition in conditions {
            condition.for_each_leaf(&mut |leaf| match leaf {
                Node::Exists(exists) => specs.push(exists.spec.clone()),
                Node::InQuery(query) => specs.push(query.spec.clone()),
                _ => {}
            });
        }
        for spec in specs {
            let table = target.shared().table(spec.table)?;
            let plan = plan::choose_plan(target, table, &spec).await?;
            let bounded =
                spec.window.reach().is_some_and(|reach| reach < visits) && plan.ordered && plan.residual.is_none();
            let few = match &plan.access {
                Access::Nothing => true,
                Access::Keys(keys) => (keys.len() as u64) < visits,
                Access::Claims { claims, .. } => (claims.len() as u64) < visits,
                _ if bounded => true,
                access => plan::measure(target, table, access, visits).await?.is_some_and(|n| n < visits),
            };
            if !few || !is_affordable(target, &spec.filter, visits).await? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}
