//! What a row references.
//!
//! A foreign key holds the key of the other row in columns of the same types in the same order, so the encoding of these
//! columns *is* the encoded key of the other row. Works on encoded rows and table descriptions alone, like [`row`].

use bytes::Bytes;

use crate::row;
use crate::schema::Table;
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

#[cfg(test)]
mod tests;
