//! Compare-and-set: one row is changed if conditions hold for it.

use super::Database;
use crate::error::Result;
use crate::expr::{Assignments, Conditions};
use crate::model::codec::{decode, encode_key};
use crate::model::{Entity, IntoKey};
use crate::statement::{CompareAndSet, change_if_once};

impl Database {
    /// Compare-and-set: changes the row with this key if all conditions are true for it, and returns it as it is stored.
    /// Conditions are what [`filter`](crate::query::Query::filter) takes, changes what
    /// [`Query::update`](crate::query::Query::update) takes. Of many that would change the same row from one state to another exactly
    /// one succeeds.
    ///
    /// Costs two round trips, one if a condition does not hold; conditions that ask other entities cost theirs besides. Where another
    /// transaction comes between, the row is read and its conditions are tested again: if they still hold that is no conflict.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// #[derive(Entity, Clone, Debug, PartialEq)]
    /// struct Image {
    ///     #[rome(key)]
    ///     id: u32,
    ///     status: String,
    ///     size: Option<u64>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Image>().open("memory:").await?;
    /// db.insert(Image { id: 7, status: "queued".into(), size: None }).await?;
    /// let is_new = (Image::STATUS.eq("queued"), Image::SIZE.is_null());
    /// let image = db.update_if::<Image>(7, is_new.clone(), Image::STATUS.set("saving")).await?;
    /// assert_eq!(image.status, "saving");
    ///
    /// let error = db.update_if::<Image>(7, is_new, Image::STATUS.set("saving")).await.expect_err("it is saved already");
    /// assert!(error.is_condition_failed() && error.failed_condition() == Some(0));
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the row 7 of table `image` was not updated: condition 1 of 2 does not hold: status = 'queued'; status is 'saving'"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_condition_failed`](crate::Error::is_condition_failed) when a condition is false or unknown: the first one is told;
    /// [`is_not_found`](crate::Error::is_not_found) when there is no such row, or it is softly deleted; those of an
    /// [`Query::update`](crate::query::Query::update) by query. Nothing is changed then.
    pub async fn update_if<E: Entity>(
        &self,
        key: impl IntoKey<E::Key>,
        conditions: impl Conditions<E>,
        changes: impl Assignments<E>,
    ) -> Result<E> {
        let (key, change) = (encode_key::<E>(&key.into_key()), CompareAndSet::new(conditions, changes));
        decode(&[], &change_if_once(&self.shared, E::table(), key, change).await?)
    }
}
