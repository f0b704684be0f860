//! Rows that others lead to: all of a level in one query.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::{fetch, scans};
use super::group_by_key::ByValue;
use super::hit::{Hit, Want};
use crate::ask::{IndexChoice, Spec};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::expr::node::{Node, ValueList};
use crate::expr::tuples::Tuples;
use crate::plan::{self, Access};
use crate::row;
use crate::row::reference::columns_of;
use crate::schema::{RelationDef, Table};
use crate::session::{Reader, Session};
use crate::store::Scanned;
use crate::value::{Value, ValueError, key};

/// How many values are asked for at once where a query is planned for them.
const MOST_VALUES: usize = 10_000;

/// Rows that were found.
pub(crate) enum Found {
    Hits(Vec<Hit>),
    /// As the store gave them: the scan and the place in it of each.
    Scanned {
        table: Arc<StoredTable>,
        scans: Vec<Scanned>,
        rows: Vec<(usize, usize)>,
    },
}

/// The key of a row, and its columns.
type KeyAndBody<'a> = (&'a [u8], Cow<'a, [u8]>);

impl Found {
    pub const fn len(&self) -> usize {
        match self {
            Self::Hits(hits) => hits.len(),
            Self::Scanned { rows, .. } => rows.len(),
        }
    }

    /// The row at a place.
    pub fn get(&self, at: usize) -> Result<Option<KeyAndBody<'_>>> {
        Ok(match self {
            Self::Hits(hits) => hits.get(at).map(|hit| (&*hit.key, Cow::Borrowed(&*hit.body))),
            Self::Scanned { table, scans, rows } => {
                let record = rows.get(at).and_then(|(scan, at)| scans.get(*scan)?.get(*at));
                let Some(record) = record else { return Ok(None) };
                let body = row::unwrap(table, record.value)
                    .map_err(|source| row::unreadable(table.def, record.key, source))?;
                Some((record.key, body))
            }
        })
    }
}

/// Where the rows of each value are among all that were found.
pub(crate) type Places = HashMap<Bytes, Vec<Range<usize>>>;

/// The rows that a relation leads to, by the encoded local columns: for each of `keys` the places of its rows among all that
/// were found. Costs one round trip, two if there is a third table between.
pub(crate) async fn lead(
    target: Reader<'_>,
    def: &RelationDef,
    spec: &Spec,
    keys: Vec<Bytes>,
) -> Result<(Found, Places)> {
    let remote = target.shared().table((def.remote)())?;
    let Some(through) = &def.through else {
        // Here, so that both ways of finding the rows ask once what their conditions ask.
        let spec = &super::subquery::answered(target, spec).await?;
        if let Some(found) = clustered(target, remote, spec, &def.remote_columns, &keys).await? {
            return Ok(found);
        }
        let found = rows_with(target, remote, spec, &def.remote_columns, &keys).await?;
        let places = grouped(remote.def, &found, &def.remote_columns, keys.len())?;
        return Ok((Found::Hits(found), places));
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
    let mut places = Places::new();
    for (at, (value, hit)) in found.into_iter().enumerate() {
        for near in near_of.get(&value).into_iter().flatten() {
            places.entry(near.clone()).or_default().push(at..at + 1);
        }
        hits.push(hit);
    }
    Ok((Found::Hits(hits), places))
}

/// Rows that lie under those that lead to them, by the beginnings of their keys, as the store gave them; none if they have to be found
/// or treated otherwise. The conditions of `spec` have no subqueries any more.
async fn clustered(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    columns: &[u16],
    values: &[Bytes],
) -> Result<Option<(Found, Places)>> {
    // What lies elsewhere need not be planned for.
    if table.def.key == columns || !table.def.key.starts_with(columns) {
        return Ok(None);
    }
    let plan = plan::lookup(target, table, spec, columns, values);
    let Some(plan) = plan.filter(|plan| matches!(plan.access, Access::Rows { .. })) else { return Ok(None) };
    let Some(scans) = scans(target, table, spec, &plan).await? else { return Ok(None) };
    if scans.len() != values.len() {
        return Err(Error::internal("the store answered another number of scans than it was asked for"));
    }
    let mut places = Places::with_capacity(values.len());
    let mut rows = Vec::with_capacity(scans.iter().map(Scanned::len).sum());
    // A scan for each value, in their order.
    for (scan, (scanned, value)) in scans.iter().zip(values).enumerate() {
        let before = rows.len();
        rows.extend((0..scanned.len()).map(|at| (scan, at)));
        if rows.len() > before {
            places.entry(value.clone()).or_default().push(before..rows.len());
        }
    }
    Ok(Some((Found::Scanned { table: table.clone(), scans, rows }, places)))
}

/// Where the rows of each value are.
fn grouped(table: &'static Table, hits: &[Hit], columns: &[u16], values: usize) -> Result<Places> {
    let mut places: ByValue<Range<usize>> = ByValue::with_capacity(values);
    for (at, hit) in hits.iter().enumerate() {
        let damaged = |source| row::damaged(table, &hit.key, &hit.body, source);
        // Rows of one value mostly follow each other, and then nothing is made for each.
        if let Some(end) = end_in_key(table, hit, columns).map_err(damaged)?
            && let Some(run) = places.run_of(hit.key.get(..end).unwrap_or_default())
        {
            match run.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => run.push(at..at + 1),
            }
        } else if let Some(value) = value_of(table, hit, columns).map_err(damaged)? {
            places.push(value, at..at + 1);
        }
    }
    Ok(places.finish())
}

