//! The verbs of a session.

use std::borrow::Borrow;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{Write, Written};
use crate::error::{Error, Result};
use crate::model::codec::{decode, decode_found, decode_written, encode, encode_key, encode_keys, not_found};
use crate::model::{Entity, IntoKey};
use crate::schema::Table;
use crate::session::{Reader, Session};

/// The columns of the row that was written.
pub(super) fn row_of(written: Option<Written>) -> Result<Bytes> {
    match written {
        Some(Written::Row(body)) => Ok(body),
        _ => Err(Error::internal("a write gave no row")),
    }
}

/// The columns of the rows that were written.
pub(super) fn rows_of(written: Vec<Written>) -> Result<Vec<Bytes>> {
    written.into_iter().map(|written| row_of(Some(written))).collect()
}

/// How many of the writes found a row.
pub(super) fn count_of(written: &[Written]) -> u64 {
    written.iter().filter(|row| !matches!(row, Written::Absent)).count() as u64
}

/// The rows that were written, as entities.
pub(crate) fn decode_all<D: Entity>(bodies: &[Bytes]) -> Result<Vec<D>> {
    let mut rows = Vec::with_capacity(bodies.len());
    for body in bodies {
        rows.push(decode(&[], body)?);
    }
    Ok(rows)
}

/// The writes of entities.
pub(crate) fn encode_all<'e, D: Entity>(
    entities: impl Iterator<Item = impl Borrow<D> + 'e>,
    write: fn(Vec<u8>) -> Write,
) -> Result<Vec<Write>> {
    let mut writes = Vec::with_capacity(entities.size_hint().0.min(4096));
    for entity in entities {
        writes.push(write(encode::<D>(entity.borrow())?));
    }
    Ok(writes)
}

/// The removals of entities.
pub(crate) fn deletes<'r, D: Entity>(rows: impl IntoIterator<Item = &'r D>) -> Vec<Write> {
    rows.into_iter().map(|entity| Write::Delete(encode_key::<D>(&entity.key()))).collect()
}

// What an entity is written by, boxed, so that it is compiled here and not for each entity.
impl Session {
    fn write_row(&self, def: &'static Table, write: Result<Write>) -> BoxFuture<'_, Result<Bytes>> {
        Box::pin(async move { row_of(self.write(self.shared.table(def)?, vec![write?]).await?.pop()) })
    }

    fn write_rows(&self, def: &'static Table, writes: Result<Vec<Write>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        Box::pin(async move { rows_of(self.write(self.shared.table(def)?, writes?).await?) })
    }

    fn remove(&self, def: &'static Table, writes: Vec<Write>) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { Ok(count_of(&self.write(self.shared.table(def)?, writes).await?)) })
    }
}

impl Session {
    /// Buffers a new row and returns it as it will be stored: with its key and the columns that ROME sets. Costs a round
    /// trip if its key is given and not generated, and one if the table has unique columns.
    ///
    /// # Errors
    /// [`is_duplicate_key`](Error::is_duplicate_key) or [`is_unique_violation`](Error::is_unique_violation), after which
    /// the session goes on without the row.
    pub async fn insert<D: Entity>(&self, entity: D) -> Result<D> {
        decode_written(self.write_row(D::table(), encode(&entity).map(Write::Insert)).await)
    }

    /// Buffers new rows, all or none, at the cost of one [`insert`](Self::insert).
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn insert_many<D: Entity>(&self, entities: impl IntoIterator<Item = D>) -> BoxFuture<'_, Result<Vec<D>>> {
        let writes = encode_all::<D>(entities.into_iter(), Write::Insert);
        Box::pin(async move { decode_all(&self.write_rows(D::table(), writes).await?) })
    }

    /// Buffers the whole row in the place of the stored one and returns it as it will be stored. Costs a round trip if
    /// the session has not read the row.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found), [`is_stale`](Error::is_stale) if the entity has a version column and
    /// another value is stored, [`is_unique_violation`](Error::is_unique_violation).
    pub async fn update<D: Entity>(&self, entity: &D) -> Result<D> {
        decode_written(self.write_row(D::table(), encode(entity).map(Write::Update)).await)
    }

