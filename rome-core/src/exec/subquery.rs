//! Answers the subqueries of conditions before they are planned, so that what is left is a condition on one row.
//!
//! `exists` becomes a set of the values that the other table has, `in` a query a list of what it gives. Each costs one
//! round trip, two with a table in between. Where an index finds few rows by the other conditions, those are read first
//! and the other table is asked for what they need only, for one round trip more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::future::BoxFuture;

use super::fetch::{fetch, some_of_each};
use super::hit::{Hit, Want};
use crate::ask::{GroupSpec, IndexChoice, JoinSpec, ScanPolicy, Spec, Window, conjuncts};
use crate::catalog::{StoredIndex, StoredTable};
use crate::error::Result;
use crate::expr::node::{Node, ValueList};
use crate::expr::subquery::{Exists, InQuery};
use crate::expr::tuples::{Tuples, encode};
use crate::plan::{self, Around};
use crate::row;
use crate::schema::{Table, Through};
use crate::session::Reader;
use crate::value::{Value, ValueRef};

/// Whether a query asks other tables, so that it has to run in a session.
pub(crate) fn has_subquery(spec: &Spec) -> bool {
    spec.filter.iter().any(Node::has_subquery)
}

/// The same query with its subqueries answered. Has to run in a session if there are any.
pub(crate) async fn answered(target: Reader<'_>, spec: &Spec) -> Result<Spec> {
    spec.check_size()?;
    let mut spec = spec.clone();
    if has_subquery(&spec) {
        let filter = std::mem::take(&mut spec.filter);
        spec.filter = all(target, filter, &spec).await?;
    }
    Ok(spec)
}

/// The same groups with the subqueries of their conditions answered; `policy` is that of the query whose rows are grouped.
pub(crate) async fn answered_group(
    target: Reader<'_>,
    group: &GroupSpec,
    policy: Option<ScanPolicy>,
) -> Result<GroupSpec> {
    let mut group = group.clone();
    for condition in &mut group.having {
        if condition.has_subquery() {
            *condition = one(target, condition.clone(), policy, None).await?;
        }
    }
    Ok(group)
}

/// The same join with the subqueries of its conditions answered.
pub(crate) async fn answered_join(target: Reader<'_>, spec: &JoinSpec) -> Result<JoinSpec> {
    spec.check_size()?;
    let mut spec = spec.clone();
    let policy = spec.parts.first().and_then(|first| first.spec.policy);
    for condition in &mut spec.filter {
        if condition.has_subquery() {
            *condition = one(target, condition.clone(), policy, None).await?;
        }
    }
    for part in &mut spec.parts {
        part.spec = answered(target, &part.spec).await?;
    }
    Ok(spec)
}

/// The conditions of a query, of which `around` has everything else.
async fn all(target: Reader<'_>, filter: Vec<Node>, around: &Spec) -> Result<Vec<Node>> {
    let (asking, mut answered): (Vec<Node>, Vec<Node>) = filter.into_iter().partition(Node::has_subquery);
    let policy = around.policy;
    let around = Around::of(target, Spec { filter: answered.clone(), ..around.clone() }).await?;
    for condition in asking {
        answered.extend(conjuncts(one(target, condition, policy, around.as_ref()).await?));
    }
    Ok(answered)
}

/// What the rows around a subquery ask for, where that is less than what it would give by itself. Values of `of` in no other
/// rows can be left out of the answer.
async fn asked_around(target: Reader<'_>, around: &Around, exists: &Exists) -> Result<Option<Tuples>> {
    let Some(columns) = Box::pin(around.asks_by(target, exists)).await? else { return Ok(None) };
    tuples(around.spec.table, &rows(target, &around.spec).await?, &columns).map(Some)
}

