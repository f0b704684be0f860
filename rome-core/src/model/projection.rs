//! Projections: some columns of a row as a struct of their own.

use super::Entity;
use crate::expr::Column;
use crate::schema::Table;
use crate::value::{self, Field, RowReader, ValueError, ValueRef};

/// A struct that holds some columns of an `E`. Implemented by `#[derive(Projection)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection of `{E}`",
    note = "add `#[derive(Projection)]` and `#[rome(entity = ...)]` to the struct"
)]
pub trait Projection<E: Entity>: Sized + Send + 'static {
    /// The positions of the columns that it reads.
    fn columns() -> Vec<u16>;

    /// Reads it from a row.
    ///
    /// # Errors
    /// When the row does not hold what the columns ask for.
    fn read(row: &RowView<'_>) -> Result<Self, ValueError>;
}

/// A column that a projection's field of type `F` can hold: one of the same type.
#[diagnostic::on_unimplemented(
    message = "a field of type `{F}` cannot hold the column, which is a `{Self}`",
    label = "not the type of the column",
    note = "a field of a projection has exactly the type of its column"
)]
pub trait HeldAs<F> {
    /// Reads the column from a row.
    ///
    /// # Errors
    /// When the row does not hold such a value.
    fn read(self, row: &RowView<'_>) -> Result<F, ValueError>;
}

impl<E, F: Field> HeldAs<F> for Column<E, F> {
    fn read(self, row: &RowView<'_>) -> Result<F, ValueError> {
        row.read(self)
    }
}

/// A stored row, of which single columns can be read.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    table: &'static Table,
    body: &'a [u8],
    offsets: &'a [u32],
}

impl<'a> RowView<'a> {
    /// A view of a body, whose columns from the first to the last that will be read start at these offsets.
    #[must_use]
    pub(crate) const fn new(table: &'static Table, body: &'a [u8], offsets: &'a [u32]) -> Self {
        Self { table, body, offsets }
    }

    /// Finds where the columns before and at `last` start.
    ///
    /// # Errors
    /// When the body does not hold those columns.
    pub(crate) fn locate(
        table: &'static Table,
        body: &[u8],
        last: u16,
        offsets: &mut Vec<u32>,
    ) -> Result<(), ValueError> {
        offsets.clear();
        let mut row = RowReader::new(body);
        for column in table.columns.iter().take(usize::from(last)) {
            offsets.push(u32::try_from(row.position()).unwrap_or(u32::MAX));
            value::skip_column(&mut row, column.ty, column.nullable)?;
        }
        offsets.push(u32::try_from(row.position()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Reads a column into its Rust type.
    ///
    /// # Errors
    /// When the row does not hold such a value.
    pub fn read<E, T: Field>(&self, column: Column<E, T>) -> Result<T, ValueError> {
        T::read(&mut self.at(column.position()))
    }

    /// Reads the column at a position into a Rust type.
    ///
    /// # Errors
    /// When the row does not hold such a value.
    pub(crate) fn read_at<T: Field>(&self, position: u16) -> Result<T, ValueError> {
        T::read(&mut self.at(position))
    }

    /// Reads a column as a run-time value that borrows from the row.
    ///
    /// # Errors
    /// When the row does not hold such a value.
    pub(crate) fn value(&self, column: u16) -> Result<ValueRef<'a>, ValueError> {
        let def = self.table.column(column);
        value::read_column(&mut self.at(column), def.ty, def.nullable)
    }

    fn at(&self, column: u16) -> RowReader<'a> {
        let offset = self.offsets.get(usize::from(column)).copied().unwrap_or(u32::MAX);
        let mut row = RowReader::new(self.body);
        row.seek(offset as usize);
        row
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rome_derive::{Embedded, Entity, Projection};

    use super::{Projection as _, RowView};
    use crate::model::Entity as _;
    use crate::value::{Json, RowWriter, ValueRef};

    #[derive(Embedded)]
    #[rome(crate = "crate")]
    struct Address {
        street: String,
        city: Option<String>,
    }

    #[derive(Entity)]
    #[rome(crate = "crate")]
    struct Dog {
        #[rome(key)]
        id: u64,
        #[rome(json)]
        tags: Vec<String>,
        #[rome(embed)]
        address: Address,
        name: String,
    }

    #[derive(Projection, PartialEq, Debug)]
    #[rome(crate = "crate", entity = Dog)]
    struct Summary {
        #[rome(column = ADDRESS.city)]
        city: Option<String>,
        name: String,
        tags: Json<Vec<String>>,
    }

    #[test]
    fn a_projection_reads_its_columns_wherever_they_stand_in_the_row() {
        let address = Address { street: "1 Quai".into(), city: Some("Lyon".into()) };
        let dog = Dog { id: 1, tags: vec!["good".into()], address, name: "Rex".into() };
        let mut row = RowWriter::new();
        dog.write(&mut row);
        let body = row.finish();
        let columns = Summary::columns();
        let mut offsets = Vec::new();
        RowView::locate(Dog::table(), &body, *columns.iter().max().unwrap(), &mut offsets).unwrap();
        let view = RowView::new(Dog::table(), &body, &offsets);
        let expected = Summary { city: dog.address.city, name: dog.name, tags: Json(dog.tags) };
        assert_eq!(Summary::read(&view).unwrap(), expected);
        assert_eq!(view.value(Dog::ADDRESS.street.position()).unwrap(), ValueRef::Text("1 Quai"));
    }
}
