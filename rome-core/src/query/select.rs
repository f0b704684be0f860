//! What a query gives: the entity, or some columns.

use crate::error::{Error, Result};
use crate::exec::Answer;
use crate::expr::Column;
use crate::model::Entity;
use crate::row::{self, RowView};
use crate::schema::Table;
use crate::sealed::Sealed;
use crate::value::{Field, RowReader, Value, ValueError};

/// How rows are read.
pub(super) enum Output<R> {
    /// As a whole.
    Entity(fn(&mut RowReader<'_>) -> Result<R, ValueError>),
    /// By columns.
    Columns(Columns<R>),
}

/// Reads rows by some of their columns.
pub(super) struct Columns<R> {
    positions: Vec<u16>,
    read: fn(&RowView<'_>, &[u16]) -> Result<R, ValueError>,
    // By pointers, so that they are compiled only for queries that give columns, and not for each entity.
    row: ReadRow<R>,
    values: ReadValues<R>,
}

type ReadRow<R> = fn(&Columns<R>, &'static Table, &[u8], &[u8], &mut Vec<u32>) -> Result<R>;
type ReadValues<R> = fn(&Columns<R>, &'static Table, &[Vec<(u16, Value)>]) -> Result<Vec<R>>;

impl<R> Clone for Output<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Entity(read) => Self::Entity(*read),
            Self::Columns(columns) => Self::Columns(Columns { positions: columns.positions.clone(), ..*columns }),
        }
    }
}

impl<R> Output<R> {
    /// By the columns at these positions.
    pub fn of_columns(positions: Vec<u16>, read: fn(&RowView<'_>, &[u16]) -> Result<R, ValueError>) -> Self {
        Self::Columns(Columns { positions, read, row: Columns::row, values: Columns::values })
    }

    /// The columns that rows are read by; none if they are read as a whole.
    pub fn columns(&self) -> Option<&[u16]> {
        match self {
            Self::Entity(_) => None,
            Self::Columns(columns) => Some(&columns.positions),
        }
    }

    /// Reads a row.
    pub fn read(&self, table: &'static Table, key: &[u8], body: &[u8], offsets: &mut Vec<u32>) -> Result<R> {
        match self {
            Self::Entity(read) => {
                let mut columns = RowReader::new(body);
                match read(&mut columns) {
                    Ok(row) => Ok(row),
                    Err(source) => Err(row::not_read(table, key, body, columns.position(), source)),
                }
            }
            Self::Columns(columns) => (columns.row)(columns, table, key, body, offsets),
        }
    }

    /// Reads rows of columns from their values, which an index holds.
    pub fn read_values(&self, table: &'static Table, values: &[Vec<(u16, Value)>]) -> Result<Vec<R>> {
        match self {
            Self::Entity(_) => Err(Error::internal("an entity cannot be read from the columns of an index")),
            Self::Columns(columns) => (columns.values)(columns, table, values),
        }
    }

    /// Reads all rows of an answer.
    pub fn read_all(&self, table: &'static Table, answer: &Answer) -> Result<Vec<R>> {
        let mut offsets = Vec::new();
        let mut rows = Vec::with_capacity(answer.len());
        answer.for_each(&mut |key, body| {
            match self.read(table, key, body, &mut offsets) {
                Ok(row) => rows.push(row),
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

impl<R> Columns<R> {
    fn row(&self, table: &'static Table, key: &[u8], body: &[u8], offsets: &mut Vec<u32>) -> Result<R> {
        match view(table, body, &self.positions, offsets).and_then(|view| (self.read)(&view, &self.positions)) {
            Ok(row) => Ok(row),
            Err(source) => Err(row::damaged(table, key, body, source)),
        }
    }

    fn values(&self, table: &'static Table, values: &[Vec<(u16, Value)>]) -> Result<Vec<R>> {
        let mut rows = Vec::with_capacity(values.len());
        each_of_values(table, values, &mut |view| {
            rows.push((self.read)(view, &self.positions)?);
            Ok(())
        })?;
        Ok(rows)
    }
}

/// Gives rows of columns, of which an index holds the values, to `read`.
fn each_of_values(
    table: &'static Table,
    rows: &[Vec<(u16, Value)>],
    read: &mut dyn FnMut(&RowView<'_>) -> Result<(), ValueError>,
) -> Result<()> {
    for values in rows {
        row::of_columns(table, values)
            .and_then(|(body, offsets)| read(&RowView::new(table, &body, &offsets)))
            .map_err(|source| row::unreadable(table, &[], source))?;
    }
    Ok(())
}

fn view<'r>(
    table: &'static Table,
    body: &'r [u8],
    columns: &[u16],
    offsets: &'r mut Vec<u32>,
) -> Result<RowView<'r>, ValueError> {
    RowView::locate(table, body, columns.iter().copied().max().unwrap_or(0), offsets)?;
    Ok(RowView::new(table, body, offsets))
}

/// A column or a tuple of columns of `E`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selection of columns of `{E}`",
    note = "write `Dog::NAME`, or `(Dog::NAME, Dog::AGE)`"
)]
pub trait Selection<E: Entity> {
    #[doc(hidden)]
    const SEALED: Sealed;

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
    const SEALED: Sealed = Sealed;

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
            const SEALED: Sealed = Sealed;

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
