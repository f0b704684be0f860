//! What a row references, and where the rows lie that reference a given one.
//!
//! A foreign key holds the key of the other row in columns of the same types in the same order, so the encoding of these
//! columns *is* the encoded key of the other row. Works on encoded rows and table descriptions alone, like [`row`].

use bytes::Bytes;

use crate::catalog::StoredTable;
use crate::row;
use crate::schema::{ForeignKey, Lookup, Table};
use crate::store::{Space, Span};
use crate::value::{self, ValueError};

/// These columns of a body in this order, encoded as in a key; none if one of them is NULL. Of the columns of a foreign key
/// it is the key of the row that the body references, and of the local columns of a relation what the remote ones hold.
pub(crate) fn columns_of(table: &'static Table, body: &[u8], columns: &[u16]) -> Result<Option<Bytes>, ValueError> {
    let last = columns.iter().copied().max().unwrap_or(0);
    row::with_view(table, body, last, |row| {
        let mut encoded = Vec::with_capacity(24);
        for column in columns {
            let value = row.value(*column)?;
            if value.is_null() {
                return Ok(None);
            }
            value::key::encode(value, false, &mut encoded);
        }
        Ok(Some(encoded.into()))
    })
}

/// Where the rows are that reference a given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Referrers {
    /// The rows under the keys in this span.
    Rows(Span),
    /// The rows that the entries in this span point at.
    Entries { index: usize, span: Span },
    /// The one row that this claim points at.
    Claim { index: usize, space: Space, key: Bytes },
}

/// Where the rows of `table` are that reference the row with this encoded key by this foreign key of theirs.
///
/// # Errors
/// A key that is not as long as the foreign key: it is no key of the table that is referenced.
pub(crate) fn referrers(table: &StoredTable, foreign_key: &ForeignKey, key: &[u8]) -> Result<Referrers, ValueError> {
    let parts = split(key, foreign_key.columns.len())?;
    // What begins with the columns of the foreign key may have them in another order than the key, and descending.
    let reordered = |columns: &mut dyn Iterator<Item = (u16, bool)>| {
        let mut prefix = Vec::with_capacity(key.len());
        for (column, descending) in columns.take(parts.len()) {
            let at = foreign_key.columns.iter().position(|own| *own == column);
            let part = at.and_then(|at| parts.get(at)).copied().unwrap_or_default();
            prefix.extend(part.iter().map(|byte| if descending { !byte } else { *byte }));
        }
        Bytes::from(prefix)
    };
    let index = match foreign_key.lookup {
        Lookup::ByKey => None,
        Lookup::ByIndex(at) => table.indexes.get(at).map(|index| (at, index)),
    };
    Ok(match index {
        None => {
            let prefix = reordered(&mut table.def.key.iter().map(|column| (*column, false)));
            Referrers::Rows(Span::prefix(table.rows(), prefix))
        }
        Some((at, index)) => {
            let prefix = reordered(&mut index.def.parts.iter().map(|part| (part.column, part.descending)));
            if index.def.unique {
                Referrers::Claim { index: at, space: index.space(), key: prefix }
            } else {
                Referrers::Entries { index: at, span: Span::prefix(index.space(), prefix) }
            }
        }
    })
}

/// The encoded columns of a key.
fn split(mut key: &[u8], count: usize) -> Result<Vec<&[u8]>, ValueError> {
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        let (part, rest) = key.split_at(value::key::skip(key, false)?);
        parts.push(part);
        key = rest;
    }
    if key.is_empty() { Ok(parts) } else { Err(ValueError::malformed("the key has more columns than reference it", 0)) }
}

#[cfg(test)]
mod tests;
