//! Tables and columns.

use std::borrow::Cow;
use std::fmt;

use super::{AggregateDef, ForeignKey, IndexDef, IndexPart, Lookup};
use crate::value::{ColumnType, Field, Value};

/// Where the keys of a table come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum KeySource {
    /// The user gives each key.
    #[default]
    Given,
    /// A counter that the store hands out in blocks; a key of 0 asks for the next number.
    Counter,
    /// A random UUID; the nil key asks for one.
    UuidV4,
    /// A UUID that rises with time; the nil key asks for one.
    UuidV7,
}

/// What ROME itself does with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Role {
    /// Nothing: it holds what the user writes.
    #[default]
    Plain,
    /// Set to the time of the insert unless the user set it; never changed by an update.
    CreatedAt,
    /// Set to the time of each insert and update.
    UpdatedAt,
    /// 1 on insert; an update has to give the stored number, and raises it by one.
    Version,
    /// Set by a delete, which then keeps the row; rows where it is not NULL are hidden unless asked for.
    DeletedAt,
}

/// One column of a table.
#[derive(Clone)]
#[non_exhaustive]
pub struct ColumnDef {
    /// Its name in the store, in errors and for run-time use.
    pub name: Cow<'static, str>,
    /// The type of its values.
    pub ty: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What ROME does with it.
    pub role: Role,
    /// The value of rows that were written before the column existed.
    pub default: Option<fn() -> Value>,
}

impl ColumnDef {
    /// The column for a field of type `T`.
    #[must_use]
    pub fn of<T: Field>(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ty: T::TYPE, nullable: T::NULLABLE, role: Role::Plain, default: None }
    }

    /// The same column with a role.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The same column with a default for rows that were written before it existed.
    #[must_use]
    pub const fn default(mut self, default: fn() -> Value) -> Self {
        self.default = Some(default);
        self
    }
}

impl fmt::Debug for ColumnDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.name, self.ty, if self.nullable { " null" } else { "" })
    }
}

/// The description of an entity's table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Table {
    /// The table's name in the store.
    pub name: &'static str,
    /// The name of the Rust type.
    pub entity: &'static str,
    /// The columns in the order in which rows hold them.
    pub columns: Vec<ColumnDef>,
    /// The positions of the key columns, in key order.
    pub key: Vec<u16>,
    /// Where keys come from.
    pub key_source: KeySource,
    /// The positions of the key columns that say in which partition a row lies: all of them unless declared otherwise.
    pub partition_by: Vec<u16>,
    /// The declared indexes, unique ones included, and those that foreign keys need; their order has no meaning.
    pub indexes: Vec<IndexDef>,
    /// The aggregate indexes; their order has no meaning.
    pub aggregates: Vec<AggregateDef>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The position of the soft delete column.
    pub deleted_at: Option<u16>,
    /// The position of the version column.
    pub version: Option<u16>,
}

impl Table {
    /// Starts the description of a table.
    #[must_use]
    pub const fn build(name: &'static str, entity: &'static str) -> TableBuilder {
        TableBuilder {
            table: Self {
                name,
                entity,
                columns: Vec::new(),
                key: Vec::new(),
                key_source: KeySource::Given,
                partition_by: Vec::new(),
                indexes: Vec::new(),
                aggregates: Vec::new(),
                foreign_keys: Vec::new(),
                deleted_at: None,
                version: None,
            },
        }
    }

    /// The position of the column with this name.
    #[must_use]
    pub fn position(&self, column: &str) -> Option<u16> {
        self.columns.iter().position(|c| c.name == column).and_then(|at| u16::try_from(at).ok())
    }

    /// The column at a position.
    ///
    /// # Panics
    /// If there is none: positions come from this table's own columns.
    #[must_use]
    pub fn column(&self, position: u16) -> &ColumnDef {
        self.columns.get(usize::from(position)).expect("a column position comes from the same table")
    }
}

/// Collects the parts of a [`Table`]; used by derived code.
#[derive(Debug)]
pub struct TableBuilder {
    table: Table,
}

impl TableBuilder {
    /// Adds a column at the end.
    #[must_use]
    pub fn column(mut self, column: ColumnDef) -> Self {
        let position = u16::try_from(self.table.columns.len()).ok();
        match column.role {
            Role::DeletedAt => self.table.deleted_at = position,
            Role::Version => self.table.version = position,
            Role::Plain | Role::CreatedAt | Role::UpdatedAt => {}
        }
        self.table.columns.push(column);
        self
    }

    /// Adds several columns at the end, their names prefixed with `prefix` and an underscore: an embedded struct.
    #[must_use]
    pub fn embed(mut self, prefix: &str, columns: impl IntoIterator<Item = ColumnDef>) -> Self {
        for column in columns {
            let name = Cow::Owned(format!("{prefix}_{}", column.name));
            self = self.column(ColumnDef { name, ..column });
        }
        self
    }

