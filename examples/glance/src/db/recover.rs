//! What a service that was killed left half done.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::entities::{Image, ImageStatus};
use super::error::DbResult;

/// An image whose data is on its way, or was when the service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// The image.
    pub id: String,
    /// The status that it was left in: `saving`, `uploading` or `importing`.
    pub status: ImageStatus,
    /// When it came into that status, or changed in it.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The live images in a status that only a running upload or import, or staged data, explains.
///
/// # Errors
/// When the store fails.
pub async fn interrupted_images(db: &Database) -> DbResult<Vec<Interrupted>> {
    let rows = db
        .query::<Image>()
        .filter(Image::STATUS.is_in([ImageStatus::Saving, ImageStatus::Uploading, ImageStatus::Importing]))
        .filter(Image::DELETED.eq(false))
        .select((Image::ID, Image::STATUS, Image::UPDATED_AT))
        .all()
        .await?;
    Ok(rows.into_iter().map(|(id, status, updated_at)| Interrupted { id, status, updated_at }).collect())
}