    /// Buffers whole rows in the place of the stored ones, all or none, at the cost of one [`update`](Self::update).
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_many<'r, D: Entity>(&self, rows: impl IntoIterator<Item = &'r D>) -> BoxFuture<'_, Result<Vec<D>>> {
        let writes = encode_all::<D>(rows.into_iter(), Write::Update);
        Box::pin(async move { decode_all(&self.write_rows(D::table(), writes).await?) })
    }

    /// Buffers the row as a new one, or in the place of the one with its key. A replaced row keeps its `created_at`.
    ///
    /// # Errors
    /// [`is_unique_violation`](Error::is_unique_violation) on another unique column than the key.
    pub async fn upsert<D: Entity>(&self, entity: D) -> Result<D> {
        decode_written(self.write_row(D::table(), encode(&entity).map(Write::Upsert)).await)
    }

    /// Buffers rows as [`upsert`](Self::upsert) does, all or none, at the cost of one.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert).
    pub fn upsert_many<D: Entity>(&self, entities: impl IntoIterator<Item = D>) -> BoxFuture<'_, Result<Vec<D>>> {
        let writes = encode_all::<D>(entities.into_iter(), Write::Upsert);
        Box::pin(async move { decode_all(&self.write_rows(D::table(), writes).await?) })
    }

    /// Buffers the removal of the row; if the entity has a `soft_delete` column, sets that instead.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) if there is no such row, or it is deleted already;
    /// [`is_foreign_key_violation`](Error::is_foreign_key_violation) if a row that restricts that references it;
    /// [`is_schema_mismatch`](Error::is_schema_mismatch) if a stored table references its table and the program does not have
    /// the entity of that.
    pub async fn delete<D: Entity>(&self, entity: &D) -> Result<()> {
        if self.delete_by_key::<D>(entity.key()).await? { Ok(()) } else { Err(not_found(entity)) }
    }

    /// Buffers the removal of entities, as [`delete`](Self::delete) does; says how many there were.
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_many<'r, D: Entity>(&self, rows: impl IntoIterator<Item = &'r D>) -> BoxFuture<'_, Result<u64>> {
        self.remove(D::table(), deletes(rows))
    }

    /// Buffers the removal of the row with this key, softly if the entity has a `soft_delete` column; says whether there
    /// was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_by_key<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<bool> {
        let write = Write::Delete(encode_key::<D>(&key.into_key()));
        Ok(self.remove(D::table(), vec![write]).await? > 0)
    }

    /// Buffers the real removal of the row, also where the entity has a `soft_delete` column, and also if it is softly deleted.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) if there is no such row; as [`delete`](Self::delete).
    pub async fn purge<D: Entity>(&self, entity: &D) -> Result<()> {
        if self.purge_by_key::<D>(entity.key()).await? { Ok(()) } else { Err(not_found(entity)) }
    }

    /// Buffers the real removal of the row with this key, also where the entity has a `soft_delete` column; says whether
    /// there was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_by_key<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<bool> {
        let write = Write::Purge(encode_key::<D>(&key.into_key()));
        Ok(self.remove(D::table(), vec![write]).await? > 0)
    }

    /// The row with this key, unless it is softly deleted. Costs one round trip, none if the session read or wrote it.
    ///
    /// # Errors
    /// Those of the store; [`is_conflict`](Error::is_conflict) if the row changed since the session read it.
    pub async fn get<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<Option<D>> {
        let key = encode_key::<D>(&key.into_key());
        decode_found(Reader::Session(self).row(D::table(), key, false).await)
    }

    /// The row with this key, also if it is softly deleted.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_with_deleted<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<Option<D>> {
        let key = encode_key::<D>(&key.into_key());
        decode_found(Reader::Session(self).row(D::table(), key, true).await)
    }

    /// The rows with these keys, in their order. Costs one round trip.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<D: Entity>(
        &self,
        keys: impl IntoIterator<Item = impl IntoKey<D::Key>>,
    ) -> BoxFuture<'_, Result<Vec<Option<D>>>> {
        let keys = encode_keys::<D>(keys.into_iter().map(IntoKey::into_key));
        Box::pin(Reader::Session(self).get_many(keys))
    }
}
