//! Properties one by one.

use rome_orm::prelude::*;

use super::access;
use super::context::Context;
use super::entities::{ImageProperty, now};
use super::error::{DbError, DbResult};
use super::text;

/// Makes a property, or brings a deleted one back with the new value. Of any number of calls at the same time exactly
/// one succeeds, so a property can serve as a lock.
///
/// # Errors
/// `Duplicate` if it is there, `Reference` if there is no such image.
pub async fn image_set_property_atomic(db: &Database, image_id: &str, name: &str, value: &str) -> DbResult<()> {
    text::check("the name of a property", name, text::NAME)?;
    db.try_transaction(async |s| {
        match find(s, image_id, name).await? {
            Some(property) if !property.deleted => {
                return Err(DbError::Duplicate(format!("Property {name} of image {image_id} is already there")));
            }
            Some(mut property) => {
                property.set_value(Some(value));
                property.deleted = false;
                property.deleted_at = None;
                property.updated_at = Some(now());
                s.update(&property).await?;
            }
            None => {
                let new = ImageProperty::new(image_id, name, Some(value), now());
                s.insert(new).await.map_err(access::referring(image_id))?;
            }
        }
        Ok(())
    })
    .await
}

/// Really removes a property if it is there, live, with exactly this value. Of several calls at the same time exactly one
/// succeeds.
///
/// # Errors
/// `NotFound` otherwise.
pub async fn image_delete_property_atomic(db: &Database, image_id: &str, name: &str, value: &str) -> DbResult<()> {
    db.try_transaction(async |s| match find(s, image_id, name).await? {
        Some(property) if !property.deleted && property.value.as_deref() == Some(value) => {
            s.delete(&property).await?;
            Ok(())
        }
        _ => Err(DbError::NotFound(format!("No property {name} with this value on image {image_id}"))),
    })
    .await
}

/// Makes a property.
///
/// # Errors
/// `Invalid`, `Reference` if there is no such image, `Duplicate` if it has one of that name, deleted or not.
pub async fn image_property_create(
    db: &Database,
    _context: &Context,
    image_id: &str,
    name: &str,
    value: Option<&str>,
) -> DbResult<ImageProperty> {
    text::check("the name of a property", name, text::NAME)?;
    match db.insert(ImageProperty::new(image_id, name, value, now())).await {
        Err(e) if e.is_unique_violation() => {
            Err(DbError::Duplicate(format!("Property {name} of image {image_id} is already there")))
        }
        made => made.map_err(access::referring(image_id)),
    }
}

/// Softly deletes a property and gives it back.
///
/// # Errors
/// `NotFound` if there is none of that name, deleted or not.
pub async fn image_property_delete(
    db: &Database,
    _context: &Context,
    name: &str,
    image_id: &str,
) -> DbResult<ImageProperty> {
    db.try_transaction(async |s| {
        let mut property = find(s, image_id, name)
            .await?
            .ok_or_else(|| DbError::NotFound(format!("No property {name} on image {image_id}")))?;
        let now = now();
        property.deleted = true;
        property.deleted_at = Some(now);
        property.updated_at = Some(now);
        Ok(s.update(&property).await?)
    })
    .await
}

async fn find(s: &Session, image_id: &str, name: &str) -> DbResult<Option<ImageProperty>> {
    let one = ImageProperty::IMAGE_ID.eq(image_id).and(ImageProperty::NAME.eq(name));
    Ok(s.query::<ImageProperty>().filter(one).first().await?)
}
