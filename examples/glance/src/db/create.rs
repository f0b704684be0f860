//! Making images.

use rome::prelude::*;

use super::context::Context;
use super::entities::{Image, ImageProperty, ImageTag, Visibility, now};
use super::error::{DbError, DbResult};
use super::record::{self, GetOptions, ImageRecord};
use super::values::ImageValues;
use super::{access, locations};

/// Makes an image with its properties, locations and tags. The id is a random UUID if none is given, the visibility
/// `shared`; the record has its tags.
///
/// # Errors
/// `Invalid` without a status or with a value that cannot be stored, `Duplicate` for an id in use even by a deleted
/// image, `Forbidden` for an image that the context would not see.
pub async fn image_create(db: &Database, context: &Context, values: &ImageValues) -> DbResult<ImageRecord> {
    values.check()?;
    let image = new_image(values)?;
    db.try_transaction(async |s| {
        let image = match s.insert(image.clone()).await {
            Ok(image) => image,
            Err(e) if e.is_duplicate_key() => {
                return Err(DbError::Duplicate(format!("Image ID {} already exists!", image.id)));
            }
            Err(e) => return Err(e.into()),
        };
        let (id, now) = (image.id.as_str(), image.created_at);
        let properties = values.properties.iter().flatten();
        s.insert_all(properties.map(|(name, value)| ImageProperty::new(id, name, value.as_deref(), now))).await?;
        for location in values.locations.iter().flatten() {
            locations::add_in(s, id, location).await?;
        }
        s.insert_all(distinct(values.tags.as_deref().unwrap_or_default()).map(|tag| ImageTag::new(id, tag, now)))
            .await?;
        // The image is as new to this context as to any other: what it would not see it does not get.
        let image = access::find(s, context, id, image.deleted).await?;
        record::with_children(s, context, image, GetOptions::with_tags()).await
    })
    .await
}

fn new_image(values: &ImageValues) -> DbResult<Image> {
    let status = values.status.ok_or_else(|| DbError::Invalid("Image status is required.".to_owned()))?;
    let now = now();
    let mut image = Image {
        id: values.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        name: None,
        disk_format: None,
        container_format: None,
        size: None,
        virtual_size: None,
        status,
        visibility: Visibility::Shared,
        checksum: None,
        os_hash_algo: None,
        os_hash_value: None,
        min_disk: 0,
        min_ram: 0,
        owner: None,
        protected: false,
        os_hidden: false,
        created_at: values.created_at.unwrap_or(now),
        updated_at: Some(values.updated_at.unwrap_or(now)),
        deleted_at: values.deleted_at,
        deleted: values.deleted.unwrap_or(false),
    };
    values.apply(&mut image);
    Ok(image)
}

/// The tags of a list, each once, in the order in which they first come.
pub(super) fn distinct(tags: &[String]) -> impl Iterator<Item = &str> {
    tags.iter()
        .enumerate()
        .filter(|(at, tag)| !tags.iter().take(*at).any(|before| before == *tag))
        .map(|(_, tag)| tag.as_str())
}
