//! The operations in diesel's typed language.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use uuid::Uuid;

use super::rows::{ImageRow, counters, images};
use crate::{
    measure::Load,
    model::{self, COUNTERS, Image},
    operation::{BULK, Operation, Reply, Request, SHORT_LIMIT},
    peer::{Peer, servers_answer},
    peers::postgres::{CONNECTIONS, SCHEMA},
};

/// diesel on PostgreSQL.
#[derive(Clone)]
pub struct DieselPostgres {
    pool: Pool<AsyncPgConnection>,
}

impl DieselPostgres {
    /// The tables, empty, in the database at this URL.
    pub async fn create(url: &str) -> Result<Self> {
        // This server does not go away: a `SELECT 1` before each use would only cost.
        let mut config = ManagerConfig::<AsyncPgConnection>::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager).max_size(CONNECTIONS as usize).build()?;
        pool.get().await?.batch_execute(SCHEMA).await?;
        Ok(Self { pool })
    }

    async fn connection(&self) -> Result<Object<AsyncPgConnection>> {
        Ok(self.pool.get().await?)
    }

    async fn get(&self, id: Uuid) -> Result<Option<Image>> {
        let row = images::table.find(id).select(ImageRow::as_select());
        let row: Option<ImageRow> = row.first(&mut self.connection().await?).await.optional()?;
        Ok(row.map(Image::from))
    }

    async fn get_many(&self, ids: Vec<Uuid>) -> Result<Vec<Image>> {
        let rows = images::table.filter(images::id.eq_any(ids)).select(ImageRow::as_select());
        into_images(rows.load(&mut self.connection().await?).await)
    }

    async fn by_owner(&self, owner: &str) -> Result<Vec<Image>> {
        let rows = images::table.filter(images::owner.eq(owner)).select(ImageRow::as_select());
        into_images(rows.load(&mut self.connection().await?).await)
    }

    async fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Image>> {
        let rows = images::table
            .filter(images::created_at.ge(from))
            .filter(images::created_at.lt(to))
            .order((images::created_at.desc(), images::id.desc()))
            .limit(i64::from(SHORT_LIMIT))
            .select(ImageRow::as_select());
        into_images(rows.load(&mut self.connection().await?).await)
    }

    async fn count_status(&self, status: &str) -> Result<u64> {
        let count = images::table.filter(images::status.eq(status)).count();
        let count: i64 = count.get_result(&mut self.connection().await?).await?;
        Ok(count as u64)
    }

    async fn insert(&self, rows: Vec<Image>) -> Result<()> {
        let rows: Vec<ImageRow> = rows.into_iter().map(ImageRow::from).collect();
        diesel::insert_into(images::table).values(&rows).execute(&mut self.connection().await?).await?;
        Ok(())
    }

    async fn increment(&self, counter: u32) -> Result<()> {
        let increment = async move |connection: &mut AsyncPgConnection| {
            let row = counters::table.find(counter as i32);
            let value: i64 = row.select(counters::value).for_update().first(connection).await?;
            diesel::update(row).set(counters::value.eq(value + 1)).execute(connection).await?;
            diesel::QueryResult::Ok(())
        };
        let connection: &mut AsyncPgConnection = &mut *self.connection().await?;
        Ok(connection.transaction(increment).await?)
    }
}

impl Peer for DieselPostgres {
    async fn load(&mut self, images: u64) -> Result<()> {
        for first in (0..images).step_by(BULK) {
            self.insert((first..images.min(first + BULK as u64)).map(model::image).collect()).await?;
        }
        let rows: Vec<_> =
            (0..COUNTERS).map(|counter| (counters::id.eq(counter as i32), counters::value.eq(0))).collect();
        let connection = &mut self.connection().await?;
        diesel::insert_into(counters::table).values(&rows).execute(connection).await?;
        Ok(connection.batch_execute("VACUUM ANALYZE").await?)
    }

    fn answers(&self, operation: Operation, load: Load) -> bool {
        servers_answer(operation, load)
    }

    async fn run(&self, request: Request) -> Result<Reply> {
        Ok(match request {
            Request::PointGet(id) => Reply::Image(self.get(id).await?),
            Request::GetMany(ids) => Reply::Images(self.get_many(ids).await?),
            Request::ByOwner(owner) => Reply::Images(self.by_owner(&owner).await?),
            Request::Newest { from, to } => Reply::Images(self.newest(from, to).await?),
            Request::CountStatus(status) => Reply::Count(self.count_status(status).await?),
            Request::Insert(image) => {
                let row = ImageRow::from(image);
                diesel::insert_into(images::table).values(&row).execute(&mut self.connection().await?).await?;
                Reply::Done
            }
            Request::UpdateSize { id, size, now } => {
                let update =
                    diesel::update(images::table.find(id)).set((images::size.eq(size), images::updated_at.eq(now)));
                update.execute(&mut self.connection().await?).await?;
                Reply::Done
            }
            Request::Delete(id) => {
                diesel::delete(images::table.find(id)).execute(&mut self.connection().await?).await?;
                Reply::Done
            }
            Request::InsertMany(images) => {
                self.insert(images).await?;
                Reply::Done
            }
            Request::Increment(counter) => {
                self.increment(counter).await?;
                Reply::Done
            }
            other => bail!("not measured on servers: {other:?}"),
        })
    }

    async fn counted(&self) -> Result<i64> {
        let values: Vec<i64> =
            counters::table.select(counters::value).load(&mut self.connection().await?).await.context("counters")?;
        Ok(values.into_iter().sum())
    }

    async fn remove(&self, ids: Vec<Uuid>) -> Result<()> {
        let delete = diesel::delete(images::table.filter(images::id.eq_any(ids)));
        delete.execute(&mut self.connection().await?).await?;
        Ok(())
    }
}

fn into_images(rows: QueryResult<Vec<ImageRow>>) -> Result<Vec<Image>> {
    Ok(rows?.into_iter().map(Image::from).collect())
}
