//! The rows that buffered writes reference, which have to exist when the session commits.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::Overlay;
use crate::catalog::{Catalog, StoredTable};
use crate::error::{Error, Kind, Result};
use crate::row;
use crate::row::reference::columns_of;
use crate::schema::ForeignKey;
use crate::store::Span;

/// The span of the one row under a key, to count it.
pub(crate) fn one_row(table: &StoredTable, key: &Bytes) -> Span {
    Span::between(table.rows(), Bound::Included(key.clone()), Bound::Included(key.clone()))
}

pub(crate) fn missing(table: &StoredTable, foreign_key: &ForeignKey, key: &[u8]) -> Error {
    let target = foreign_key.target().name;
    Kind::Reference { table: table.def.name, columns: names(table, foreign_key), key: row::show_key(key), target }
        .into()
}

pub(crate) fn names(table: &StoredTable, foreign_key: &ForeignKey) -> String {
    let names: Vec<&str> = foreign_key.columns.iter().map(|column| &*table.def.column(*column).name).collect();
    if names.len() == 1 { names.concat() } else { format!("({})", names.join(", ")) }
}

/// What the columns `after` reference and `before` did not: foreign key, table and key. What is buffered is left out, and
/// an error if it is going to be deleted.
pub(crate) fn new_references(
    catalog: &Catalog,
    overlay: &Overlay,
    table: &StoredTable,
    key: &[u8],
    before: Option<&Bytes>,
    after: Option<&Bytes>,
) -> Result<Vec<(&'static ForeignKey, Arc<StoredTable>, Bytes)>> {
    let mut new = Vec::new();
    let Some(after) = after else { return Ok(new) };
    for foreign_key in &table.def.foreign_keys {
        let of = |body: &Bytes| {
            columns_of(table.def, body, &foreign_key.columns)
                .map_err(|source| row::damaged(table.def, key, body, source))
        };
        let Some(parent) = of(after)? else { continue };
        let Some(parent_table) = catalog.find(foreign_key.target()) else { continue };
        match overlay.get(parent_table.id, &parent) {
            Some(pending) if pending.after.is_none() => return Err(missing(table, foreign_key, &parent)),
            Some(_) => {}
            None => {
                if before.map(of).transpose()?.flatten().as_ref() != Some(&parent) {
                    new.push((foreign_key, parent_table.clone(), parent));
                }
            }
        }
    }
    Ok(new)
}
