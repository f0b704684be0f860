//! Records as the API shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::db::{ImageLocation, ImageMember, ImageRecord};

/// What of an image is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// The locations.
    pub locations: bool,
    /// The URL of the data.
    pub direct_url: bool,
}

/// An image as the API shows it. Serializes straight from the record.
#[derive(Debug)]
pub struct ImageView<'a> {
    /// The record.
    pub record: &'a ImageRecord,
    /// What of it is shown.
    pub shown: Shown,
}

/// Properties that are for the service alone.
const HIDDEN: [&str; 1] = ["os_glance_stage_host"];

impl Serialize for ImageView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ImageRecord { image, locations, .. } = self.record;
        let mut map = serializer.serialize_map(None)?;
        for property in self.record.live_properties().filter(|property| !HIDDEN.contains(&property.name.as_str())) {
            map.serialize_entry(&property.name, &property.value)?;
        }
        map.serialize_entry("id", &image.id)?;
        map.serialize_entry("name", &image.name)?;
        map.serialize_entry("disk_format", &image.disk_format)?;
        map.serialize_entry("container_format", &image.container_format)?;
        map.serialize_entry("visibility", &image.visibility)?;
        map.serialize_entry("size", &image.size)?;
        map.serialize_entry("virtual_size", &image.virtual_size)?;
        map.serialize_entry("status", &image.status)?;
        map.serialize_entry("checksum", &image.checksum)?;
        map.serialize_entry("protected", &image.protected)?;
        map.serialize_entry("min_ram", &image.min_ram)?;
        map.serialize_entry("min_disk", &image.min_disk)?;
        map.serialize_entry("owner", &image.owner)?;
        map.serialize_entry("os_hidden", &image.os_hidden)?;
        map.serialize_entry("os_hash_algo", &image.os_hash_algo)?;
        map.serialize_entry("os_hash_value", &image.os_hash_value)?;
        map.serialize_entry("created_at", &time(image.created_at))?;
        map.serialize_entry("updated_at", &time(image.updated_at.unwrap_or(image.created_at)))?;
        map.serialize_entry("tags", &self.record.tags())?;
        map.serialize_entry("self", &format_args!("/v2/images/{}", image.id))?;
        map.serialize_entry("file", &format_args!("/v2/images/{}/file", image.id))?;
        map.serialize_entry("schema", "/v2/schemas/image")?;
        if self.shown.locations {
            map.serialize_entry("locations", &Locations(locations))?;
        }
        if let Some(location) = locations.first().filter(|_| self.shown.direct_url) {
            map.serialize_entry("direct_url", &location.value)?;
        }
        if let Some(stores) = stores(locations) {
            map.serialize_entry("stores", &stores)?;
        }
        map.end()
    }
}

fn stores(locations: &[ImageLocation]) -> Option<String> {
    let names: Vec<&str> = locations.iter().filter_map(|location| location.meta_data.get("store")?.as_str()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

struct Locations<'a>(&'a [ImageLocation]);

impl Serialize for Locations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0.iter().map(|location| serde_json::json!({ "url": location.value, "metadata": location.meta_data })),
        )
    }
}

/// A member of an image as the API shows it.
#[derive(Debug)]
pub struct MemberView<'a>(pub &'a ImageMember);

impl Serialize for MemberView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let member = self.0;
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("member_id", &member.member)?;
        map.serialize_entry("image_id", &member.image_id)?;
        map.serialize_entry("status", &member.status)?;
        map.serialize_entry("created_at", &time(member.created_at))?;
        map.serialize_entry("updated_at", &time(member.updated_at.unwrap_or(member.created_at)))?;
        map.serialize_entry("schema", "/v2/schemas/member")?;
        map.end()
    }
}

/// A time with seconds, in UTC.
#[must_use]
pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
