//! Single columns of an encoded row.

use crate::schema::Table;
use crate::value::{self, Field, RowReader, ValueError, ValueRef};

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
