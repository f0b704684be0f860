//! Where the data of images lies.

use chrono::{DateTime, Utc};
use rome::prelude::*;

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
    db.try_transaction(async |s| {
        access::check_reference(s, image_id).await?;
        add_in(s, image_id, location).await
    })
    .await
}

pub(super) async fn add_in(s: &Session, image_id: &str, location: &LocationValues) -> DbResult<()> {
    let now = now();
    let deleted = location.is_deleted();
    s.insert(ImageLocation {
        id: Id::default(),
        image_id: image_id.to_owned(),
        value: location.url.clone(),
        meta_data: location.metadata.clone(),
        status: location.status.clone(),
        created_at: now,
        updated_at: Some(now),
        deleted_at: deleted.then_some(now),
        deleted,
    })
    .await?;
    Ok(())
}

/// Sets URL, metadata and status of a location; the status says whether it is deleted.
///
/// # Errors
/// `Invalid` without an id, `NotFound` if the image has no such location.
pub async fn image_location_update(db: &Database, image_id: &str, location: &LocationValues) -> DbResult<()> {
    location.check()?;
    db.try_transaction(async |s| update_in(s, image_id, location).await).await
}

async fn update_in(s: &Session, image_id: &str, location: &LocationValues) -> DbResult<()> {
    let id = location.id.ok_or_else(|| DbError::Invalid("a location to update needs its id".to_owned()))?;
    let mut row = find(s, image_id, id).await?;
    let now = now();
    row.value.clone_from(&location.url);
    row.meta_data.clone_from(&location.metadata);
    row.status.clone_from(&location.status);
    row.deleted = location.is_deleted();
    row.deleted_at = row.deleted.then_some(now);
    row.updated_at = Some(now);
    s.update(&row).await?;
    Ok(())
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

/// Makes the locations of an image those that are given: deletes the ones that are not there by id, updates those that
/// are, and adds those without an id, in order.
pub(super) async fn set_in(s: &Session, image_id: &str, given: &[LocationValues]) -> DbResult<()> {
    let old = s
        .query::<ImageLocation>()
        .filter(ImageLocation::IMAGE_ID.eq(image_id))
        .filter(ImageLocation::DELETED.eq(false))
        .all()
        .await?;
    let kept = |row: &ImageLocation| given.iter().any(|location| location.id == Some(*row.id.value()));
    for row in old.into_iter().filter(|row| !kept(row)) {
        delete_in(s, row, "deleted", now()).await?;
    }
    for location in given {
        match location.id {
            Some(_) => update_in(s, image_id, location).await?,
            None => add_in(s, image_id, location).await?,
        }
    }
    Ok(())
}

async fn find(s: &Session, image_id: &str, id: u64) -> DbResult<ImageLocation> {
    s.get::<ImageLocation>(id)
        .await?
        .filter(|row| row.image_id == image_id)
        .ok_or_else(|| DbError::NotFound(format!("No location {id} of image {image_id}")))
}
