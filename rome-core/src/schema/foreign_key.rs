//! Foreign keys: columns that hold the key of a row of another table, or of the same one.

use std::fmt;
use std::sync::OnceLock;

use super::{IndexDef, Table};

/// What becomes of a row when the row that it references is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnDelete {
    /// The other row cannot be deleted while this one is there.
    #[default]
    Restrict,
    /// It is deleted too.
    Cascade,
    /// The columns that reference the other row become NULL.
    SetNull,
}

impl OnDelete {
    /// How it is declared.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Restrict => "restrict",
            Self::Cascade => "cascade",
            Self::SetNull => "set_null",
        }
    }
}

/// How the rows are found that reference a given row, without reading others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lookup {
    /// By the beginning of their own keys.
    ByKey,
    /// By an index, which is the one at this place among the table's. If it is unique it has the columns of the foreign
    /// key and no others, so that a claim names the one row; otherwise its entries begin with them.
    ByIndex(usize),
}

/// Leads to a table. Not the table itself, since tables reference each other in circles.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum TableRef {
    /// To that of an entity.
    Compiled(fn() -> &'static Table),
    /// To one that a stored catalog describes; set before anyone asks.
    Stored(&'static OnceLock<&'static Table>),
}

/// A foreign key as the entity declares it. It references the whole key of a table.
///
/// A row of which one of these columns is NULL references nothing, whatever the others hold.
#[derive(Clone)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The positions of the columns, in the order of the columns of the other table's key.
    pub columns: Vec<u16>,
    /// The table that they reference.
    pub references: TableRef,
    /// What becomes of a row when the one that it references is deleted.
    pub on_delete: OnDelete,
    /// How rows are found by these columns. There always is a way: an index is added where the declared ones give none.
    pub lookup: Lookup,
}

impl ForeignKey {
    /// A foreign key over these columns.
    #[must_use]
    pub const fn new(columns: Vec<u16>, references: fn() -> &'static Table, on_delete: OnDelete) -> Self {
        Self { columns, references: TableRef::Compiled(references), on_delete, lookup: Lookup::ByKey }
    }

    /// The table that it references.
    ///
    /// # Panics
    /// If the catalog that describes it is not read to its end.
    #[must_use]
    pub fn target(&self) -> &'static Table {
        match self.references {
            TableRef::Compiled(table) => table(),
            TableRef::Stored(table) => table.get().expect("a catalog's tables are all made before one is used"),
        }
    }

    /// How rows can be found by these columns, if the key or one of the indexes serves that.
    pub(crate) fn served_by(&self, key: &[u16], indexes: &[IndexDef]) -> Option<Lookup> {
        let count = self.columns.len();
        let leads = |columns: &mut dyn Iterator<Item = u16>| {
            let mut leading = 0;
            let all_ours = columns.take(count).inspect(|_| leading += 1).all(|column| self.columns.contains(&column));
            all_ours && leading == count
        };
        if leads(&mut key.iter().copied()) {
            return Some(Lookup::ByKey);
        }
        let serving = indexes.iter().enumerate().filter(|(_, index)| {
            // A row with an empty list has no entry, and a claim is found by all of its columns only.
            let usable = if index.unique { index.parts.len() == count } else { !index.multi };
            usable && leads(&mut index.parts.iter().map(|part| part.column))
        });
        // A claim and an entry of a global index are in one place; entries of other indexes may be in all partitions.
        serving.min_by_key(|(_, index)| (!index.unique, !index.global)).map(|(at, _)| Lookup::ByIndex(at))
    }
}

impl fmt::Debug for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the other table: it may lead back here.
        f.debug_struct("ForeignKey")
            .field("columns", &self.columns)
            .field("references", &self.target().name)
            .field("on_delete", &self.on_delete)
            .field("lookup", &self.lookup)
            .finish()
    }
}
