//! The rows of the tables of a join, and joined rows as places among them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

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

/// So many rows of a table are kept though no joined row has them: dropping them costs more.
const FEW_ROWS: usize = 256;

/// The rows of one table.
#[derive(Debug, Clone)]
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
        if hits.len() > MOST_ROWS {
            return Err(too_many(&[table.name], MOST_ROWS));
        }
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

    /// Adds a row of another part of the same table; returns its place.
    fn add(&mut self, other: &Self, at: usize) -> u32 {
        let (from, to) = (at * other.width, (at + 1) * other.width);
        if let (Some(hit), Some(offsets)) = (other.hits.get(at), other.offsets.get(from..to)) {
            self.width = other.width;
            self.hits.push(hit.clone());
            self.offsets.extend_from_slice(offsets);
        }
        u32::try_from(self.hits.len()).map_or(NONE, |n| n - 1)
    }
}

/// Joined rows: for each the places of its rows in the tables.
#[derive(Debug)]
pub(crate) struct Joined {
    pub tables: Vec<Arc<Fetched>>,
    places: Vec<u32>,
}

/// A joined row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinedRow<'a> {
    tables: &'a [Arc<Fetched>],
    places: &'a [u32],
}

/// A joined row by itself. It keeps the rows that were found with it.
#[derive(Debug, Clone)]
pub(crate) struct RowOf {
    of: Arc<Joined>,
    at: usize,
}

impl RowOf {
    /// The row.
    pub fn row(&self) -> JoinedRow<'_> {
        self.of.at(self.at).expect("a row is taken at its place among those that were found")
    }
}

impl<'a> JoinedRow<'a> {
    /// Its row of the table at a place, if there is one.
    pub fn hit(&self, place: usize) -> Option<(&'static Table, &'a Hit)> {
        let table = self.tables.get(place)?;
        Some((table.table, table.hits.get(*self.places.get(place)? as usize)?))
    }

    /// The place of its row among those of a table; `None` if it has none of it.
    pub(super) fn place_in(&self, table: u8) -> Option<usize> {
        self.places.get(usize::from(table)).filter(|at| **at != NONE).map(|at| *at as usize)
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
    pub fn new(tables: impl IntoIterator<Item = Fetched>) -> Self {
        Self { tables: tables.into_iter().map(Arc::new).collect(), places: Vec::new() }
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

    /// The row at a place.
    fn at(&self, at: usize) -> Option<JoinedRow<'_>> {
        let width = self.width();
        let places = self.places.get(at * width..(at + 1) * width)?;
        Some(JoinedRow { tables: &self.tables, places })
    }

    /// The rows one by one.
    pub fn into_rows(self) -> impl Iterator<Item = RowOf> {
        let (n, of) = (self.len(), Arc::new(self));
        (0..n).map(move |at| RowOf { of: of.clone(), at })
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

    /// Adds the rows `from..to` of another part of the same join, with the rows of the tables that they have.
    pub fn append(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        let width = self.width();
        let mut added: Vec<HashMap<u32, u32>> = vec![HashMap::new(); width];
        let places = other.places.get(rows.start * width..rows.end * width).unwrap_or_default();
        if self.len() + rows.len() > MOST_ROWS {
            return Err(self.too_many());
        }
        self.places.reserve(places.len());
        for row in places.chunks_exact(width) {
            let of = row.iter().zip(&mut added).zip(other.tables.iter().zip(&mut self.tables));
            self.places.extend(of.map(|((at, added), (from, to))| match *at {
                NONE => NONE,
                at => *added.entry(at).or_insert_with(|| Arc::make_mut(to).add(from, at as usize)),
            }));
        }
        Ok(())
    }

    /// Drops the rows of the tables that no joined row has any more, where they are many.
    pub fn compact(&mut self) -> Result<()> {
        let most = 2 * self.len() + FEW_ROWS;
        if self.tables.iter().all(|table| table.hits.len() <= most) {
            return Ok(());
        }
        let empty = Self::new(self.tables.iter().map(|table| Fetched::none(table.table)));
        let all = std::mem::replace(self, empty);
        self.append(&all, 0..all.len())
    }

    /// Takes the rows out, to build others of them.
    pub fn take(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.places)
    }

    /// Adds the row `row` with the one at `at` of the table at `place`.
    pub fn push(&mut self, row: &[u32], place: u8, at: usize) -> Result<()> {
        if self.len() >= MOST_ROWS {
            return Err(self.too_many());
        }
        let start = self.places.len();
        self.places.extend_from_slice(row);
        if let Some(slot) = self.places.get_mut(start + usize::from(place)) {
            *slot = u32::try_from(at).unwrap_or(NONE);
        }
        Ok(())
    }

    #[cold]
    fn too_many(&self) -> Error {
        let names: Vec<&str> = self.tables.iter().map(|table| table.table.name).collect();
        too_many(&names, MOST_ROWS)
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

    /// Puts the rows in the order of the keys that `add_key` appends.
    pub fn sort(&mut self, add_key: impl Fn(&JoinedRow<'_>, &mut Vec<u8>) -> Result<()>) -> Result<()> {
        let width = self.width();
        let places = self.take();
        // All keys in one string, with the range and the row of each.
        let (mut keys, mut keyed) = (Vec::new(), Vec::with_capacity(places.len() / width));
        for row in places.chunks_exact(width) {
            let start = keys.len();
            add_key(&self.row(row), &mut keys)?;
            keyed.push((start..keys.len(), row));
        }
        let key = |range: &Range<usize>| keys.get(range.clone()).unwrap_or_default();
        if keyed.is_sorted_by(|(a, _), (b, _)| key(a) <= key(b)) {
            self.places = places;
            return Ok(());
        }
        keyed.sort_by(|(a, _), (b, _)| key(a).cmp(key(b)));
        self.places = keyed.into_iter().flat_map(|(_, row)| row).copied().collect();
        Ok(())
    }

    /// Keeps the rows of a window.
    pub fn cut(&mut self, window: Window) {
        let width = self.width();
        let kept = window.range(self.len());
        self.places.truncate(kept.end * width);
        self.places.drain(..kept.start * width);
    }
}

#[cold]
pub(super) fn too_many(tables: &[&str], most: usize) -> Error {
    Kind::Limit(format!(
        "the join of {} would keep more than {most} rows in memory; narrow it by a filter or a limit",
        tables.join(", ")
    ))
    .into()
}
