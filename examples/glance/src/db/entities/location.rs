//! Where the data of images lies.

use chrono::{DateTime, Utc};
use rome::prelude::*;

/// A place that has the data of an image.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_locations")]
pub struct ImageLocation {
    /// A number that rises: locations are given back in the order in which they were added.
    #[rome(key, auto)]
    pub id: Id<ImageLocation>,
    /// The image.
    #[rome(index)]
    pub image_id: String,
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
}
