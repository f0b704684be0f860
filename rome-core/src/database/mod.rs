//! Databases: a store with the tables of its entities.

mod admin;
mod builder;
mod executor;
mod relations;
mod stores;
mod update_if;

pub use admin::Admin;
pub use builder::DatabaseBuilder;
pub use executor::Executor;
pub use stores::{IntoStore, open_store};

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::error::{Error, Result};
use crate::model::{Entity, IntoKey, codec};
use crate::query::Query;
use crate::schema::Table;
use crate::session::{self, Body, Purpose, Reader, Repeatable, Session, Shared, Target, TransactionOptions, TxBody};
use crate::statement::{
    Write, decode_all, deletes, encode_all, remove_once, restore_once, write_row_once, write_rows_once,
};
use crate::store::Store;

/// An open database. Cheap to clone; all clones are the same.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// let rex = db.insert(dog("Rex", 3)).await?;
/// assert_eq!(db.get::<Dog>(rex.id).await?, Some(rex.clone()));
/// let rex = db.update(&Dog { age: Some(4), ..rex }).await?;
/// assert_eq!(db.query::<Dog>().filter(Dog::AGE.gt(3)).count().await?, 1);
/// db.delete(&rex).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
}

impl Database {
    /// Begins to describe a database.
    #[must_use]
    pub fn builder() -> DatabaseBuilder {
        DatabaseBuilder::default()
    }

