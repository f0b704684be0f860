//! What creating and updating an image can set.

use chrono::{DateTime, Utc};

use super::entities::{Image, ImageStatus, Visibility};
use super::error::{DbError, DbResult};
use super::text;

/// The largest `min_disk` and `min_ram`.
const INT_MAX: i64 = 2_147_483_647;

/// What creating or updating an image sets. A field that is `None` is not given; where a value may itself be absent,
/// `Some(None)` makes it so.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the image, see there")]
pub struct ImageValues {
    pub id: Option<String>,
    pub name: Option<Option<String>>,
    pub disk_format: Option<Option<String>>,
    pub container_format: Option<Option<String>>,
    pub size: Option<Option<i64>>,
    pub virtual_size: Option<Option<i64>>,
    pub status: Option<ImageStatus>,
    pub visibility: Option<Visibility>,
    pub checksum: Option<Option<String>>,
    pub os_hash_algo: Option<Option<String>>,
    pub os_hash_value: Option<Option<String>>,
    pub min_disk: Option<i64>,
    pub min_ram: Option<i64>,
    pub owner: Option<Option<String>>,
    pub protected: Option<bool>,
    pub os_hidden: Option<bool>,
    /// Only when creating.
    pub created_at: Option<DateTime<Utc>>,
    /// Only when creating.
    pub updated_at: Option<DateTime<Utc>>,
    /// Only when creating.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Only when creating.
    pub deleted: Option<bool>,
    /// Properties to make or set.
    pub properties: Option<Vec<(String, Option<String>)>>,
    /// The locations. When updating, an empty list changes nothing.
    pub locations: Option<Vec<LocationValues>>,
    /// The tags that the image is to have, so that they change together with the rest.
    pub tags: Option<Vec<String>>,
}

/// What is set of a location.
#[derive(Debug, Clone, PartialEq)]
pub struct LocationValues {
    /// The location that is meant; `None` for a new one.
    pub id: Option<u64>,
    /// The URL.
    pub url: String,
    /// What the store wants to know of it.
    pub metadata: serde_json::Value,
    /// `active`, `deleted` or `pending_delete`.
    pub status: String,
}

impl LocationValues {
    /// A new active location.
    #[must_use]
    pub fn new(url: impl Into<String>, metadata: serde_json::Value) -> Self {
        Self { id: None, url: url.into(), metadata, status: "active".to_owned() }
    }

    /// Whether its status says that the record is deleted.
    pub(in crate::db) fn is_deleted(&self) -> bool {
        matches!(self.status.as_str(), "deleted" | "pending_delete")
    }

    pub(super) fn check(&self) -> DbResult<()> {
        text::check_plane("the URL of a location", &self.url)?;
        text::check("the status of a location", &self.status, 30)?;
        check_json("the metadata of a location", &self.metadata)
    }
}

impl ImageValues {
    /// Checks lengths, characters and ranges.
    pub(super) fn check(&self) -> DbResult<()> {
        text::check_opt("id", self.id.as_deref(), text::ID)?;
        for (what, value, most) in [
            ("name", &self.name, text::NAME),
            ("disk_format", &self.disk_format, 20),
            ("container_format", &self.container_format, 20),
            ("checksum", &self.checksum, 32),
            ("os_hash_algo", &self.os_hash_algo, 64),
            ("os_hash_value", &self.os_hash_value, 128),
            ("owner", &self.owner, text::NAME),
        ] {
            text::check_opt(what, value.as_ref().and_then(Option::as_deref), most)?;
        }
        for (what, value) in [("min_disk", self.min_disk), ("min_ram", self.min_ram)] {
            if value.is_some_and(|value| value > INT_MAX) {
                return Err(DbError::Invalid(format!("{what} is at most {INT_MAX}")));
            }
        }
        for (name, value) in self.properties.iter().flatten() {
            text::check("the name of a property", name, text::NAME)?;
            text::check_plane("the value of a property", value.as_deref().unwrap_or_default())?;
        }
        for tag in self.tags.iter().flatten() {
            text::check("a tag", tag, text::NAME)?;
        }
        self.locations.iter().flatten().try_for_each(LocationValues::check)
    }

    /// Sets the columns that are given, but the id and the protected ones.
    pub(super) fn apply(&self, image: &mut Image) {
        set(&mut image.name, self.name.as_ref());
        set(&mut image.disk_format, self.disk_format.as_ref());
        set(&mut image.container_format, self.container_format.as_ref());
        set(&mut image.size, self.size.as_ref());
        set(&mut image.virtual_size, self.virtual_size.as_ref());
        set(&mut image.status, self.status.as_ref());
        set(&mut image.visibility, self.visibility.as_ref());
        set(&mut image.checksum, self.checksum.as_ref());
        set(&mut image.os_hash_algo, self.os_hash_algo.as_ref());
        set(&mut image.os_hash_value, self.os_hash_value.as_ref());
        set(&mut image.min_disk, self.min_disk.as_ref());
        set(&mut image.min_ram, self.min_ram.as_ref());
        set(&mut image.owner, self.owner.as_ref());
        set(&mut image.protected, self.protected.as_ref());
        set(&mut image.os_hidden, self.os_hidden.as_ref());
        image.owner.take_if(|owner| owner.is_empty());
    }
}

fn set<T: Clone>(column: &mut T, given: Option<&T>) {
    if let Some(value) = given {
        column.clone_from(value);
    }
}

/// Characters above U+FFFF are refused to any depth of objects, not into lists.
fn check_json(what: &str, value: &serde_json::Value) -> DbResult<()> {
    match value {
        serde_json::Value::String(value) => text::check_plane(what, value),
        serde_json::Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            text::check_plane(what, key)?;
            check_json(what, value)
        }),
        _ => Ok(()),
    }
}
