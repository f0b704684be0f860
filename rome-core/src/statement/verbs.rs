//! The verbs of a session.

use super::{Write, Written};
use crate::error::{Error, Result};
use crate::model::codec::{decode, encode, encode_key, not_found};
use crate::model::{Entity, IntoKey};
use crate::session::{Reader, Session};

/// The row that was written.
pub(crate) fn written<D: Entity>(written: Option<Written>) -> Result<D> {
    match written {
        Some(Written::Row(body)) => decode(&[], &body),
        _ => Err(Error::internal("a write gave no row")),
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
        let table = self.shared.table(D::table())?;
        written(self.write(table, vec![Write::Insert(encode(&entity)?)]).await?.pop())
    }

    /// Buffers new rows, all or none, at the cost of one [`insert`](Self::insert).
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn insert_all<D: Entity>(&self, entities: impl IntoIterator<Item = D>) -> Result<Vec<D>> {
        let table = self.shared.table(D::table())?;
        let writes = entities.into_iter().map(|entity| encode(&entity).map(Write::Insert)).collect::<Result<_>>()?;
        self.write(table, writes).await?.into_iter().map(|row| written(Some(row))).collect()
    }

    /// Buffers the whole row in the place of the stored one and returns it as it will be stored. Costs a round trip if
    /// the session has not read the row.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found), [`is_stale`](Error::is_stale) if the entity has a version column and
    /// another value is stored, [`is_unique_violation`](Error::is_unique_violation).
    pub async fn update<D: Entity>(&self, entity: &D) -> Result<D> {
        let table = self.shared.table(D::table())?;
        written(self.write(table, vec![Write::Update(encode(entity)?)]).await?.pop())
    }

    /// Buffers whole rows in the place of the stored ones, all or none, at the cost of one [`update`](Self::update).
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn update_all<D: Entity>(&self, entities: &[D]) -> Result<Vec<D>> {
        let table = self.shared.table(D::table())?;
        let writes = entities.iter().map(|entity| encode(entity).map(Write::Update)).collect::<Result<_>>()?;
        self.write(table, writes).await?.into_iter().map(|row| written(Some(row))).collect()
    }

    /// Buffers the row as a new one, or in the place of the one with its key. A replaced row keeps its `created_at`.
    ///
    /// # Errors
    /// [`is_unique_violation`](Error::is_unique_violation) on another unique column than the key.
    pub async fn upsert<D: Entity>(&self, entity: D) -> Result<D> {
        let table = self.shared.table(D::table())?;
        written(self.write(table, vec![Write::Upsert(encode(&entity)?)]).await?.pop())
    }

    /// Buffers rows as [`upsert`](Self::upsert) does, all or none, at the cost of one.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert).
    pub async fn upsert_all<D: Entity>(&self, entities: impl IntoIterator<Item = D>) -> Result<Vec<D>> {
        let table = self.shared.table(D::table())?;
        let writes = entities.into_iter().map(|entity| encode(&entity).map(Write::Upsert)).collect::<Result<_>>()?;
        self.write(table, writes).await?.into_iter().map(|row| written(Some(row))).collect()
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
    pub async fn delete_all<D: Entity>(&self, entities: &[D]) -> Result<u64> {
        let table = self.shared.table(D::table())?;
        let writes = entities.iter().map(|entity| Write::Delete(encode_key::<D>(&entity.key()))).collect();
        let written = self.write(table, writes).await?;
        Ok(written.iter().filter(|row| !matches!(row, Written::Absent)).count() as u64)
    }

    /// Buffers the removal of the row with this key, softly if the entity has a `soft_delete` column; says whether there
    /// was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_by_key<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<bool> {
        self.remove(D::table(), Write::Delete(encode_key::<D>(&key.into_key()))).await
    }

    /// Buffers the real removal of the row with this key, also where the entity has a `soft_delete` column; says whether
    /// there was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<bool> {
        self.remove(D::table(), Write::Purge(encode_key::<D>(&key.into_key()))).await
    }

    async fn remove(&self, table: &'static crate::schema::Table, write: Write) -> Result<bool> {
        let table = self.shared.table(table)?;
        Ok(!matches!(self.write(table, vec![write]).await?.pop(), None | Some(Written::Absent)))
    }

    /// The row with this key, unless it is softly deleted. Costs one round trip, none if the session read or wrote it.
    ///
    /// # Errors
    /// Those of the store; [`is_conflict`](Error::is_conflict) if the row changed since the session read it.
    pub async fn get<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<Option<D>> {
        Reader::Session(self).get(key.into_key(), false).await
    }

    /// The row with this key, also if it is softly deleted.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_with_deleted<D: Entity>(&self, key: impl IntoKey<D::Key>) -> Result<Option<D>> {
        Reader::Session(self).get(key.into_key(), true).await
    }

    /// The rows with these keys, in their order. Costs one round trip.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_many<D: Entity>(&self, keys: impl IntoIterator<Item = D::Key>) -> Result<Vec<Option<D>>> {
        Reader::Session(self).get_many(keys).await
    }
}
