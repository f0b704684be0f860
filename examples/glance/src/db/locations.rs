//! Where the data of images lies.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::access;
use super::entities::{ImageLocation, now};
use super::error::{DbError, DbResult};
use super::values::LocationValues;

/// Adds a location to an image. One with the status `deleted` or `pending_delete` is made deleted.
///
/// # Errors
/// `Invalid`; an image that is not there is a `Reference` error.
pub async fn image_location_add(db: &Database, image_id: &str, location: &LocationValues) -> DbResult<()> {
    location.check()?;
    db.insert(ImageLocation::new(image_id, location)).await.map_err(access::referring(image_id))?;
    Ok(())
}

/// Sets URL, metadata and status of a location; the status says whether it is deleted.
///
/// # Errors
/// `Invalid` without an id, `NotFound` if the image has no such location.
pub async fn image_location_update(
    at: &impl Executor,
    image_id: &str,
    location: &LocationValues,
) -> DbResult<ImageLocation> {
    location.check()?;
    let id = location.id.ok_or_else(|| DbError::Invalid("a location to update needs its id".to_owned()))?;
    at.try_transaction(async |s| {
        let mut row = find(s, image_id, id).await?;
        let now = now();
        row.value.clone_from(&location.url);
        row.meta_data.clone_from(&location.metadata);
        row.status.clone_from(&location.status);
        row.deleted = location.is_deleted();
        row.deleted_at = row.deleted.then_some(now);
        row.updated_at = Some(now);
        Ok(s.update(&row).await?)
    })
    .await
}

/// Softly deletes a location with a status, which is `deleted` or `pending_delete`, at a time that is now unless given.
///
/// # Errors
/// `Invalid` for another status, `NotFound` if the image has no such location.
pub async fn image_location_delete(
    db: &Database,
    image_id: &str,
    location_id: u64,
    status: &str,
    delete_time: Option<DateTime<Utc>>,
) -> DbResult<()> {
    if !matches!(status, "deleted" | "pending_delete") {
        return Err(DbError::Invalid(format!("a location cannot be deleted with status {status}")));
    }
    db.try_transaction(async |s| {
        let row = find(s, image_id, location_id).await?;
        delete_in(s, row, status, delete_time.unwrap_or_else(now)).await
    })
    .await
}

async fn delete_in(s: &Session, mut row: ImageLocation, status: &str, time: DateTime<Utc>) -> DbResult<()> {
    row.status = status.to_owned();
    row.deleted = true;
    row.deleted_at = Some(time);
    row.updated_at = Some(time);
    s.update(&row).await?;
    Ok(())
}

/// The live locations of an image in the order in which they were added.
pub(super) async fn live(s: &Session, image_id: &str) -> DbResult<Vec<ImageLocation>> {
    let live = ImageLocation::IMAGE_ID.eq(image_id).and(ImageLocation::DELETED.eq(false));
    let mut rows = s.query::<ImageLocation>().filter(live).all().await?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Makes the locations of an image those that are given: deletes the ones that are not there by id, updates those that
/// are, and adds those without an id, in order. Gives those that are live then.
pub(super) async fn set_in(s: &Session, image_id: &str, given: &[LocationValues]) -> DbResult<Vec<ImageLocation>> {
    let kept = |row: &ImageLocation| given.iter().any(|location| location.id == Some(*row.id.value()));
    for row in live(s, image_id).await?.into_iter().filter(|row| !kept(row)) {
        delete_in(s, row, "deleted", now()).await?;
    }
    let mut after = Vec::with_capacity(given.len());
    for location in given {
        after.push(match location.id {
            Some(_) => image_location_update(s, image_id, location).await?,
            None => s.insert(ImageLocation::new(image_id, location)).await?,
        });
    }
    after.retain(|row| !row.deleted);
    after.sort_by_key(|row| row.id);
    Ok(after)
}

async fn find(s: &Session, image_id: &str, id: u64) -> DbResult<ImageLocation> {
    s.get::<ImageLocation>((image_id.to_owned(), Id::new(id)))
        .await?
        .ok_or_else(|| DbError::NotFound(format!("No location {id} of image {image_id}")))
}
