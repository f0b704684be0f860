//! Layouts: which columns a stored row holds, in which order.

use super::document::LayoutDoc;
use crate::schema::Table;
use crate::value::{ColumnType, RowReader, RowWriter, Value, ValueError, ValueRef, read_column, write_column};

/// An earlier layout of a table, and where its columns went.
#[derive(Debug)]
pub(crate) struct Layout {
    columns: Vec<LayoutColumn>,
    /// For each column of the present layout the value of rows that do not have it; none is NULL.
    defaults: Vec<Option<Value>>,
}

#[derive(Debug)]
struct LayoutColumn {
    ty: ColumnType,
    nullable: bool,
    /// The position in the present layout; none if the column is gone.
    now: Option<u16>,
}

impl Layout {
    pub(super) fn new(doc: &LayoutDoc, present: &LayoutDoc, table: &'static Table) -> Result<Self, ValueError> {
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
                Ok(LayoutColumn { ty, nullable: column.nullable, now })
            })
            .collect::<Result<_, ValueError>>()?;
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
        Ok(Self { columns, defaults })
    }

    /// The same row in the present layout: columns that are new take their default or NULL.
    pub fn upgrade(&self, table: &'static Table, body: &[u8]) -> Result<Vec<u8>, ValueError> {
        let mut old = vec![ValueRef::Null; table.columns.len()];
        let mut known = vec![false; table.columns.len()];
        let mut row = RowReader::new(body);
        for column in &self.columns {
            let value = read_column(&mut row, column.ty, column.nullable)?;
            if let Some(at) = column.now.map(usize::from)
                && let (Some(slot), Some(is_known)) = (old.get_mut(at), known.get_mut(at))
            {
                *slot = value;
                *is_known = true;
            }
        }
        let mut writer = RowWriter::new();
        for (((column, value), known), default) in table.columns.iter().zip(old).zip(known).zip(&self.defaults) {
            let value = default.as_ref().filter(|_| !known).map_or(value, Value::as_ref);
            write_column(&mut writer, column.ty, column.nullable, value)?;
        }
        Ok(writer.finish())
    }
}
