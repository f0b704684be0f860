//! Entities: structs that are rows of a table.

use std::any::Any;

use super::Key;
use crate::error::Error;
use crate::expr::DynColumn;
use crate::schema::Table;
use crate::value::{RowReader, RowWriter, ValueError};

/// The hooks of an entity. Only sessions know what is in them, since a hook gets one.
pub type AnyHooks = dyn Any + Send + Sync;

/// How an entity is written and read. Apart from [`Entity`], so that the names of its methods are not in scope with that: a program
/// may give them to methods of its own.
pub trait Row: Sized + Send + Sync + 'static {
    /// Whether all columns are of types that read back what was written, see [`Field::EXACT`](crate::value::Field::EXACT).
    const EXACT: bool = false;

    /// Writes all columns in the table's order.
    fn write(&self, row: &mut RowWriter);

    /// Reads all columns in the table's order.
    ///
    /// # Errors
    /// When the row does not hold what the columns ask for.
    fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError>;

    /// What it does before and after its rows are written.
    #[must_use]
    fn hooks() -> Option<&'static AnyHooks> {
        None
    }
}

/// A struct that is stored as a row of a table. Implemented by `#[derive(Entity)]`, and not by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "add `#[derive(Entity)]` to the struct and mark its key with `#[rome(key)]`"
)]
pub trait Entity: Row {
    /// The type of its key; a tuple if it has several key columns.
    type Key: Key;

    /// The description of its table.
    fn table() -> &'static Table;

    /// Its key.
    fn key(&self) -> Self::Key;

    /// The column with this name, for filters and orders that are only known at run time. Costs no round trip.
    ///
    /// # Errors
    /// When the table has no such column; the error lists the nearest name.
    fn column(name: &str) -> Result<DynColumn<Self>, Error> {
        DynColumn::named(name)
    }
}
