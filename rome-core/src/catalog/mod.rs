//! The catalog: which tables the database has, under which numbers, and how their rows are laid out.
//!
//! It is one document in the store, compared with the compiled entities when the database is opened. New tables, indexes,
//! and columns that are nullable or have a default, are added; anything else is refused with what differs. Rows carry
//! the number of the layout that they were written in, so a row of an older layout is still read. An index that is stored
//! and not declared is maintained by its stored description.

mod aggregates;
mod change;
mod compare;
mod document;
mod layout;
mod open;
mod references;
mod stored;

pub(crate) use aggregates::declaration as declaration_of_aggregate;
pub use change::{Change, ChangeKind, SchemaChange, SchemaPlan};
pub use document::IndexState;
pub(crate) use document::{Document, ForeignKeyDoc, FormerDoc, TableDoc};
pub(crate) use layout::Layout;
pub(crate) use open::{create_document, open, open_stored, plan, read_document, update_document};
pub(crate) use references::Incoming;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::commit::Names;
use crate::error::Result;
use crate::schema::{AggregateDef, IndexDef, Table};
use crate::store::{IndexId, Space, TableId};

/// A table as this database stores it.
#[derive(Debug)]
pub(crate) struct StoredTable {
    pub def: &'static Table,
    pub id: TableId,
    pub indexes: Vec<StoredIndex>,
    pub aggregates: Vec<StoredAggregate>,
    /// The number that rows are written with.
    pub layout: u32,
    /// Earlier layouts, by number.
    pub earlier: Vec<(u32, Layout)>,
}

/// An index as this database stores it.
#[derive(Debug, Clone)]
pub(crate) struct StoredIndex {
    pub def: &'static IndexDef,
    pub id: IndexId,
    /// Whether the entity declares it. One that is only stored is maintained, and no query uses it.
    pub declared: bool,
    /// Whether every row is in it.
    complete: Arc<AtomicBool>,
}

/// An aggregate index as this database stores it.
#[derive(Debug, Clone)]
pub(crate) struct StoredAggregate {
    pub def: &'static AggregateDef,
    pub id: IndexId,
    /// Whether the entity declares it. One that is only stored is maintained, and no query uses it.
    pub declared: bool,
    /// Whether every row is counted.
    complete: Arc<AtomicBool>,
}

impl StoredAggregate {
    pub fn new(def: &'static AggregateDef, id: IndexId, declared: bool, state: IndexState) -> Self {
        Self { def, id, declared, complete: Arc::new(AtomicBool::new(state == IndexState::Readable)) }
    }

    /// Whether every row is counted. Until then a write counts its row only if the build has come past it.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether queries may use it.
    pub fn is_readable(&self) -> bool {
        self.declared && self.is_complete()
    }

    /// From now on every row is counted.
    pub fn set_complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// The space of its counters.
    pub const fn space(&self) -> Space {
        Space::Aggregate(self.id)
    }
}

impl StoredTable {
    /// Whether every row is in all of its indexes and aggregate indexes.
    pub fn is_built(&self) -> bool {
        self.indexes.iter().all(StoredIndex::is_complete) && self.aggregates.iter().all(StoredAggregate::is_complete)
    }

    /// The space of its rows.
    pub const fn rows(&self) -> Space {
        Space::Rows(self.id)
    }
}

impl StoredIndex {
    pub fn new(def: &'static IndexDef, id: IndexId, declared: bool, state: IndexState) -> Self {
        Self { def, id, declared, complete: Arc::new(AtomicBool::new(state == IndexState::Readable)) }
    }

    /// Whether every row is in it. Until then its entries and claims are maintained, and some are missing.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether queries may use it.
    pub fn is_readable(&self) -> bool {
        self.declared && self.is_complete()
    }

    /// From now on every row is in it.
    pub fn set_complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// The space of its entries or, if it is unique, of its claims.
    pub const fn space(&self) -> Space {
        if self.def.unique { Space::Unique(self.id) } else { Space::Index(self.id) }
    }
}

/// The tables of an open database.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    tables: Vec<Arc<StoredTable>>,
    /// For each table the foreign keys that lead to it.
    incoming: Vec<Vec<Incoming>>,
    /// For each table the stored tables that reference it and are not among these.
    unknown: Vec<Vec<String>>,
}

impl Catalog {
    /// These tables of a stored catalog.
    pub fn new(tables: Vec<Arc<StoredTable>>, document: &Document) -> Self {
        Self { incoming: references::incoming(&tables), unknown: references::unknown(document, &tables), tables }
    }

    /// The foreign keys of all tables that lead to this one.
    pub fn incoming(&self, def: &'static Table) -> &[Incoming] {
        self.position(def).and_then(|at| self.incoming.get(at)).map_or(&[], Vec::as_slice)
    }

    /// Refuses to delete rows of this table if a stored one references it that the program does not have.
    pub fn check_delete(&self, def: &'static Table) -> Result<()> {
        match self.position(def).and_then(|at| self.unknown.get(at)) {
            Some(by) if !by.is_empty() => Err(references::not_known(def, by)),
            _ => Ok(()),
        }
    }

    fn position(&self, def: &'static Table) -> Option<usize> {
        self.tables.iter().position(|table| std::ptr::eq(table.def, def))
    }

    /// The stored form of a table, if its entity was given to the builder.
    pub fn find(&self, def: &'static Table) -> Option<&Arc<StoredTable>> {
        self.tables.iter().find(|table| std::ptr::eq(table.def, def))
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<StoredTable>> {
        self.tables.iter()
    }

    /// What the spaces are called in events: `dog` for the rows of a table, `dog.by_age` for an index.
    pub fn names(&self) -> Names {
        let of_table = |table: &Arc<StoredTable>| {
            let of_index = |index: &StoredIndex| (index.id, format!("{}.{}", table.def.name, index.def.name));
            let indexes = table
                .indexes
                .iter()
                .map(of_index)
                .flat_map(|(id, name)| [Space::Index(id), Space::Unique(id)].map(|space| (space, name.clone())));
            let of_aggregate =
                |kept: &StoredAggregate| (Space::Aggregate(kept.id), format!("{}.{}", table.def.name, kept.def.name));
            let aggregates = table.aggregates.iter().map(of_aggregate);
            let rows = std::iter::once((table.rows(), table.def.name.to_owned()));
            rows.chain(indexes).chain(aggregates).collect::<Vec<_>>()
        };
        self.tables.iter().flat_map(of_table).collect()
    }

    /// Which part of the database a space is, for errors.
    pub fn name_space(&self, space: Space) -> String {
        let of_index = |id: IndexId| {
            self.tables.iter().find_map(|table| {
                let index = table.indexes.iter().find(|index| index.id == id)?;
                Some(format!("index `{}` of table `{}`", index.def.name, table.def.name))
            })
        };
        match space {
            Space::Rows(id) => {
                let table = self.tables.iter().find(|table| table.id == id);
                table.map(|table| format!("a row of table `{}`", table.def.name))
            }
            Space::Index(id) | Space::Unique(id) => of_index(id),
            Space::Aggregate(id) => self.tables.iter().find_map(|table| {
                let aggregate = table.aggregates.iter().find(|aggregate| aggregate.id == id)?;
                Some(format!("aggregate index `{}` of table `{}`", aggregate.def.name, table.def.name))
            }),
            _ => None,
        }
        .unwrap_or_else(|| format!("{space:?}"))
    }
}
