//! Reads rows as their entities do, for statements and checks that have only the columns.

use crate::error::Kind;
use crate::model::Entity;
use crate::row;
use crate::schema::Table;
use crate::value::{RowReader, ValueError};

/// Reads a row as its entity; of one that it does not read, says why and how far it came.
type ReadBack = fn(&[u8]) -> Result<(), (usize, ValueError)>;

/// The tables of a database with columns that may hold what their entity does not read, and how the entity reads a row.
#[derive(Clone, Default)]
pub(crate) struct Readers(Vec<(&'static Table, ReadBack)>);

impl Readers {
    pub fn add<E: Entity>(&mut self) {
        if !E::EXACT {
            self.0.push((E::table(), read_back::<E>));
        }
    }

    /// Whether the entity of the table reads these columns.
    pub fn reads(&self, table: &'static Table, body: &[u8]) -> bool {
        self.read(table, body).is_ok()
    }

    /// Refuses columns that were not written by the entity, as by an expression, if the entity does not read them.
    pub fn check(&self, table: &'static Table, body: &[u8]) -> crate::error::Result<()> {
        self.read(table, body).map_err(|(reached, source)| {
            let column = row::column_at(table, body, reached, &source).unwrap_or_default().to_owned();
            Kind::Value { table: table.name, column, source }.into()
        })
    }

    fn read(&self, table: &'static Table, body: &[u8]) -> Result<(), (usize, ValueError)> {
        match self.0.iter().find(|(known, _)| std::ptr::eq(*known, table)) {
            Some((_, read)) => read(body),
            None => Ok(()),
        }
    }
}

fn read_back<E: Entity>(body: &[u8]) -> Result<(), (usize, ValueError)> {
    let mut row = RowReader::new(body);
    E::read(&mut row).map(drop).map_err(|source| (row.position(), source))
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(table, _)| table.name)).finish()
    }
}
