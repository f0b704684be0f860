//! Brings softly deleted rows back.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{Write, Written};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::model::codec::encode_key;
use crate::model::{Entity, IntoKey};
use crate::row;
use crate::schema::Table;
use crate::session::{Session, session_rows};
use crate::value::Value;

impl Session {
    /// Buffers the return of the softly deleted row with this key, with what it had; says whether there was one. A version column is
    /// raised and not compared. Costs a round trip if the session has not read the row.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the entity has no `soft_delete` column; those of the store.
    pub async fn restore<E: Entity>(&self, key: impl IntoKey<E::Key>) -> Result<bool> {
        self.restore_in(E::table(), encode_key::<E>(&key.into_key())).await
    }

    // Boxed, so that it is compiled here and not for each entity.
    fn restore_in(&self, def: &'static Table, key: Bytes) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move { restore(self, self.shared.table(def)?, &key).await })
    }
}

/// The column that says when a row was softly deleted.
pub(crate) fn deleted_at(def: &Table) -> Result<u16> {
    def.deleted_at.ok_or_else(|| {
        Error::invalid(format!(
            "the rows of table `{}` cannot be restored: it has no `soft_delete` column, so what is deleted is gone",
            def.name
        ))
    })
}

/// Brings the row with this key back; says whether it was softly deleted.
pub(super) async fn restore(session: &Session, table: &Arc<StoredTable>, key: &Bytes) -> Result<bool> {
    let def = table.def;
    let deleted_at = deleted_at(def)?;
    loop {
        let Some(old) = session_rows(session, table, std::slice::from_ref(key)).await?.pop().flatten() else {
            return Ok(false);
        };
        if !row::is_deleted(def, &old).map_err(|source| row::damaged(def, key, &old, source))? {
            return Ok(false);
        }
        let write = Write::Swap { body: row::replace(def, key, &old, &[(deleted_at, Value::Null)])?, old };
        // Absent: another statement of this session has changed the row since it was looked at.
        if let Some(Written::Row(_)) = session.write(table, vec![write]).await?.pop() {
            return Ok(true);
        }
    }
}
