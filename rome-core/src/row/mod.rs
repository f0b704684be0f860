//! Rows as they are stored: the number of their layout, then the columns.
//!
//! Works on encoded columns and table descriptions alone, so it is compiled once and not for each entity.

pub(crate) mod reference;
mod view;

pub use view::RowView;

use std::borrow::Cow;

use crate::catalog::{StoredTable, end_of};
use crate::error::{Error, Kind, Result};
use crate::schema::{KeySource, Role, Table};
use crate::value::{
    self, RowReader, RowWriter, Timestamp, Value, ValueError, ValueRef, read_column, skip_column, write_column,
};
use bytes::{Buf, Bytes};

/// The stored value of a row: its layout and its columns.
pub(crate) fn wrap(table: &StoredTable, body: &[u8]) -> Result<Bytes, ValueError> {
    if table.layouts.is_plain() {
        return Ok(join(table.layouts.same(), body));
    }
    let (layout, body) = table.layouts.write(table.def, body)?;
    Ok(join(layout, &body))
}

fn join(mut layout: u32, body: &[u8]) -> Bytes {
    // Just as much, as a rule: then it can be shared without a header of its own.
    let mut out = Vec::with_capacity(body.len() + if layout < 0x80 { 1 } else { 5 });
    while layout >= 0x80 {
        out.push(u8::try_from(layout & 0x7F).unwrap_or_default() | 0x80);
        layout >>= 7;
    }
    out.push(u8::try_from(layout).unwrap_or_default());
    out.extend_from_slice(body);
    out.into()
}

/// The columns of a stored value, in the order of the table's description; behind them those that are not known.
pub(crate) fn unwrap<'a>(table: &StoredTable, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, ValueError> {
    let (number, body) = split(stored)?;
    if number == table.layouts.same() {
        return Ok(Cow::Borrowed(body));
    }
    table.layouts.read(table.def, number, body).map(Cow::Owned)
}

/// The same, in the same buffer if the columns are in that order already.
pub(crate) fn unwrap_shared(table: &StoredTable, mut stored: Bytes) -> Result<Bytes, ValueError> {
    let (number, body) = split(&stored)?;
    if number == table.layouts.same() {
        // Moving the start costs nothing; a slice would count another reference.
        let header = stored.len() - body.len();
        stored.advance(header);
        return Ok(stored);
    }
    Ok(unwrap(table, &stored)?.into_owned().into())
}

/// Whether a stored value is in a layout that another program has added since this one has read the catalog.
pub(crate) fn is_unknown(table: &StoredTable, stored: &[u8]) -> bool {
    match stored.first() {
        Some(first) if *first < 0x80 && u32::from(*first) == table.layouts.same() => false,
        _ => split(stored).is_ok_and(|(number, _)| !table.layouts.knows(number)),
    }
}

/// The whole of a body that a program gave: behind the columns that its entity declares come those of the stored row `old`, or,
/// in a new row, what a row has that was written without them.
pub(crate) fn complete(table: &StoredTable, mut body: Vec<u8>, old: Option<&[u8]>) -> Result<Vec<u8>, ValueError> {
    let layouts = &table.layouts;
    if std::ptr::eq(table.def, table.entity) && !layouts.has_learned() {
        return Ok(body);
    }
    let rest = |body: &[u8]| Ok(body.len() - end_of(table.entity, body)?);
    if rest(&body)? > 0 {
        return Ok(body);
    }
    match old {
        Some(old) => body.extend_from_slice(old.get(old.len() - rest(old)?..).unwrap_or_default()),
        None => body.extend_from_slice(&layouts.added),
    }
    Ok(body)
}

fn split(stored: &[u8]) -> Result<(u32, &[u8]), ValueError> {
    let mut number = 0_u32;
    for (at, byte) in stored.iter().enumerate().take(5) {
        number |= u32::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((number, stored.get(at + 1..).unwrap_or_default()));
        }
    }
    Err(ValueError::malformed("no layout number", 0))
}

/// Says of which stored row, and which of its columns, an error is; if all of them can be read, a calculation with them
/// went wrong.
#[cold]
pub(crate) fn damaged(table: &'static Table, key: &[u8], body: &[u8], source: ValueError) -> Error {
    if matches!(source.kind(), value::ValueErrorKind::Newer { .. }) {
        return unreadable(table, key, source);
    }
    let mut row = RowReader::new(body);
    let unreadable = table.columns.iter().find(|column| read_column(&mut row, column.ty, column.nullable).is_err());
    if unreadable.is_none() && matches!(source.kind(), value::ValueErrorKind::OutOfRange { .. }) {
        return Kind::Overflow { table: table.name, column: None, source }.into();
    }
    stored_row(table, key, body, unreadable.map(|column| &*column.name), source)
}

/// Says which stored row its entity could not read, having come as far as `reached`.
#[cold]
pub(crate) fn not_read(table: &'static Table, key: &[u8], body: &[u8], reached: usize, source: ValueError) -> Error {
    let column = column_at(table, body, reached, &source);
    stored_row(table, key, body, column, source)
}