    /// Names the key columns and where keys come from.
    #[must_use]
    pub fn key(mut self, columns: &[u16], source: KeySource) -> Self {
        self.table.key = columns.to_vec();
        self.table.partition_by = columns.to_vec();
        self.table.key_source = source;
        self
    }

    /// Names the columns of the key that say in which partition a row lies; after [`key`](Self::key).
    #[must_use]
    pub fn partition_by(mut self, columns: &[u16]) -> Self {
        self.table.partition_by = columns.to_vec();
        self
    }

    /// Adds an index over these columns. Without a name it is called after its columns.
    #[must_use]
    pub fn index(self, name: Option<&'static str>, parts: &[IndexPart]) -> Self {
        self.declared_index(name, parts, false, false)
    }

    /// Adds an index over these columns whose entries lie together. Without a name it is called after its columns.
    #[must_use]
    pub fn global_index(self, name: Option<&'static str>, parts: &[IndexPart]) -> Self {
        self.declared_index(name, parts, false, true)
    }

    /// Adds a unique index over these columns. Without a name it is called after its columns.
    #[must_use]
    pub fn unique(self, name: Option<&'static str>, parts: &[IndexPart]) -> Self {
        self.declared_index(name, parts, true, false)
    }

    pub(crate) fn declared_index(
        mut self,
        name: Option<&str>,
        parts: &[IndexPart],
        unique: bool,
        global: bool,
    ) -> Self {
        let name = name.map_or_else(|| self.index_name(parts, unique), str::to_owned);
        let multi = parts.iter().any(|part| matches!(self.table.column(part.column).ty, ColumnType::List(..)));
        self.table.indexes.push(IndexDef { name, parts: parts.to_vec(), unique, multi, global });
        self
    }

    /// Adds counts of the rows of each group, the groups made by these columns. Without a name it is called after its
    /// columns.
    #[must_use]
    pub fn count_by(self, name: Option<&'static str>, by: &[u16]) -> Self {
        self.declared_aggregate(name, None, by)
    }

    /// Adds sums of a column for each group of rows, the groups made by these columns. Without a name it is called after its
    /// columns.
    #[must_use]
    pub fn sum_by(self, name: Option<&'static str>, sum: u16, by: &[u16]) -> Self {
        self.declared_aggregate(name, Some(sum), by)
    }

    fn declared_aggregate(self, name: Option<&str>, sum: Option<u16>, by: &[u16]) -> Self {
        let name = name.map_or_else(|| self.aggregate_name(sum, by), str::to_owned);
        // The column of soft deletion is known when all columns are.
        let unless = self.table.deleted_at;
        self.aggregate(AggregateDef { name, sum, by: by.to_vec(), unless })
    }

    pub(crate) fn aggregate(mut self, aggregate: AggregateDef) -> Self {
        self.table.aggregates.push(aggregate);
        self
    }

    fn aggregate_name(&self, sum: Option<u16>, by: &[u16]) -> String {
        let mut name = String::from("count");
        if let Some(column) = sum {
            name = format!("sum_{}", self.table.column(column).name);
        }
        for (at, column) in by.iter().enumerate() {
            name.push_str(if at == 0 { "_by_" } else { "_" });
            name.push_str(&self.table.column(*column).name);
        }
        name
    }

    /// Adds a foreign key; [`finish`](Self::finish) sees to it that rows can be found by it.
    #[must_use]
    pub fn foreign_key(mut self, foreign_key: ForeignKey) -> Self {
        self.table.foreign_keys.push(foreign_key);
        self
    }

    fn index_name(&self, parts: &[IndexPart], unique: bool) -> String {
        let mut name = String::from(if unique { "unique" } else { "by" });
        for part in parts {
            name.push('_');
            name.push_str(&self.table.column(part.column).name);
            if part.descending {
                name.push_str("_desc");
            }
        }
        name
    }

    /// The finished description. A foreign key that neither the key nor an index serves gets an index of its own, under
    /// the name that it would have if it were declared.
    #[must_use]
    pub fn finish(mut self) -> Table {
        for at in 0..self.table.foreign_keys.len() {
            let Some(foreign_key) = self.table.foreign_keys.get(at) else { continue };
            let lookup = match foreign_key.served_by(&self.table.key, &self.table.indexes) {
                Some(lookup) => lookup,
                None => {
                    let parts: Vec<IndexPart> = foreign_key.columns.iter().copied().map(IndexPart::asc).collect();
                    let name = self.free_index_name(&parts);
                    self = self.declared_index(Some(&name), &parts, false, false);
                    Lookup::ByIndex(self.table.indexes.len() - 1)
                }
            };
            if let Some(foreign_key) = self.table.foreign_keys.get_mut(at) {
                foreign_key.lookup = lookup;
            }
        }
        self.table
    }

    /// What an index over these columns would be called, unless the user calls another one so.
    fn free_index_name(&self, parts: &[IndexPart]) -> String {
        let mut name = self.index_name(parts, false);
        while self.table.indexes.iter().any(|index| index.name == name) {
            name.push_str("_fk");
        }
        name
    }
}
