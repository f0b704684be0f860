//! The operations in sea-orm's query builder.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait, entity::ColumnTrait, sea_query::Expr,
};
use uuid::Uuid;

use super::entity::{counters, images};
use crate::{
    measure::Load,
    model::{self, COUNTERS, Image},
    operation::{BULK, Operation, Reply, Request, SHORT_LIMIT},
    peer::{Peer, servers_answer},
    peers::postgres::{CONNECTIONS, SCHEMA},
};

/// sea-orm on PostgreSQL.
#[derive(Clone)]
pub struct SeaOrmPostgres {
    db: DatabaseConnection,
}

impl SeaOrmPostgres {
    /// The tables, empty, in the database at this URL.
    pub async fn create(url: &str) -> Result<Self> {
        let mut options = ConnectOptions::new(url);
        // This server does not go away: a ping before each use would only cost.
        options.max_connections(CONNECTIONS).test_before_acquire(false).sqlx_logging(false);
        let db = Database::connect(options).await?;
        db.execute_unprepared(SCHEMA).await?;
        Ok(Self { db })
    }

    async fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Image>> {
        let rows = images::Entity::find()
            .filter(images::Column::CreatedAt.gte(from))
            .filter(images::Column::CreatedAt.lt(to))
            .order_by_desc(images::Column::CreatedAt)
            .order_by_desc(images::Column::Id)
            .limit(u64::from(SHORT_LIMIT));
        self.images(rows).await
    }

    async fn images(&self, rows: sea_orm::Select<images::Entity>) -> Result<Vec<Image>> {
        Ok(rows.all(&self.db).await?.into_iter().map(Image::from).collect())
    }

    async fn insert_many(&self, rows: impl Iterator<Item = Image>) -> Result<()> {
        let rows = rows.map(|image| images::Model::from(image).into_active_model());
        images::Entity::insert_many(rows).exec_without_returning(&self.db).await?;
        Ok(())
    }

    async fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()> {
        let update = images::Entity::update_many()
            .col_expr(images::Column::Size, Expr::value(size))
            .col_expr(images::Column::UpdatedAt, Expr::value(now))
            .filter(images::Column::Id.eq(id));
        update.exec(&self.db).await?;
        Ok(())
    }

    async fn increment(&self, counter: u32) -> Result<()> {
        let transaction = self.db.begin().await?;
        let row = counters::Entity::find_by_id(counter as i32).lock_exclusive();
        let row = row.one(&transaction).await?.context("no such counter")?;
        let update = counters::Entity::update_many()
            .col_expr(counters::Column::Value, Expr::value(row.value + 1))
            .filter(counters::Column::Id.eq(row.id));
        update.exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}

impl Peer for SeaOrmPostgres {
    async fn load(&mut self, images: u64) -> Result<()> {
        for first in (0..images).step_by(BULK) {
            self.insert_many((first..images.min(first + BULK as u64)).map(model::image)).await?;
        }
        let rows = (0..COUNTERS).map(|id| counters::Model { id: id as i32, value: 0 }.into_active_model());
        counters::Entity::insert_many(rows).exec_without_returning(&self.db).await?;
        self.db.execute_unprepared("VACUUM ANALYZE").await?;
        Ok(())
    }

    fn answers(&self, operation: Operation, load: Load) -> bool {
        servers_answer(operation, load)
    }

    async fn run(&self, request: Request) -> Result<Reply> {
        let images = images::Entity::find;
        Ok(match request {
            Request::PointGet(id) => Reply::Image(images::Entity::find_by_id(id).one(&self.db).await?.map(Image::from)),
            Request::GetMany(ids) => Reply::Images(self.images(images().filter(images::Column::Id.is_in(ids))).await?),
            Request::ByOwner(owner) => {
                Reply::Images(self.images(images().filter(images::Column::Owner.eq(owner))).await?)
            }
            Request::Newest { from, to } => Reply::Images(self.newest(from, to).await?),
            Request::CountStatus(status) => {
                Reply::Count(images().filter(images::Column::Status.eq(status)).count(&self.db).await?)
            }
            Request::Insert(image) => {
                let row = images::Model::from(image).into_active_model();
                images::Entity::insert(row).exec_without_returning(&self.db).await?;
                Reply::Done
            }
            Request::UpdateSize { id, size, now } => {
                self.update_size(id, size, now).await?;
                Reply::Done
            }
            Request::Delete(id) => {
                images::Entity::delete_by_id(id).exec(&self.db).await?;
                Reply::Done
            }
            Request::InsertMany(images) => {
                self.insert_many(images.into_iter()).await?;
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
        Ok(counters::Entity::find().all(&self.db).await?.iter().map(|counter| counter.value).sum())
    }

    async fn remove(&self, ids: Vec<Uuid>) -> Result<()> {
        images::Entity::delete_many().filter(images::Column::Id.is_in(ids)).exec(&self.db).await?;
        Ok(())
    }
}
