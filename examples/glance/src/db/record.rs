//! Images with all that belongs to them.

use std::collections::HashMap;

use rome::prelude::*;

use super::access;
use super::context::Context;
use super::entities::{Image, ImageLocation, ImageProperty, ImageStatus, ImageTag};
use super::error::DbResult;
use super::reading;

/// An image with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// The image.
    pub image: Image,
    /// All properties, deleted ones too.
    pub properties: Vec<ImageProperty>,
    /// The locations in the order in which they were added, deleted ones only where they were asked for. Empty for a
    /// deactivated image and a context that is no admin.
    pub locations: Vec<ImageLocation>,
    /// The live tags in the order in which they were made, where they were asked for.
    pub tags: Option<Vec<String>>,
}

impl ImageRecord {
    /// The properties that are not deleted.
    pub fn live_properties(&self) -> impl Iterator<Item = &ImageProperty> {
        self.properties.iter().filter(|property| !property.deleted)
    }

    /// The tags that were asked for, or none.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        self.tags.as_deref().unwrap_or_default()
    }
}

/// How an image is got.
#[derive(Debug, Clone, Copy, Default)]
pub struct GetOptions {
    /// A deleted image is found, and deleted locations are in its record.
    pub force_show_deleted: bool,
    /// The record has its tags.
    pub return_tag: bool,
}

impl GetOptions {
    /// With tags.
    #[must_use]
    pub const fn with_tags() -> Self {
        Self { force_show_deleted: false, return_tag: true }
    }
}

/// An image by its id. One read for the image and one for each kind of thing that belongs to it.
///
/// # Errors
/// `ImageNotFound`, `Forbidden` if the context does not see it.
pub async fn image_get(db: &Database, context: &Context, id: &str, options: GetOptions) -> DbResult<ImageRecord> {
    db.try_transaction_with(reading(), async |s| get_in(s, context, id, options).await).await
}

pub(super) async fn get_in(s: &Session, context: &Context, id: &str, options: GetOptions) -> DbResult<ImageRecord> {
    let image = access::find(s, context, id, options.force_show_deleted).await?;
    with_children(s, context, image, options).await
}

/// Adds to an image what belongs to it.
pub(super) async fn with_children(
    s: &Session,
    context: &Context,
    image: Image,
    options: GetOptions,
) -> DbResult<ImageRecord> {
    let id = image.id.as_str();
    let mut properties = s.query::<ImageProperty>().filter(ImageProperty::IMAGE_ID.eq(id)).all().await?;
    properties.sort_by_key(|property| property.id);
    let mut locations = Vec::new();
    if shows_locations(context, &image) {
        locations = live_locations(s, options).filter(ImageLocation::IMAGE_ID.eq(id)).all().await?;
        locations.sort_by_key(|location| location.id);
    }
    let tags = if options.return_tag { Some(tags_of(s, id).await?) } else { None };
    Ok(ImageRecord { image, properties, locations, tags })
}

/// Adds to each image of a page what belongs to it, with one query for each kind of thing.
pub(super) async fn with_children_all(
    s: &Session,
    context: &Context,
    images: Vec<Image>,
    options: GetOptions,
) -> DbResult<Vec<ImageRecord>> {
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || images.iter().map(|image| image.id.clone());
    let properties = s.query::<ImageProperty>().filter(ImageProperty::IMAGE_ID.is_in(ids())).all().await?;
    let locations = live_locations(s, options).filter(ImageLocation::IMAGE_ID.is_in(ids())).all().await?;
    let tags =
        if options.return_tag { live_tags(s).filter(ImageTag::IMAGE_ID.is_in(ids())).all().await? } else { vec![] };

    let mut properties = group(properties, |property| &property.image_id, |property| *property.id.value());
    let mut locations = group(locations, |location| &location.image_id, |location| *location.id.value());
    let mut tags = group(tags, |tag| &tag.image_id, |tag| *tag.id.value());
    let record = |image: Image| {
        let mut own = locations.remove(&image.id).unwrap_or_default();
        if !shows_locations(context, &image) {
            own.clear();
        }
        ImageRecord {
            properties: properties.remove(&image.id).unwrap_or_default(),
            locations: own,
            tags: options.return_tag.then(|| values(tags.remove(&image.id).unwrap_or_default())),
            image,
        }
    };
    Ok(images.into_iter().map(record).collect())
}

/// The live tags of an image in the order in which they were made.
pub(super) async fn tags_of(s: &Session, image_id: &str) -> DbResult<Vec<String>> {
    let mut tags = live_tags(s).filter(ImageTag::IMAGE_ID.eq(image_id)).all().await?;
    tags.sort_by_key(|tag| tag.id);
    Ok(values(tags))
}

fn values(tags: Vec<ImageTag>) -> Vec<String> {
    tags.into_iter().map(|tag| tag.value).collect()
}

fn live_tags(s: &Session) -> Query<'_, ImageTag> {
    s.query::<ImageTag>().filter(ImageTag::DELETED.eq(false))
}

fn live_locations(s: &Session, options: GetOptions) -> Query<'_, ImageLocation> {
    let query = s.query::<ImageLocation>();
    if options.force_show_deleted { query } else { query.filter(ImageLocation::DELETED.eq(false)) }
}

/// Whether the record has its locations.
pub(super) fn shows_locations(context: &Context, image: &Image) -> bool {
    context.is_admin || image.status != ImageStatus::Deactivated
}

/// Groups rows by the image that they belong to, each group in the order of the rows' ids.
fn group<T>(rows: Vec<T>, image: impl Fn(&T) -> &String, id: impl Fn(&T) -> u64) -> HashMap<String, Vec<T>> {
    let mut groups: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        if let Some(group) = groups.get_mut(image(&row)) {
            group.push(row);
        } else {
            groups.insert(image(&row).clone(), vec![row]);
        }
    }
    groups.values_mut().for_each(|group| group.sort_by_key(&id));
    groups
}
