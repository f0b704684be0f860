//! The entities: one struct a table.
//!
//! What belongs to an image is a relation of it, and lies with it: the id of the image is the first column of the key and
//! says which partition the row is in, so that an image and all of its children are written in one step and read in one.
//! The foreign keys keep children from outliving their image.
//!
//! Deletion is soft and has rules of its own (a property that comes back keeps its `deleted_at`, a location is deleted
//! with a time that the caller gives), so `deleted`, `deleted_at` and the times are plain columns here and not the ones
//! that ROME fills in.

mod image;
mod location;
mod member;
mod metadefs;
mod property;
mod serial;
mod tag;
mod task;

use chrono::{DateTime, SubsecRound, Utc};

pub use image::{Image, ImageStatus, Visibility};
pub use location::ImageLocation;
pub use member::ImageMember;
pub use metadefs::{
    MetadefAssociation, MetadefNamespace, MetadefObject, MetadefProperty, MetadefResourceType, MetadefTag,
    MetadefVisibility,
};
pub use property::ImageProperty;
pub(super) use serial::serial;
pub use tag::ImageTag;
pub use task::{Task, TaskInfo, TaskKind, TaskStatus};

/// The current time, in the precision that the store keeps: what a function returns is what a later read gives.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
