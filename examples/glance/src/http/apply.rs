//! What a patch makes of an image: pure decisions, taken inside the transaction that reads and writes the image.

use std::collections::BTreeMap;

use serde_json::Value;

use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::locations;
use super::patch::{Change, Op};
use super::{quota, schema};
use crate::config::Config;
use crate::db::{ImageRecord, ImageStatus, ImageValues, LocationValues, distinct};

/// Attributes of every image that a patch can set.
const BASE: [&str; 10] = [
    "name",
    "visibility",
    "protected",
    "os_hidden",
    "owner",
    "disk_format",
    "container_format",
    "min_disk",
    "min_ram",
    "tags",
];

/// What a patch sets of an image.
///
/// # Errors
/// 403 for what the caller may not change, 409 for what does not fit the image, 400 for values that make no sense, 413
/// over a quota.
pub fn values(caller: &Caller, record: &ImageRecord, changes: &[Change], config: &Config) -> ApiResult<ImageValues> {
    let mut draft = Draft {
        record,
        caller,
        config,
        values: ImageValues::default(),
        properties: record.live_properties().map(|p| (p.name.clone(), p.value.clone())).collect(),
        locations: locations::of(record),
        locations_changed: false,
        changed: false,
    };
    changes.iter().try_for_each(|change| draft.apply(change))?;
    draft.finish()
}

struct Draft<'a> {
    record: &'a ImageRecord,
    caller: &'a Caller,
    config: &'a Config,
    values: ImageValues,
    properties: BTreeMap<String, Option<String>>,
    locations: Vec<LocationValues>,
    locations_changed: bool,
    /// Whether a property has a new value.
    changed: bool,
}

impl Draft<'_> {
    fn apply(&mut self, change: &Change) -> ApiResult<()> {
        if change.name == "locations" {
            return self.apply_location(change);
        }
        let name = change.name.as_str();
        if let (Op::Replace(_) | Op::Add { .. }, "owner", false) = (&change.op, name, self.caller.0.is_admin) {
            return Err(ApiError::forbidden("Owner can't be updated by non admin."));
        }
        self.caller.check_change("modify_image", &self.record.image)?;
        let base = BASE.contains(&name);
        let there = base || self.properties.contains_key(name);
        match &change.op {
            Op::Remove if base => Err(ApiError::forbidden(format!("Property {name} may not be removed."))),
            Op::Remove | Op::Replace(_) if !there => {
                Err(ApiError::conflict(format!("Property {name} does not exist.")))
            }
            Op::Add { strict: true, .. } if there => {
                Err(ApiError::conflict(format!("Property {name} already present.")))
            }
            Op::Remove => {
                self.properties.remove(name);
                Ok(())
            }
            Op::Add { value, .. } | Op::Replace(value) if base => {
                set(self.caller, self.record, &mut self.values, name, value)
            }
            Op::Add { value, .. } | Op::Replace(value) => {
                self.properties.insert(name.to_owned(), value.as_str().map(str::to_owned));
                self.changed = true;
                Ok(())
            }
        }
    }

    fn apply_location(&mut self, change: &Change) -> ApiResult<()> {
        self.caller.check_change("set_image_location", &self.record.image)?;
        if !self.config.show_locations {
            return Err(ApiError::forbidden("It's not allowed to update locations if locations are invisible."));
        }
        self.locations_changed = true;
        let position = change.position.as_deref();
        let most = self.config.quotas.locations;
        match &change.op {
            Op::Replace(value) => locations::replace(self.record, &mut self.locations, value, &mut self.values, most),
            Op::Add { value, .. } => {
                locations::add(self.record, &mut self.locations, position, value, &mut self.values, most)
            }
            Op::Remove => locations::remove(self.record, &mut self.locations, position),
        }
    }

    fn finish(mut self) -> ApiResult<ImageValues> {
        let quotas = &self.config.quotas;
        let before = self.record.live_properties().count();
        if self.properties.len() > before {
            quota::check("properties", self.properties.len(), quotas.properties)?;
        }
        if let Some(tags) = &self.values.tags {
            quota::check("tags", tags.len(), quotas.tags)?;
        }
        if self.locations_changed {
            quota::check("locations", self.locations.len(), quotas.locations)?;
        }
        if self.changed || self.locations_changed {
            quota::check_sizes(quotas, &self.properties, &self.locations)?;
        }
        if self.locations_changed {
            self.values.locations = Some(self.locations);
        }
        self.values.properties = Some(self.properties.into_iter().collect());
        Ok(self.values)
    }
}

/// Sets one of the base attributes. The schema has been checked before.
fn set(caller: &Caller, record: &ImageRecord, values: &mut ImageValues, name: &str, value: &Value) -> ApiResult<()> {
    if matches!(name, "disk_format" | "container_format")
        && !matches!(record.image.status, ImageStatus::Queued | ImageStatus::Importing)
    {
        return Err(ApiError::forbidden(format!("Attribute {name} can be only replaced for a queued image.")));
    }
    base(values, name, value)?;
    if name == "visibility" {
        values.visibility.map_or(Ok(()), |visibility| caller.check_visibility(visibility))?;
    }
    Ok(())
}

/// Sets one of the attributes that every image has, from a value that the schema allows.
///
/// # Errors
/// 400 for a negative number, or a tag with control characters.
pub fn base(values: &mut ImageValues, name: &str, value: &Value) -> ApiResult<()> {
    let text = || value.as_str().map(str::to_owned);
    match name {
        "id" => values.id = text(),
        "name" => values.name = Some(text()),
        "disk_format" => values.disk_format = Some(text()),
        "container_format" => values.container_format = Some(text()),
        "owner" => values.owner = Some(text()),
        "visibility" => values.visibility = value.as_str().and_then(|text| text.parse().ok()),
        "protected" => values.protected = value.as_bool(),
        "os_hidden" => values.os_hidden = value.as_bool(),
        "min_disk" => values.min_disk = Some(positive(name, value)?),
        "min_ram" => values.min_ram = Some(positive(name, value)?),
        "tags" => {
            let tags = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            tags.clone().try_for_each(|tag| schema::check_printable("A tag", tag))?;
            values.tags = Some(distinct(tags).map(str::to_owned).collect());
        }
        _ => {}
    }
    Ok(())
}

fn positive(name: &str, value: &Value) -> ApiResult<i64> {
    match value.as_i64() {
        Some(number) if number >= 0 => Ok(number),
        Some(_) => Err(ApiError::bad_request(format!("Cannot be a negative value: {name}"))),
        None => Err(ApiError::bad_request(format!("{name} is too large"))),
    }
}