fn stored_row(table: &'static Table, key: &[u8], body: &[u8], column: Option<&str>, source: ValueError) -> Error {
    // A caller that has only the columns does not say the key.
    let own_key = if key.is_empty() { key_of(table, body).ok() } else { None };
    let key = show_key(own_key.as_deref().unwrap_or(key));
    Kind::StoredRow { table: table.name, key, column: column.map(str::to_owned), source }.into()
}

/// The column that an entity could not read, which came as far as `reached`: past a column whose bytes are right and that holds
/// no value of the field, and to the beginning of one whose bytes are wrong.
#[cold]
pub(crate) fn column_at(
    table: &'static Table,
    body: &[u8],
    reached: usize,
    source: &ValueError,
) -> Option<&'static str> {
    let is_malformed = matches!(source.kind(), value::ValueErrorKind::Malformed { .. });
    let mut row = RowReader::new(body);
    let column = table.columns.iter().find(|column| {
        skip_column(&mut row, column.ty, column.nullable).is_err()
            || if is_malformed { row.position() > reached } else { row.position() >= reached }
    });
    column.map(|column| &*column.name)
}

/// Says in which column a value cannot be stored, of a row that holds the columns `before` it.
#[cold]
pub(crate) fn not_written(table: &'static Table, before: &[u8], source: ValueError) -> Error {
    let mut row = RowReader::new(before);
    let column = table
        .columns
        .iter()
        .find(|column| row.remaining() == 0 || skip_column(&mut row, column.ty, column.nullable).is_err());
    let column = column.map_or_else(String::new, |column| column.name.to_string());
    Kind::Value { table: table.name, column, source }.into()
}

/// Says of which stored row an error is, where even its layout is not to be read.
#[cold]
pub(crate) fn unreadable(table: &'static Table, key: &[u8], source: ValueError) -> Error {
    if let value::ValueErrorKind::Newer { what } = source.kind() {
        return Kind::Schema(format!(
            "the row {} of table `{}` was written by a newer build of the program, and this one cannot read it ({what}); nothing \
             is damaged: start the newer build",
            show_key(key),
            table.name
        ))
        .into();
    }
    Kind::StoredRow { table: table.name, key: show_key(key), column: None, source }.into()
}

/// An encoded key as a person would write it.
pub(crate) fn show_key(mut key: &[u8]) -> String {
    let mut shown = Vec::new();
    while !key.is_empty() {
        match value::key::decode(key, false) {
            Ok((part, used)) if used > 0 => {
                shown.push(part.to_string());
                key = key.get(used..).unwrap_or_default();
            }
            _ => {
                shown.push(format!("{key:02x?}"));
                break;
            }
        }
    }
    if shown.len() == 1 { shown.swap_remove(0) } else { format!("({})", shown.join(", ")) }
}

/// Whether a body has all columns of its table and nothing more, each with a value of its type.
pub(crate) fn is_whole(table: &'static Table, body: &[u8]) -> bool {
    let mut row = RowReader::new(body);
    let holds = |column: &crate::schema::ColumnDef| match read_column(&mut row, column.ty, column.nullable) {
        Ok(ValueRef::Null) => true,
        Ok(value) => column.ty.check_ref(value).is_ok(),
        Err(_) => false,
    };
    table.columns.iter().all(holds) && row.remaining() == 0
}

