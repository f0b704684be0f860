//! Semi-joins and anti-joins: tests conditions that ask other tables on batches of rows (`Semi` and `Anti`).
//!
//! For the rows of a batch one read of the other table finds which of them have a partner, by its key, a claim or an index, and each is
//! looked for only until the first. So a query that stops after its first rows asks for the partners of those that it saw. Whether
//! a partner is wanted or not to exist is for the condition around to say.

use std::collections::HashMap;
use std::sync::Arc;

use super::fetch::matches;
use super::hit::Hit;
use super::subquery;
use crate::ask::{ScanPolicy, Spec};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::subquery::{Exists, InQuery};
use crate::expr::tuples::{Tuples, tuple_of};
use crate::row;
use crate::session::Reader;

/// Conditions of a query that ask other tables.
pub(super) struct Asking {
    conditions: Vec<Node>,
    policy: Option<ScanPolicy>,
    /// The answers that do not depend on the rows, by the position of their subquery.
    answered: HashMap<usize, Node>,
    visited: u64,
}

impl Asking {
    /// Those of a query, and the query without them; `None` if there are none.
    pub fn of(spec: &Spec) -> Option<(Self, Spec)> {
        let (conditions, plain): (Vec<Node>, Vec<Node>) = spec.filter.iter().cloned().partition(Node::has_subquery);
        let conditions: Vec<Node> = conditions.into_iter().map(by_partners).collect();
        if conditions.is_empty() {
            return None;
        }
        let asking = Self { conditions, policy: spec.policy, answered: HashMap::new(), visited: 0 };
        Some((asking, Spec { filter: plain, ..spec.clone() }))
    }

    /// How many values were looked up in other tables, and how many rows were found there.
    pub const fn visited(&self) -> u64 {
        self.visited
    }

    /// Those of the rows for which the conditions are true, in their order. Costs one round trip for each subquery, two with a table in
    /// between.
    pub async fn keep(&mut self, target: Reader<'_>, table: &StoredTable, mut hits: Vec<Hit>) -> Result<Vec<Hit>> {
        let mut position = 0;
        for condition in self.conditions.clone() {
            if hits.is_empty() {
                return Ok(hits);
            }
            if let Some((exists, wanted)) = of_one_link(&condition) {
                hits = self.keep_by(target, table, exists, wanted, hits).await?;
                position += 1;
                continue;
            }
            let mut asked = Vec::new();
            condition.for_each_leaf(&mut |leaf| match leaf {
                Node::Exists(_) | Node::InQuery(_) => asked.push(leaf.clone()),
                _ => {}
            });
            let mut answers = Vec::with_capacity(asked.len());
            for leaf in asked {
                answers.push(self.answer(target, table, leaf, position, &hits).await?);
                position += 1;
            }
            // Leaves are replaced in the order in which they were visited.
            let mut answers = answers.into_iter();
            let condition = condition.map_leaves(&mut |leaf| match leaf {
                Node::Exists(_) | Node::InQuery(_) => answers.next().unwrap_or(leaf),
                leaf => leaf,
            });
            let mut kept = Vec::with_capacity(hits.len());
            for hit in hits {
                if matches(table, Some(&condition), &hit.key, &hit.body)? {
                    kept.push(hit);
                }
            }
            hits = kept;
        }
        Ok(hits)
    }

    /// Those of the rows that have a partner, or of which none has one unless `wanted`.
    async fn keep_by(
        &mut self,
        target: Reader<'_>,
        table: &StoredTable,
        exists: &Exists,
        wanted: bool,
        hits: Vec<Hit>,
    ) -> Result<Vec<Hit>> {
        let exists = subquery::with_policy(exists, self.policy);
        let tuples = tuples_of(table, &exists, &hits)?;
        let found = self.partners(target, &exists, tuples.iter().flatten().cloned()).await?;
        let keeps = |tuple: &Option<Vec<u8>>| tuple.as_ref().is_some_and(|tuple| found.contains(tuple)) == wanted;
        Ok(hits.into_iter().zip(&tuples).filter(|(_, tuple)| keeps(tuple)).map(|(hit, _)| hit).collect())
    }

    /// Those of the values for which there is a partner.
    async fn partners(
        &mut self,
        target: Reader<'_>,
        exists: &Exists,
        values: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Tuples> {
        let mut asked = Tuples::new();
        asked.extend(values);
        self.visited += asked.len() as u64;
        let (found, visited) = Box::pin(subquery::existing_within(target, exists, asked)).await?;
        self.visited += visited;
        Ok(found)
    }

    /// A condition on one row that says of these rows what the subquery says.
    async fn answer(
        &mut self,
        target: Reader<'_>,
        table: &StoredTable,
        leaf: Node,
        position: usize,
        hits: &[Hit],
    ) -> Result<Node> {
        match leaf {
            Node::Exists(exists) if subquery::asks_by_one_link(&exists) => {
                let exists = subquery::with_policy(&exists, self.policy);
                let tuples = tuples_of(table, &exists, hits)?;
                let found = self.partners(target, &exists, tuples.into_iter().flatten()).await?;
                Ok(Node::InTuples(exists.of, Arc::new(found)))
            }
            leaf => {
                if let Some(answer) = self.answered.get(&position) {
                    return Ok(answer.clone());
                }
                let answer = Box::pin(subquery::answer(target, leaf, self.policy)).await?;
                self.answered.insert(position, answer.clone());
                Ok(answer)
            }
        }
    }
}

/// The same condition with `exists` in the place of `in_query`, so that its rows ask for what they need only. Not below a `not`, where
/// it matters whether a NULL among the values makes it unknown; nor where a limit picks the values.
pub(super) fn by_partners(condition: Node) -> Node {
    match condition {
        Node::And(parts) => Node::And(parts.into_iter().map(by_partners).collect()),
        Node::Or(parts) => Node::Or(parts.into_iter().map(by_partners).collect()),
        Node::InQuery(query) if query.spec.window.is_all() && is_ordered(&query) => {
            let InQuery { of, spec, column, .. } = InQuery::clone(&query);
            Node::Exists(Arc::new(Exists { of: vec![of], spec, columns: vec![column], through: Vec::new() }))
        }
        other => other,
    }
}

/// Whether the values can be looked up by their encoding.
fn is_ordered(query: &InQuery) -> bool {
    query.spec.table.column(query.column).ty.is_ordered()
}

/// Whether a condition is a subquery or its contrary, and nothing else.
pub(super) fn is_leaf(condition: &Node) -> bool {
    let leaf = if let Node::Not(of) = condition { of } else { condition };
    matches!(leaf, Node::Exists(_) | Node::InQuery(_))
}

/// A condition that is a subquery by one link or its contrary, and whether a partner is wanted.
fn of_one_link(condition: &Node) -> Option<(&Exists, bool)> {
    let (leaf, wanted) = match condition {
        Node::Not(of) => (&**of, false),
        leaf => (leaf, true),
    };
    match leaf {
        Node::Exists(exists) if subquery::asks_by_one_link(exists) => Some((exists, wanted)),
        _ => None,
    }
}

/// The values by which each of these rows asks for partners; none where one of them is NULL.
fn tuples_of(table: &StoredTable, exists: &Exists, hits: &[Hit]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut last = 0;
    for node in &exists.of {
        last = node.last_column().unwrap_or(0).max(last);
    }
    let tuple = |hit: &Hit| {
        row::with_view(table.def, &hit.body, last, |view| tuple_of(&exists.of, view))
            .map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))
    };
    hits.iter().map(tuple).collect()
}
