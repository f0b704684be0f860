//! What a table looks like: the compiled description of an entity, built once by its derive.
//!
//! Everything below the typed surface (planning, index maintenance, the catalog) works on these descriptions and on
//! encoded rows, never on the entity's type, so that it is compiled once and not for each entity.

mod aggregate;
mod foreign_key;
mod index;
mod relation;
mod table;

pub use aggregate::AggregateDef;
pub use foreign_key::{ForeignKey, Lookup, OnDelete, TableRef};
pub use index::{IndexDef, IndexPart};
pub use relation::{RelationDef, RelationKind, RelationName, Through};
pub use table::{ColumnDef, KeySource, Role, Table, TableBuilder};
