//! Tags of images.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::{Image, serial};

/// A word on an image.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_tags", partition_by(image_id))]
pub struct ImageTag {
    /// The image.
    #[rome(key, references = Image, on_delete = cascade)]
    pub image_id: String,
    /// A number that rises: tags are given back in the order in which they were made.
    #[rome(key)]
    pub id: Id<ImageTag>,
    /// The word.
    #[rome(index)]
    pub value: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Whether it is deleted.
    pub deleted: bool,
    /// The image itself, where it was loaded.
    #[rome(belongs_to(image_id))]
    pub image: One<Image>,
}

impl ImageTag {
    /// A new tag.
    #[must_use]
    pub fn new(image_id: &str, value: &str, now: DateTime<Utc>) -> Self {
        Self {
            id: serial(),
            image_id: image_id.to_owned(),
            value: value.to_owned(),
            created_at: now,
            updated_at: Some(now),
            deleted_at: None,
            deleted: false,
            image: One::default(),
        }
    }
}
