//! Relations: which columns of two tables lead from the rows of one to the rows of the other.

use std::fmt;

use super::Table;

/// What a relation is called, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelationName {
    /// The name of the Rust type that has the relation.
    pub entity: &'static str,
    /// Its field.
    pub field: &'static str,
    /// The associated constant that is the relation.
    pub constant: &'static str,
}

/// How two tables belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RelationKind {
    /// Columns of the row hold the key of the other row.
    BelongsTo,
    /// Columns of the other row, of which there is at most one, hold the key of the row.
    HasOne,
    /// Columns of the other rows hold the key of the row.
    HasMany,
    /// Rows of a third table hold the keys of both.
    ManyToMany,
}

/// A relation as data: the rows of `remote` whose `remote_columns` are equal to the row's `local_columns`, or that a row of
/// a third table joins with it.
#[derive(Clone)]
#[non_exhaustive]
pub struct RelationDef {
    /// How the tables belong together.
    pub kind: RelationKind,
    /// The table that has the relation.
    pub local: fn() -> &'static Table,
    /// The positions of its columns.
    pub local_columns: Vec<u16>,
    /// The table that the relation leads to.
    pub remote: fn() -> &'static Table,
    /// The positions of its columns, as many as there are local ones unless there is a third table.
    pub remote_columns: Vec<u16>,
    /// The table in between, of a many-to-many relation.
    pub through: Option<Through>,
}

/// The table between the two of a many-to-many relation.
#[derive(Clone)]
#[non_exhaustive]
pub struct Through {
    /// The table.
    pub table: fn() -> &'static Table,
    /// The positions of its columns that hold what is in the local columns.
    pub near: Vec<u16>,
    /// The positions of its columns that hold what is in the remote columns.
    pub far: Vec<u16>,
}

impl fmt::Debug for RelationDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names of the tables, which may lead back here.
        f.debug_struct("RelationDef")
            .field("kind", &self.kind)
            .field("local", &(self.local)().name)
            .field("local_columns", &self.local_columns)
            .field("remote", &(self.remote)().name)
            .field("remote_columns", &self.remote_columns)
            .field("through", &self.through)
            .finish()
    }
}

impl fmt::Debug for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = (self.table)().name;
        f.debug_struct("Through").field("table", &table).field("near", &self.near).field("far", &self.far).finish()
    }
}
