//! SQLite through rusqlite: SQL by hand, prepared statements cached, a pool of connections.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use chrono::{DateTime, Utc};
use r2d2::{ManageConnection, Pool, PooledConnection};
use rusqlite::{
    Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior, params, params_from_iter,
};
use uuid::Uuid;

use super::sqlite_file::{CONNECTIONS, PRAGMAS, SCHEMA};
use crate::{
    model::{self, COUNTERS, Image, Property},
    peer::{Position, SyncPeer},
};

const COLUMNS: &str =
    "id, name, status, owner, visibility, disk_format, size, checksum, min_ram, protected, created_at, updated_at";
const INSERT: &str = "INSERT INTO images (id, name, status, owner, visibility, disk_format, size, checksum, min_ram, \
                      protected, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// rusqlite by hand.
pub struct Rusqlite {
    pool: Pool<Manager>,
}

impl Rusqlite {
    /// An empty database in this file.
    pub fn create(path: &Path) -> Result<Self> {
        let pool = Pool::builder().max_size(CONNECTIONS).build(Manager { path: path.to_owned() })?;
        pool.get()?.execute_batch(SCHEMA)?;
        Ok(Self { pool })
    }

    fn connection(&self) -> Result<PooledConnection<Manager>> {
        Ok(self.pool.get()?)
    }

    fn images(&self, rest: &str, parameters: impl Params) -> Result<Vec<Image>> {
        let connection = self.connection()?;
        select(&connection, rest, parameters)
    }

    fn count(&self, sql: &str, value: &str) -> Result<u64> {
        let count: i64 = self.connection()?.prepare_cached(sql)?.query_row([value], |row| row.get(0))?;
        Ok(count as u64)
    }
}

impl SyncPeer for Rusqlite {
    fn load(&mut self, images: u64) -> Result<()> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for number in 0..images {
            insert(&transaction, &model::image(number))?;
            let mut statement = transaction.prepare_cached("INSERT INTO properties VALUES (?1, ?2, ?3)")?;
            for property in model::properties(number) {
                statement.execute(params![property.image_id.as_bytes(), property.name, property.value])?;
            }
        }
        for counter in 0..COUNTERS {
            transaction.execute("INSERT INTO counters VALUES (?1, 0)", [counter])?;
        }
        transaction.commit()?;
        Ok(connection.execute_batch("ANALYZE")?)
    }

    fn get(&self, id: Uuid) -> Result<Option<Image>> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM images WHERE id = ?1"))?;
        Ok(statement.query_row([id.as_bytes()], image).optional()?)
    }

    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<Image>> {
        self.images(&format!("WHERE id IN ({})", marks(ids.len())), params_from_iter(ids.iter().map(Uuid::as_bytes)))
    }

    fn by_owner(&self, owner: &str) -> Result<Vec<Image>> {
        self.images("WHERE owner = ?1", [owner])
    }

    fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: u32) -> Result<Vec<Image>> {
        self.images(
            "WHERE created_at >= ?1 AND created_at < ?2 ORDER BY created_at DESC, id DESC LIMIT ?3",
            params![from.timestamp_micros(), to.timestamp_micros(), limit],
        )
    }

    fn filtered(&self, status: &str, owner: &str, disk_format: &str, limit: u32) -> Result<Vec<Image>> {
        self.images(
            "WHERE status = ?1 AND owner = ?2 AND disk_format = ?3 LIMIT ?4",
            params![status, owner, disk_format, limit],
        )
    }

    fn page(&self, after: Option<Position>, limit: u32) -> Result<Vec<Image>> {
        match after {
            Some(after) => self.images(
                "WHERE (created_at, id) < (?1, ?2) ORDER BY created_at DESC, id DESC LIMIT ?3",
                params![after.created_at.timestamp_micros(), after.id.as_bytes(), limit],
            ),
            None => self.images("ORDER BY created_at DESC, id DESC LIMIT ?1", params![limit]),
        }
    }

    fn with_properties(&self, owner: &str) -> Result<Vec<(Image, Vec<Property>)>> {
        let connection = self.connection()?;
        let images = select(&connection, "WHERE owner = ?1", [owner])?;
        let mut statement = connection.prepare_cached(&format!(
            "SELECT image_id, name, value FROM properties WHERE image_id IN ({})",
            marks(images.len())
        ))?;
        let mut own: HashMap<Uuid, Vec<Property>> = HashMap::with_capacity(images.len());
        let rows = statement.query_map(params_from_iter(images.iter().map(|image| image.id.as_bytes())), |row| {
            Ok(Property { image_id: Uuid::from_bytes(row.get(0)?), name: row.get(1)?, value: row.get(2)? })
        })?;
        for property in rows {
            let property = property?;
            own.entry(property.image_id).or_default().push(property);
        }
        Ok(images
            .into_iter()
            .map(|image| {
                let own = own.remove(&image.id).unwrap_or_default();
                (image, own)
            })
            .collect())
    }

    fn joined(&self, owner: &str) -> Result<Vec<(Image, Property)>> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS}, property, value FROM images \
             JOIN (SELECT image_id, name AS property, value FROM properties) ON image_id = id WHERE owner = ?1"
        ))?;
        let pairs = statement.query_map([owner], |row| {
            let image = image(row)?;
            let property = Property { image_id: image.id, name: row.get(12)?, value: row.get(13)? };
            Ok((image, property))
        })?;
        Ok(pairs.collect::<Result<_, _>>()?)
    }

    fn count_owner(&self, owner: &str) -> Result<u64> {
        self.count("SELECT COUNT(*) FROM images WHERE owner = ?1", owner)
    }

    fn count_status(&self, status: &str) -> Result<u64> {
        self.count("SELECT COUNT(*) FROM images WHERE status = ?1", status)
    }

    fn insert(&self, image: Image) -> Result<()> {
        let connection = self.connection()?;
        insert(&connection, &image)
    }

    fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached("UPDATE images SET size = ?2, updated_at = ?3 WHERE id = ?1")?;
        statement.execute(params![id.as_bytes(), size, now.timestamp_micros()])?;
        Ok(())
    }

    fn delete(&self, id: Uuid) -> Result<()> {
        self.connection()?.prepare_cached("DELETE FROM images WHERE id = ?1")?.execute([id.as_bytes()])?;
        Ok(())
    }

    fn insert_many(&self, images: Vec<Image>) -> Result<()> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for image in &images {
            insert(&transaction, image)?;
        }
        Ok(transaction.commit()?)
    }

    fn increment(&self, counter: u32) -> Result<()> {
        let mut connection = self.connection()?;
        let transaction: Transaction<'_> = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value: i64 = transaction
            .prepare_cached("SELECT value FROM counters WHERE id = ?1")?
            .query_row([counter], |row| row.get(0))?;
        transaction
            .prepare_cached("UPDATE counters SET value = ?2 WHERE id = ?1")?
            .execute(params![counter, value + 1])?;
        Ok(transaction.commit()?)
    }

    fn counted(&self) -> Result<i64> {
        Ok(self.connection()?.query_row("SELECT SUM(value) FROM counters", [], |row| row.get(0))?)
    }

    fn remove(&self, ids: &[Uuid]) -> Result<()> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for id in ids {
            transaction.prepare_cached("DELETE FROM images WHERE id = ?1")?.execute([id.as_bytes()])?;
        }
        Ok(transaction.commit()?)
    }
}

