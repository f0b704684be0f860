//! Descriptions of tables of which more is stored than the entity declares.
//!
//! What is stored and not declared stays in force: columns are kept by updates and are their default or NULL in new rows, foreign
//! keys are enforced. So the table is described as its entity declares it, followed by what is only stored.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::document::{ForeignKeyDoc, TableDoc};
use super::stored::{column_of, index_of, on_delete_of};
use crate::error::{Error, Kind, Result};
use crate::schema::{ColumnDef, ForeignKey, IndexDef, Lookup, Table, TableRef};

/// A description that lives as long as the process; one that is needed again is the same.
struct Described {
    entity: &'static Table,
    doc: String,
    targets: Vec<&'static Table>,
    table: &'static Table,
}

/// The foreign keys of a stored table that its entity does not declare.
pub(super) fn undeclared<'d>(entity: &'static Table, doc: &'d TableDoc) -> impl Iterator<Item = &'d ForeignKeyDoc> {
    doc.foreign_keys.iter().filter(|stored| {
        !entity.foreign_keys.iter().any(|key| {
            let columns = key.columns.iter().map(|column| entity.column(*column).name.as_ref());
            columns.eq(stored.columns.iter().map(String::as_str)) && key.target().name == stored.references
        })
    })
}

/// The description of a stored table for a program with this entity; `target` finds the tables that foreign keys lead to.
pub(super) fn described(
    entity: &'static Table,
    doc: &TableDoc,
    target: impl Fn(&str) -> Result<&'static Table>,
) -> Result<&'static Table> {
    static KEPT: Mutex<Vec<Described>> = Mutex::new(Vec::new());
    let stored = doc.layouts.last().map_or(&[][..], |layout| layout.columns.as_slice());
    let columns: Vec<ColumnDef> = stored
        .iter()
        .filter(|column| entity.position(&column.name).is_none())
        .map(|column| column_of(column).map_err(|error| damaged(doc, &error.to_string())))
        .collect::<Result<_>>()?;
    let keys: Vec<&ForeignKeyDoc> = undeclared(entity, doc).collect();
    if columns.is_empty() && keys.is_empty() {
        return Ok(entity);
    }
    let targets = keys.iter().map(|key| target(&key.references)).collect::<Result<Vec<_>>>()?;
    let text = serde_json::to_string(doc)
        .map_err(|error| Error::internal(format!("the catalog cannot be written: {error}")))?;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |a: &[&'static Table], b: &[&'static Table]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::ptr::eq(*a, *b))
    };
    let known = kept
        .iter()
        .find(|known| std::ptr::eq(known.entity, entity) && known.doc == text && is_same(&known.targets, &targets));
    if let Some(known) = known {
        return Ok(known.table);
    }
    let mut table = entity.clone();
    table.columns.extend(columns);
    let indexes: Vec<IndexDef> = entity.indexes.iter().cloned().chain(only_stored(entity, doc, &table)).collect();
    for (key, target) in keys.iter().zip(&targets) {
        let positions = key.columns.iter().map(|column| table.position(column)).collect::<Option<Vec<_>>>();
        let columns = positions.ok_or_else(|| damaged(doc, "it has no columns for one of its foreign keys"))?;
        let slot: &'static OnceLock<&'static Table> = Box::leak(Box::new(OnceLock::from(*target)));
        let (references, on_delete) = (TableRef::Stored(slot), on_delete_of(key));
        let mut key = ForeignKey { columns, references, on_delete, lookup: Lookup::ByKey };
        // Without an index, which somebody may have dropped, the rows are looked through.
        key.lookup = key.served_by(&table.key, &indexes).unwrap_or(Lookup::ByIndex(usize::MAX));
        table.foreign_keys.push(key);
    }
    let table: &'static Table = Box::leak(Box::new(table));
    kept.push(Described { entity, doc: text, targets, table });
    Ok(table)
}

/// The descriptions of the indexes that the entity does not declare, in their order.
pub(super) fn only_stored<'d>(
    entity: &'static Table,
    doc: &'d TableDoc,
    table: &'d Table,
) -> impl Iterator<Item = IndexDef> + 'd {
    let stored = doc.indexes.iter().filter(|stored| !entity.indexes.iter().any(|def| def.name == stored.name));
    stored.filter_map(|stored| index_of(stored, table).cloned())
}

#[cold]
fn damaged(doc: &TableDoc, what: &str) -> Error {
    Kind::Schema(format!("the stored catalog's table `{}` cannot be read: {what}", doc.name)).into()
}
