//! Layouts: which columns a stored row holds, in which order.
//!
//! A program reads all layouts of a table into one form, that of its description, and writes one of them. Where a layout has
//! the columns of the description in the same order nothing has to be moved, and that one is written.
//!
//! Other programs may add layouts while this one runs. Such a one is learned when the first row of it is met. What it has that
//! this program does not know stays behind the columns that it knows, together with the number of the layout, and is
//! written back with them: so an update keeps it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::compare::describe;
use super::document::{ColumnDoc, LayoutDoc, TableDoc};
use crate::schema::Table;
use crate::value::{
    ColumnType, RowReader, RowWriter, Value, ValueError, ValueRef, read_column, skip_column, write_column,
};

/// The length of the number of a layout behind columns that are not known.
const NUMBER: usize = 4;

/// The layouts of a table's rows.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    /// The number of the one whose columns are those of the description, in their order; 0, which is no layout, if none is.
    same: u32,
    /// The number that rows are written with.
    written: u32,
    /// All others that the catalog had when it was read.
    others: Vec<(u32, Layout)>,
    /// Those that other programs have added since.
    learned: RwLock<Vec<(u32, Arc<Layout>)>>,
    has_learned: AtomicBool,
    /// The encoded values that a new row has in the columns that the entity does not declare.
    pub added: Vec<u8>,
}

/// A layout of a table, and where its columns are in the description.
#[derive(Debug)]
struct Layout {
    columns: Vec<LayoutColumn>,
    /// For each column of the description the value of rows that do not have it; none is NULL.
    defaults: Vec<Option<Value>>,
    /// Whether columns that are not known are kept.
    keeps: bool,
}

#[derive(Debug)]
struct LayoutColumn {
    name: String,
    ty: ColumnType,
    nullable: bool,
    /// The position in the description; `None` if it is not there.
    now: Option<u16>,
}

impl Layouts {
    /// Those of a stored table that is described so; `entity` is the part of the description that a program declares.
    pub(super) fn new(doc: &TableDoc, table: &'static Table, entity: &'static Table) -> Result<Self, ValueError> {
        let Some(current) = doc.layouts.last() else { return Err(ValueError::malformed("it has no layout", 0)) };
        let described: Vec<ColumnDoc> = table.columns.iter().map(describe).collect();
        let is_same = |layout: &&LayoutDoc| {
            let same = |(stored, here): (&ColumnDoc, &ColumnDoc)| {
                (&stored.name, &stored.ty, stored.nullable) == (&here.name, &here.ty, here.nullable)
            };
            layout.columns.len() == described.len() && layout.columns.iter().zip(&described).all(same)
        };
        let same = doc.layouts.iter().rev().find(is_same).map_or(0, |layout| layout.number);
        let others = doc.layouts.iter().filter(|layout| layout.number != same);
        let others = others.map(|layout| Ok((layout.number, Layout::new(layout, current, table, false)?)));
        let mut added = RowWriter::new();
        for column in table.columns.iter().skip(entity.columns.len()) {
            let stored = current.columns.iter().find(|stored| stored.name == column.name);
            let value = match stored.and_then(|stored| stored.default.as_ref()) {
                Some(json) => column.ty.read_json(json)?,
                None => Value::Null,
            };
            write_column(&mut added, column.ty, column.nullable, value.as_ref())?;
        }
        Ok(Self {
            same,
            written: if same == 0 { current.number } else { same },
            others: others.collect::<Result<_, ValueError>>()?,
            learned: RwLock::default(),
            has_learned: AtomicBool::new(false),
            added: added.finish(),
        })
    }

    /// The number of the layout that needs no change to be read; 0 if there is none.
    pub const fn same(&self) -> u32 {
        self.same
    }

    /// Whether a row that is written is just its columns.
    pub fn is_plain(&self) -> bool {
        self.same != 0 && !self.has_learned()
    }

    /// Whether rows may have columns that are not known behind those that are.
    pub fn has_learned(&self) -> bool {
        self.has_learned.load(Ordering::Acquire)
    }

    /// Whether rows of this layout can be read.
    pub fn knows(&self, number: u32) -> bool {
        number == self.same || self.others.iter().any(|(known, _)| *known == number) || self.find(number).is_some()
    }

    fn find(&self, number: u32) -> Option<Arc<Layout>> {
        if !self.has_learned() {
            return None;
        }
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        learned.iter().find(|(known, _)| *known == number).map(|(_, layout)| layout.clone())
    }

