//! Which tables reference which: foreign keys seen from the tables that they lead to.

use std::sync::Arc;

use super::StoredTable;
use super::document::{Document, TableDoc};
use crate::error::{Error, Kind, Result};
use crate::schema::{ForeignKey, Table};

/// A foreign key of another table, or of the same one, seen from the table that it leads to.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// The table whose rows reference those of this one.
    pub table: Arc<StoredTable>,
    /// By which of its foreign keys.
    pub foreign_key: &'static ForeignKey,
}

/// For each table the foreign keys that lead to it, in the order of the tables that have them.
pub(super) fn incoming(tables: &[Arc<StoredTable>]) -> Vec<Vec<Incoming>> {
    let leading_to = |target: &StoredTable| {
        let all = tables.iter().flat_map(|table| table.def.foreign_keys.iter().map(move |key| (table, key)));
        all.filter(|(_, key)| target.is(key.target()))
            .map(|(table, foreign_key)| Incoming { table: table.clone(), foreign_key })
            .collect()
    };
    tables.iter().map(|table| leading_to(table)).collect()
}

/// For each table the names of the stored tables that reference it and are not among these: the program does not have their
/// entities, so it can neither find the rows that reference a deleted one nor change them.
pub(super) fn unknown(document: &Document, tables: &[Arc<StoredTable>]) -> Vec<Vec<String>> {
    let known = |name: &str| tables.iter().any(|table| table.def.name == name);
    let others = || document.tables.iter().filter(|doc| !known(&doc.name));
    let leading_to = |table: &Arc<StoredTable>| {
        let leads = |doc: &&TableDoc| leads_to(doc, table.def.name);
        others().filter(leads).map(|doc| doc.name.clone()).collect()
    };
    tables.iter().map(leading_to).collect()
}

fn leads_to(doc: &TableDoc, target: &str) -> bool {
    doc.foreign_keys.iter().any(|key| key.references == target)
}

/// Refuses foreign keys to entities that the database does not have: nobody could tell whether their rows are there.
pub(crate) fn check(tables: &[&'static Table]) -> Result<()> {
    let mut missing = Vec::new();
    for table in tables {
        for target in table.foreign_keys.iter().map(ForeignKey::target) {
            if !tables.iter().any(|known| std::ptr::eq(*known, target)) {
                missing.push((table.entity, target.entity));
            }
        }
    }
    missing.dedup();
    if missing.is_empty() { Ok(()) } else { Err(not_given(&missing)) }
}

#[cold]
fn not_given(missing: &[(&str, &str)]) -> Error {
    let line = |(entity, target): &(&str, &str)| {
        format!("`{entity}` references `{target}`: add `.entity::<{target}>()` to the builder of the database")
    };
    let lines: Vec<String> = missing.iter().map(line).collect();
    Kind::Schema(format!("entities are missing that others reference:\n  - {}", lines.join("\n  - "))).into()
}

/// Refuses to delete rows of a table that others reference whose entities the program does not have.
#[cold]
pub(super) fn not_known(table: &'static Table, by: &[String]) -> Error {
    let lines: Vec<String> = by
        .iter()
        .map(|name| format!("add the entity of `{name}` to the builder of the database, `.entity::<...>()`"))
        .collect();
    Kind::Schema(format!(
        "rows of table `{}` cannot be deleted by this program: rows of other stored tables may reference them, and it does not have \
         their entities:\n  - {}",
        table.name,
        lines.join("\n  - ")
    ))
    .into()
}
