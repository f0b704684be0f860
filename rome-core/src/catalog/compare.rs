//! Compares the compiled entities with the stored catalog.

use super::aggregates;
use super::change::{Change, ChangeKind, SchemaPlan, SchemaPolicy};
use super::document::{
    AggregateDoc, ColumnDoc, Document, FORMAT, ForeignKeyDoc, FormerDoc, IndexDoc, IndexState, LayoutDoc, PartDoc,
    TableDoc,
};
use crate::schema::{ColumnDef, ForeignKey, IndexDef, KeySource, Table};
use crate::store::{IndexId, TableId};
use crate::value::{ColumnType, ElementType};

/// What has to become of the stored catalog.
pub(crate) struct Comparison {
    /// The catalog with everything added; equal to the stored one if nothing is new.
    pub document: Document,
    /// What is new, what is in the way, and what stays.
    pub plan: SchemaPlan,
    /// Tables that must be empty for the change to be right, because they get a new foreign key.
    pub must_be_empty: Vec<(TableId, String)>,
    /// New indexes and aggregate indexes of tables that are there, to be tried on the rows that those have.
    pub tried: Vec<(&'static Table, IndexId)>,
}

pub(crate) fn compare(stored: &Document, tables: &[&'static Table], how: SchemaPolicy) -> Comparison {
    let document = Document { format: FORMAT, ..stored.clone() };
    // What is new came with the version that follows; what is there from the beginning has none.
    let since = if stored.version == 0 { 0 } else { stored.version + 1 };
    let mut comparison =
        Comparison { document, plan: SchemaPlan::default(), must_be_empty: Vec::new(), tried: Vec::new() };
    for table in tables {
        match comparison.document.tables.iter().position(|doc| doc.name == table.name) {
            None => {
                add_table(&mut comparison.document, table, since);
                comparison.plan.add(ChangeKind::Table, table.name, format!("table `{}` is new", table.name));
                // A handle that does not know the new table would delete rows that are referenced from there.
                let references = |doc: &TableDoc| table.foreign_keys.iter().any(|key| key.target().name == doc.name);
                comparison.plan.closes_to_older |= stored.tables.iter().any(references);
            }
            Some(at) => compare_table(&mut comparison, at, table, (how, since)),
        }
    }
    // Nor would it maintain a new index, or look whether what a new foreign key references is there.
    comparison.plan.closes_to_older |= !comparison.must_be_empty.is_empty();
    if comparison.document != *stored {
        comparison.document.version += 1;
    }
    comparison
}

impl SchemaPlan {
    pub(super) fn add(&mut self, kind: ChangeKind, table: &str, what: String) {
        self.changes.push(Change { kind, table: table.to_owned(), what });
    }
}

fn add_table(document: &mut Document, table: &'static Table, since: u32) {
    let id = document.next_table;
    document.next_table += 1;
    let add = |index| IndexDoc { since, ..add_index(&mut document.next_index, table, index, IndexState::Readable) };
    let indexes = table.indexes.iter().map(add).collect();
    let next = &mut document.next_index;
    let aggregates = table.aggregates.iter().map(|def| aggregates::describe(next, table, def, IndexState::Readable));
    let aggregates = aggregates.map(|added| AggregateDoc { since, ..added }).collect();
    document.tables.push(TableDoc {
        name: table.name.to_owned(),
        id,
        key: names(table, &table.key),
        keys: key_source(table),
        partition_by: partition(table),
        layouts: vec![LayoutDoc { number: 1, since, columns: table.columns.iter().map(described_anew).collect() }],
        indexes,
        aggregates,
        foreign_keys: table
            .foreign_keys
            .iter()
            .map(|key| ForeignKeyDoc { since, ..describe_reference(table, key) })
            .collect(),
    });
}

fn key_source(table: &Table) -> Option<String> {
    let word = match table.key_source {
        KeySource::Given => return None,
        KeySource::Counter => "counter",
        KeySource::UuidV4 => "uuid4",
        KeySource::UuidV7 => "uuid7",
    };
    Some(word.to_owned())
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
        since: 0,
    }
}

fn add_index(next: &mut u32, table: &'static Table, index: &IndexDef, state: IndexState) -> IndexDoc {
    let id = *next;
    *next += 1;
    let (name, parts) = (index.name.clone(), parts(table, index));
    IndexDoc { name, id, since: 0, unique: index.unique, global: index.global, state, parts }
}

fn parts(table: &'static Table, index: &IndexDef) -> Vec<PartDoc> {
    index
        .parts
        .iter()
        .map(|part| PartDoc { column: table.column(part.column).name.to_string(), descending: part.descending })
        .collect()
}

pub(super) fn describe(column: &ColumnDef) -> ColumnDoc {
    ColumnDoc { name: column.name.to_string(), ty: type_name(column.ty), nullable: column.nullable, default: None }
}

/// A column with its default, which new rows of builds that do not know the column have in it.
fn described_anew(column: &ColumnDef) -> ColumnDoc {
    ColumnDoc { default: default_of(column), ..describe(column) }
}

fn default_of(column: &ColumnDef) -> Option<serde_json::Value> {
    column.default.map(|default| default().as_ref().to_json())
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

fn compare_table(comparison: &mut Comparison, at: usize, table: &'static Table, (how, since): (SchemaPolicy, u32)) {
    let Comparison { document, must_be_empty, tried, plan } = comparison;
    let Some(doc) = document.tables.get_mut(at) else { return };
    // Where keys come from is noted by the first build that says so; another one does not change it for others.
    doc.keys = doc.keys.take().or_else(|| key_source(table));
    let key = names(table, &table.key);
    if key != doc.key {
        plan.refused.push(format!(
            "the key of `{}` is ({}), stored is ({}): rows would not be found; make a new table and copy them",
            table.name,
            key.join(", "),
            doc.key.join(", ")
        ));
    }
    if partition(table) != doc.partition_by {
        let of = |columns: &[String]| if columns.is_empty() { doc.key.join(", ") } else { columns.join(", ") };
        plan.refused.push(format!(
            "the rows of `{}` lie where ({}) says, and `partition_by` is now ({}): they would not be found; make a new \
             table and copy them",
            table.name,
            of(&doc.partition_by),
            of(&partition(table))
        ));
    }
    compare_columns(doc, table, plan, since);
    for index in &table.indexes {
        match doc.indexes.iter().find(|stored| stored.name == index.name) {
            Some(stored) => compare_index(stored, table, index, plan),
            None => {
                let added = add_index(&mut document.next_index, table, index, IndexState::WriteOnly);
                let added = IndexDoc { since, ..added };
                let what = format!("index `{}` of `{}` is new: `{}`", added.name, table.name, declaration(&added));
                plan.add(ChangeKind::Index, table.name, what);
                plan.closes_to_older = true;
                tried.push((table, IndexId(added.id)));
                doc.indexes.push(added);
            }
        }
    }
    let undeclared = |stored: &IndexDoc| !table.indexes.iter().any(|index| index.name == stored.name);
    if how == SchemaPolicy::ApplyAndDrop {
        for dropped in doc.indexes.extract_if(.., |stored| undeclared(stored)) {
            let what = format!("index `{}` of `{}` is no longer declared, and dropped", dropped.name, table.name);
            plan.add(ChangeKind::Drop, table.name, what);
            plan.closes_to_older = true;
            let IndexDoc { name, id, unique, .. } = dropped;
            document.former.push(FormerDoc { table: table.name.to_owned(), name, id, unique, aggregate: false });
        }
    }
    plan.kept.extend(doc.indexes.iter().filter(|stored| undeclared(stored)).map(|stored| {
        format!(
            "index `{}` of `{}` is stored and no longer declared; it is maintained and not used: declare `{}`, or drop it \
             with `SchemaPolicy::ApplyAndDrop`",
            stored.name,
            table.name,
            declaration(stored)
        )
    }));
    let before = document.next_index;
    aggregates::compare(doc, (&mut document.next_index, since), &mut document.former, table, plan, how);
    tried.extend((before..document.next_index).map(|id| (table, IndexId(id))));
    compare_references(doc, table, plan, must_be_empty, (how, since));
}

fn compare_index(stored: &IndexDoc, table: &'static Table, index: &IndexDef, plan: &mut SchemaPlan) {
    let new_name =
        "give it another name, under which it is built anew (`name = \"...\"`), and drop the stored one later";
    if stored.unique != index.unique || stored.global != index.global || stored.parts != parts(table, index) {
        plan.refused.push(format!(
            "index `{}` of `{}` is `{}`, and the stored one is `{}`: {new_name}",
            index.name,
            table.name,
            declaration(&add_index(&mut 0, table, index, IndexState::Readable)),
            declaration(stored),
        ));
    } else if stored.state == IndexState::WriteOnly {
        plan.add(
            ChangeKind::Unbuilt,
            table.name,
            format!("index `{}` of `{}` is not built to its end", index.name, table.name),
        );
    }
}

/// How a stored index would be declared; also one that was made for a foreign key, which has the name of a declared one.
fn declaration(index: &IndexDoc) -> String {
    let part = |part: &PartDoc| if part.descending { format!("desc({})", part.column) } else { part.column.clone() };
    let parts: Vec<String> = index.parts.iter().map(part).collect();
    let kind = match (index.unique, index.global) {
        (true, _) => "unique",
        (false, true) => "global_index",
        (false, false) => "index",
    };
    format!("{kind}({})", parts.join(", "))
}

/// A foreign key that is new needs an empty table, since what is stored may reference nothing. One that is stored and not
/// declared stays in force, and one that acts in another way is refused: other programs rely on it. [`SchemaPolicy::ApplyAndDrop`]
/// makes both as they are declared.
fn compare_references(
    doc: &mut TableDoc,
    table: &'static Table,
    plan: &mut SchemaPlan,
    must_be_empty: &mut Vec<(TableId, String)>,
    (how, since): (SchemaPolicy, u32),
) {
    let declared: Vec<ForeignKeyDoc> = table.foreign_keys.iter().map(|key| describe_reference(table, key)).collect();
    let name = |key: &ForeignKeyDoc| {
        format!("the foreign key ({}) of `{}` to `{}`", key.columns.join(", "), table.name, key.references)
    };
    let same = |a: &ForeignKeyDoc, b: &ForeignKeyDoc| a.columns == b.columns && a.references == b.references;
    let drops = how == SchemaPolicy::ApplyAndDrop;
    for key in &declared {
        match doc.foreign_keys.iter_mut().find(|stored| same(stored, key)) {
            None => {
                plan.add(ChangeKind::ForeignKey, table.name, format!("{} is new", name(key)));
                must_be_empty.push((TableId(doc.id), name(key)));
                doc.foreign_keys.push(ForeignKeyDoc { since, ..key.clone() });
            }
            Some(stored) if stored.on_delete != key.on_delete && drops => {
                let what = format!("{} is `on_delete = {}`, and was `{}`", name(key), key.on_delete, stored.on_delete);
                plan.add(ChangeKind::ForeignKey, table.name, what);
                plan.closes_to_older = true;
                stored.on_delete.clone_from(&key.on_delete);
            }
            Some(stored) if stored.on_delete != key.on_delete => plan.refused.push(format!(
                "{} is `on_delete = {}`, and the stored one is `{}`, on which other programs rely: declare the same, or change it for \
                 all with `SchemaPolicy::ApplyAndDrop`",
                name(key),
                key.on_delete,
                stored.on_delete
            )),
            Some(_) => {}
        }
    }
    let gone = |stored: &ForeignKeyDoc| !declared.iter().any(|key| same(stored, key));
    if drops {
        for dropped in doc.foreign_keys.extract_if(.., |stored| gone(stored)) {
            let what = format!("{} is no longer declared, and dropped", name(&dropped));
            plan.add(ChangeKind::ForeignKey, table.name, what);
            plan.closes_to_older = true;
        }
    }
    plan.kept.extend(doc.foreign_keys.iter().filter(|stored| gone(stored)).map(|stored| {
        format!(
            "{} is stored and not declared; it stays in force, `on_delete = {}`: declare it, or drop it with \
             `SchemaPolicy::ApplyAndDrop`",
            name(stored),
            stored.on_delete
        )
    }));
}

fn compare_columns(doc: &mut TableDoc, table: &'static Table, plan: &mut SchemaPlan, since: u32) {
    let Some(current) = doc.layouts.last() else { return };
    let mut columns: Vec<ColumnDoc> = table.columns.iter().map(describe).collect();
    let mut changed = false;
    let of_current = |name: &str| current.columns.iter().find(|stored| stored.name == name);
    let undeclared: Vec<&ColumnDoc> =
        current.columns.iter().filter(|stored| table.position(&stored.name).is_none()).collect();
    for (column, new) in table.columns.iter().zip(&columns) {
        let Some(stored) = of_current(&new.name) else {
            changed = true;
            if !(column.nullable || column.default.is_some()) {
                plan.refused.push(format!(
                    "column `{}` of `{}` is new, and rows that are stored have no value for it: make it optional or give it \
                     `default = ...`",
                    new.name, table.name
                ));
            } else if let Some(before) = undeclared.iter().find(|gone| gone.ty == new.ty) {
                plan.refused.push(format!(
                    "column `{}` of `{}` is new while `{}`, of the same type, is stored and no longer declared: if it is the same \
                     column, name it with `column = \"{}\"`; if not, declare both",
                    new.name, table.name, before.name, before.name
                ));
            } else {
                let what = format!("column `{}` of `{}` is new: {}", new.name, table.name, shown(new));
                plan.add(ChangeKind::Column, table.name, what);
            }
            continue;
        };
        if stored.ty != new.ty && !widens(&stored.ty, column.ty) {
            if let (Ok(Some((was, _))), Some((is, _))) =
                (ColumnType::from_name(&stored.ty).map(ordered_labels), ordered_labels(column.ty))
            {
                plan.refused.push(format!(
                    "the variants of column `{}` of `{}` are ({}) in this order, stored are ({}): what is stored is the place of \
                     each, so variants may be added at the end, and none may be moved, renamed or removed",
                    new.name,
                    table.name,
                    is.join(", "),
                    was.join(", ")
                ));
                continue;
            }
            plan.refused.push(another_type(doc, table, stored, new));
        } else if stored.nullable && !new.nullable {
            plan.refused.push(format!(
                "column `{}` of `{}` is not optional, and stored rows may hold NULL in it: add a new column with \
                 `default = ...` and copy the values",
                new.name, table.name
            ));
        } else if (&stored.ty, stored.nullable) != (&new.ty, new.nullable) {
            changed = true;
            let what =
                format!("column `{}` of `{}` is {}, and was {}", new.name, table.name, shown(new), shown(stored));
            plan.add(ChangeKind::Widening, table.name, what);
        }
    }
    for stored in undeclared {
        match &stored.default {
            None if !stored.nullable => plan.refused.push(format!(
                "column `{}` of `{}` is stored and no longer declared, and new rows would have no value for it: declare it, or name \
                 the renamed field with `column = \"{}\"`",
                stored.name, table.name, stored.name
            )),
            default => {
                let value = default.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string);
                plan.kept.push(format!(
                    "column `{}` of `{}` is stored and not declared; updates keep it, and new rows have {value} in it",
                    stored.name, table.name
                ));
            }
        }
        columns.push(stored.clone());
    }
    keep_defaults(doc, table, &mut columns);
    match doc.layouts.last_mut() {
        // The order of the columns is no matter of the schema: a build reads and writes them in that of the layout.
        Some(current) if !changed => {
            for stored in &mut current.columns {
                stored.default =
                    columns.iter().find(|column| column.name == stored.name).and_then(|c| c.default.clone());
            }
        }
        Some(current) => {
            let number = current.number + 1;
            doc.layouts.push(LayoutDoc { number, since, columns });
        }
        None => {}
    }
}

/// Why a column cannot have another type.
fn another_type(doc: &TableDoc, table: &'static Table, stored: &ColumnDoc, new: &ColumnDoc) -> String {
    let indexed = |index: &&IndexDoc| index.parts.iter().any(|part| part.column == new.name);
    let indexes: Vec<String> = doc.indexes.iter().filter(indexed).map(|index| format!("`{}`", index.name)).collect();
    let too = if indexes.is_empty() {
        String::new()
    } else {
        format!(", with indexes in the place of {}, whose entries hold values of the old type", indexes.join(", "))
    };
    format!(
        "column `{}` of `{}` is {}, stored is {}: add a new column and copy the values{too}",
        new.name, table.name, new.ty, stored.ty
    )
}

/// Notes what rows that were written before a column existed hold in it, and new rows of builds that do not know it. The first
/// value stays, whatever is declared later.
fn keep_defaults(doc: &TableDoc, table: &'static Table, columns: &mut [ColumnDoc]) {
    let (first, current) = (doc.layouts.first(), doc.layouts.last());
    let of = |layout: Option<&'_ LayoutDoc>, name: &str| {
        layout.and_then(|layout| layout.columns.iter().find(|column| column.name == name).cloned())
    };
    for (column, new) in table.columns.iter().zip(columns) {
        let noted = of(current, &new.name).and_then(|stored| stored.default);
        // A build that did not note it read them as what was declared. In the first layout no row is without the column.
        let or_null = || of(first, &new.name).is_none().then_some(serde_json::Value::Null);
        new.default = noted.or_else(|| default_of(column)).or_else(or_null);
    }
}

fn shown(column: &ColumnDoc) -> String {
    format!("{}{}", if column.nullable { "optional " } else { "" }, column.ty)
}

/// The labels of an enum that is ordered by declaration, and whether they are of one value or of the elements of a list that
/// are, or are not, optional.
fn ordered_labels(ty: ColumnType) -> Option<(&'static [&'static str], Option<bool>)> {
    match ty {
        ColumnType::OrderedEnum(labels) => Some((labels, None)),
        ColumnType::List(ElementType { ty: ColumnType::OrderedEnum(labels), nullable }) => {
            Some((labels, Some(*nullable)))
        }
        _ => None,
    }
}

/// Whether every stored value of the old type is one of the new type, in the same form.
fn widens(stored: &str, new: ColumnType) -> bool {
    match (ColumnType::from_name(stored), new) {
        (Ok(ColumnType::Int { bits: old, signed: was }), ColumnType::Int { bits, signed }) => {
            was == signed && old <= bits
        }
        (Ok(old), new) => match (ordered_labels(old), ordered_labels(new)) {
            // What is stored is the place of each label: none of them may move.
            (Some((old, was)), Some((new, is))) => was == is && new.starts_with(old),
            _ => false,
        },
        _ => false,
    }
}
