//! Images with all that belongs to them.

use rome_orm::prelude::*;

use super::access;
use super::context::Context;
use super::entities::{Image, ImageLocation, ImageProperty, ImageStatus, ImageTag};
use super::error::DbResult;

/// An image with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// The image, without its relations.
    pub image: Image,
    /// All properties, deleted ones too, in the order in which they were made.
    pub properties: Vec<ImageProperty>,
    /// The locations in the order in which they were added, deleted ones only where they were asked for. Empty for a
    /// deactivated image and a context that is no admin.
    pub locations: Vec<ImageLocation>,
    /// The live tags in the order in which they were made, where they were asked for.
    pub tags: Option<Vec<ImageTag>>,
}

impl ImageRecord {
    /// Takes out of an image what was loaded with it; what was not is empty.
    pub(super) fn new(context: &Context, mut image: Image) -> Self {
        let locations = loaded(&mut image.locations).unwrap_or_default();
        image.members = Many::default();
        Self {
            properties: loaded(&mut image.properties).unwrap_or_default(),
            locations: if shows_locations(context, &image) { locations } else { Vec::new() },
            tags: loaded(&mut image.tags),
            image,
        }
    }

    /// About as many bytes as the API shows of it: what its user gave it, and a constant for the rest.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const REST: usize = 1500;
        let of = |text: &Option<String>| text.as_deref().map_or(0, in_json);
        let properties = self.live_properties().map(|own| in_json(&own.name) + of(&own.value) + 8);
        let locations = self.locations.iter().map(|own| in_json(&own.value) + own.meta_data.to_string().len() + 40);
        let tags = self.tags.iter().flatten().map(|own| in_json(&own.value) + 4);
        REST + of(&self.image.name) + of(&self.image.owner) + properties.chain(locations).chain(tags).sum::<usize>()
    }

    /// The properties that are not deleted.
    pub fn live_properties(&self) -> impl Iterator<Item = &ImageProperty> {
        self.properties.iter().filter(|property| !property.deleted)
    }

    /// The tags that were asked for, or none.
    #[must_use]
    pub fn tags(&self) -> Vec<&str> {
        self.tags.iter().flatten().map(|tag| tag.value.as_str()).collect()
    }
}

/// The bytes of a text in JSON, where some of its bytes are escaped.
fn in_json(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

/// The rows of a relation, if they were loaded; it is as if they were not afterwards.
pub(super) fn loaded<T: Entity>(relation: &mut Many<T>) -> Option<Vec<T>> {
    std::mem::take(relation).into_inner().ok()
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

/// An image by its id. One read for the image and one for all that belongs to it.
///
/// # Errors
/// `ImageNotFound`, `Forbidden` if the context does not see it.
pub async fn image_get(at: &impl Executor, context: &Context, id: &str, options: GetOptions) -> DbResult<ImageRecord> {
    at.try_transaction(async |s| {
        let load = |query| with_children(query, options);
        let image = access::find_with(s, context, id, options.force_show_deleted, load).await?;
        Ok(ImageRecord::new(context, image))
    })
    .await
}

/// Loads with images what their records have.
pub(super) fn with_children(query: Query<'_, Image>, options: GetOptions) -> Query<'_, Image> {
    let query = query.with(Image::PROPERTIES);
    let query = if options.force_show_deleted {
        query.with(Image::LOCATIONS)
    } else {
        query.with(Image::LOCATIONS.filter(ImageLocation::DELETED.eq(false)))
    };
    if options.return_tag { query.with(Image::TAGS.filter(ImageTag::DELETED.eq(false))) } else { query }
}

/// Loads with images that are at hand what their records have.
pub(super) async fn load_children(s: &Session, images: &mut [Image], options: GetOptions) -> DbResult<()> {
    s.load_many(images, Image::PROPERTIES).await?;
    if options.force_show_deleted {
        s.load_many(images, Image::LOCATIONS).await?;
    } else {
        s.load_many(images, Image::LOCATIONS.filter(ImageLocation::DELETED.eq(false))).await?;
    }
    if options.return_tag {
        s.load_many(images, Image::TAGS.filter(ImageTag::DELETED.eq(false))).await?;
    }
    Ok(())
}

/// Whether the record has its locations.
pub(super) fn shows_locations(context: &Context, image: &Image) -> bool {
    context.is_admin || image.status != ImageStatus::Deactivated
}
