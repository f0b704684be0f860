//! Members of shared images.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::Image;

/// A project with which an image is shared. One live record at most for an image and a member.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_members", partition_by(image_id), unique(id), unique(image_id, member, deleted_at))]
pub struct ImageMember {
    /// The image.
    #[rome(key, references = Image, on_delete = cascade)]
    pub image_id: String,
    /// A number that rises.
    #[rome(key)]
    pub id: Id<ImageMember>,
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
    /// The image itself, where it was loaded.
    #[rome(belongs_to(image_id))]
    pub image: One<Image>,
}