/// A condition with its subqueries answered, one after the other. Those without a scan policy have the one of the query around them.
async fn one(target: Reader<'_>, condition: Node, policy: Option<ScanPolicy>, around: Option<&Around>) -> Result<Node> {
    let mut asked = Vec::new();
    condition.for_each_leaf(&mut |leaf| match leaf {
        Node::Exists(_) | Node::InQuery(_) => asked.push(leaf.clone()),
        _ => {}
    });
    let mut answers: Vec<Node> = Vec::with_capacity(asked.len());
    for subquery in asked {
        let within = match (&subquery, around) {
            (Node::Exists(exists), Some(around)) => asked_around(target, around, &with_policy(exists, policy)).await?,
            _ => None,
        };
        answers.push(match (subquery, within) {
            (Node::Exists(exists), Some(within)) => {
                let exists = with_policy(&exists, policy);
                let (found, _) = existing_within(target, &exists, within).await?;
                Node::InTuples(exists.of, Arc::new(found))
            }
            (subquery, _) => answer(target, subquery, policy).await?,
        });
    }
    // Leaves are replaced in the order in which they were visited.
    let mut answers = answers.into_iter();
    Ok(condition.map_leaves(&mut |leaf| match leaf {
        Node::Exists(_) | Node::InQuery(_) => answers.next().unwrap_or(leaf),
        leaf => leaf,
    }))
}

/// The answer to one subquery, whatever rows are around it.
pub(super) async fn answer(target: Reader<'_>, subquery: Node, policy: Option<ScanPolicy>) -> Result<Node> {
    Ok(match subquery {
        Node::Exists(exists) => {
            let exists = with_policy(&exists, policy);
            let found = existing(target, &exists).await?;
            Node::InTuples(exists.of, Arc::new(found))
        }
        Node::InQuery(query) => {
            let spec = Spec { policy: query.spec.policy.or(policy), ..Spec::clone(&query.spec) };
            let query = InQuery { spec: Arc::new(spec), ..InQuery::clone(&query) };
            let values = given(target, &query).await?;
            Node::In(Box::new(query.of), values)
        }
        other => other,
    })
}

/// The same subquery, with the scan policy of the query around it unless it has one.
pub(super) fn with_policy(exists: &Exists, policy: Option<ScanPolicy>) -> Exists {
    let spec = Spec { policy: exists.spec.policy.or(policy), ..Spec::clone(&exists.spec) };
    Exists { spec: Arc::new(spec), ..exists.clone() }
}

/// Whether what a row asks for is known by one link alone: its own columns, or one table in between.
pub(super) fn asks_by_one_link(exists: &Exists) -> bool {
    exists.through.len() + usize::from(!exists.columns.is_empty()) <= 1
}

/// The values by which rows lead to a row of the other table.
async fn existing(target: Reader<'_>, exists: &Exists) -> Result<Tuples> {
    let table = exists.spec.table;
    let found = rows(target, &exists.spec).await?;
    let mut between = Vec::with_capacity(exists.through.len());
    for (through, remote) in &exists.through {
        let mut links = links_of(exists, through);
        if !exists.spec.filter.is_empty() {
            links.filter.push(Node::among(&through.far, tuples(table, &found, remote)?));
        }
        between.push(rows(target, &links).await?);
    }
    leading(exists, &found, &between)
}

/// Those of some values by which rows lead to a row of the other table, and how many rows were read to find them. It is linked by its
/// own columns, or through one table in between. Each value is looked up until the first row only.
pub(super) async fn existing_within(target: Reader<'_>, exists: &Exists, within: Tuples) -> Result<(Tuples, u64)> {
    let mut spec = Spec::clone(&exists.spec);
    let Some((through, remote)) = exists.through.first() else {
        let found = first_of_each(target, &spec, &exists.columns, within).await?;
        return Ok((tuples(spec.table, &found, &exists.columns)?, found.len() as u64));
    };
    let mut links = links_of(exists, through);
    links.filter.push(Node::among(&through.near, within));
    let links = rows(target, &links).await?;
    spec.filter.push(Node::among(remote, tuples((through.table)(), &links, &through.far)?));
    let found = rows(target, &spec).await?;
    let visited = (links.len() + found.len()) as u64;
    Ok((leading(exists, &found, &[links])?, visited))
}

/// For each of these values of the columns a row of the query that has it, if there is one.
fn first_of_each<'a>(
    target: Reader<'a>,
    spec: &'a Spec,
    columns: &'a [u16],
    values: Tuples,
) -> BoxFuture<'a, Result<Vec<Hit>>> {
    Box::pin(async move {
        let mut spec = answered(target, spec).await?;
        let table = target.shared().table(spec.table)?;
        spec.filter.push(Node::among(columns, values));
        let leading = leading_index(table, columns).filter(|_| spec.indexes == IndexChoice::Any);
        let plan = match leading {
            Some(index) => plan::plan(target, table, &Spec { indexes: index, ..spec.clone() }).await?,
            None => plan::plan(target, table, &spec).await?,
        };
        some_of_each(target, table, &spec, &plan, columns).await
    })
}

