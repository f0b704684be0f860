//! Updates and deletes the rows of a query.

use std::sync::Arc;

use super::{Write, Written};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::error::{Error, Kind, Result};
use crate::exec::{Hit, Want, answered, fetch, values_of_order};
use crate::expr::node::Node;
use crate::expr::{eval, size};
use crate::plan;
use crate::row;
use crate::schema::Role;
use crate::session::{Reader, Session};
use crate::value::{Value, ValueErrorKind, ValueRef};

/// Sets columns of all rows of a query in the session; says how many there were. Costs two round trips.
pub(crate) async fn change_rows(
    session: &Session,
    table: &Arc<StoredTable>,
    spec: &Spec,
    assignments: &[(u16, Node)],
) -> Result<u64> {
    check_assignments(table, assignments)?;
    let hits = find(session, table, spec).await?;
    let change = |hit: Hit| Ok(Write::Change { body: changed(table, &hit, assignments)?, old: hit.body });
    let writes = hits.into_iter().map(change).collect::<Result<_>>()?;
    let written = session.write(table, writes).await?;
    Ok(written.len() as u64)
}

/// Changes the first rows of a query in the session, up to its limit, or deletes them; says how many there were, and the values of the
/// order of the last one if there may be more.
pub(crate) async fn change_piece(
    session: &Session,
    table: &Arc<StoredTable>,
    spec: &Spec,
    assignments: Option<&[(u16, Node)]>,
) -> Result<(u64, Option<Vec<Value>>)> {
    check_assignments(table, assignments.unwrap_or_default())?;
    let hits = find(session, table, spec).await?;
    let more = spec.window.limit.is_some_and(|limit| hits.len() as u64 >= limit);
    let last = hits.last().filter(|_| more);
    let last = last.map(|hit| values_of_order(table.def, &spec.full_order(), hit)).transpose()?;
    let change = |hit: Hit| match assignments {
        Some(assignments) => Ok(Write::Change { body: changed(table, &hit, assignments)?, old: hit.body }),
        None => Ok(Write::Delete(hit.key)),
    };
    let writes = hits.into_iter().map(change).collect::<Result<_>>()?;
    let written = session.write(table, writes).await?;
    let changed = written.iter().filter(|written| !matches!(written, Written::Absent)).count();
    Ok((changed as u64, last))
}

/// The columns of a row as the assignments make them.
pub(super) fn changed(table: &StoredTable, hit: &Hit, assignments: &[(u16, Node)]) -> Result<Vec<u8>> {
    let mut changes = Vec::with_capacity(assignments.len());
    for (column, node) in assignments {
        let value = row::with_view(table.def, &hit.body, node.last_column().unwrap_or(0), |view| {
            eval::scalar(node, view).map(ValueRef::to_value)
        })
        .map_err(|source| not_calculated(table, *column, hit, source))?;
        changes.push((*column, value));
    }
    row::replace(table.def, &hit.key, &hit.body, &changes)
}

/// Refuses assignments that would be overwritten or break the row's identity, and those that are too large.
pub(super) fn check_assignments(table: &StoredTable, assignments: &[(u16, Node)]) -> Result<()> {
    assignments.iter().try_for_each(|(column, node)| check_assignable(table, *column, node))?;
    let nodes = assignments.iter().map(|(_, node)| node);
    size::check(nodes, || format!("the assignments to rows of table `{}`", table.def.name))
}

fn check_assignable(table: &StoredTable, column: u16, node: &Node) -> Result<()> {
    let def = table.def.column(column);
    if let Some(source) = node.unstorable() {
        return Err(Kind::Value { table: table.def.name, column: def.name.to_string(), source }.into());
    }
    let why = match def.role {
        _ if table.def.key.contains(&column) => "is the key; insert a new row and delete the old one",
        Role::CreatedAt | Role::UpdatedAt | Role::Version => "is set by ROME itself; leave it out",
        Role::Plain | Role::DeletedAt => return Ok(()),
    };
    Err(Error::invalid(format!("column `{}` of table `{}` cannot be updated: it {why}", def.name, table.def.name)))
}

fn not_calculated(table: &StoredTable, column: u16, hit: &Hit, source: crate::value::ValueError) -> Error {
    match source.kind() {
        ValueErrorKind::OutOfRange { .. } => {
            let column = Some(table.def.column(column).name.to_string());
            Kind::Overflow { table: table.def.name, column, source }.into()
        }
        _ => row::damaged(table.def, &hit.key, &hit.body, source),
    }
}

/// Deletes all rows of a query in the session, softly if the table has that; says how many there were. Costs one round
/// trip.
pub(crate) async fn delete_rows(session: &Session, table: &Arc<StoredTable>, spec: &Spec, purge: bool) -> Result<u64> {
    let hits = find(session, table, spec).await?;
    let write = |hit: Hit| if purge { Write::Purge(hit.key) } else { Write::Delete(hit.key) };
    let written = session.write(table, hits.into_iter().map(write).collect()).await?;
    Ok(written.iter().filter(|written| !matches!(written, Written::Absent)).count() as u64)
}

async fn find(session: &Session, table: &Arc<StoredTable>, spec: &Spec) -> Result<Vec<Hit>> {
    let target = Reader::Session(session);
    let mut spec = answered(target, spec).await?;
    if spec.window.is_all() && spec.order.is_empty() {
        // No more than show that they are too many: all of them could be more than there is memory for.
        spec.window.limit = Some(session.limits().one_too_many());
    }
    let plan = plan::plan(target, table, &spec).await?;
    let mut hits = fetch(target, table, &spec, &plan, Want::Rows).await?;
    session.limits().check_found(table, hits.len())?;
    if spec.order.is_empty() {
        // So that hooks run, and the first mistake is found, in one order on each store.
        hits.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    }
    session.remember_hits(table.id, &hits);
    Ok(hits)
}
