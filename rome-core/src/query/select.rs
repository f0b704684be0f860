//! What a query gives: the entity, or some columns.

use crate::error::{Error, Result};
use crate::expr::Column;
use crate::model::Entity;
use crate::row::{self, RowView};
use crate::schema::Table;
use crate::value::{Field, RowReader, Value, ValueError};

/// How rows are read.
pub(super) enum Output<R> {
    /// As a whole.
    Entity(fn(&mut RowReader<'_>) -> Result<R, ValueError>),
    /// By these columns.
    Columns(Vec<u16>, fn(&RowView<'_>, &[u16]) -> Result<R, ValueError>),
}

impl<R> Clone for Output<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Entity(read) => Self::Entity(*read),
            Self::Columns(columns, read) => Self::Columns(columns.clone(), *read),
        }
    }
}

impl<R> Output<R> {
    /// Reads a row.
    pub fn read(&self, table: &'static Table, key: &[u8], body: &[u8], offsets: &mut Vec<u32>) -> Result<R> {
        match self {
            Self::Entity(read) => {
                let mut columns = RowReader::new(body);
                read(&mut columns).map_err(|source| row::not_read(table, key, body, columns.position(), source))
            }
            Self::Columns(columns, read) => {
                let last = columns.iter().copied().max().unwrap_or(0);
                RowView::locate(table, body, last, offsets)
                    .and_then(|()| read(&RowView::new(table, body, offsets), columns))
                    .map_err(|source| row::damaged(table, key, body, source))
            }
        }
    }

    /// Reads a row of columns from their values, which an index holds.
    pub fn read_values(&self, table: &'static Table, values: &[(u16, Value)]) -> Result<R> {
        let Self::Columns(columns, read) = self else {
            return Err(Error::invalid("an entity cannot be read from the columns of an index"));
        };
        row::of_columns(table, values)
            .and_then(|(body, offsets)| read(&RowView::new(table, &body, &offsets), columns))
            .map_err(|source| row::unreadable(table, &[], source))
    }
}

/// A column or a tuple of columns of `E`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selection of columns of `{E}`",
    note = "write `Dog::NAME`, or `(Dog::NAME, Dog::AGE)`"
)]
pub trait Selection<E: Entity> {
    /// What a row becomes.
    type Row;

    /// The columns' positions.
    fn positions(&self) -> Vec<u16>;

    /// Reads the columns of a row.
    ///
    /// # Errors
    /// When the row does not hold what the columns ask for.
    fn read(row: &RowView<'_>, positions: &[u16]) -> Result<Self::Row, ValueError>;
}

impl<E: Entity, T: Field> Selection<E> for Column<E, T> {
    type Row = T;

    fn positions(&self) -> Vec<u16> {
        vec![self.position()]
    }

    fn read(row: &RowView<'_>, positions: &[u16]) -> Result<T, ValueError> {
        row.read_at(positions.first().copied().unwrap_or_default())
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt)+))*) => { $(
        impl<E: Entity, $($name: Field),+> Selection<E> for ($(Column<E, $name>,)+) {
            type Row = ($($name,)+);

            fn positions(&self) -> Vec<u16> {
                vec![$(self.$at.position()),+]
            }

            fn read(row: &RowView<'_>, positions: &[u16]) -> Result<Self::Row, ValueError> {
                Ok(($(row.read_at::<$name>(positions.get($at).copied().unwrap_or_default())?,)+))
            }
        }
    )* };
}

tuples! {
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 F 4)
    (A 0 B 1 C 2 D 3 F 4 G 5)
    (A 0 B 1 C 2 D 3 F 4 G 5 H 6)
    (A 0 B 1 C 2 D 3 F 4 G 5 H 6 I 7)
}
