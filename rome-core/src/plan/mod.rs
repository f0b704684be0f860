//! Planning: from what a query asks to how its rows are found.
//!
//! The filter is cut into conditions that all have to hold. The table and each index say which of them they serve by
//! key ranges and whether their order is the one asked for; the cheapest wins, by counts of the ranges that are probed
//! up to a bound and remembered for a while. Conditions that the chosen way does not serve are tested on each row.

mod aggregate;
mod aggregate_index;
mod behind;
mod bounds;
mod buffered;
mod candidate;
mod cheapest;
mod constraint;
mod detour;
mod explain;
mod explain_join;
mod in_order;
mod join;
mod join_way;
mod lookup;
mod marker;
mod matching;
mod measure;
mod operators;
mod partners;
mod placed;
mod policy;
mod range;
mod seek;
mod skip;
mod subquery;
mod tree;
mod union;
pub(crate) mod way_name;

pub use explain::Explain;

pub(crate) use aggregate::{AggregateWay, AskedOfGroups, is_row_count, needed, way_of_aggregates};
pub(crate) use aggregate_index::{ByAggregate, by_aggregate};
pub(crate) use buffered::buffered;
pub(crate) use candidate::Access;
pub(crate) use detour::{Ahead, Detour, Intersect};
pub(crate) use explain_join::explain_join;
pub(crate) use in_order::InOrder;
pub(crate) use join::{ends_with_first, first_of_join, limit_first, lookup_of_join};
pub(crate) use join_way::{JoinWay, chunks_of_join, smallest_of_join, walk_of_join, whole_of_join};
pub(crate) use lookup::lookup;
pub(crate) use measure::measure;
pub(crate) use partners::explain_asking;
pub(crate) use policy::check_policy;
pub(crate) use range::between;
pub(crate) use seek::{Ends, Seek};
pub(crate) use skip::{Skip, plan_distinct};
pub(crate) use subquery::Around;

use std::collections::HashSet;
use std::sync::Arc;

use candidate::{Candidate, Question, by_index, by_table};
use cheapest::{Choice, Counted, cheapest};
use constraint::{Constraint, Reading};
use measure::PROBE;
use union::union;

use crate::ask::{IndexChoice, ScanPolicy, Spec};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::expr::node::Node;
use crate::expr::tuples::Tuples;
use crate::placement::Placement;
use crate::session::Reader;
use crate::store::Partition;

/// From how many lookups on it is asked whether the table has fewer rows than that.
const MANY_LOOKUPS: usize = 256;
/// How many rows a scan reads in the time of one lookup in an index.
const ROWS_A_LOOKUP: u64 = 4;

/// How the rows of a query are found.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub access: Access,
    /// The only partition where its rows can lie, if the filter says so.
    pub partition: Option<Partition>,
    /// What is tested on each row.
    pub residual: Option<Node>,
    /// Whether no condition narrows the access: it reads a whole table or index, as far as no limit stops it.
    pub full_scan: bool,
    /// Whether the access gives rows in the order that was asked for.
    pub ordered: bool,
    /// Where it does not: in so many of the first parts of that order it does, so that rows which are equal there are to be sorted.
    pub leading: usize,
    /// Whether the access begins after the cursor, so that rows need not be compared with it.
    pub resumed: bool,
    /// How many entries it is expected to visit, if that was probed; at most [`PROBE`] is known.
    pub estimate: Option<u64>,
    /// The ways that were considered and not taken, for `explain`.
    pub rejected: Vec<(Access, Option<u64>)>,
    /// Another way to the first rows, where nobody knows before which of the two visits less.
    pub rival: Option<Box<Plan>>,
    /// A way with a step before, which competes too.
    pub detour: Option<Box<Detour>>,
}

impl Plan {
    /// The plan of an access by which rows are found in any order, that needs no more.
    pub const fn of(access: Access) -> Self {
        Self {
            access,
            partition: None,
            residual: None,
            full_scan: false,
            ordered: true,
            leading: 0,
            resumed: true,
            estimate: None,
            rejected: Vec::new(),
            rival: None,
            detour: None,
        }
    }

    /// Whether other ways compete with it.
    pub const fn has_rivals(&self) -> bool {
        self.rival.is_some() || self.detour.is_some()
    }

    /// Whether rows are tested for these tuples, because the access does not serve them.
    pub fn tests(&self, tuples: &Arc<Tuples>) -> bool {
        let mut tests = false;
        let is_one = |leaf: &Node| matches!(leaf, Node::InTuples(_, other) if Arc::ptr_eq(other, tuples));
        self.residual.iter().for_each(|residual| residual.for_each_leaf(&mut |leaf| tests |= is_one(leaf)));
        tests
    }

    /// Whether its rows are those of one range, so that they come in order from each partition.
    pub fn is_one_run(&self) -> bool {
        match &self.access {
            Access::Nothing => true,
            Access::Rows { ranges, .. } | Access::Index { ranges, .. } => ranges.len() <= 1,
            Access::Keys(_) | Access::Claims { .. } | Access::Union(_) => false,
        }
    }

