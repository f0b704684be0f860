//! Quotas for one image.

use super::error::{ApiError, ApiResult};
use crate::config::Quotas;
use crate::db::LocationValues;

/// Checks that an image does not get more of something than it may have.
///
/// # Errors
/// 413.
pub fn check(what: &str, attempted: usize, most: usize) -> ApiResult<()> {
    if attempted <= most {
        return Ok(());
    }
    Err(ApiError::too_large(format!(
        "The limit has been exceeded on the number of allowed image {what}. Attempted: {attempted}, Maximum: {most}"
    )))
}

/// Checks that neither a property, nor the metadata of a location, nor all of them together are larger than they may be.
///
/// # Errors
/// 413.
pub fn check_sizes<'a>(
    quotas: &Quotas,
    properties: impl IntoIterator<Item = (&'a String, &'a Option<String>)>,
    locations: &[LocationValues],
) -> ApiResult<()> {
    let check = |what: &str, bytes: usize, most: usize, option: &str| {
        if bytes <= most {
            return Ok(());
        }
        Err(ApiError::too_large(format!(
            "The limit has been exceeded on the bytes of {what}. Attempted: {bytes}, Maximum: {most} ({option})"
        )))
    };
    let one = |what: &str, bytes| check(what, bytes, quotas.property_size, "--image-property-size");
    let mut all = 0_usize;
    for (name, value) in properties {
        let bytes = value.as_deref().unwrap_or_default().len();
        one(&format!("the value of property {name}"), bytes)?;
        all = all.saturating_add(name.len()).saturating_add(bytes);
    }
    for location in locations {
        let bytes = location.metadata.to_string().len();
        one("the metadata of a location", bytes)?;
        all = all.saturating_add(bytes);
    }
    check("all properties of an image", all, quotas.properties_size, "--image-properties-size")
}