/// Opens the connections of the pool.
#[derive(Debug)]
struct Manager {
    path: PathBuf,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.path)?;
        connection.execute_batch(PRAGMAS)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    fn is_valid(&self, _: &mut Connection) -> Result<(), rusqlite::Error> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

fn select(connection: &Connection, rest: &str, parameters: impl Params) -> Result<Vec<Image>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM images {rest}"))?;
    Ok(statement.query_map(parameters, image)?.collect::<Result<_, _>>()?)
}

fn insert(connection: &Connection, image: &Image) -> Result<()> {
    connection.prepare_cached(INSERT)?.execute(params![
        image.id.as_bytes(),
        image.name,
        image.status,
        image.owner,
        image.visibility,
        image.disk_format,
        image.size,
        image.checksum,
        image.min_ram,
        image.protected,
        image.created_at.timestamp_micros(),
        image.updated_at.timestamp_micros(),
    ])?;
    Ok(())
}

fn image(row: &Row<'_>) -> rusqlite::Result<Image> {
    Ok(Image {
        id: Uuid::from_bytes(row.get(0)?),
        name: row.get(1)?,
        status: row.get(2)?,
        owner: row.get(3)?,
        visibility: row.get(4)?,
        disk_format: row.get(5)?,
        size: row.get(6)?,
        checksum: row.get(7)?,
        min_ram: row.get(8)?,
        protected: row.get(9)?,
        created_at: time(row.get(10)?, 10)?,
        updated_at: time(row.get(11)?, 11)?,
        properties: Default::default(),
    })
}

fn time(micros: i64, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, micros))
}

fn marks(count: usize) -> String {
    let mut marks = "?,".repeat(count);
    marks.pop();
    marks
}