/// The rows that [`rows_with`] finds, each with its value.
async fn matching(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    columns: &[u16],
    values: &[Bytes],
) -> Result<Vec<(Bytes, Hit)>> {
    let hits = rows_with(target, table, spec, columns, values).await?;
    let mut found = Vec::with_capacity(hits.len());
    for hit in hits {
        let value = value_of(table.def, &hit, columns)
            .map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))?;
        found.extend(value.map(|value| (value, hit)));
    }
    Ok(found)
}

/// The rows of a query whose columns hold one of these encoded values, in the order of the query and else by their keys.
pub(crate) async fn rows_with(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    columns: &[u16],
    values: &[Bytes],
) -> Result<Vec<Hit>> {
    let spec = &super::subquery::answered(target, spec).await?;
    let mut all = Vec::new();
    let looked_up = plan::lookup(target, table, spec, columns, values);
    let at_once = if looked_up.is_some() { values.len().max(1) } else { MOST_VALUES };
    let has_written = |session: &Session| session.with_overlay(|overlay| overlay.has_written(table.id));
    let is_as_stored = !target.session().is_some_and(has_written);
    for values in values.chunks(at_once) {
        // Where a session has written, its rows are compared with the condition; elsewhere the plan finds them without it.
        let hits = if let Some(plan) = looked_up.as_ref().filter(|_| is_as_stored) {
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
    if let Reader::Session(session) = target {
        session.remember_hits(table.id, &all);
    }
    Ok(all)
}

/// The columns of a row, encoded as in a key: the beginning of its own key where they are its first columns.
fn value_of(table: &'static Table, hit: &Hit, columns: &[u16]) -> Result<Option<Bytes>, ValueError> {
    match end_in_key(table, hit, columns)? {
        Some(end) => Ok(Some(hit.key.slice(..end))),
        None => columns_of(table, &hit.body, columns),
    }
}

/// Where these columns end in a row's own key, if it begins with them.
pub(super) fn end_in_key(table: &'static Table, hit: &Hit, columns: &[u16]) -> Result<Option<usize>, ValueError> {
    if !table.key.starts_with(columns) {
        return Ok(None);
    }
    let mut end = 0;
    for _ in columns {
        end += key::skip(hit.key.get(end..).unwrap_or_default(), false)?;
    }
    Ok(Some(end))
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
        return Ok(Node::among(columns, tuples));
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