    /// The store underneath.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.committer.store
    }

    /// The number that the next row of an entity with counted keys gets from this handle. Another handle takes its numbers from
    /// blocks of its own. Costs a round trip at most.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the keys are not counted; those of the store.
    pub async fn counter<E: Entity>(&self) -> Result<u64> {
        counter(&self.shared, E::table(), None).await
    }

    /// Sees to it that the counted keys of an entity go on with `next`, or behind the greatest key of its rows if that is not below, and
    /// returns the number that the next row gets. Counted keys never go back: a smaller number than the counter's changes nothing.
    /// Handles that have reserved numbers before give those out first. Costs two or three round trips.
    ///
    /// Keys of rows that come with one need no such call: counted keys go on behind them by themselves, as far as they are not above
    /// 4·10¹².
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, name: String }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// assert_eq!(db.set_counter::<Dog>(1000).await?, 1000);
    /// let rex = db.insert(Dog { name: "Rex".into(), ..Default::default() }).await?;
    /// assert_eq!(rex.id, Id::new(1000));
    /// assert_eq!(db.counter::<Dog>().await?, 1001);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the keys are not counted; [`is_limit_exceeded`](Error::is_limit_exceeded) if the counter cannot come
    /// so far; those of the store.
    pub async fn set_counter<E: Entity>(&self, next: u64) -> Result<u64> {
        counter(&self.shared, E::table(), Some(next)).await
    }

    /// Begins an explicit session, to be ended with [`Session::commit`] or [`Session::rollback`]. Costs nothing.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session_with(TransactionOptions::default())
    }

    /// Begins an explicit session with options; `max_attempts`, `retry_for` and `timeout` have no meaning for it.
    #[must_use]
    pub fn session_with(&self, options: TransactionOptions) -> Session {
        Session::new(self.shared.clone(), options, Purpose::Transaction)
    }

    /// Runs the body as a serializable transaction and commits it if it returns `Ok`. After a conflict the body runs
    /// again, from the beginning, so it should have no effects but through its session.
    ///
    /// Captured values are borrowed, or moved and cloned for each run.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let (rex, ida) = (db.insert(dog("Rex", 3)).await?, db.insert(dog("Ida", 5)).await?);
    /// let together = db
    ///     .transaction(async |s| {
    ///         let mut rex = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
    ///         let ida = s.get::<Dog>(ida.id).await?.ok_or_not_found()?;
    ///         rex.age = ida.age;
    ///         s.update(&rex).await?;
    ///         Ok(rex.age.unwrap_or(0) + ida.age.unwrap_or(0))
    ///     })
    ///     .await?;
    /// assert_eq!(together, 10);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The body's own error; [`is_conflict`](Error::is_conflict) when all attempts met one, until the
    /// [`retry_for`](TransactionOptions::retry_for), 10 seconds by default; those of
    /// [`Session::commit`].
    pub async fn transaction<F, T>(&self, body: F) -> Result<T>
    where
        F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Repeatable + Send,
        T: Send,
    {
        let mut body = Body::new(body);
        let ended = body.run(&self.shared, TransactionOptions::default()).await;
        body.result(ended)
    }

    /// [`transaction`](Self::transaction) with options.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn transaction_with<F, T>(&self, options: TransactionOptions, body: F) -> Result<T>
    where
        F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Repeatable + Send,
        T: Send,
    {
        let mut body = Body::new(body);
        let ended = body.run(&self.shared, options).await;
        body.result(ended)
    }

    /// [`transaction`](Self::transaction) with an error type of the program's own.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// #[derive(Debug)]
    /// enum Refused {
    ///     TooYoung(u32),
    ///     Database(rome_orm::Error),
    /// }
    ///
    /// impl From<rome_orm::Error> for Refused {
    ///     fn from(error: rome_orm::Error) -> Self {
    ///         Self::Database(error)
    ///     }
    /// }
    ///
    /// let rex = db.insert(dog("Rex", 1)).await?;
    /// let result = db
    ///     .try_transaction(async |s| {
    ///         let rex = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
    ///         match rex.age {
    ///             Some(age) if age < 2 => Err(Refused::TooYoung(age)),
    ///             _ => Ok(rex),
    ///         }
    ///     })
    ///     .await;
    /// assert!(matches!(result, Err(Refused::TooYoung(1))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction), converted.
    pub async fn try_transaction<F, T, E>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Repeatable + Send,
        T: Send,
        E: From<Error> + Send,
    {
        let mut body = Body::new(body);
        let ended = body.run(&self.shared, TransactionOptions::default()).await;
        body.result(ended)
    }

    /// [`try_transaction`](Self::try_transaction) with options.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction), converted.
    pub async fn try_transaction_with<F, T, E>(&self, options: TransactionOptions, body: F) -> Result<T, E>
    where
        F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Repeatable + Send,
        T: Send,
        E: From<Error> + Send,
    {
        let mut body = Body::new(body);
        let ended = body.run(&self.shared, options).await;
        body.result(ended)
    }

    fn write_row(&self, table: &'static Table, write: Result<Write>) -> BoxFuture<'_, Result<Bytes>> {
        write_row_once(&self.shared, table, write)
    }

    fn write_rows(&self, table: &'static Table, writes: Result<Vec<Write>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        write_rows_once(&self.shared, table, writes)
    }

    /// Stores a new row and returns it as it is stored: with its key and the columns that ROME sets. Costs one round trip.
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
    /// assert_ne!(rex.id, Id::default());
    /// let error = db.insert(dog("Rex", 5)).await.expect_err("the name is unique");
    /// assert!(error.is_unique_violation());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_duplicate_key`](Error::is_duplicate_key), [`is_unique_violation`](Error::is_unique_violation).
    pub async fn insert<D: Entity>(&self, entity: D) -> Result<D> {
        codec::decode_written(self.write_row(D::table(), codec::encode(&entity).map(Write::Insert)).await)
    }

    /// Stores new rows in one transaction, all or none. Costs one round trip.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`is_limit_exceeded`](Error::is_limit_exceeded) when there are more than the store takes at once.
    pub fn insert_many<D: Entity>(&self, entities: impl IntoIterator<Item = D>) -> BoxFuture<'_, Result<Vec<D>>> {
        let writes = encode_all::<D>(entities.into_iter(), Write::Insert);
        Box::pin(async move { decode_all(&self.write_rows(D::table(), writes).await?) })
    }

    /// Stores the whole row in the place of the stored one and returns it as it is stored. Costs two round trips.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found), [`is_stale`](Error::is_stale) if the entity has a version column and
    /// another value is stored, [`is_unique_violation`](Error::is_unique_violation).
    pub async fn update<D: Entity>(&self, entity: &D) -> Result<D> {
        codec::decode_written(self.write_row(D::table(), codec::encode(entity).map(Write::Update)).await)
    }

    /// Stores whole rows in the place of the stored ones in one transaction, all or none. Costs two round trips.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_many<'r, D: Entity>(&self, rows: impl IntoIterator<Item = &'r D>) -> BoxFuture<'_, Result<Vec<D>>> {
        let writes = encode_all::<D>(rows.into_iter(), Write::Update);
        Box::pin(async move { decode_all(&self.write_rows(D::table(), writes).await?) })
    }

    /// Stores the row as a new one, or in the place of the one with its key. A replaced row keeps its `created_at`. Costs
    /// two round trips.
    ///
    /// # Errors
    /// [`is_unique_violation`](Error::is_unique_violation) on another unique column than the key.
    pub async fn upsert<D: Entity>(&self, entity: D) -> Result<D> {
        codec::decode_written(self.write_row(D::table(), codec::encode(&entity).map(Write::Upsert)).await)
    }

    /// Stores rows as [`upsert`](Self::upsert) does, in one transaction. Costs two round trips.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert).
    pub fn upsert_many<D: Entity>(&self, entities: impl IntoIterator<Item = D>) -> BoxFuture<'_, Result<Vec<D>>> {
        let writes = encode_all::<D>(entities.into_iter(), Write::Upsert);
        Box::pin(async move { decode_all(&self.write_rows(D::table(), writes).await?) })
    }

    /// Removes the row; if the entity has a `soft_delete` column, sets that instead. Costs two round trips.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) if there is no such row, or it is deleted already; those of
    /// [`Session::delete`](crate::session::Session::delete).
    pub async fn delete<D: Entity>(&self, entity: &D) -> Result<()> {
        if self.delete_by_key::<D>(entity.key()).await? { Ok(()) } else { Err(codec::not_found(entity)) }
    }

    /// Removes entities in one transaction, as [`delete`](Self::delete) does; says how many there were.
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_many<'r, D: Entity>(&self, rows: impl IntoIterator<Item = &'r D>) -> BoxFuture<'_, Result<u64>> {
        remove_once(&self.shared, D::table(), deletes(rows))
    }

    /// Removes the row with this key, softly if the entity has a `soft_delete` column; says whether there was one. Costs
    /// two round trips.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_by_key<D: Entity>(&self, key: impl IntoKey<D::Key> + Send) -> Result<bool> {
        let write = Write::Delete(codec::encode_key::<D>(&key.into_key()));
        Ok(remove_once(&self.shared, D::table(), vec![write]).await? > 0)
    }

    /// Really removes the row, also where the entity has a `soft_delete` column, and also if it is softly deleted. Costs two round trips.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) if there is no such row; as [`delete`](Self::delete).
    pub async fn purge<D: Entity>(&self, entity: &D) -> Result<()> {
        if self.purge_by_key::<D>(entity.key()).await? { Ok(()) } else { Err(codec::not_found(entity)) }
    }

    /// Really removes the row with this key, also where the entity has a `soft_delete` column; says whether there was
    /// one. Costs two round trips.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_by_key<D: Entity>(&self, key: impl IntoKey<D::Key> + Send) -> Result<bool> {
        let write = Write::Purge(codec::encode_key::<D>(&key.into_key()));
        Ok(remove_once(&self.shared, D::table(), vec![write]).await? > 0)
    }

    /// Brings the softly deleted row with this key back, with what it had; says whether there was one. A version column is raised and
    /// not compared. Costs two round trips.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// #[derive(Entity, Clone, Debug, PartialEq)]
    /// struct Note {
    ///     #[rome(key)]
    ///     id: u64,
    ///     #[rome(soft_delete)]
    ///     deleted_at: Option<DateTime<Utc>>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Note>().open("memory:").await?;
    /// let note = db.insert(Note { id: 1, deleted_at: None }).await?;
    /// db.delete(&note).await?;
    /// assert!(db.update(&note).await.expect_err("it is deleted").is_not_found());
    /// assert!(db.restore::<Note>(1).await?);
    /// assert_eq!(db.get::<Note>(1).await?, Some(note));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the entity has no `soft_delete` column; those of the store.
    pub async fn restore<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<bool> {
        restore_once(&self.shared, D::table(), codec::encode_key::<D>(&key.into_key())).await
    }

    /// The row with this key, unless it is softly deleted. Costs one round trip.
    ///
    /// # Errors
    /// Those of the store; [`is_corrupt`](Error::is_corrupt) if the stored row does not fit the entity.
    pub async fn get<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<Option<D>> {
        let key = codec::encode_key::<D>(&key.into_key());
        codec::decode_found(Reader::Database(&self.shared).row(D::table(), key, false).await)
    }

    /// The row with this key, also if it is softly deleted. Costs one round trip.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_with_deleted<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<Option<D>> {
        let key = codec::encode_key::<D>(&key.into_key());
        codec::decode_found(Reader::Database(&self.shared).row(D::table(), key, true).await)
    }

    /// The rows with these keys, in their order. Costs one round trip.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<D: Entity>(
        &self,
        keys: impl IntoIterator<Item = impl IntoKey<D::Key>>,
    ) -> BoxFuture<'_, Result<Vec<Option<D>>>> {
        let keys = codec::encode_keys::<D>(keys.into_iter().map(IntoKey::into_key));
        Box::pin(Reader::Database(&self.shared).get_many(keys))
    }

    /// A query on an entity that keeps the database and borrows nothing, for what outlives the function that begins it: the
    /// [stream](crate::query::RowStream) of an answer, a task.
    pub fn into_query<D: Entity>(self) -> Query<'static, D> {
        Query::at(Target::Own(self.shared))
    }

    /// A query on an entity.
    pub fn query<D: Entity>(&self) -> Query<'_, D> {
        Query::new(Reader::Database(&self.shared))
    }
}

/// The next number of a counter, which is set to `next` before if there is one.
fn counter<'a>(shared: &'a Arc<Shared>, table: &'static Table, next: Option<u64>) -> BoxFuture<'a, Result<u64>> {
    Box::pin(async move {
        let table = shared.table(table)?;
        match next {
            Some(next) => session::keys::set_number(shared, table, next).await,
            None => session::keys::next_number(shared, table).await,
        }
    })
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("store", &self.shared.committer.store.capabilities().name)
            .finish_non_exhaustive()
    }
}
