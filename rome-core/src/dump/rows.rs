//! Rows of stored tables as JSON: one by its key, or all.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::Progress;
use super::line::{FORMAT, Line, Tally, to_json};
use crate::catalog::{StoredTable, read_document};
use crate::database::{Admin, Database};
use crate::error::{Error, Kind, Result};
use crate::session::Record;
use crate::store::{Read, Reply, StoreError, StoreErrorKind};
use crate::value::key;

/// How many rows are read at once.
const CHUNK: u32 = 500;

impl Database {
    /// The row of a table under a key as JSON, its columns by name. The parts of the key are given as text, as
    /// [`ColumnType::parse`](crate::value::ColumnType::parse) reads it. Costs one round trip.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let rex = db.insert(dog("Rex", 3)).await?;
    /// let row = db.get_json("dog", &[&rex.id.to_string()]).await?.expect("it was just inserted");
    /// assert_eq!(row["name"], "Rex");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if there is no such table, or the text is no key of it; those of the store.
    pub async fn get_json(&self, table: &str, key: &[&str]) -> Result<Option<Map<String, Json>>> {
        let table = self.stored_table(table)?;
        let def = table.def;
        if key.len() != def.key.len() {
            let names: Vec<&str> = def.key.iter().map(|column| &*def.column(*column).name).collect();
            return Err(Error::invalid(format!("the key of `{}` is ({})", def.name, names.join(", "))));
        }
        let mut encoded = Vec::new();
        for (column, text) in def.key.iter().zip(key) {
            let column = def.column(*column);
            let wrong = |source| Kind::Value { table: def.name, column: column.name.to_string(), source };
            key::encode(column.ty.parse(text).map_err(wrong)?.as_ref(), false, &mut encoded);
        }
        let encoded = Bytes::from(encoded);
        let get = Read::Get { space: table.rows(), key: encoded.clone() };
        let at = self.shared.placement.of_row(table, &encoded);
        match self.shared.read(&[(at, vec![get])]).await?.pop().and_then(|mut reply| reply.replies.pop()) {
            Some(Reply::Record(Some((_, stored)))) => to_json(table, &encoded, &stored).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn stored_table(&self, name: &str) -> Result<&Arc<StoredTable>> {
        let mut tables = self.shared.catalog.tables();
        tables
            .find(|table| table.def.name == name)
            .ok_or_else(|| Error::invalid(format!("the database has no table `{name}`")))
    }
}

impl Admin<'_> {
    /// Writes all rows of this handle's tables as lines of JSON; says how many. `progress` is told after each 500 rows, which cost
    /// one round trip in each partition. Others may write meanwhile; then these rows are of one moment and the next ones of
    /// another, so that a unique value that moved may be in the dump twice, and cannot be loaded. Writing is not asynchronous:
    /// this is for tools.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert(dog("Rex", 3)).await?;
    /// let mut lines = Vec::new();
    /// assert_eq!(db.admin().dump(&mut lines, |_| {}).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_corrupt`](Error::is_corrupt) if a row cannot be read; those of the store and of `out`.
    pub async fn dump(self, out: &mut (impl Write + Send), mut progress: impl FnMut(&Progress) + Send) -> Result<u64> {
        let mut document = read_document(&self.0.shared.committer).await?.unwrap_or_default();
        document.tables.retain(|doc| self.0.stored_table(&doc.name).is_ok());
        let mut tally = Tally::default();
        let mut put = |line: &Line, tally: &mut Tally| -> Result<()> {
            let mut text = line.text()?;
            tally.add(&text);
            text.push('\n');
            out.write_all(text.as_bytes()).map_err(|error| not_written(&error))
        };
        put(&Line::Header { rome_dump: FORMAT, catalog: document }, &mut tally)?;
        let mut told =
            Progress { of: self.status().await?.tables.iter().map(|table| table.rows).sum(), ..Progress::default() };
        for table in self.0.shared.catalog.tables() {
            told.table = table.def.name.to_owned();
            for partition in self.0.shared.placement.all() {
                let mut after = None;
                loop {
                    let rows = self.0.shared.scan_chunk(partition, table.rows(), after, CHUNK).await?;
                    let Some(last) = rows.last() else { break };
                    after = Some(last.key.clone());
                    for Record { key, value: stored, .. } in &rows {
                        let row = to_json(table, key, stored)?;
                        put(&Line::Row { table: table.def.name.to_owned(), row }, &mut tally)?;
                        tally.rows += 1;
                    }
                    told.rows = tally.rows;
                    told.of = told.of.max(told.rows);
                    progress(&told);
                }
            }
        }
        let end = Line::End { end: tally.rows, digest: tally.digest() };
        put(&end, &mut tally)?;
        out.flush().map_err(|error| not_written(&error))?;
        Ok(tally.rows)
    }
}

fn not_written(error: &std::io::Error) -> Error {
    StoreError::new(StoreErrorKind::Unavailable, format!("the dump cannot be written: {error}")).into()
}
