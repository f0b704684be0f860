//! The rows of the tables of a join, and joined rows as places among them.

use crate::ask::{MOST_ROWS, Window};
use crate::error::{Error, Kind, Result};
use crate::exec::hit::Hit;
use crate::expr::eval::Values;
use crate::row::{self, RowView};
use crate::schema::Table;
use crate::session::Session;
use crate::value::{ValueError, ValueRef};

/// In a joined row: no row of this table.
pub(super) const NONE: u32 = u32::MAX;

/// The rows of one table.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub table: &'static Table,
    pub hits: Vec<Hit>,
    /// Where the columns of each row begin, as many of them as are read.
    offsets: Vec<u32>,
    width: usize,
}

impl Fetched {
    /// A table of which nothing is read.
    pub const fn none(table: &'static Table) -> Self {
        Self { table, hits: Vec::new(), offsets: Vec::new(), width: 0 }
    }

    /// Rows of which the columns up to `last` are read.
    pub fn new(table: &'static Table, hits: Vec<Hit>, last: u16) -> Result<Self> {
        let width = usize::from(last) + 1;
        let mut offsets = Vec::with_capacity(hits.len() * width);
        let mut one = Vec::with_capacity(width);
        for hit in &hits {
            RowView::locate(table, &hit.body, last, &mut one)
                .map_err(|source| row::damaged(table, &hit.key, &hit.body, source))?;
            offsets.extend_from_slice(&one);
        }
        Ok(Self { table, hits, offsets, width })
    }

    /// The row at a place.
    pub fn view(&self, at: usize) -> Option<RowView<'_>> {
        let hit = self.hits.get(at)?;
        let offsets = self.offsets.get(at * self.width..(at + 1) * self.width)?;
        Some(RowView::new(self.table, &hit.body, offsets))
    }
}

/// Joined rows: for each the places of its rows in the tables.
#[derive(Debug)]
pub(crate) struct Joined {
    pub tables: Vec<Fetched>,
    places: Vec<u32>,
}

/// A joined row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinedRow<'a> {
    tables: &'a [Fetched],
    places: &'a [u32],
}

impl<'a> JoinedRow<'a> {
    /// Its row of the table at a place, if there is one.
    pub fn hit(&self, place: usize) -> Option<(&'static Table, &'a Hit)> {
        let table = self.tables.get(place)?;
        Some((table.table, table.hits.get(*self.places.get(place)? as usize)?))
    }
}

impl Values for JoinedRow<'_> {
    fn value_at(&self, place: u8, column: u16) -> Result<ValueRef<'_>, ValueError> {
        let place = usize::from(place);
        match (self.tables.get(place), self.places.get(place)) {
            (Some(table), Some(at)) => match table.view(*at as usize) {
                Some(row) => row.value(column),
                None => Ok(ValueRef::Null),
            },
            _ => Ok(ValueRef::Null),
        }
    }
}

impl Joined {
    pub const fn new(tables: Vec<Fetched>) -> Self {
        Self { tables, places: Vec::new() }
    }

    /// Keeps the rows for a later update of them in the session.
    pub fn remember(&self, session: &Session) -> Result<()> {
        for table in &self.tables {
            let stored = session.shared.table(table.table)?;
            session.remember_hits(stored.id, &table.hits);
        }
        Ok(())
    }

    fn width(&self) -> usize {
        self.tables.len().max(1)
    }

    pub fn len(&self) -> usize {
        self.places.len() / self.width()
    }

    pub fn iter(&self) -> impl Iterator<Item = JoinedRow<'_>> {
        self.places.chunks_exact(self.width()).map(|places| JoinedRow { tables: &self.tables, places })
    }

    /// A row for each row of the first table that is read.
    pub fn begin(&mut self, place: u8) -> Result<()> {
        let n = self.tables.get(usize::from(place)).map_or(0, |table| table.hits.len());
        let empty = vec![NONE; self.width()];
        for at in 0..n {
            self.push(&empty, place, at)?;
        }
        Ok(())
    }

    /// Takes the rows out, to build others of them.
    pub fn take(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.places)
    }

    /// Adds the row `row` with the one at `at` of the table at `place`.
    pub fn push(&mut self, row: &[u32], place: u8, at: usize) -> Result<()> {
        if self.len() >= MOST_ROWS {
            let names: Vec<&str> = self.tables.iter().map(|table| table.table.name).collect();
            return Err(too_many(&names));
        }
        let start = self.places.len();
        self.places.extend_from_slice(row);
        if let Some(slot) = self.places.get_mut(start + usize::from(place)) {
            *slot = u32::try_from(at).unwrap_or(NONE);
        }
        Ok(())
    }

    /// The row at these places.
    pub fn row<'a>(&'a self, places: &'a [u32]) -> JoinedRow<'a> {
        JoinedRow { tables: &self.tables, places }
    }

    /// Keeps the rows for which the test is true.
    pub fn retain(&mut self, mut test: impl FnMut(&JoinedRow<'_>) -> Result<bool>) -> Result<()> {
        let width = self.width();
        let places = self.take();
        let mut kept = Vec::with_capacity(places.len());
        for places in places.chunks_exact(width) {
            if test(&self.row(places))? {
                kept.extend_from_slice(places);
            }
        }
        self.places = kept;
        Ok(())
    }

    /// Puts the rows in order of their keys and cuts them.
    pub fn arrange(&mut self, key: Option<impl Fn(&JoinedRow<'_>) -> Result<Vec<u8>>>, window: Window) -> Result<()> {
        let width = self.width();
        let mut places = self.take();
        if let Some(key) = key {
            let mut keyed = Vec::with_capacity(places.len() / width);
            for row in places.chunks_exact(width) {
                keyed.push((key(&self.row(row))?, row.to_vec()));
            }
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            places = keyed.into_iter().flat_map(|(_, row)| row).collect();
        }
        let kept = window.range(places.len() / width);
        places.truncate(kept.end * width);
        places.drain(..kept.start * width);
        self.places = places;
        Ok(())
    }
}

#[cold]
fn too_many(tables: &[&str]) -> Error {
    Kind::Limit(format!(
        "the join of {} would keep more than {MOST_ROWS} rows in memory; narrow it by a filter",
        tables.join(", ")
    ))
    .into()
}
