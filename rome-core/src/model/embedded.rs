//! Embedded structs: several columns of a table that are one field of its entity.

use crate::schema::ColumnDef;
use crate::value::{RowReader, RowWriter, ValueError};

/// A struct whose fields are columns of the entity that it is embedded in. Implemented by `#[derive(Embedded)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be embedded in an entity",
    note = "add `#[derive(Embedded)]` to the struct"
)]
pub trait Embedded: Sized {
    /// The names of its columns, without the prefix.
    const NAMES: &'static [&'static str];

    /// How many columns it takes.
    const WIDTH: u16 = Self::NAMES.len() as u16;

    /// Whether all of them are of types that read back what was written, see [`Field::EXACT`](crate::value::Field::EXACT).
    #[doc(hidden)]
    const EXACT: bool = false;

    /// Its columns within an entity `E`, one public field each.
    type Columns<E>;

    /// The descriptions of its columns, without the prefix.
    fn columns() -> Vec<ColumnDef>;

    /// Writes its columns in order.
    fn write(&self, row: &mut RowWriter);

    /// Reads its columns in order.
    ///
    /// # Errors
    /// When the row does not hold what the columns ask for.
    fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError>;
}

/// The columns of an embedded struct, the first of them at position `BASE`.
pub trait ColumnsAt<const BASE: u16> {
    /// The columns.
    const COLUMNS: Self;
}
