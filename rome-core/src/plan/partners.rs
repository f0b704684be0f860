//! Conditions that ask other tables, for people to read: tested on batches of rows by their partners (`Semi`, `Anti`), or answered
//! before the rows are looked for.
//!
//! The text of a condition stands without its values, since those are of other tables.

use super::join::any_lookup;
use super::operators::{Ways, leaf, limited, lookup};
use super::tree::Tree;
use super::{Explain, Plan, choose_plan, plan, way_name};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::cut::{BRIEF, cut};
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::show::Names;
use crate::expr::subquery::{Exists, InQuery};
use crate::session::Reader;

/// Of how many conditions it is shown how their partners are found.
const MOST_SHOWN: usize = 8;

/// The operator that tests a condition which asks other tables, and how it finds partners there.
pub(super) struct Partner {
    operator: String,
    found: Tree,
}

impl Partner {
    /// The rows that it takes, below it.
    pub fn above(&self, rows: Tree) -> Tree {
        rows.beside(self.found.clone()).under(self.operator.clone())
    }
}

/// How a query that asks other tables would be carried out. `answered` is the same query with its subqueries answered, and `after` the plan
/// of that.
pub(crate) async fn explain_asking(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    answered: &Spec,
    after: &Plan,
) -> Result<Explain> {
    let placement = target.shared().placement;
    let answers = answers(target, spec).await?;
    let mut inside_out = Ways { table, spec: answered, placement, partners: &[], is_trial: after.has_rivals() };
    if spec.window.limit.is_none_or(|limit| limit == 0) {
        let tree = limited(&spec.window, inside_out.tree(after).beside(answers));
        return Ok(Explain::of_plan(table, answered, after, tree));
    }
    inside_out.is_trial = true;
    let inside_out = inside_out.way(after).named(way_name::INSIDE_OUT).beside(answers);
    let (asking, filter): (Vec<Node>, Vec<Node>) = spec.filter.iter().cloned().partition(Node::has_subquery);
    let plain = Spec { filter, ..spec.clone() };
    let tree = match plan(target, table, &plain).await {
        Ok(walked) => {
            let partners = partners(target, spec, &asking).await?;
            let ways = Ways { table, spec: &plain, placement, partners: &partners, is_trial: true };
            // The other ways of such a query are not done.
            let walked = Plan { detour: None, ..walked };
            ways.not_taken(&walked, ways.competing(&walked).competing_with(inside_out))
        }
        // What the subqueries give may narrow it.
        Err(error) if error.is_scan_denied() => inside_out,
        Err(error) => return Err(error),
    };
    Ok(Explain::of_plan(table, answered, after, limited(&spec.window, tree)))
}

/// What tests these conditions on the rows of a query.
async fn partners(target: Reader<'_>, around: &Spec, conditions: &[Node]) -> Result<Vec<Partner>> {
    let mut partners = Vec::with_capacity(conditions.len().min(MOST_SHOWN + 1));
    for condition in conditions.iter().take(MOST_SHOWN) {
        let mut found = Tree::default();
        for (subquery, negated) in subqueries(condition).into_iter().take(MOST_SHOWN) {
            found = found.beside(partners_of(target, around, subquery, negated).await?);
        }
        let join = if matches!(condition, Node::Not(_) | Node::NotTrue(_)) { "Anti" } else { "Semi" };
        let inner = match condition {
            Node::Not(inner) | Node::NotTrue(inner) => inner,
            condition => condition,
        };
        partners.push(Partner { operator: format!("{join} {}", text(inner, around)), found });
    }
    if let Some(more) = conditions.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        partners.push(Partner { operator: format!("Semi, and {more} more"), found: Tree::default() });
    }
    Ok(partners)
}

