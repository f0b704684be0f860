//! Members of shared images.

use chrono::{DateTime, Utc};
use rome::prelude::*;

/// A project with which an image is shared. One live record at most for an image and a member.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_members", unique(image_id, member, deleted_at))]
pub struct ImageMember {
    /// A number that rises.
    #[rome(key, auto)]
    pub id: Id<ImageMember>,
    /// The image.
    #[rome(index)]
    pub image_id: String,
    /// The project.
    #[rome(index)]
    pub member: String,
    /// Of no use any more; kept for old clients.
    pub can_share: bool,
    /// What the member said: `pending`, `accepted` or `rejected`.
    pub status: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Whether it is deleted.
    pub deleted: bool,
}
