//! The catalog: which tables the database has, under which numbers, and how their rows are laid out.
//!
//! It is one document in the store, compared with the compiled entities when the database is opened. New tables, indexes,
//! and columns that are nullable or have a default, are added; anything else is refused with what differs. Rows carry
//! the number of the layout that they were written in, so a row of an older layout is still read. What is stored and not
//! declared stays: an index is maintained, a foreign key enforced and a column kept by its stored description.

mod aggregates;
mod change;
mod compare;
mod described;
mod document;
mod layout;
mod records;
mod references;
mod stored;

pub(crate) use aggregates::declaration as declaration_of_aggregate;
pub use change::{Change, ChangeKind, SchemaPlan, SchemaPolicy};
pub(crate) use compare::{Comparison, compare};
pub use document::IndexState;
pub(crate) use document::{AggregateDoc, Document, ForeignKeyDoc, FormerDoc, IndexDoc, TableDoc};
pub(crate) use layout::{Layouts, end_of};
pub(crate) use records::{
    CATALOG, Opened, PAUSE, SECRET, create_document, finish, newly_former, open_stored, parse, put, raise_gate, read,
    read_document, unchanged, update_document, written,
};
pub(crate) use references::{Incoming, check as check_references};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::commit::Names;
use crate::error::Result;
use crate::schema::{AggregateDef, IndexDef, Table};
use crate::store::{IndexId, Space, TableId};

/// A table as this database stores it.
#[derive(Debug)]
pub(crate) struct StoredTable {
    /// What is stored: the columns of the entity, then those that are stored and that it does not declare; its foreign keys, then
    /// those that are only stored.
    pub def: &'static Table,
    /// What the entity declares. The rows that a program gives have these columns, which are the first ones of `def`.
    pub entity: &'static Table,
    pub id: TableId,
    pub indexes: Vec<StoredIndex>,
    pub aggregates: Vec<StoredAggregate>,
    /// The layouts of its rows.
    pub layouts: Layouts,
}

/// An index as this database stores it.
#[derive(Debug, Clone)]
pub(crate) struct StoredIndex {
    pub def: &'static IndexDef,
    pub id: IndexId,
    /// Whether the entity declares it. One that is only stored is maintained, and no query uses it.
    pub declared: bool,
    /// Whether it finds the rows of a foreign key that is only stored, so that it is used although it is not declared.
    pub serves: bool,
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
    /// The index at a position that was taken from this table.
    ///
    /// # Panics
    /// If it has no such index: positions come from planning and from the rows of this table alone.
    pub fn index(&self, at: usize) -> &StoredIndex {
        self.indexes.get(at).expect("the position of an index is one of its table's")
    }

    /// The aggregate index at a position that was taken from this table.
    ///
    /// # Panics
    /// If it has no such index, as [`index`](Self::index).
    pub fn aggregate(&self, at: usize) -> &StoredAggregate {
        self.aggregates.get(at).expect("the position of an aggregate index is one of its table's")
    }

    /// Whether every row is in all of its indexes and aggregate indexes.
    pub fn is_built(&self) -> bool {
        self.indexes.iter().all(StoredIndex::is_complete) && self.aggregates.iter().all(StoredAggregate::is_complete)
    }

    /// The space of its rows.
    pub const fn rows(&self) -> Space {
        Space::Rows(self.id)
    }

    /// Whether it is the one that is described so, by its entity or by what is stored.
    pub fn is(&self, def: &'static Table) -> bool {
        std::ptr::eq(self.entity, def) || std::ptr::eq(self.def, def)
    }
}

impl StoredIndex {
    pub fn new(def: &'static IndexDef, id: IndexId, declared: bool, state: IndexState) -> Self {
        Self { def, id, declared, serves: false, complete: Arc::new(AtomicBool::new(state == IndexState::Readable)) }
    }

    /// Whether every row is in it. Until then its entries and claims are maintained, and some are missing.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether queries may name it.
    pub const fn is_known(&self) -> bool {
        self.declared || self.serves
    }

    /// Whether queries may use it.
    pub fn is_readable(&self) -> bool {
        self.is_known() && self.is_complete()
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
    /// Tables without an entity that rows of `tables` reference, by foreign keys that are only stored.
    others: Vec<Arc<StoredTable>>,
    /// For each table the foreign keys that lead to it.
    incoming: Vec<Vec<Incoming>>,
    /// For each table the stored tables that reference it and are not among these.
    unknown: Vec<Vec<String>>,
}

impl Catalog {
    /// These tables of a stored catalog, and others that they reference.
    pub fn new(tables: Vec<Arc<StoredTable>>, others: Vec<Arc<StoredTable>>, document: &Document) -> Self {
        let (incoming, unknown) = (references::incoming(&tables), references::unknown(document, &tables));
        Self { tables, others, incoming, unknown }
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
        self.tables.iter().position(|table| table.is(def))
    }

    /// The stored form of a table, if its entity was given to the builder or rows of such a table reference it.
    pub fn find(&self, def: &'static Table) -> Option<&Arc<StoredTable>> {
        self.tables.iter().chain(&self.others).find(|table| table.is(def))
    }

    /// The table with this number.
    pub fn numbered(&self, id: TableId) -> Option<&Arc<StoredTable>> {
        self.tables.iter().chain(&self.others).find(|table| table.id == id)
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