/// The index by which rows are found by these columns, so that no plans have to be compared.
fn leading_index(table: &StoredTable, columns: &[u16]) -> Option<IndexChoice> {
    if table.def.key.get(..columns.len()).is_some_and(|first| first.iter().all(|column| columns.contains(column))) {
        return Some(IndexChoice::None);
    }
    let leads = |index: &&StoredIndex| {
        let parts = &index.def.parts;
        index.is_readable()
            && !index.def.multi
            && (!index.def.unique || parts.len() == columns.len())
            && parts.get(..columns.len()).is_some_and(|first| first.iter().all(|part| columns.contains(&part.column)))
    };
    table.indexes.iter().find(leads).map(|index| IndexChoice::Only(index.def.name.clone()))
}

fn links_of(exists: &Exists, through: &Through) -> Spec {
    Spec { policy: exists.spec.policy, ..Spec::new((through.table)()) }
}

/// The values that lead to these rows of the other table, by its own columns and by way of these rows of the tables in between.
fn leading(exists: &Exists, found: &[Hit], between: &[Vec<Hit>]) -> Result<Tuples> {
    let table = exists.spec.table;
    let mut nears: Vec<HashMap<Vec<u8>, Vec<Vec<u8>>>> = Vec::with_capacity(between.len());
    for ((through, _), links) in exists.through.iter().zip(between) {
        let (of, mut near_of) = ((through.table)(), HashMap::<_, Vec<_>>::new());
        for hit in links {
            if let (Some(near), Some(far)) = (tuple(of, hit, &through.near)?, tuple(of, hit, &through.far)?) {
                near_of.entry(far).or_default().push(near);
            }
        }
        nears.push(near_of);
    }
    let mut leading = Tuples::new();
    for hit in found {
        let mut all: Vec<Vec<u8>> = tuple(table, hit, &exists.columns)?.into_iter().collect();
        for ((_, remote), near_of) in exists.through.iter().zip(&nears) {
            let near = tuple(table, hit, remote)?.and_then(|far| near_of.get(&far)).map(Vec::as_slice);
            let near = near.unwrap_or_default();
            all = all.iter().flat_map(|one| near.iter().map(move |near| [one.as_slice(), near].concat())).collect();
        }
        leading.extend(all);
    }
    Ok(leading)
}

/// The values that a query gives.
async fn given(target: Reader<'_>, query: &InQuery) -> Result<ValueList> {
    let table = query.spec.table;
    let mut spec = Spec::clone(&query.spec);
    let mut window = Window::ALL;
    if query.distinct {
        window = std::mem::take(&mut spec.window);
    }
    let mut values: Vec<Value> = Vec::new();
    let mut seen = HashSet::new();
    for hit in rows(target, &spec).await? {
        let value =
            row::with_view(table, &hit.body, query.column, |row| row.value(query.column).map(ValueRef::to_value))
                .map_err(|source| row::damaged(table, &hit.key, &hit.body, source))?;
        if !query.distinct || seen.insert(value.clone()) {
            values.push(value);
        }
    }
    window.cut(&mut values);
    Ok(ValueList::new(values))
}

/// The rows of a subquery, which may have subqueries itself.
fn rows<'a>(target: Reader<'a>, spec: &'a Spec) -> BoxFuture<'a, Result<Vec<Hit>>> {
    Box::pin(async move {
        let spec = answered(target, spec).await?;
        let table = target.shared().table(spec.table)?;
        let plan = plan::plan(target, table, &spec).await?;
        fetch(target, table, &spec, &plan, Want::Rows).await
    })
}

/// The values of these columns in some rows.
pub(super) fn tuples(table: &'static Table, hits: &[Hit], columns: &[u16]) -> Result<Tuples> {
    let mut found = Tuples::new();
    for hit in hits {
        found.extend(tuple(table, hit, columns)?);
    }
    Ok(found)
}

fn tuple(table: &'static Table, hit: &Hit, columns: &[u16]) -> Result<Option<Vec<u8>>> {
    let last = columns.iter().copied().max().unwrap_or(0);
    row::with_view(table, &hit.body, last, |row| encode(columns.iter().map(|column| row.value(*column))))
        .map_err(|source| row::damaged(table, &hit.key, &hit.body, source))
}