    /// Whether its rows come in the order of the query, if only in the first parts of it, which is of use with a limit.
    pub const fn gives_order(&self, spec: &Spec) -> bool {
        self.ordered || (self.leading > 0 && spec.window.limit.is_some())
    }

    /// Whether rows may be found more than once.
    pub const fn may_repeat(&self) -> bool {
        matches!(self.access, Access::Union(_))
    }
}

/// Plans a query. Costs a round trip where several ways have to be compared and were not counted lately.
pub(crate) async fn plan(target: Reader<'_>, table: &StoredTable, spec: &Spec) -> Result<Plan> {
    let plan = choose_plan(target, table, spec).await?;
    check_policy(target, spec, &plan)?;
    Ok(plan)
}

/// The same without asking the scan policy, for a plan that may not be carried out.
pub(crate) async fn choose_plan(target: Reader<'_>, table: &StoredTable, spec: &Spec) -> Result<Plan> {
    spec.check_size()?;
    let deleted = spec.deleted_condition();
    let filter = marker::bounded(&spec.filter);
    let conditions: Vec<&Node> = filter.iter().chain(&deleted).collect();
    let mut plan = choose(target, table, spec, &conditions).await?;
    if spec.order.is_empty() && spec.after.is_none() {
        plan.ordered = true;
    }
    Ok(plan)
}

async fn choose(target: Reader<'_>, table: &StoredTable, spec: &Spec, conditions: &[&Node]) -> Result<Plan> {
    let Some(constraints) = constraints(table, conditions) else { return Ok(nothing()) };
    let asked = Question::new(spec, constraints);
    let mut candidates = candidates(table, spec, &asked)?;
    if let [lookups] = candidates.as_slice()
        && let Some(whole) = instead_of(target, table, spec, &asked, &lookups.access).await?
    {
        candidates = vec![whole];
    }
    let limited = spec.window.limit.is_some();
    let fixed = candidates.iter().any(|candidate| candidate.narrowed && candidate.equalities > 0);
    // Beside columns that are fixed it is of use for its order alone.
    if spec.indexes == IndexChoice::Any
        && (!fixed || (limited && !asked.order.is_empty()))
        && let Some(union) = union(table, spec, conditions, &asked).filter(|union| !fixed || union.gives_order())
    {
        // With a limit the order of an index may be cheaper.
        candidates.retain(|candidate| candidate.narrowed || (candidate.gives_order() && limited));
        candidates.push(union);
    }
    let Choice { best, rival, rejected } = cheapest(target, table, spec, candidates, conditions.len()).await?;
    let partition = partition(target, table, conditions);
    let placement = target.shared().placement;
    let is_small = best.1.is_some_and(|estimate| estimate < u64::from(PROBE)) && !spec.hints.compete;
    let tests = best.0.served.len() < conditions.len();
    let may_turn = tests && !is_small && !best.0.is_lookup() && spec.indexes != IndexChoice::None;
    let sides = if may_turn {
        detour::sides(table, placement, [&best].into_iter().chain(&rival).chain(&rejected))
    } else {
        Vec::new()
    };
    let found = Plan {
        rejected: rejected.into_iter().map(|(candidate, estimate)| (candidate.access, estimate)).collect(),
        rival: rival.map(|rival| Box::new(plan_of(rival, conditions, partition))),
        ..plan_of(best, conditions, partition)
    };
    let detour = may_turn.then(|| detour::detour(table, &asked, conditions, sides, &found)).flatten();
    Ok(Plan { detour: detour.map(Box::new), ..found })
}

fn plan_of((candidate, estimate): Counted, conditions: &[&Node], partition: Option<Partition>) -> Plan {
    let served: HashSet<usize> = candidate.served.iter().copied().collect();
    let residual: Vec<Node> = conditions
        .iter()
        .enumerate()
        .filter(|(at, _)| !served.contains(at))
        .map(|(_, condition)| (*condition).clone())
        .collect();
    Plan {
        partition,
        full_scan: !candidate.narrowed,
        residual: (!residual.is_empty()).then(|| Node::all(residual)),
        ordered: candidate.ordered,
        leading: candidate.leading,
        resumed: candidate.resumed,
        estimate,
        ..Plan::of(candidate.access)
    }
}

/// The plan by an index under the values that were sought of the column before its conditions.
pub(crate) fn plan_behind(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    ahead: &Ahead,
    prefixes: Vec<Vec<u8>>,
) -> Option<Plan> {
    behind_values(target.shared().placement, table, spec, ahead, prefixes)
}

fn behind_values(
    placement: Placement,
    table: &StoredTable,
    spec: &Spec,
    ahead: &Ahead,
    prefixes: Vec<Vec<u8>>,
) -> Option<Plan> {
    let deleted = spec.deleted_condition();
    let filter = marker::bounded(&spec.filter);
    let conditions: Vec<&Node> = filter.iter().chain(&deleted).collect();
    let asked = Question::new(spec, constraints(table, &conditions)?);
    let candidate = ahead.behind(table, &asked, prefixes)?;
    let mut plan = plan_of((candidate, None), &conditions, partition_in(placement, table, &conditions));
    plan.ordered |= spec.order.is_empty() && spec.after.is_none();
    Some(plan)
}

