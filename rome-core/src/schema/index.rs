//! Indexes.

/// A column in an index, with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct IndexPart {
    /// The column's position in the table.
    pub column: u16,
    /// Whether its greatest values come first.
    pub descending: bool,
}

impl IndexPart {
    /// A column whose least values come first.
    #[must_use]
    pub const fn asc(column: u16) -> Self {
        Self { column, descending: false }
    }

    /// A column whose greatest values come first.
    #[must_use]
    pub const fn desc(column: u16) -> Self {
        Self { column, descending: true }
    }
}

/// An index as the entity declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexDef {
    /// Its name, unique within the table.
    pub name: String,
    /// Its columns, most significant first.
    pub parts: Vec<IndexPart>,
    /// Whether at most one row may have the same values in all of them. Tuples with NULL are free.
    pub unique: bool,
    /// Whether one of its columns is a list, of which each element gets an entry.
    pub multi: bool,
    /// Whether its entries lie together, in the order of its columns, and not each beside its row. A unique index is never
    /// marked so: its claims lie where their values say in any case.
    pub global: bool,
}

impl IndexDef {
    /// Whether its last column, and so the key by which ties are broken, is descending.
    #[must_use]
    pub fn ends_descending(&self) -> bool {
        self.parts.last().is_some_and(|part| part.descending)
    }
}
