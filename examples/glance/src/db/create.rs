//! Making images.

use std::collections::HashSet;
use std::hash::Hash;

use rome_orm::prelude::*;

use super::context::Context;
use super::entities::{Image, ImageLocation, ImageProperty, ImageTag, Visibility, now};
use super::error::{DbError, DbResult};
use super::record::{self, ImageRecord};
use super::usage::{self, Limits};
use super::values::ImageValues;

/// Makes an image with its properties, locations and tags. The id is a random UUID if none is given, the visibility
/// `shared`; the record has its tags.
///
/// # Errors
/// `Invalid` without a status or with a value that cannot be stored, `Duplicate` for an id in use even by a deleted
/// image, `Forbidden` for an image that the context would not see.
pub async fn image_create(db: &Database, context: &Context, values: &ImageValues) -> DbResult<ImageRecord> {
    image_create_within(db, context, values, &Limits::default()).await
}

/// [`image_create`] if its owner has room for one more image.
///
/// # Errors
/// Those of [`image_create`], and `LimitExceeded`.
pub async fn image_create_within(
    db: &Database,
    context: &Context,
    values: &ImageValues,
    limits: &Limits,
) -> DbResult<ImageRecord> {
    values.check()?;
    let image = new_image(values)?;
    if context.sees(&image) != Some(true) {
        // The image is as new to this context as to any other: what it would not see it does not make.
        return Err(DbError::Forbidden(DbError::no_image(&image.id).to_string()));
    }
    db.try_transaction(async |s| {
        usage::check(s, limits, None, &image).await?;
        let image = match s.insert(image.clone()).await {
            Ok(image) => image,
            Err(e) if e.is_duplicate_key() => {
                return Err(DbError::Duplicate(format!("Image ID {} already exists!", image.id)));
            }
            Err(e) => return Err(e.into()),
        };
        let (id, now) = (image.id.as_str(), image.created_at);
        let properties = values.properties.iter().flatten();
        let properties = properties.map(|(name, value)| ImageProperty::new(id, name, value.as_deref(), now));
        let properties = s.insert_many(properties).await?;
        let locations = values.locations.iter().flatten().map(|location| ImageLocation::new(id, location));
        let mut locations = s.insert_many(locations).await?;
        locations.retain(|location| !location.deleted && record::shows_locations(context, &image));
        let tags = distinct(values.tags.iter().flatten().map(String::as_str)).map(|tag| ImageTag::new(id, tag, now));
        let tags = Some(s.insert_many(tags).await?);
        Ok(ImageRecord { image, properties, locations, tags })
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
        properties: Many::default(),
        tags: Many::default(),
        locations: Many::default(),
        members: Many::default(),
    };
    values.apply(&mut image);
    Ok(image)
}

/// The items of a list, each once, in the order in which they first come.
pub fn distinct<T: Copy + Eq + Hash>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(move |item| seen.insert(*item))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::{Hash, Hasher};

    use super::distinct;

    thread_local! { static COMPARED: Cell<usize> = const { Cell::new(0) } }

    #[derive(Debug, Clone, Copy)]
    struct Item(u32);

    impl PartialEq for Item {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Item {}

    impl Hash for Item {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn each_is_once_and_is_compared_with_few_others() {
        assert_eq!(distinct(["b", "a", "b", "c", "a"]).collect::<Vec<_>>(), ["b", "a", "c"]);
        assert_eq!(distinct((0..20_000).map(|at| Item(at % 10_000))).count(), 10_000);
        assert!(COMPARED.get() < 100_000, "{}", COMPARED.get());
    }
}