    /// Takes note of the layouts that others have added.
    ///
    /// # Errors
    /// When one has columns that cannot be read.
    pub fn learn(&self, doc: &TableDoc, table: &'static Table) -> Result<(), ValueError> {
        let Some(current) = doc.layouts.last() else { return Ok(()) };
        for layout in doc.layouts.iter().filter(|layout| !self.knows(layout.number)) {
            let learned = Arc::new(Layout::new(layout, current, table, true)?);
            let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
            all.push((layout.number, learned));
            self.has_learned.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// A row of a layout in the form of the description: columns that it does not have take their default or NULL.
    pub fn read(&self, table: &'static Table, number: u32, body: &[u8]) -> Result<Vec<u8>, ValueError> {
        if let Some((_, layout)) = self.others.iter().find(|(known, _)| *known == number) {
            return layout.read(table, number, body);
        }
        match self.find(number) {
            Some(layout) => layout.read(table, number, body).map_err(|error| layout.newer(table, &error)),
            None => Err(ValueError::malformed("it is in a layout that the catalog of the database does not have", 0)),
        }
    }

    /// The number of the layout in which a row is stored, and its columns in that layout.
    pub fn write(&self, table: &'static Table, body: &[u8]) -> Result<(u32, Vec<u8>), ValueError> {
        let known = body.get(..end_of(table, body)?).unwrap_or_default();
        let kept = body.get(known.len()..).unwrap_or_default();
        if let Some((rest, number)) = kept.split_last_chunk::<NUMBER>() {
            let number = u32::from_be_bytes(*number);
            let layout = self.find(number).ok_or_else(|| ValueError::malformed("columns that nobody knows", 0))?;
            return Ok((number, layout.write(table, known, rest).map_err(|error| layout.newer(table, &error))?));
        }
        match self.others.iter().find(|(number, _)| *number == self.written) {
            Some((_, layout)) => Ok((self.written, layout.write(table, known, &[])?)),
            None => Ok((self.written, known.to_vec())),
        }
    }
}

/// Where the columns of a table end in a body.
pub(crate) fn end_of(table: &'static Table, body: &[u8]) -> Result<usize, ValueError> {
    let mut row = RowReader::new(body);
    for column in &table.columns {
        skip_column(&mut row, column.ty, column.nullable)?;
    }
    Ok(row.position())
}

impl Layout {
    fn new(doc: &LayoutDoc, present: &LayoutDoc, table: &'static Table, learned: bool) -> Result<Self, ValueError> {
        let columns = doc
            .columns
            .iter()
            .map(|column| {
                let now = table.position(&column.name);
                // The enum labels of today decide; the stored form of every label is its text.
                let ty = match now.map(|at| table.column(at).ty) {
                    Some(ty @ ColumnType::Enum(_)) => ty,
                    Some(ty @ ColumnType::List(element)) if matches!(element.ty, ColumnType::Enum(_)) => ty,
                    _ => ColumnType::from_name(&column.ty)?,
                };
                Ok(LayoutColumn { name: column.name.clone(), ty, nullable: column.nullable, now })
            })
            .collect::<Result<Vec<_>, ValueError>>()?;
        let defaults = table
            .columns
            .iter()
            .map(|column| {
                let stored = present.columns.iter().find(|stored| stored.name == column.name);
                match stored.and_then(|stored| stored.default.as_ref()) {
                    Some(json) => column.ty.read_json(json).map(Some),
                    None => Ok(column.default.map(|default| default())),
                }
            })
            .collect::<Result<_, ValueError>>()?;
        let keeps = learned && columns.iter().any(|column| column.now.is_none());
        Ok(Self { columns, defaults, keeps })
    }

    fn read(&self, table: &'static Table, number: u32, body: &[u8]) -> Result<Vec<u8>, ValueError> {
        let mut old = vec![ValueRef::Null; table.columns.len()];
        let mut known = vec![false; table.columns.len()];
        let mut kept = Vec::new();
        let mut row = RowReader::new(body);
        for column in &self.columns {
            let start = row.position();
            let value = read_column(&mut row, column.ty, column.nullable)?;
            match column.now.map(usize::from) {
                Some(at) => {
                    if let (Some(slot), Some(is_known)) = (old.get_mut(at), known.get_mut(at)) {
                        *slot = value;
                        *is_known = true;
                    }
                }
                None => kept.extend_from_slice(body.get(start..row.position()).unwrap_or_default()),
            }
        }
        let mut writer = RowWriter::new();
        for (((column, value), known), default) in table.columns.iter().zip(old).zip(known).zip(&self.defaults) {
            let value = default.as_ref().filter(|_| !known).map_or(value, Value::as_ref);
            write_column(&mut writer, column.ty, column.nullable, value)?;
        }
        let mut read = writer.finish();
        if self.keeps {
            read.extend_from_slice(&kept);
            read.extend_from_slice(&number.to_be_bytes());
        }
        Ok(read)
    }

    /// The columns in the order of this layout; `kept` has those that are not known, as this layout has them.
    fn write(&self, table: &'static Table, known: &[u8], kept: &[u8]) -> Result<Vec<u8>, ValueError> {
        let mut row = RowReader::new(known);
        let values = table.columns.iter().map(|column| read_column(&mut row, column.ty, column.nullable));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let mut kept = RowReader::new(kept);
        let mut writer = RowWriter::with_capacity(known.len() + kept.remaining());
        for column in &self.columns {
            let value = match column.now {
                Some(at) => values.get(usize::from(at)).copied().unwrap_or(ValueRef::Null),
                None => read_column(&mut kept, column.ty, column.nullable)?,
            };
            write_column(&mut writer, column.ty, column.nullable, value)?;
        }
        Ok(writer.finish())
    }

    /// Says that a row of this layout, which another program has added, does not fit into what this one declares.
    #[cold]
    fn newer(&self, table: &'static Table, error: &ValueError) -> ValueError {
        let differs = |column: &&LayoutColumn| {
            let here = column.now.map(|at| table.column(at));
            here.is_some_and(|here| here.ty.name() != column.ty.name() || here.nullable != column.nullable)
        };
        let of = |column: &LayoutColumn| {
            let optional = if column.nullable { "optional " } else { "" };
            format!("`{}` is {optional}{} by now", column.name, column.ty)
        };
        let columns: Vec<String> = self.columns.iter().filter(differs).map(of).collect();
        ValueError::newer(if columns.is_empty() { error.to_string() } else { columns.join(", ") })
    }
}
