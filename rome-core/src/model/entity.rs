//! Entities: structs that are rows of a table.

use std::any::Any;

use super::Key;
use crate::error::Error;
use crate::expr::DynColumn;
use crate::schema::Table;
use crate::value::{RowReader, RowWriter, ValueError};

/// The hooks of an entity. Only sessions know what is in them, since a hook gets one.
pub type AnyHooks = dyn Any + Send + Sync;

/// A struct that is stored as a row of a table. Implemented by `#[derive(Entity)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "add `#[derive(Entity)]` to the struct and mark its key with `#[rome(key)]`"
)]
pub trait Entity: Sized + Send + Sync + 'static {
    /// The type of its key; a tuple if it has several key columns.
    type Key: Key;

    /// The description of its table.
    fn table() -> &'static Table;

    /// Whether all columns are of types that read back what was written, see [`Field::EXACT`](crate::value::Field::EXACT).
    #[doc(hidden)]
    const EXACT: bool = false;

    /// Its key.
    fn key(&self) -> Self::Key;

    /// Writes all columns in the table's order.
    #[doc(hidden)]
    fn write(&self, row: &mut RowWriter);

    /// Reads all columns in the table's order.
    ///
    /// # Errors
    /// When the row does not hold what the columns ask for.
    #[doc(hidden)]
    fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError>;

    /// What it does before and after its rows are written.
    #[doc(hidden)]
    #[must_use]
    fn hooks() -> Option<&'static AnyHooks> {
        None
    }

    /// The column with this name, for filters and orders that are only known at run time. Costs no round trip.
    ///
    /// # Errors
    /// When the table has no such column; the error lists the nearest name.
    fn column(name: &str) -> Result<DynColumn<Self>, Error> {
        DynColumn::named(name)
    }
}
