//! Deleting images and bringing them back.

use chrono::{DateTime, Utc};
use rome::prelude::*;

use super::access;
use super::context::Context;
use super::entities::{Image, ImageLocation, ImageMember, ImageProperty, ImageStatus, ImageTag, now};
use super::error::{DbError, DbResult};
use super::record::{self, GetOptions, ImageRecord};

/// Softly deletes an image with its properties, members, tags and locations, all with the same `deleted_at`. The status
/// stays. Gives the record back without locations, all properties deleted.
///
/// # Errors
/// Those of `image_get`; `Forbidden` or `ForbiddenPublicImage` if the context may not change it.
pub async fn image_destroy(db: &Database, context: &Context, id: &str) -> DbResult<ImageRecord> {
    image_destroy_with(db, context, id, |record| Ok::<_, DbError>(record.image.status)).await
}

/// [`image_destroy`] after a decision that sees the record, with its locations, in the same transaction. It says which
/// status the image is left in; its error leaves the image as it is.
///
/// # Errors
/// Those of [`image_destroy`] and what `decide` fails with, which may run several times.
pub async fn image_destroy_with<E: From<DbError> + From<rome::Error> + Send + 'static>(
    db: &Database,
    context: &Context,
    id: &str,
    decide: impl Fn(&ImageRecord) -> Result<ImageStatus, E> + Send + Sync,
) -> Result<ImageRecord, E> {
    db.try_transaction(async |s| {
        let record = record::get_in(s, context, id, GetOptions::with_tags()).await?;
        let status = decide(&record)?;
        access::check_change(context, &record.image)?;
        Ok(destroy_in(s, context, record.image, status).await?)
    })
    .await
}

async fn destroy_in(s: &Session, context: &Context, mut image: Image, status: ImageStatus) -> DbResult<ImageRecord> {
    let now = now();
    image.status = status;
    image.deleted = true;
    image.deleted_at = Some(now);
    image.updated_at = Some(now);
    let image = s.update(&image).await?;
    let id = image.id.as_str();
    delete_children(s, id, now).await?;
    let mut record = record::with_children(s, context, image, GetOptions::default()).await?;
    record.locations.clear();
    Ok(record)
}

async fn delete_children(s: &Session, id: &str, now: DateTime<Utc>) -> DbResult<()> {
    s.query::<ImageProperty>()
        .filter(ImageProperty::IMAGE_ID.eq(id).and(ImageProperty::DELETED.eq(false)))
        .update_all((
            ImageProperty::DELETED.set(true),
            ImageProperty::DELETED_AT.set(now),
            ImageProperty::UPDATED_AT.set(now),
        ))
        .await?;
    s.query::<ImageTag>()
        .filter(ImageTag::IMAGE_ID.eq(id).and(ImageTag::DELETED.eq(false)))
        .update_all((ImageTag::DELETED.set(true), ImageTag::DELETED_AT.set(now), ImageTag::UPDATED_AT.set(now)))
        .await?;
    s.query::<ImageMember>()
        .filter(ImageMember::IMAGE_ID.eq(id).and(ImageMember::DELETED.eq(false)))
        .update_all((
            ImageMember::DELETED.set(true),
            ImageMember::DELETED_AT.set(now),
            ImageMember::UPDATED_AT.set(now),
        ))
        .await?;
    s.query::<ImageLocation>()
        .filter(ImageLocation::IMAGE_ID.eq(id).and(ImageLocation::DELETED.eq(false)))
        .update_all((
            ImageLocation::STATUS.set("deleted"),
            ImageLocation::DELETED.set(true),
            ImageLocation::DELETED_AT.set(now),
            ImageLocation::UPDATED_AT.set(now),
        ))
        .await?;
    Ok(())
}

/// Makes an image that waits for its deletion active again.
///
/// # Errors
/// Those of `image_get`, and `Conflict` for an image in another status than `pending_delete`.
pub async fn image_restore(db: &Database, context: &Context, id: &str) -> DbResult<()> {
    db.try_transaction(async |s| {
        let mut image = access::find(s, context, id, false).await?;
        if image.status != ImageStatus::PendingDelete {
            return Err(DbError::Conflict(format!("cannot restore image {id} from status {}", image.status)));
        }
        image.status = ImageStatus::Active;
        image.deleted = false;
        image.deleted_at = None;
        image.updated_at = Some(now());
        s.update(&image).await?;
        Ok(())
    })
    .await
}