/// Reads single columns of a body, none of them after `last`.
pub(crate) fn with_view<T>(
    table: &'static Table,
    body: &[u8],
    last: u16,
    read: impl FnOnce(&RowView<'_>) -> Result<T, ValueError>,
) -> Result<T, ValueError> {
    let mut offsets = Vec::with_capacity(usize::from(last) + 1);
    RowView::locate(table, body, last, &mut offsets)?;
    read(&RowView::new(table, body, &offsets))
}

/// A body of some columns alone, and where each of them begins.
pub(crate) fn of_columns(table: &Table, values: &[(u16, Value)]) -> Result<(Vec<u8>, Vec<u32>), ValueError> {
    let mut body = RowWriter::new();
    let end = values.iter().map(|(column, _)| usize::from(*column) + 1).max().unwrap_or(0);
    let mut offsets = vec![u32::MAX; end];
    for (column, value) in values {
        let def = table.column(*column);
        if let Some(offset) = offsets.get_mut(usize::from(*column)) {
            *offset = u32::try_from(body.len()).unwrap_or(u32::MAX);
        }
        write_column(&mut body, def.ty, def.nullable, value.as_ref())?;
    }
    Ok((body.finish(), offsets))
}

/// Reads one column of a body.
fn column_of(table: &'static Table, body: &[u8], column: u16) -> Result<Value, ValueError> {
    with_view(table, body, column, |row| row.value(column).map(ValueRef::to_value))
}

/// The encoded key of a body.
pub(crate) fn key_of(table: &'static Table, body: &[u8]) -> Result<Bytes, ValueError> {
    let last = table.key.iter().copied().max().unwrap_or(0);
    with_view(table, body, last, |row| {
        let mut key = Vec::with_capacity(24);
        for column in &table.key {
            value::key::encode(row.value(*column)?, false, &mut key);
        }
        Ok(key.into())
    })
}

/// The same body with some columns replaced; `key` says in an error which row it is.
pub(crate) fn replace(table: &'static Table, key: &[u8], body: &[u8], changes: &[(u16, Value)]) -> Result<Vec<u8>> {
    let mut out = RowWriter::with_capacity(body.len() + 16 * changes.len());
    let mut row = RowReader::new(body);
    for (at, column) in table.columns.iter().enumerate() {
        let start = row.position();
        skip_column(&mut row, column.ty, column.nullable).map_err(|source| damaged(table, key, body, source))?;
        match changes.iter().rev().find(|(changed, _)| usize::from(*changed) == at) {
            Some((_, value)) => write_column(&mut out, column.ty, column.nullable, value.as_ref())
                .map_err(|source| not_storable(table, &column.name, source))?,
            None => out.encoded(body.get(start..row.position()).unwrap_or_default()),
        }
    }
    // Columns that this description does not have stay.
    out.encoded(body.get(row.position()..).unwrap_or_default());
    Ok(out.finish())
}

fn not_storable(table: &Table, column: &str, source: ValueError) -> Error {
    let column = column.to_owned();
    match source.kind() {
        value::ValueErrorKind::OutOfRange { .. } => {
            Kind::Overflow { table: table.name, column: Some(column), source }.into()
        }
        _ => Kind::Value { table: table.name, column, source }.into(),
    }
}

/// Whether the row asks for a generated key.
pub(crate) fn wants_key(table: &'static Table, body: &[u8]) -> Result<bool, ValueError> {
    if table.key_source == KeySource::Given {
        return Ok(false);
    }
    let Some(column) = table.key.first() else { return Ok(false) };
    Ok(match column_of(table, body, *column)? {
        Value::Int(number) => number == 0,
        Value::Uuid(uuid) => uuid.is_nil(),
        _ => false,
    })
}

/// Fills what ROME sets on insert: the generated key and the columns with a role.
pub(crate) fn stamp_insert(
    table: &'static Table,
    body: Vec<u8>,
    key: Option<Value>,
    now: Timestamp,
) -> Result<Vec<u8>> {
    let mut changes = Vec::new();
    if let (Some(key), Some(column)) = (key, table.key.first()) {
        changes.push((*column, key));
    }
    for (at, column) in (0_u16..).zip(&table.columns) {
        match column.role {
            Role::Plain | Role::DeletedAt => {}
            Role::CreatedAt => {
                let given = column_of(table, &body, at).map_err(|source| Kind::Value {
                    table: table.name,
                    column: column.name.to_string(),
                    source,
                })?;
                let unset = given.is_null() || matches!(given, Value::Timestamp(time) if time == Timestamp::EPOCH);
                if unset {
                    changes.push((at, Value::Timestamp(now)));
                }
            }
            Role::UpdatedAt => changes.push((at, Value::Timestamp(now))),
            Role::Version => changes.push((at, Value::Int(1))),
        }
    }
    if changes.is_empty() { Ok(body) } else { replace(table, &[], &body, &changes) }
}

/// Fills what ROME sets on update; `old` is the stored body. Fails with a stale error if `check_version` and the version
/// column is not the stored one.
pub(crate) fn stamp_update(
    table: &'static Table,
    body: Vec<u8>,
    old: &[u8],
    key: &[u8],
    now: Timestamp,
    check_version: bool,
) -> Result<Vec<u8>> {
    let mut changes = Vec::new();
    for (at, column) in (0_u16..).zip(&table.columns) {
        let stored = || column_of(table, old, at).map_err(|source| damaged(table, key, old, source));
        match column.role {
            Role::Plain | Role::DeletedAt => {}
            Role::CreatedAt => changes.push((at, stored()?)),
            Role::UpdatedAt => changes.push((at, Value::Timestamp(now))),
            Role::Version => {
                let stored = stored()?;
                let given = column_of(table, &body, at).map_err(|source| damaged(table, key, &body, source))?;
                if check_version && value::compare(stored.as_ref(), given.as_ref()) != Some(std::cmp::Ordering::Equal) {
                    return Err(Kind::Stale {
                        table: table.name,
                        key: show_key(key),
                        given: given.to_string(),
                        stored: stored.to_string(),
                    }
                    .into());
                }
                let Value::Int(number) = stored else { continue };
                changes.push((at, Value::Int(number.saturating_add(1))));
            }
        }
    }
    if changes.is_empty() { Ok(body) } else { replace(table, key, &body, &changes) }
}

/// Whether the row is softly deleted.
pub(crate) fn is_deleted(table: &'static Table, body: &[u8]) -> Result<bool, ValueError> {
    match table.deleted_at {
        None => Ok(false),
        Some(column) => with_view(table, body, column, |row| Ok(!row.value(column)?.is_null())),
    }
}
