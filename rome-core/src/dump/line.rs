//! The lines of a dump.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use xxhash_rust::xxh3::Xxh3;

use crate::catalog::{Document, StoredTable};
use crate::error::{Error, Kind, Result};
use crate::row;
use crate::schema::Table;
use crate::value::{RowReader, RowWriter, Value, read_column, write_column};

/// The number of this form.
pub(super) const FORMAT: u32 = 1;

/// A line of a dump.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Line {
    Header { rome_dump: u32, catalog: Document },
    Row { table: String, row: Map<String, Json> },
    End { end: u64, digest: String },
}

impl Line {
    pub fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::invalid(error.to_string()))
    }
}

/// Counts and digests the lines before the last one.
#[derive(Default)]
pub(super) struct Tally {
    pub rows: u64,
    digest: Xxh3,
}

impl Tally {
    pub fn add(&mut self, line: &str) {
        self.digest.update(line.trim_end_matches(['\r', '\n']).as_bytes());
        self.digest.update(b"\n");
    }

    pub fn digest(&self) -> String {
        format!("{:032x}", self.digest.digest128())
    }
}

/// A stored row as JSON, its columns by name.
pub(crate) fn to_json(table: &StoredTable, key: &[u8], stored: &[u8]) -> Result<Map<String, Json>> {
    let unreadable = |source| row::unreadable(table.def, key, source);
    let body = row::unwrap(table, stored).map_err(unreadable)?;
    let mut reader = RowReader::new(&body);
    let mut out = Map::new();
    for column in &table.def.columns {
        let value = read_column(&mut reader, column.ty, column.nullable)
            .map_err(|source| row::damaged(table.def, key, &body, source))?;
        out.insert(column.name.to_string(), value.to_json());
    }
    Ok(out)
}

/// The columns of a row from JSON. Columns that it does not have are NULL; more than the table has are an error.
pub(super) fn from_json(table: &'static Table, row: &Map<String, Json>) -> Result<Bytes> {
    if let Some(unknown) = row.keys().find(|name| table.position(name).is_none()) {
        let (column, nearest) = (unknown.clone(), None);
        return Err(Kind::UnknownColumn { table: table.name, column, nearest }.into());
    }
    let mut out = RowWriter::new();
    for column in &table.columns {
        let wrong = |source| Error::from(Kind::Value { table: table.name, column: column.name.to_string(), source });
        let value = match row.get(&*column.name) {
            Some(json) => column.ty.read_json(json).map_err(wrong)?,
            None => Value::Null,
        };
        write_column(&mut out, column.ty, column.nullable, value.as_ref()).map_err(wrong)?;
    }
    Ok(out.finish().into())
}
