//! Quotas for one image.

use super::error::{ApiError, ApiResult};

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
