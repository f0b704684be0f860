//! The fourteen operations in diesel's typed language.

use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};
use diesel::{
    connection::SimpleConnection,
    prelude::*,
    r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection},
};
use uuid::Uuid;

use super::{
    rows::{ImageRow, Key, PropertyRow},
    schema::{counters, images, properties},
};
use crate::{
    model::{self, COUNTERS, Image, Property},
    peer::{Position, SyncPeer},
    peers::sqlite_file::{CONNECTIONS, PRAGMAS, SCHEMA},
};

/// diesel on SQLite.
pub struct Diesel {
    pool: Pool<ConnectionManager<SqliteConnection>>,
}

impl Diesel {
    /// An empty database in this file.
    pub fn create(path: &Path) -> Result<Self> {
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            // A file does not go away: diesel's `SELECT 1` before each use would only cost.
            .test_on_check_out(false)
            .connection_customizer(Box::new(Pragmas))
            .build(ConnectionManager::new(path.to_string_lossy()))?;
        pool.get()?.batch_execute(SCHEMA)?;
        Ok(Self { pool })
    }

    fn connection(&self) -> Result<PooledConnection<ConnectionManager<SqliteConnection>>> {
        Ok(self.pool.get()?)
    }
}

impl SyncPeer for Diesel {
    fn load(&mut self, images: u64) -> Result<()> {
        let connection = &mut *self.connection()?;
        connection.immediate_transaction(|connection| {
            for number in 0..images {
                let row = ImageRow::from(model::image(number));
                diesel::insert_into(images::table).values(&row).execute(connection)?;
                for property in model::properties(number) {
                    let row = PropertyRow::from(property);
                    diesel::insert_into(properties::table).values(&row).execute(connection)?;
                }
            }
            for counter in 0..COUNTERS {
                let row = (counters::id.eq(counter as i32), counters::value.eq(0));
                diesel::insert_into(counters::table).values(row).execute(connection)?;
            }
            anyhow::Ok(())
        })?;
        Ok(connection.batch_execute("ANALYZE")?)
    }

    fn get(&self, id: Uuid) -> Result<Option<Image>> {
        let row =
            images::table.find(Key(id)).select(ImageRow::as_select()).first(&mut self.connection()?).optional()?;
        row.map(Image::try_from).transpose()
    }

    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<Image>> {
        let keys = ids.iter().copied().map(Key);
        into_images(
            images::table
                .filter(images::id.eq_any(keys))
                .select(ImageRow::as_select())
                .load(&mut self.connection()?)?,
        )
    }

    fn by_owner(&self, owner: &str) -> Result<Vec<Image>> {
        into_images(
            images::table
                .filter(images::owner.eq(owner))
                .select(ImageRow::as_select())
                .load(&mut self.connection()?)?,
        )
    }

    fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: u32) -> Result<Vec<Image>> {
        into_images(
            images::table
                .filter(images::created_at.ge(from.timestamp_micros()))
                .filter(images::created_at.lt(to.timestamp_micros()))
                .order((images::created_at.desc(), images::id.desc()))
                .limit(i64::from(limit))
                .select(ImageRow::as_select())
                .load(&mut self.connection()?)?,
        )
    }

    fn filtered(&self, status: &str, owner: &str, disk_format: &str, limit: u32) -> Result<Vec<Image>> {
        into_images(
            images::table
                .filter(images::status.eq(status))
                .filter(images::owner.eq(owner))
                .filter(images::disk_format.eq(disk_format))
                .limit(i64::from(limit))
                .select(ImageRow::as_select())
                .load(&mut self.connection()?)?,
        )
    }

    fn page(&self, after: Option<Position>, limit: u32) -> Result<Vec<Image>> {
        let newest_first = images::table.order((images::created_at.desc(), images::id.desc())).limit(i64::from(limit));
        let connection = &mut self.connection()?;
        into_images(match after {
            // The outer condition is what lets SQLite start inside the index.
            Some(Position { created_at, id }) => newest_first
                .filter(images::created_at.le(created_at.timestamp_micros()))
                .filter(images::created_at.lt(created_at.timestamp_micros()).or(images::id.lt(Key(id))))
                .select(ImageRow::as_select())
                .load(connection)?,
            None => newest_first.select(ImageRow::as_select()).load(connection)?,
        })
    }

    fn with_properties(&self, owner: &str) -> Result<Vec<(Image, Vec<Property>)>> {
        let connection = &mut self.connection()?;
        let rows: Vec<ImageRow> =
            images::table.filter(images::owner.eq(owner)).select(ImageRow::as_select()).load(connection)?;
        let own = PropertyRow::belonging_to(&rows).select(PropertyRow::as_select()).load(connection)?;
        let own = own.grouped_by(&rows);
        rows.into_iter()
            .zip(own)
            .map(|(row, own)| Ok((row.try_into()?, own.into_iter().map(Property::from).collect())))
            .collect()
    }

    fn joined(&self, owner: &str) -> Result<Vec<(Image, Property)>> {
        let pairs: Vec<(ImageRow, PropertyRow)> = images::table
            .inner_join(properties::table)
            .filter(images::owner.eq(owner))
            .select((ImageRow::as_select(), PropertyRow::as_select()))
            .load(&mut self.connection()?)?;
        pairs.into_iter().map(|(image, property)| Ok((image.try_into()?, property.into()))).collect()
    }

    fn count_owner(&self, owner: &str) -> Result<u64> {
        let count: i64 = images::table.filter(images::owner.eq(owner)).count().get_result(&mut self.connection()?)?;
        Ok(count as u64)
    }

    fn count_status(&self, status: &str) -> Result<u64> {
        let count: i64 = images::table.filter(images::status.eq(status)).count().get_result(&mut self.connection()?)?;
        Ok(count as u64)
    }

    fn insert(&self, image: Image) -> Result<()> {
        diesel::insert_into(images::table).values(ImageRow::from(image)).execute(&mut self.connection()?)?;
        Ok(())
    }

    fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()> {
        diesel::update(images::table.find(Key(id)))
            .set((images::size.eq(size), images::updated_at.eq(now.timestamp_micros())))
            .execute(&mut self.connection()?)?;
        Ok(())
    }

    fn delete(&self, id: Uuid) -> Result<()> {
        diesel::delete(images::table.find(Key(id))).execute(&mut self.connection()?)?;
        Ok(())
    }

    fn insert_many(&self, images: Vec<Image>) -> Result<()> {
        let rows: Vec<ImageRow> = images.into_iter().map(ImageRow::from).collect();
        self.connection()?.immediate_transaction(|connection| {
            diesel::insert_into(images::table).values(&rows).execute(connection)?;
            Ok(())
        })
    }

    fn increment(&self, counter: u32) -> Result<()> {
        self.connection()?.immediate_transaction(|connection| {
            let row = counters::table.find(counter as i32);
            let value: i64 = row.select(counters::value).first(connection)?;
            diesel::update(row).set(counters::value.eq(value + 1)).execute(connection)?;
            Ok(())
        })
    }

    fn counted(&self) -> Result<i64> {
        let values: Vec<i64> = counters::table.select(counters::value).load(&mut self.connection()?)?;
        Ok(values.into_iter().sum())
    }

    fn remove(&self, ids: &[Uuid]) -> Result<()> {
        self.connection()?.immediate_transaction(|connection| {
            for id in ids {
                diesel::delete(images::table.find(Key(*id))).execute(connection)?;
            }
            Ok(())
        })
    }
}

#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Pragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection.batch_execute(PRAGMAS).map_err(diesel::r2d2::Error::QueryError)
    }
}

fn into_images(rows: Vec<ImageRow>) -> Result<Vec<Image>> {
    rows.into_iter().map(Image::try_from).collect()
}
