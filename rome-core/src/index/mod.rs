//! Index entries and claims of a row.
//!
//! Both are computed from the encoded row by the table's description, for old and new rows alike, so that an update
//! removes exactly what the old row had put in.

pub(crate) mod aggregate;
mod build_mark;

pub(crate) use build_mark::{BuildMark, mark_of};

use bytes::Bytes;

use crate::catalog::{StoredIndex, StoredTable};
use crate::error::{Error, Kind, Result};
use crate::row::{self, RowView};
use crate::store::{Space, push_row_key};
use crate::value::{self, ValueError, ValueRef};

/// The longest key and the longest index entry, in bytes.
pub(crate) const MAX_ENTRY: usize = value::key::MAX_ENTRY;

/// What a row has in the indexes of its table.
#[derive(Debug, Default, Clone)]
pub(crate) struct Entries {
    /// Entries, by space.
    pub entries: Vec<(Space, Bytes)>,
    /// Claims: the place of the index in the table, and the encoded columns.
    pub claims: Vec<(usize, Bytes)>,
    /// What it adds to the aggregate indexes.
    pub shares: Vec<aggregate::Share>,
}

/// The index entries and claims of a body that lies under `key`.
///
/// # Errors
/// When one of them is too long.
pub(crate) fn entries_of(table: &StoredTable, key: &[u8], body: &[u8]) -> Result<Entries> {
    check_length(table, "the key", None, key.len())?;
    let all = all_entries_of(table, key, body)?;
    for (space, entry) in all.entries.iter().filter(|(_, entry)| entry.len() > MAX_ENTRY) {
        let index = table.indexes.iter().find(|index| index.space() == *space);
        check_length(table, "an entry (the columns and the key)", index, entry.len())?;
    }
    for (at, claim) in &all.claims {
        check_length(table, "a unique value", table.indexes.get(*at), claim.len())?;
    }
    aggregate::check_lengths(table, &all.shares)?;
    Ok(all)
}

/// The same of a body that is stored: what is too long cannot be there, since neither a write nor the build of an index gets past it.
pub(crate) fn entries_as_stored(table: &StoredTable, key: &[u8], body: &[u8]) -> Result<Entries> {
    let mut all = all_entries_of(table, key, body)?;
    all.entries.retain(|(_, entry)| entry.len() <= MAX_ENTRY);
    all.claims.retain(|(_, claim)| claim.len() <= MAX_ENTRY);
    all.shares.retain(|share| share.group.len() < MAX_ENTRY);
    Ok(all)
}

fn all_entries_of(table: &StoredTable, key: &[u8], body: &[u8]) -> Result<Entries> {
    let mut all = Entries::default();
    if table.indexes.is_empty() && table.aggregates.is_empty() {
        return Ok(all);
    }
    let parts = table.indexes.iter().flat_map(|index| &index.def.parts);
    let last = parts.map(|part| part.column).chain(aggregate::last_column(table)).max().unwrap_or(0);
    // Encoded in one place and copied from there: then each takes as much memory as it needs, and takes it once.
    let mut room = Vec::with_capacity(128);
    all.entries.reserve_exact(table.indexes.iter().filter(|index| !index.def.unique).count());
    row::with_view(table.def, body, last, |row| {
        for (at, index) in table.indexes.iter().enumerate() {
            room.clear();
            if index.def.unique {
                all.claims.extend(claim(index, row, &mut room)?.map(|claim| (at, claim)));
            } else {
                add_entries(index, row, key, &mut room, &mut all.entries)?;
            }
        }
        all.shares = aggregate::shares(table, row)?;
        Ok(())
    })
    .map_err(|source| row::damaged(table.def, key, body, source))?;
    Ok(all)
}

/// The encoded columns of a unique index; none if one of them is NULL.
fn claim(index: &StoredIndex, row: &RowView<'_>, room: &mut Vec<u8>) -> Result<Option<Bytes>, ValueError> {
    for part in &index.def.parts {
        let value = row.value(part.column)?;
        if value.is_null() {
            return Ok(None);
        }
        value::key::encode(value, part.descending, room);
    }
    Ok(Some(Bytes::copy_from_slice(room)))
}

fn add_entries(
    index: &StoredIndex,
    row: &RowView<'_>,
    key: &[u8],
    room: &mut Vec<u8>,
    entries: &mut Vec<(Space, Bytes)>,
) -> Result<(), ValueError> {
    let space = index.space();
    if !index.def.multi {
        for part in &index.def.parts {
            value::key::encode(row.value(part.column)?, part.descending, room);
        }
        finish(index, room, key);
        entries.push((space, Bytes::copy_from_slice(room)));
        return Ok(());
    }
    let mut bodies = vec![Vec::new()];
    for part in &index.def.parts {
        let ValueRef::List(list) = row.value(part.column)? else {
            let value = row.value(part.column)?;
            bodies.iter_mut().for_each(|body| value::key::encode(value, part.descending, body));
            continue;
        };
        let mut next = Vec::new();
        for element in list.iter() {
            for body in &bodies {
                let mut body = body.clone();
                value::key::encode(element, part.descending, &mut body);
                next.push(body);
            }
        }
        next.sort_unstable();
        next.dedup();
        bodies = next;
    }
    for mut body in bodies {
        finish(index, &mut body, key);
        entries.push((space, body.into()));
    }
    Ok(())
}

/// Completes an entry. The key breaks ties in the direction of the last column, as in a query's order.
fn finish(index: &StoredIndex, entry: &mut Vec<u8>, key: &[u8]) {
    push_row_key(entry, key, index.def.ends_descending());
}

fn check_length(table: &StoredTable, what: &str, index: Option<&StoredIndex>, length: usize) -> Result<()> {
    check_length_of(table, what, index.map(|index| index.def.name.as_str()), length)
}

fn check_length_of(table: &StoredTable, what: &str, index: Option<&str>, length: usize) -> Result<()> {
    if length <= MAX_ENTRY {
        return Ok(());
    }
    Err(too_long(table, what, index, length))
}

#[cold]
fn too_long(table: &StoredTable, what: &str, index: Option<&str>, length: usize) -> Error {
    let of = index.map_or_else(String::new, |name| format!(" in index `{name}`"));
    Kind::Limit(format!(
        "{what}{of} of a row of table `{}` takes {length} bytes, at most {MAX_ENTRY} are allowed; shorten the value or \
         leave it out of keys and indexes",
        table.def.name
    ))
    .into()
}

/// The values in a claim or the named columns of an index, for an error message: names and values.
pub(crate) fn describe_claim(table: &StoredTable, index: &StoredIndex, claim: &[u8]) -> (String, String) {
    let names: Vec<&str> = index.def.parts.iter().map(|part| table.def.column(part.column).name.as_ref()).collect();
    let mut values = Vec::new();
    let mut rest = claim;
    for part in &index.def.parts {
        let Ok((value, used)) = value::key::decode(rest, part.descending) else { break };
        values.push(table.def.column(part.column).ty.named(value).to_string());
        rest = rest.get(used..).unwrap_or_default();
    }
    if names.len() == 1 {
        (names.concat(), values.concat())
    } else {
        (format!("({})", names.join(", ")), format!("({})", values.join(", ")))
    }
}
