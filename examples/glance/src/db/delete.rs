//! Deleting images and bringing them back.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::access;
use super::context::Context;
use super::entities::{Image, ImageMember, ImageStatus, now};
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
pub async fn image_destroy_with<E: From<DbError> + From<rome_orm::Error> + Send + 'static>(
    db: &Database,
    context: &Context,
    id: &str,
    decide: impl Fn(&ImageRecord) -> Result<ImageStatus, E> + Send + Sync,
) -> Result<ImageRecord, E> {
    db.try_transaction(async |s| {
        let load = |query| {
            record::with_children(query, GetOptions::with_tags())
                .with(Image::MEMBERS.filter(ImageMember::DELETED.eq(false)))
        };
        let mut image = access::find_with(s, context, id, false, load).await?;
        let members = record::loaded(&mut image.members).unwrap_or_default();
        let locations = image.locations.get()?.to_vec();
        let mut record = ImageRecord::new(context, image);
        let status = decide(&record)?;
        access::check_change(context, &record.image)?;
        record.locations = locations;
        Ok(destroy_in(s, record, members, status).await?)
    })
    .await
}

async fn destroy_in(
    s: &Session,
    mut record: ImageRecord,
    mut members: Vec<ImageMember>,
    status: ImageStatus,
) -> DbResult<ImageRecord> {
    let now = Some(now());
    macro_rules! softly_delete {
        ($rows:expr) => {
            for row in $rows {
                (row.deleted, row.deleted_at, row.updated_at) = (true, now, now);
            }
        };
    }
    record.image.status = status;
    softly_delete!([&mut record.image]);
    softly_delete!(record.properties.iter_mut().filter(|property| !property.deleted));
    softly_delete!(record.tags.iter_mut().flatten());
    softly_delete!(&mut members);
    softly_delete!(&mut record.locations);
    record.locations.iter_mut().for_each(|location| "deleted".clone_into(&mut location.status));
    let image = s.update(&record.image).await?;
    let properties = s.update_many(&record.properties).await?;
    s.update_many(record.tags.as_deref().unwrap_or_default()).await?;
    s.update_many(&members).await?;
    s.update_many(&record.locations).await?;
    Ok(ImageRecord { image, properties, locations: Vec::new(), tags: None })
}

/// Really removes images that were softly deleted before a time, those deleted first first, at most so many. All that
/// belongs to them goes along by the foreign keys. Gives how many images that were; to remove all call it until that is 0.
///
/// # Errors
/// When the store fails.
pub async fn purge_deleted_images(db: &Database, before: DateTime<Utc>, most: u64) -> DbResult<u64> {
    db.try_transaction(async |s| {
        let gone = s
            .query::<Image>()
            .filter(Image::DELETED_AT.lt(before))
            .filter(Image::DELETED.eq(true))
            .order_by(Image::DELETED_AT.asc())
            .limit(most)
            .all()
            .await?;
        Ok(s.delete_many(&gone).await?)
    })
    .await
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
