//! Compares the compiled entities with the stored catalog.

use super::document::{ColumnDoc, Document, ForeignKeyDoc, IndexDoc, LayoutDoc, PartDoc, TableDoc};
use crate::schema::{ColumnDef, ForeignKey, IndexDef, Table};
use crate::store::TableId;
use crate::value::{ColumnType, ElementType};

/// What has to become of the stored catalog.
pub(super) struct Comparison {
    /// The catalog with everything added; equal to the stored one if nothing is new.
    pub document: Document,
    /// Tables that must be empty for the change to be right, because they get a new index or foreign key.
    pub must_be_empty: Vec<(TableId, String)>,
    /// Whether handles that do not know the change may not write any more.
    pub closes_to_older: bool,
    /// What cannot be reconciled, one line each.
    pub refused: Vec<String>,
}

pub(super) fn compare(stored: &Document, tables: &[&'static Table]) -> Comparison {
    let mut comparison =
        Comparison { document: stored.clone(), must_be_empty: Vec::new(), closes_to_older: false, refused: Vec::new() };
    for table in tables {
        match comparison.document.tables.iter().position(|doc| doc.name == table.name) {
            None => {
                add_table(&mut comparison.document, table);
                // A handle that does not know the new table would delete rows that are referenced from there.
                let references = |doc: &TableDoc| table.foreign_keys.iter().any(|key| key.target().name == doc.name);
                comparison.closes_to_older |= stored.tables.iter().any(references);
            }
            Some(at) => compare_table(&mut comparison, at, table),
        }
    }
    // Nor would it maintain a new index, or look whether what a new foreign key references is there.
    comparison.closes_to_older |= !comparison.must_be_empty.is_empty();
    if comparison.document != *stored {
        comparison.document.version += 1;
    }
    comparison
}

fn add_table(document: &mut Document, table: &'static Table) {
    let id = document.next_table;
    document.next_table += 1;
    let indexes = table.indexes.iter().map(|index| add_index(&mut document.next_index, table, index)).collect();
    document.tables.push(TableDoc {
        name: table.name.to_owned(),
        id,
        key: names(table, &table.key),
        partition_by: partition(table),
        layouts: vec![LayoutDoc { number: 1, columns: table.columns.iter().map(describe).collect() }],
        indexes,
        foreign_keys: table.foreign_keys.iter().map(|key| describe_reference(table, key)).collect(),
    });
}

fn names(table: &'static Table, columns: &[u16]) -> Vec<String> {
    columns.iter().map(|at| table.column(*at).name.to_string()).collect()
}

fn partition(table: &'static Table) -> Vec<String> {
    if table.partition_by == table.key { Vec::new() } else { names(table, &table.partition_by) }
}

fn describe_reference(table: &'static Table, key: &ForeignKey) -> ForeignKeyDoc {
    ForeignKeyDoc {
        columns: names(table, &key.columns),
        references: key.target().name.to_owned(),
        on_delete: key.on_delete.word().to_owned(),
    }
}

fn add_index(next: &mut u32, table: &'static Table, index: &IndexDef) -> IndexDoc {
    let id = *next;
    *next += 1;
    IndexDoc { name: index.name.clone(), id, unique: index.unique, global: index.global, parts: parts(table, index) }
}

fn parts(table: &'static Table, index: &IndexDef) -> Vec<PartDoc> {
    index
        .parts
        .iter()
        .map(|part| PartDoc { column: table.column(part.column).name.to_string(), descending: part.descending })
        .collect()
}

fn describe(column: &ColumnDef) -> ColumnDoc {
    ColumnDoc { name: column.name.to_string(), ty: type_name(column.ty), nullable: column.nullable }
}

/// Labels may be added to an enum at any time, so they are no part of the layout.
fn type_name(ty: ColumnType) -> String {
    match ty {
        ColumnType::Enum(_) => ColumnType::Text.name(),
        ColumnType::List(element) if matches!(element.ty, ColumnType::Enum(_)) => {
            const TEXT: ElementType = ElementType { ty: ColumnType::Text, nullable: false };
            const NULLABLE: ElementType = ElementType { ty: ColumnType::Text, nullable: true };
            ColumnType::List(if element.nullable { &NULLABLE } else { &TEXT }).name()
        }
        ty => ty.name(),
    }
}

fn compare_table(comparison: &mut Comparison, at: usize, table: &'static Table) {
    let Comparison { document, must_be_empty, refused, .. } = comparison;
    let Some(doc) = document.tables.get_mut(at) else { return };
    let key = names(table, &table.key);
    if key != doc.key {
        refused.push(format!(
            "the key of `{}` is ({}), stored is ({})",
            table.name,
            key.join(", "),
            doc.key.join(", ")
        ));
    }
    if partition(table) != doc.partition_by {
        let of = |columns: &[String]| if columns.is_empty() { doc.key.join(", ") } else { columns.join(", ") };
        refused.push(format!(
            "the rows of `{}` lie where ({}) says, and `partition_by` is now ({}): they would not be found; make a new \
             table and copy them",
            table.name,
            of(&doc.partition_by),
            of(&partition(table))
        ));
    }
    compare_columns(doc, table, refused);
    for index in &table.indexes {
        match doc.indexes.iter().find(|stored| stored.name == index.name) {
            Some(stored) if stored.unique == index.unique && stored.parts == parts(table, index) => {
                if stored.global != index.global {
                    refused.push(format!(
                        "index `{}` of `{}` is {} as `global`, and the stored one {}; give it another name",
                        index.name,
                        table.name,
                        if index.global { "declared" } else { "not declared" },
                        if stored.global { "is global" } else { "is not" },
                    ));
                }
            }
            Some(_) => refused.push(format!(
                "index `{}` of `{}` has other columns than the stored one; give it another name",
                index.name, table.name
            )),
            None => {
                let added = add_index(&mut document.next_index, table, index);
                doc.indexes.push(added);
                must_be_empty.push((TableId(doc.id), format!("index `{}` of `{}`", index.name, table.name)));
            }
        }
    }
    for stored in &doc.indexes {
        if !table.indexes.iter().any(|index| index.name == stored.name) {
            refused.push(format!(
                "index `{}` of `{}` is stored and no longer declared; without it new rows would be missing there: declare \
                 `{}`",
                stored.name,
                table.name,
                declaration(stored)
            ));
        }
    }
    compare_references(doc, table, must_be_empty);
}

/// How a stored index would be declared; also one that was made for a foreign key, which has the name of a declared one.
fn declaration(index: &IndexDoc) -> String {
    let part = |part: &PartDoc| if part.descending { format!("desc({})", part.column) } else { part.column.clone() };
    let parts: Vec<String> = index.parts.iter().map(part).collect();
    let kind = if index.unique { "unique(" } else { "index(" };
    format!("{kind}{}{})", if index.global { "global, " } else { "" }, parts.join(", "))
}

/// A foreign key that is new needs an empty table, since what is stored may reference nothing. One that is gone, or acts in
/// another way, leaves stored rows as right as they are.
fn compare_references(doc: &mut TableDoc, table: &'static Table, must_be_empty: &mut Vec<(TableId, String)>) {
    let declared: Vec<ForeignKeyDoc> = table.foreign_keys.iter().map(|key| describe_reference(table, key)).collect();
    for key in &declared {
        let same = |stored: &&ForeignKeyDoc| stored.columns == key.columns && stored.references == key.references;
        if doc.foreign_keys.iter().find(same).is_none() {
            let what =
                format!("the foreign key ({}) of `{}` to `{}`", key.columns.join(", "), doc.name, key.references);
            must_be_empty.push((TableId(doc.id), what));
        }
    }
    doc.foreign_keys = declared;
}

fn compare_columns(doc: &mut TableDoc, table: &'static Table, refused: &mut Vec<String>) {
    let columns: Vec<ColumnDoc> = table.columns.iter().map(describe).collect();
    let Some(current) = doc.layouts.last() else { return };
    if current.columns == columns {
        return;
    }
    for (column, new) in table.columns.iter().zip(&columns) {
        match current.columns.iter().find(|stored| stored.name == new.name) {
            None if column.nullable || column.default.is_some() => {}
            None => refused.push(format!(
                "column `{}` of `{}` is new, and rows that are stored have no value for it: make it optional or give it \
                 `default = ...`",
                new.name, table.name
            )),
            Some(stored) if stored.ty != new.ty && !widens(&stored.ty, column.ty) => refused.push(format!(
                "column `{}` of `{}` is {}, stored is {}: add a new column and copy the values",
                new.name, table.name, new.ty, stored.ty
            )),
            Some(stored) if stored.nullable && !new.nullable => refused.push(format!(
                "column `{}` of `{}` is not optional, and stored rows may hold NULL in it",
                new.name, table.name
            )),
            Some(_) => {}
        }
    }
    for stored in &current.columns {
        if table.position(&stored.name).is_none() {
            refused.push(format!(
                "column `{}` of `{}` is stored and no longer declared: declare it, or name the renamed field with \
                 `column = \"{}\"`",
                stored.name, table.name, stored.name
            ));
        }
    }
    let number = current.number + 1;
    doc.layouts.push(LayoutDoc { number, columns });
}

/// Whether every stored value of the old type is one of the new type, in the same form.
fn widens(stored: &str, new: ColumnType) -> bool {
    match (ColumnType::from_name(stored), new) {
        (Ok(ColumnType::Int { bits: old, signed: was }), ColumnType::Int { bits, signed }) => {
            was == signed && old <= bits
        }
        _ => false,
    }
}
