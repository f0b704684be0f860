//! Tags of images.

use chrono::{DateTime, Utc};
use rome::prelude::*;

/// A word on an image.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_tags")]
pub struct ImageTag {
    /// A number that rises: tags are given back in the order in which they were made.
    #[rome(key, auto)]
    pub id: Id<ImageTag>,
    /// The image.
    #[rome(index)]
    pub image_id: String,
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
}

impl ImageTag {
    /// A new tag.
    #[must_use]
    pub fn new(image_id: &str, value: &str, now: DateTime<Utc>) -> Self {
        Self {
            id: Id::default(),
            image_id: image_id.to_owned(),
            value: value.to_owned(),
            created_at: now,
            updated_at: Some(now),
            deleted_at: None,
            deleted: false,
        }
    }
}
