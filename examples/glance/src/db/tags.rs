//! Tags of images.

use std::collections::HashSet;

use rome_orm::prelude::*;

use super::context::Context;
use super::entities::{Image, ImageTag, now};
use super::error::{DbError, DbResult};
use super::{access, create, reading, text};

/// Adds a tag and gives it back. One that is there already is not added again.
///
/// # Errors
/// `Invalid`, and `Reference` if there is no such image.
pub async fn image_tag_create(db: &Database, _context: &Context, image_id: &str, value: &str) -> DbResult<String> {
    text::check("a tag", value, text::NAME)?;
    db.try_transaction(async |s| {
        if find(s, image_id, value).await?.is_none() {
            s.insert(ImageTag::new(image_id, value, now())).await.map_err(access::referring(image_id))?;
        }
        Ok(value.to_owned())
    })
    .await
}

/// Softly deletes a tag.
///
/// # Errors
/// `NotFound` if the image has no such live tag.
pub async fn image_tag_delete(db: &Database, _context: &Context, image_id: &str, value: &str) -> DbResult<()> {
    db.try_transaction(async |s| {
        let tag = find(s, image_id, value)
            .await?
            .ok_or_else(|| DbError::NotFound(format!("No tag {value} on image {image_id}")))?;
        delete_in(s, tag).await
    })
    .await
}

/// Makes the tags of an image those of the list: adds the missing ones, once each and in order, deletes the others.
///
/// # Errors
/// `Invalid`, and `Reference` if there is no such image.
pub async fn image_tag_set_all(db: &Database, _context: &Context, image_id: &str, tags: &[String]) -> DbResult<()> {
    tags.iter().try_for_each(|tag| text::check("a tag", tag, text::NAME))?;
    db.try_transaction(async |s| {
        // Nothing to add or to delete says nothing of the image.
        s.get::<Image>(image_id).await?.ok_or_else(|| DbError::no_such_reference(image_id))?;
        let old = live(s, image_id).await?;
        change(s, image_id, old, tags).await.map(drop)
    })
    .await
}

/// Makes live tags of an image others: adds the missing ones in order, deletes those that are not wanted. Gives those that are
/// live then.
pub(super) async fn change(
    s: &Session,
    image_id: &str,
    old: Vec<ImageTag>,
    tags: &[String],
) -> DbResult<Vec<ImageTag>> {
    let there: HashSet<&str> = old.iter().map(|row| row.value.as_str()).collect();
    let missing = create::distinct(tags.iter().map(String::as_str)).filter(|tag| !there.contains(tag));
    let new: Vec<_> = missing.map(|tag| ImageTag::new(image_id, tag, now())).collect();
    let new = s.insert_many(new).await?;
    let wanted: HashSet<&str> = tags.iter().map(String::as_str).collect();
    let (kept, gone): (Vec<_>, Vec<_>) = old.into_iter().partition(|row| wanted.contains(row.value.as_str()));
    for tag in gone {
        delete_in(s, tag).await?;
    }
    Ok(kept.into_iter().chain(new).collect())
}

async fn live(s: &Session, image_id: &str) -> DbResult<Vec<ImageTag>> {
    let live = ImageTag::IMAGE_ID.eq(image_id).and(ImageTag::DELETED.eq(false));
    let mut tags = s.query::<ImageTag>().filter(live).all().await?;
    tags.sort_by_key(|tag| tag.id);
    Ok(tags)
}

/// The live tags of an image in the order in which they were made; none for an image that is not there.
///
/// # Errors
/// `ImageNotFound` for an id that no image can have.
pub async fn image_tag_get_all(db: &Database, _context: &Context, image_id: &str) -> DbResult<Vec<String>> {
    if image_id.chars().count() > text::ID {
        return Err(DbError::no_image(image_id));
    }
    let tags = db.try_transaction_with(reading(), async |s| live(s, image_id).await).await?;
    Ok(tags.into_iter().map(|tag| tag.value).collect())
}

async fn find(s: &Session, image_id: &str, value: &str) -> DbResult<Option<ImageTag>> {
    let one = ImageTag::IMAGE_ID.eq(image_id).and(ImageTag::VALUE.eq(value)).and(ImageTag::DELETED.eq(false));
    Ok(s.query::<ImageTag>().filter(one).first().await?)
}

async fn delete_in(s: &Session, mut tag: ImageTag) -> DbResult<()> {
    let now = now();
    tag.deleted = true;
    tag.deleted_at = Some(now);
    tag.updated_at = Some(now);
    s.update(&tag).await?;
    Ok(())
}