/// How the subqueries of a query are answered before its rows are looked for.
async fn answers(target: Reader<'_>, spec: &Spec) -> Result<Tree> {
    let all: Vec<&Node> = spec.filter.iter().flat_map(subqueries).map(|(subquery, _)| subquery).collect();
    let mut tree = Tree::default();
    for subquery in all.iter().take(MOST_SHOWN) {
        let read = whole(target, spec, subquery).await?;
        tree = tree.beside(read.under(format!("answered before: {}", text(subquery, spec))));
    }
    if let Some(more) = all.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        tree = tree.beside(Tree::of(format!("answered before: {more} more")));
    }
    Ok(tree)
}

fn text(condition: &Node, around: &Spec) -> String {
    cut(&condition.display_with(Names::Table(around.table)).values(false), BRIEF).to_string()
}

/// The subqueries of a condition, and whether each stands below a `not`.
fn subqueries(condition: &Node) -> Vec<(&Node, bool)> {
    let (mut found, mut open) = (Vec::new(), vec![(condition, false)]);
    while let Some((node, negated)) = open.pop() {
        match node {
            Node::And(parts) | Node::Or(parts) => open.extend(parts.iter().rev().map(|part| (part, negated))),
            Node::Not(of) | Node::NotTrue(of) => open.push((of, true)),
            Node::Exists(_) | Node::InQuery(_) => found.push((node, negated)),
            _ => {}
        }
    }
    found
}

/// How the partners of a batch of rows are found. A subquery that has to be answered as a whole is so for the first batch.
async fn partners_of(target: Reader<'_>, around: &Spec, subquery: &Node, negated: bool) -> Result<Tree> {
    match subquery {
        Node::Exists(exists) => {
            let links = exists.through.len() + usize::from(!exists.columns.is_empty());
            match exists.through.first() {
                None => by_columns(target, around, &exists.spec, &exists.columns).await,
                Some((through, remote)) if links == 1 => {
                    let between = Spec { policy: exists.spec.policy, ..Spec::new((through.table)()) };
                    let links = by_columns(target, around, &between, &through.near).await?;
                    Ok(links.beside(by_columns(target, around, &exists.spec, remote).await?))
                }
                Some(_) => whole(target, around, subquery).await,
            }
        }
        Node::InQuery(query) if !negated && is_looked_up(query) => {
            by_columns(target, around, &query.spec, &[query.column]).await
        }
        subquery => whole(target, around, subquery).await,
    }
}

/// Whether the rows of a query are looked up by the values that they give.
fn is_looked_up(query: &InQuery) -> bool {
    query.spec.window.is_all() && query.spec.table.column(query.column).ty.is_ordered()
}

async fn by_columns(target: Reader<'_>, around: &Spec, spec: &Spec, columns: &[u16]) -> Result<Tree> {
    let spec = Spec { policy: spec.policy.or(around.policy), ..spec.clone() };
    let table = target.shared().table(spec.table)?;
    let (spec, one) = any_lookup(&spec, columns);
    let plan = choose_plan(target, table, &spec).await?;
    Ok(lookup(table, &plan, !plan.full_scan && !plan.tests(&one)).0)
}

/// How all rows of a subquery are read.
async fn whole(target: Reader<'_>, around: &Spec, subquery: &Node) -> Result<Tree> {
    let (spec, through): (&Spec, &[_]) = match subquery {
        Node::Exists(exists) => {
            let Exists { spec, through, .. } = &**exists;
            (spec, through)
        }
        Node::InQuery(query) => (&query.spec, &[]),
        _ => return Ok(Tree::default()),
    };
    let links = through.iter().map(|(through, _)| Spec::new((through.table)()));
    let mut tree = Tree::default();
    for spec in std::iter::once(spec.clone()).chain(links) {
        let spec = Spec { policy: spec.policy.or(around.policy), ..spec };
        let table = target.shared().table(spec.table)?;
        let plan = choose_plan(target, table, &spec).await?;
        tree = tree.beside(leaf(table, &plan.access, "", plan.estimate));
    }
    Ok(tree)
}
