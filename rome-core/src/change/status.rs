//! What is stored: the catalog for people and tools.

use std::fmt;

use crate::catalog::{IndexState, declaration_of_aggregate, read_document};
use crate::error::Result;
use crate::session::Shared;
use crate::store::{Partition, Read, Reply, Space, Span, TableId};

/// What a database has, by its stored catalog. Prints as a table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DatabaseStatus {
    /// The version of the schema; rises with each change.
    pub version: u32,
    /// Over how many partitions the rows are spread.
    pub partitions: u32,
    /// The tables, in the order in which they were made.
    pub tables: Vec<TableStatus>,
    /// Indexes that were dropped and left records which are still to be removed: table and index.
    pub former: Vec<(String, String)>,
}

/// A stored table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStatus {
    /// Its name.
    pub name: String,
    /// The columns of its key.
    pub key: Vec<String>,
    /// Its columns, as `name: type`.
    pub columns: Vec<String>,
    /// The version of the schema with which each column came; 0 if it was there from the beginning, or that was not noted.
    pub columns_since: Vec<u32>,
    /// How many forms its rows may have; one more with each change of the columns.
    pub layouts: usize,
    /// How many rows it has, softly deleted ones included.
    pub rows: u64,
    /// Its indexes.
    pub indexes: Vec<IndexStatus>,
    /// Its aggregate indexes.
    pub aggregates: Vec<AggregateStatus>,
    /// Its foreign keys, as `(columns) to table`, and `on_delete = ...` where that is not `restrict`.
    pub foreign_keys: Vec<String>,
    /// The version of the schema with which each foreign key came, as of the columns.
    pub foreign_keys_since: Vec<u32>,
}

/// A stored index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexStatus {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Whether it is unique.
    pub unique: bool,
    /// The version of the schema with which it came; 0 if it was there from the beginning, or that was not noted.
    pub since: u32,
    /// How far it is.
    pub state: IndexState,
}

/// A stored aggregate index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AggregateStatus {
    /// Its name.
    pub name: String,
    /// How it is declared, such as `sum(size, by = owner)`.
    pub declaration: String,
    /// The version of the schema with which it came; 0 if it was there from the beginning, or that was not noted.
    pub since: u32,
    /// How far it is.
    pub state: IndexState,
}

/// What is stored. Costs one round trip for the catalog and one for the numbers of rows.
pub(crate) async fn status(shared: &Shared) -> Result<DatabaseStatus> {
    let document = read_document(&shared.committer).await?.unwrap_or_default();
    let partitions: Vec<Partition> = shared.placement.all().collect();
    let count = |id: u32| Read::count(Span::all(Space::Rows(TableId(id))));
    let counts: Vec<Read> = document.tables.iter().map(|doc| count(doc.id)).collect();
    let batch: Vec<_> = partitions.iter().map(|partition| (*partition, counts.clone())).collect();
    let mut rows = vec![0; counts.len()];
    if !counts.is_empty() {
        for reply in shared.committer.read(&batch).await? {
            for (total, reply) in rows.iter_mut().zip(reply.replies) {
                if let Reply::Count(counted) = reply {
                    *total += counted.n;
                }
            }
        }
    }
    let tables = document.tables.into_iter().zip(rows).map(|(doc, rows)| {
        let layout = doc.layouts.last();
        let columns = layout
            .into_iter()
            .flat_map(|layout| &layout.columns)
            .map(|column| format!("{}: {}{}", column.name, if column.nullable { "optional " } else { "" }, column.ty));
        let indexes = doc.indexes.iter().map(|index| IndexStatus {
            name: index.name.clone(),
            columns: index.parts.iter().map(|part| part.column.clone()).collect(),
            unique: index.unique,
            since: index.since,
            state: index.state,
        });
        let aggregates = doc.aggregates.iter().map(|aggregate| AggregateStatus {
            name: aggregate.name.clone(),
            declaration: declaration_of_aggregate(aggregate),
            since: aggregate.since,
            state: aggregate.state,
        });
        let references = |key: &crate::catalog::ForeignKeyDoc| {
            let act = if key.on_delete == "restrict" { "" } else { key.on_delete.as_str() };
            let act = if act.is_empty() { String::new() } else { format!(", on_delete = {act}") };
            format!("({}) to {}{act}", key.columns.join(", "), key.references)
        };
        let names = layout.into_iter().flat_map(|layout| &layout.columns);
        TableStatus {
            columns: columns.collect(),
            columns_since: names.map(|column| doc.column_since(&column.name)).collect(),
            layouts: doc.layouts.len(),
            rows,
            indexes: indexes.collect(),
            aggregates: aggregates.collect(),
            foreign_keys: doc.foreign_keys.iter().map(references).collect(),
            foreign_keys_since: doc.foreign_keys.iter().map(|key| key.since).collect(),
            name: doc.name,
            key: doc.key,
        }
    });
    Ok(DatabaseStatus {
        version: document.version,
        partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
        tables: tables.collect(),
        former: document.former.into_iter().map(|former| (former.table, former.name)).collect(),
    })
}

impl fmt::Display for DatabaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = if self.partitions == 1 { String::new() } else { format!(", {} partitions", self.partitions) };
        write!(f, "schema version {}{partitions}", self.version)?;
        for table in &self.tables {
            write!(f, "\n\n{} ({} rows), key ({})", table.name, table.rows, table.key.join(", "))?;
            for (column, since) in table.columns.iter().zip(&table.columns_since) {
                write!(f, "\n  {column}")?;
                write_since(f, *since)?;
            }
            for index in &table.indexes {
                let kind = if index.unique { "unique index" } else { "index" };
                write!(f, "\n  {kind} {} ({})", index.name, index.columns.join(", "))?;
                if index.state == IndexState::WriteOnly {
                    f.write_str(", not built yet")?;
                }
                write_since(f, index.since)?;
            }
            for AggregateStatus { name, declaration, since, state } in &table.aggregates {
                write!(f, "\n  aggregate index {name}: {declaration}")?;
                if *state == IndexState::WriteOnly {
                    f.write_str(", not built yet")?;
                }
                write_since(f, *since)?;
            }
            for (key, since) in table.foreign_keys.iter().zip(&table.foreign_keys_since) {
                write!(f, "\n  foreign key {key}")?;
                write_since(f, *since)?;
            }
        }
        for (table, index) in &self.former {
            write!(f, "\n\nindex {index} of {table} was dropped, and left entries that are still to be removed")?;
        }
        Ok(())
    }
}

/// Says since which version of the schema something is there, where that is not from the beginning.
fn write_since(f: &mut fmt::Formatter<'_>, since: u32) -> fmt::Result {
    if since == 0 { Ok(()) } else { write!(f, ", since version {since}") }
}
