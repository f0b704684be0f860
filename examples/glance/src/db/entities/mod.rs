//! The entities: one struct a table.
//!
//! Deletion is soft and has rules of its own (a property that comes back keeps its `deleted_at`, a location is deleted
//! with a time that the caller gives), so `deleted`, `deleted_at` and the times are plain columns here and not the ones
//! that ROME fills in.

mod image;
mod location;
mod member;
mod property;
mod tag;

use chrono::{DateTime, SubsecRound, Utc};

pub use image::{Image, ImageStatus, Visibility};
pub use location::ImageLocation;
pub use member::ImageMember;
pub use property::ImageProperty;
pub use tag::ImageTag;

/// The current time, in the precision that the store keeps: what a function returns is what a later read gives.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
