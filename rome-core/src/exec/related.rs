//! Rows that others lead to: all of a level in one query.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::by_value::ByValue;
use super::fetch::{Hit, Want, fetch};
use super::target::Target;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::expr::node::{Node, ValueList};
use crate::expr::tuples::Tuples;
use crate::plan::{self, IndexChoice, Spec};
use crate::reference::columns_of;
use crate::row;
use crate::schema::{RelationDef, Table};
use crate::value::{Value, ValueError, key};

/// How many values are asked for at once where a query is planned for them.
const MOST_VALUES: usize = 10_000;

/// The rows that a relation leads to, by the encoded local columns: for each of `keys` the places of its rows among all that
/// were found. Costs one round trip, two if there is a third table between.
pub(crate) async fn lead(
    target: Target<'_>,
    def: &RelationDef,
    spec: &Spec,
    keys: Vec<Bytes>,
) -> Result<(Vec<Hit>, HashMap<Bytes, Vec<usize>>)> {
    let remote = target.shared().table((def.remote)())?;
    let Some(through) = &def.through else {
        let found = matching(target, remote, spec, &def.remote_columns, &keys).await?;
        return Ok(grouped(found, keys.len()));
    };
    let table = target.shared().table((through.table)())?;
    let links = Spec { policy: spec.policy, ..Spec::new(table.def) };
    let links = matching(target, table, &links, &through.near, &keys).await?;
    let mut near_of: HashMap<Bytes, Vec<Bytes>> = HashMap::new();
    for (near, link) in links {
        let far = columns_of(table.def, &link.body, &through.far)
            .map_err(|source| row::damaged(table.def, &link.key, &link.body, source))?;
        if let Some(far) = far {
            near_of.entry(far).or_default().push(near);
        }
    }
    let mut far: Vec<Bytes> = near_of.keys().cloned().collect();
    far.sort_unstable();
    let found = matching(target, remote, spec, &def.remote_columns, &far).await?;
    let mut hits = Vec::with_capacity(found.len());
    let mut places: HashMap<Bytes, Vec<usize>> = HashMap::new();
    for (at, (value, hit)) in found.into_iter().enumerate() {
        for near in near_of.get(&value).into_iter().flatten() {
            places.entry(near.clone()).or_default().push(at);
        }
        hits.push(hit);
    }
    Ok((hits, places))
}

/// The rows, and where those of each value are among them.
fn grouped(found: Vec<(Bytes, Hit)>, values: usize) -> (Vec<Hit>, HashMap<Bytes, Vec<usize>>) {
    let mut hits = Vec::with_capacity(found.len());
    let mut places = ByValue::with_capacity(values);
    for (at, (value, hit)) in found.into_iter().enumerate() {
        hits.push(hit);
        places.push(value, at);
    }
    (hits, places.finish())
}

/// The rows of a query whose columns hold one of these encoded values, each with its value, in the order of the query and
/// else by their keys.
pub(crate) async fn matching(
    target: Target<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    columns: &[u16],
    values: &[Bytes],
) -> Result<Vec<(Bytes, Hit)>> {
    let spec = &super::subquery::answered(target, spec).await?;
    let mut all = Vec::new();
    let looked_up = plan::lookup(target, table, spec, columns, values);
    let at_once = if looked_up.is_some() { values.len().max(1) } else { MOST_VALUES };
    for values in values.chunks(at_once) {
        // Where a session has written, its rows are compared with the condition; elsewhere the plan finds them without it.
        let hits = if let (Some(plan), Target::Database(_)) = (&looked_up, target) {
            fetch(target, table, spec, plan, Want::Rows).await?
        } else {
            let mut filter = vec![holds_one_of(table.def, columns, values)?];
            filter.extend(spec.filter.iter().cloned());
            let indexes =
                if spec.indexes == IndexChoice::Any { by_index(table, columns) } else { spec.indexes.clone() };
            let part = Spec { filter, indexes, ..spec.clone() };
            let planned = match &looked_up {
                Some(_) => None,
                None => Some(plan::plan(target, table, &part).await?),
            };
            match planned.as_ref().or(looked_up.as_ref()) {
                Some(plan) => fetch(target, table, &part, plan, Want::Rows).await?,
                None => Vec::new(),
            }
        };
        if all.is_empty() {
            all = hits;
        } else {
            all.extend(hits);
        }
    }
    if spec.order.is_empty() {
        all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    } else if values.len() > at_once {
        super::fetch::sort_rows(table.def, spec, &mut all)?;
    }
    let mut found = Vec::with_capacity(all.len());
    for hit in all {
        if let Target::Session(session) = target
            && !session.options.read_only
            && session.with_overlay(|overlay| overlay.get(table.id, &hit.key).is_none())
        {
            session.remember(table.id, hit.key.clone(), Some(hit.body.clone()));
        }
        let value = value_of(table.def, &hit, columns)
            .map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))?;
        found.extend(value.map(|value| (value, hit)));
    }
    Ok(found)
}

