//! Patches of an image's locations.
//!
//! A request can name data at an http URL, or a location that the image already has. It cannot name a file: whoever could
//! would read any file of the store.

use serde_json::Value;

use super::error::{ApiError, ApiResult};
use super::quota;
use crate::db::{ImageRecord, ImageStatus, ImageValues, LocationValues};

/// The locations of an image as values.
#[must_use]
pub fn of(record: &ImageRecord) -> Vec<LocationValues> {
    let value = |location: &crate::db::ImageLocation| LocationValues {
        id: Some(*location.id.value()),
        url: location.value.clone(),
        metadata: location.meta_data.clone(),
        status: location.status.clone(),
    };
    record.locations.iter().map(value).collect()
}

/// Replaces all locations. Those whose URL stays are the same ones.
///
/// # Errors
/// 403 for an empty list, 409 in another status than `queued` or `active`, 400 for a URL that is not allowed, 413 for many more than `most`.
pub fn replace(
    record: &ImageRecord,
    locations: &mut Vec<LocationValues>,
    value: &Value,
    values: &mut ImageValues,
    most: usize,
) -> ApiResult<()> {
    let given = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if given.is_empty() {
        return Err(ApiError::forbidden("Cannot set locations to empty list."));
    }
    check_status("replace", record, &[ImageStatus::Active, ImageStatus::Queued])?;
    let old = std::mem::take(locations);
    for value in given {
        let new = location(value, &old)?;
        activate(record, value, values)?;
        push(locations, locations.len(), new, most)?;
    }
    Ok(())
}

/// Adds a location at a position, `-` for the end.
///
/// # Errors
/// 409 in another status than `queued` or `active`, 400 for a position or URL that is not allowed, 413 for many more than `most`.
pub fn add(
    record: &ImageRecord,
    locations: &mut Vec<LocationValues>,
    position: Option<&str>,
    value: &Value,
    values: &mut ImageValues,
    most: usize,
) -> ApiResult<()> {
    check_status("add", record, &[ImageStatus::Active, ImageStatus::Queued])?;
    let at = at(position, locations.len())
        .ok_or_else(|| ApiError::bad_request("Invalid position for adding a location."))?;
    let new = location(value, &[])?;
    activate(record, value, values)?;
    push(locations, at, new, most)
}

/// Removes the location at a position.
///
/// # Errors
/// 409 for an image that is not active, 403 for the last location, 400 for a position where there is none.
pub fn remove(record: &ImageRecord, locations: &mut Vec<LocationValues>, position: Option<&str>) -> ApiResult<()> {
    check_status("remove", record, &[ImageStatus::Active])?;
    if locations.len() == 1 {
        return Err(ApiError::forbidden("Cannot remove last location in the image."));
    }
    let last = locations.len().saturating_sub(1);
    let at = at(position, last).ok_or_else(|| ApiError::bad_request("Invalid position for removing a location."))?;
    locations.remove(at);
    Ok(())
}

fn check_status(verb: &str, record: &ImageRecord, allowed: &[ImageStatus]) -> ApiResult<()> {
    let status = record.image.status;
    if allowed.contains(&status) {
        return Ok(());
    }
    Err(ApiError::conflict(format!("It's not allowed to {verb} locations if image status is {status}.")))
}

fn at(position: Option<&str>, last: usize) -> Option<usize> {
    match position? {
        "-" => Some(last),
        digits => digits.parse().ok().filter(|at| *at <= last),
    }
}

/// The location that a request gives, which is one of the old ones if it has their URL.
fn location(value: &Value, old: &[LocationValues]) -> ApiResult<LocationValues> {
    let url = value.get("url").and_then(Value::as_str).unwrap_or_default();
    let metadata = value.get("metadata").cloned().unwrap_or_default();
    if let Some(same) = old.iter().find(|location| location.url == url) {
        return Ok(LocationValues { metadata, ..same.clone() });
    }
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    if host.is_empty() || host.starts_with('/') {
        return Err(ApiError::bad_request(format!("Invalid location: {url}")));
    }
    Ok(LocationValues::new(url, metadata))
}

/// Adds a location. There may be one more than there may be in the end, and not many more, as each is compared with all others.
fn push(locations: &mut Vec<LocationValues>, at: usize, new: LocationValues, most: usize) -> ApiResult<()> {
    if locations.len() > most {
        return quota::check("locations", locations.len() + 1, most);
    }
    if locations.iter().any(|location| location.url == new.url) {
        return Err(ApiError::bad_request(format!("The location {} already exists", new.url)));
    }
    locations.insert(at, new);
    Ok(())
}

/// With a location a queued image becomes active, with the hashes that the request may give. For an image that has data
/// they have to be those that it has.
fn activate(record: &ImageRecord, value: &Value, values: &mut ImageValues) -> ApiResult<()> {
    let queued = record.image.status == ImageStatus::Queued;
    if let Some(given) = value.get("validation_data") {
        let text = |name| given.get(name).and_then(Value::as_str);
        let image = &record.image;
        for (name, own, slot) in [
            ("checksum", &image.checksum, &mut values.checksum),
            ("os_hash_algo", &image.os_hash_algo, &mut values.os_hash_algo),
            ("os_hash_value", &image.os_hash_value, &mut values.os_hash_value),
        ] {
            let Some(text) = text(name) else { continue };
            if own.as_deref() == Some(text) {
                continue;
            }
            if own.is_some() || !queued {
                return Err(ApiError::conflict(format!("{name} is already set with a different value")));
            }
            if name != "os_hash_algo" && !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(ApiError::conflict(format!("{name} ({text}) is not a valid hexadecimal value")));
            }
            *slot = Some(Some(text.to_owned()));
        }
    }
    if queued {
        values.status = Some(ImageStatus::Active);
    }
    Ok(())
}