/// What the conditions say of columns, by their places; `None` if one of them is never true.
fn constraints<'a>(table: &StoredTable, conditions: &[&'a Node]) -> Option<Vec<(usize, Constraint<'a>)>> {
    let mut constraints = Vec::with_capacity(conditions.len());
    for (at, condition) in conditions.iter().enumerate() {
        match constraint::read(condition, table.def) {
            Reading::Never => return None,
            Reading::Constraint(constraint) => constraints.push((at, constraint)),
            Reading::Opaque => {}
        }
    }
    Some(constraints)
}

/// The scan of the whole table, where that is less than very many lookups. Costs a round trip where there are so many and the table was
/// not counted lately.
async fn instead_of(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    asked: &Question<'_>,
    access: &Access,
) -> Result<Option<Candidate>> {
    let partitions = target.shared().placement.all().count() as u64;
    let (lookups, rows_a_lookup) = match access {
        Access::Keys(keys) => (keys.len(), 1),
        Access::Claims { claims, .. } => (claims.len(), 1),
        // Each range is looked up in each partition.
        Access::Index { ranges, .. } => (ranges.len(), ROWS_A_LOOKUP.saturating_mul(partitions)),
        _ => return Ok(None),
    };
    let denied = spec.policy.unwrap_or_else(|| target.scan_policy()) == ScanPolicy::Deny;
    if lookups < MANY_LOOKUPS || denied || spec.indexes != IndexChoice::Any {
        return Ok(None);
    }
    let bound = rows_a_lookup.saturating_mul(lookups as u64);
    let whole = by_table(table, &asked.without_conditions());
    let rows = measure(target, table, &whole.access, bound).await?;
    // It is bounded by the lookups that it stands for, so it is no scan of a table of any size.
    Ok(rows.filter(|rows| *rows < bound).map(|_| Candidate { narrowed: true, ..whole }))
}

/// The only partition where rows can lie that pass the conditions, if they fix the group.
fn partition(target: Reader<'_>, table: &StoredTable, conditions: &[&Node]) -> Option<Partition> {
    partition_in(target.shared().placement, table, conditions)
}

fn partition_in(placement: Placement, table: &StoredTable, conditions: &[&Node]) -> Option<Partition> {
    if placement.is_one() {
        return None;
    }
    let fixed = |column: u16| {
        conditions.iter().find_map(|condition| match constraint::read(condition, table.def) {
            Reading::Constraint(found) if found.column == column => found.only_value(),
            _ => None,
        })
    };
    placement.of_values(table.def, fixed)
}

fn nothing() -> Plan {
    Plan { estimate: Some(0), ..Plan::of(Access::Nothing) }
}

/// The ways that are worth comparing: lookups by key alone if there is one, else all that are narrowed by a condition or
/// give the order for a limit, else the whole table.
fn candidates(table: &StoredTable, spec: &Spec, asked: &Question<'_>) -> Result<Vec<Candidate>> {
    let by_table = by_table(table, asked);
    match &spec.indexes {
        IndexChoice::None => return Ok(vec![by_table]),
        IndexChoice::Only(name) => {
            let at = table
                .indexes
                .iter()
                .position(|index| index.is_known() && index.def.name == *name)
                .ok_or_else(|| Error::invalid(format!("table `{}` has no index `{name}`", table.def.name)))?;
            if table.indexes.get(at).is_some_and(|index| !index.is_complete()) {
                return Err(Error::invalid(format!(
                    "index `{name}` of table `{}` is not built yet: call `Admin::build_indexes`",
                    table.def.name
                )));
            }
            return by_index(table, at, asked).map(|candidate| vec![candidate]).ok_or_else(|| {
                Error::invalid(format!("index `{name}` of table `{}` cannot serve this query", table.def.name))
            });
        }
        IndexChoice::Any => {}
    }
    if matches!(by_table.access, Access::Keys(_)) {
        return Ok(vec![by_table]);
    }
    let limited = spec.window.limit.is_some();
    // An index whose first column no condition is about can only give an order that begins with it, which pays with a limit.
    let leads = asked.order.first().filter(|_| limited).map(|first| first.column);
    let may_help = |at: &usize| {
        let first = table.indexes.get(*at).and_then(|index| index.def.parts.first());
        first.is_some_and(|part| leads == Some(part.column) || asked.constrains(part.column))
    };
    let by_index = (0..table.indexes.len()).filter(may_help).filter_map(|at| by_index(table, at, asked));
    let (useful, mut rest): (Vec<_>, Vec<_>) =
        by_index.chain([by_table]).partition(|candidate| candidate.narrowed || (limited && candidate.gives_order()));
    if useful.is_empty() {
        return Ok(rest.pop().into_iter().collect());
    }
    let claims = useful.iter().position(|candidate| matches!(candidate.access, Access::Claims { .. }));
    match claims.and_then(|at| useful.get(at)) {
        Some(claims) => Ok(vec![claims.clone()]),
        None => Ok(useful),
    }
}
