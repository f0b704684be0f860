//! Descriptions of tables and indexes made from the stored catalog, where there is no entity.
//!
//! A description lives as long as the process, like a compiled one. Programs have few; each different one is kept once.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::document::{AggregateDoc, ColumnDoc, Document, ForeignKeyDoc, IndexDoc, LayoutDoc, TableDoc};
use crate::error::{Error, Kind, Result};
use crate::schema::{
    AggregateDef, ColumnDef, ForeignKey, IndexDef, IndexPart, KeySource, Lookup, OnDelete, Role, Table, TableRef,
};
use crate::value::{ColumnType, ValueError};

/// The description of a stored index of a table; none if it is of columns that the table does not have.
pub(super) fn index_of(doc: &IndexDoc, table: &Table) -> Option<&'static IndexDef> {
    static KEPT: Mutex<Vec<&'static IndexDef>> = Mutex::new(Vec::new());
    let part = |part: &super::document::PartDoc| {
        Some(IndexPart { column: table.position(&part.column)?, descending: part.descending })
    };
    let parts: Vec<IndexPart> = doc.parts.iter().map(part).collect::<Option<_>>()?;
    let multi = parts.iter().any(|part| matches!(table.column(part.column).ty, ColumnType::List(_)));
    let def = IndexDef { name: doc.name.clone(), parts, unique: doc.unique, multi, global: doc.global };
    Some(keep(&KEPT, def))
}

/// The description of a stored aggregate index of a table; none if it is of columns that the table does not have.
pub(super) fn aggregate_of(doc: &AggregateDoc, table: &Table) -> Option<&'static AggregateDef> {
    static KEPT: Mutex<Vec<&'static AggregateDef>> = Mutex::new(Vec::new());
    let position = |name: &String| table.position(name);
    let optional = |name: &Option<String>| match name {
        None => Some(None),
        Some(name) => table.position(name).map(Some),
    };
    let by = doc.by.iter().map(position).collect::<Option<_>>()?;
    let def = AggregateDef { name: doc.name.clone(), sum: optional(&doc.sum)?, by, unless: optional(&doc.unless)? };
    Some(keep(&KEPT, def))
}

/// The description of a stored column.
pub(super) fn column_of(doc: &ColumnDoc) -> Result<ColumnDef, ValueError> {
    let (name, ty) = (doc.name.clone().into(), ColumnType::from_name(&doc.ty)?);
    Ok(ColumnDef { name, ty, nullable: doc.nullable, role: Role::Plain, default: None })
}

/// What a stored foreign key does when the row that is referenced is deleted.
pub(super) fn on_delete_of(doc: &ForeignKeyDoc) -> OnDelete {
    match doc.on_delete.as_str() {
        "cascade" => OnDelete::Cascade,
        "set_null" => OnDelete::SetNull,
        _ => OnDelete::Restrict,
    }
}

/// The one of the kept descriptions that is equal; this one if there is none.
fn keep<T: PartialEq>(kept: &Mutex<Vec<&'static T>>, def: T) -> &'static T {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = kept.iter().find(|found| ***found == def) {
        return found;
    }
    let def: &'static T = Box::leak(Box::new(def));
    kept.push(def);
    def
}

/// Where tables that are described by the catalog find each other.
type Slot = OnceLock<&'static Table>;

/// The tables of a catalog, for programs that have no entities. What ROME does with columns (times, versions, soft
/// deletion, generated keys) is no part of a catalog: rows are what is stored.
pub(crate) fn tables_of(document: &Document) -> Result<Vec<&'static Table>> {
    static KEPT: Mutex<Vec<(String, Vec<&'static Table>)>> = Mutex::new(Vec::new());
    let text = serde_json::to_string(&document.tables)
        .map_err(|error| Error::internal(format!("the catalog cannot be written: {error}")))?;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, tables)) = kept.iter().find(|(known, _)| *known == text) {
        return Ok(tables.clone());
    }
    let slots: Vec<(&str, &'static Slot)> =
        document.tables.iter().map(|doc| (doc.name.as_str(), &*Box::leak(Box::new(Slot::new())))).collect();
    let mut tables = Vec::with_capacity(slots.len());
    for (doc, (_, slot)) in document.tables.iter().zip(&slots) {
        let table: &'static Table = Box::leak(Box::new(table(doc, &slots)?));
        tables.push(*slot.get_or_init(|| table));
    }
    kept.push((text, tables.clone()));
    Ok(tables)
}

fn table(doc: &TableDoc, slots: &[(&str, &'static Slot)]) -> Result<Table> {
    let damaged = |what: String| Error::from(Kind::Schema(format!("the stored catalog is damaged: {what}")));
    let name: &'static str = Box::leak(doc.name.clone().into_boxed_str());
    let mut builder = Table::build(name, name);
    let LayoutDoc { columns, .. } =
        doc.layouts.last().ok_or_else(|| damaged(format!("table `{name}` has no layout")))?;
    for column in columns {
        builder = builder.column(column_of(column).map_err(|error| damaged(error.to_string()))?);
    }
    let positions = |names: &[String]| {
        let position = |name: &String| columns.iter().position(|column| column.name == *name);
        let positions = names.iter().map(|name| position(name).and_then(|at| u16::try_from(at).ok()));
        let positions: Option<Vec<u16>> = positions.collect();
        positions.ok_or_else(|| damaged(format!("table `{}` has no columns ({})", doc.name, names.join(", "))))
    };
    builder = builder.key(&positions(&doc.key)?, KeySource::Given);
    if !doc.partition_by.is_empty() {
        builder = builder.partition_by(&positions(&doc.partition_by)?);
    }
    for index in &doc.indexes {
        let names: Vec<String> = index.parts.iter().map(|part| part.column.clone()).collect();
        let parts: Vec<IndexPart> = positions(&names)?
            .into_iter()
            .zip(&index.parts)
            .map(|(column, part)| IndexPart { column, descending: part.descending })
            .collect();
        builder = builder.declared_index(Some(&index.name), &parts, index.unique, index.global);
    }
    for aggregate in &doc.aggregates {
        let optional = |name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => positions(std::slice::from_ref(name)).map(|at| at.first().copied()),
        };
        let AggregateDoc { name, sum, by, unless, .. } = aggregate;
        let (sum, by, unless) = (optional(sum)?, positions(by)?, optional(unless)?);
        builder = builder.aggregate(AggregateDef { name: name.clone(), sum, by, unless });
    }
    for key in &doc.foreign_keys {
        let Some((_, slot)) = slots.iter().find(|(table, _)| *table == key.references) else { continue };
        let on_delete = on_delete_of(key);
        let (columns, references) = (positions(&key.columns)?, TableRef::Stored(slot));
        builder = builder.foreign_key(ForeignKey { columns, references, on_delete, lookup: Lookup::ByKey });
    }
    Ok(builder.finish())
}
