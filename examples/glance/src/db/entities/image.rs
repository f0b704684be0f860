//! Images.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::{ImageLocation, ImageMember, ImageProperty, ImageTag};

/// An image: what is known of it, without its data.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "images", index = [owner, created_at], index = [visibility, created_at], sum(size, by = [owner, status]))]
pub struct Image {
    /// A UUID in lower case with hyphens, unless the user gave another id of at most 36 characters.
    #[rome(key)]
    pub id: String,
    /// A name for people; need not be unique.
    #[rome(index)]
    pub name: Option<String>,
    /// The format of the disk, such as `qcow2`.
    pub disk_format: Option<String>,
    /// The format of the file around the disk, such as `bare`.
    pub container_format: Option<String>,
    /// Bytes of data.
    pub size: Option<i64>,
    /// Bytes of the disk as a machine sees it.
    pub virtual_size: Option<i64>,
    /// Where the image is in its life.
    #[rome(index)]
    pub status: ImageStatus,
    /// Who sees it.
    pub visibility: Visibility,
    /// The MD5 of the data in hex.
    pub checksum: Option<String>,
    /// The algorithm of `os_hash_value`.
    pub os_hash_algo: Option<String>,
    /// The secure hash of the data in hex.
    pub os_hash_value: Option<String>,
    /// Gigabytes of disk that a machine needs to boot it.
    pub min_disk: i64,
    /// Megabytes of memory that a machine needs to boot it.
    pub min_ram: i64,
    /// The project that owns it.
    pub owner: Option<String>,
    /// Whether it is safe from being deleted.
    pub protected: bool,
    /// Whether it is left out of lists unless asked for.
    pub os_hidden: bool,
    /// When it was made.
    #[rome(index)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    #[rome(index)]
    pub deleted_at: Option<DateTime<Utc>>,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Its properties in the order in which they were made.
    #[rome(has_many(image_id))]
    pub properties: Many<ImageProperty>,
    /// Its tags in the order in which they were made.
    #[rome(has_many(image_id))]
    pub tags: Many<ImageTag>,
    /// Its locations in the order in which they were added.
    #[rome(has_many(image_id))]
    pub locations: Many<ImageLocation>,
    /// Its members in the order in which they were invited.
    #[rome(has_many(image_id))]
    pub members: Many<ImageMember>,
}

macro_rules! shown_by_label {
    ($($type:ty),+) => { $(
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.label())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.label())
            }
        }
    )+ };
}

pub(super) use shown_by_label;

shown_by_label!(ImageStatus, Visibility);

/// Where an image is in its life.
#[derive(ColumnEnum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageStatus {
    /// Known, without data.
    Queued,
    /// Data is being uploaded.
    Saving,
    /// Data is being staged, or is staged.
    Uploading,
    /// Staged data is being imported.
    Importing,
    /// Data is there.
    Active,
    /// Data is there and nobody but an admin gets it.
    Deactivated,
    /// An upload failed for good.
    Killed,
    /// Deleted, its data not yet.
    PendingDelete,
    /// Deleted.
    Deleted,
}

/// Who sees an image.
#[derive(ColumnEnum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Its owner.
    Private,
    /// Everybody.
    Public,
    /// Its owner and its members.
    Shared,
    /// Everybody, but it is in no list unless asked for.
    Community,
}
