//! Where the data of images lies.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::{Image, now, serial};
use crate::db::values::LocationValues;

/// A place that has the data of an image.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_locations", partition_by(image_id))]
pub struct ImageLocation {
    /// The image.
    #[rome(key, references = Image, on_delete = cascade)]
    pub image_id: String,
    /// A number that rises: locations are given back in the order in which they were added.
    #[rome(key)]
    pub id: Id<ImageLocation>,
    /// The URL.
    pub value: String,
    /// What the store wants to know of it, such as its own name.
    #[rome(json)]
    pub meta_data: serde_json::Value,
    /// `active`, `deleted` or `pending_delete`.
    pub status: String,
    /// When it was added.
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

impl ImageLocation {
    /// A new location, deleted if its status says so.
    #[must_use]
    pub fn new(image_id: &str, values: &LocationValues) -> Self {
        let now = now();
        let deleted = values.is_deleted();
        Self {
            image_id: image_id.to_owned(),
            id: serial(),
            value: values.url.clone(),
            meta_data: values.metadata.clone(),
            status: values.status.clone(),
            created_at: now,
            updated_at: Some(now),
            deleted_at: deleted.then_some(now),
            deleted,
            image: One::default(),
        }
    }
}