/// The columns of a row, encoded as in a key: the beginning of its own key where they are its first columns.
fn value_of(table: &'static Table, hit: &Hit, columns: &[u16]) -> Result<Option<Bytes>, ValueError> {
    match beginning_of_key(table, hit, columns)? {
        Some(value) => Ok(Some(value)),
        None => columns_of(table, &hit.body, columns),
    }
}

/// The columns of a row, encoded as in a key, if its own key begins with them.
pub(super) fn beginning_of_key(table: &'static Table, hit: &Hit, columns: &[u16]) -> Result<Option<Bytes>, ValueError> {
    if !table.key.starts_with(columns) {
        return Ok(None);
    }
    let mut end = 0;
    for _ in columns {
        end += key::skip(hit.key.get(end..).unwrap_or_default(), false)?;
    }
    Ok(Some(hit.key.slice(..end)))
}

/// The index by which rows are found by these columns, so that no plans have to be compared.
fn by_index(table: &StoredTable, columns: &[u16]) -> IndexChoice {
    let leads = |parts: &mut dyn Iterator<Item = u16>| columns.iter().all(|column| parts.next() == Some(*column));
    if columns.len() > 1 {
        // The planner finds by itself what begins with these columns, in any order.
        return IndexChoice::Any;
    }
    if leads(&mut table.def.key.iter().copied()) {
        return IndexChoice::None;
    }
    let index = table.indexes.iter().find(|index| {
        let usable =
            index.is_readable() && !index.def.multi && (!index.def.unique || index.def.parts.len() == columns.len());
        usable && leads(&mut index.def.parts.iter().map(|part| part.column))
    });
    index.map_or(IndexChoice::Any, |index| IndexChoice::Only(index.def.name.clone()))
}

/// The condition that columns hold one of these encoded values.
pub(crate) fn holds_one_of(table: &'static Table, columns: &[u16], encoded: &[Bytes]) -> Result<Node> {
    let [column] = columns else {
        let mut tuples = Tuples::new();
        tuples.extend(encoded.iter().map(|tuple| tuple.to_vec()));
        return Ok(Node::InTuples(columns.iter().map(|column| Node::Column(*column)).collect(), Arc::new(tuples)));
    };
    let mut values = Vec::with_capacity(encoded.len());
    for encoded in encoded {
        values.extend(split(encoded).map_err(|source| row::unreadable(table, encoded, source))?);
    }
    Ok(Node::In(Box::new(Node::Column(*column)), ValueList::new(values)))
}

/// The values of encoded columns.
pub(crate) fn split(mut encoded: &[u8]) -> Result<Vec<Value>, ValueError> {
    let mut values = Vec::new();
    while !encoded.is_empty() {
        let (value, used) = key::decode(encoded, false)?;
        values.push(value);
        encoded = encoded.get(used..).unwrap_or_default();
    }
    Ok(values)
}
