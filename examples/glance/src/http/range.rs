//! Which part of an image's data a request asks for.

use axum::http::header::{CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode};

use super::error::{ApiError, ApiResult};

/// A part of some data: from `start`, `length` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its first byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

/// The part of `size` bytes that a request asks for with `Range`, or, as old clients do, with `Content-Range`; `None` for
/// all of them.
///
/// # Errors
/// 400 for several ranges, 416 for one that is malformed or starts after the end.
pub fn requested(headers: &HeaderMap, size: u64) -> ApiResult<Option<Part>> {
    if let Some(range) = headers.get(RANGE) {
        let range = range.to_str().unwrap_or_default();
        if range.contains(',') {
            return Err(ApiError::bad_request("Requests with multiple ranges are not supported."));
        }
        let part = range.strip_prefix("bytes=").and_then(|range| parse(range, size));
        return part.filter(|part| part.start < size && part.length > 0).map(Some).ok_or_else(|| unsatisfiable(size));
    }
    let Some(range) = headers.get(CONTENT_RANGE) else { return Ok(None) };
    let range = range.to_str().unwrap_or_default();
    let inside = range.strip_prefix("bytes").map(str::trim_start).and_then(|range| {
        let (range, total) = range.split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let (start, last): (u64, u64) = (start.parse().ok()?, last.parse().ok()?);
        let fits = total == "*" || total.parse::<u64>().is_ok_and(|total| total == size);
        (fits && start <= last && last < size).then(|| Part { start, length: last - start + 1 })
    });
    inside.map(Some).ok_or_else(|| unsatisfiable(size))
}

fn parse(range: &str, size: u64) -> Option<Part> {
    let (start, last) = range.trim().split_once('-')?;
    if start.is_empty() {
        let length = last.parse::<u64>().ok()?.min(size);
        return Some(Part { start: size - length, length });
    }
    let start: u64 = start.parse().ok()?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
    let end = last.saturating_add(1).min(size);
    (start <= last).then(|| Part { start, length: end.saturating_sub(start) })
}

fn unsatisfiable(size: u64) -> ApiError {
    let error = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("Invalid range: the image has {size} bytes, and a range is one of them, first to last."),
    );
    match format!("bytes */{size}").parse() {
        Ok(value) => error.with_header(CONTENT_RANGE, value),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use axum::http::header::{CONTENT_RANGE, RANGE};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Part, requested};

    fn asks(name: HeaderName, value: &'static str, size: u64) -> Result<Option<(u64, u64)>, u16> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let part = requested(&headers, size).map_err(|e| e.status().as_u16())?;
        Ok(part.map(|Part { start, length }| (start, length)))
    }

    #[test]
    fn ranges_are_cut_at_the_end() {
        assert_eq!(asks(RANGE, "bytes=0-0", 10), Ok(Some((0, 1))));
        assert_eq!(asks(RANGE, "bytes=4-", 10), Ok(Some((4, 6))));
        assert_eq!(asks(RANGE, "bytes=4-99", 10), Ok(Some((4, 6))));
        assert_eq!(asks(RANGE, "bytes=-3", 10), Ok(Some((7, 3))));
        assert_eq!(asks(RANGE, "bytes=-30", 10), Ok(Some((0, 10))));
        assert_eq!(asks(CONTENT_RANGE, "bytes 1-4/*", 10), Ok(Some((1, 4))));
        assert_eq!(requested(&HeaderMap::new(), 10).unwrap(), None);
    }

    #[test]
    fn ranges_beyond_the_end_or_malformed_are_refused() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=5-4", "bytes=-0", "bytes=a-b", "bytes=", "lines=1-2"] {
            assert_eq!(asks(RANGE, range, 10), Err(416), "{range}");
        }
        assert_eq!(asks(RANGE, "bytes=0-1,4-5", 10), Err(400));
        assert_eq!(asks(RANGE, "bytes=0-", 0), Err(416));
        for range in ["bytes 1-10/*", "bytes 4-1/*", "bytes 1-4/11", "1-4"] {
            assert_eq!(asks(CONTENT_RANGE, range, 10), Err(416), "{range}");
        }
    }
}
