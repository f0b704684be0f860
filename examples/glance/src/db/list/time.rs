//! Times in filters.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Reads an ISO 8601 time, with or without offset or fraction; UTC without an offset.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"] {
        if let Ok(time) = DateTime::parse_from_str(text, format) {
            return Some(time.to_utc());
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.and_utc());
        }
    }
    Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::parse;

    #[test]
    fn a_time_has_an_offset_and_a_fraction_or_not() {
        let time = parse("2026-11-22T09:37:09Z").unwrap();
        assert_eq!(parse("2026-11-22T09:37:09"), Some(time));
        assert_eq!(parse("2026-11-22T10:37:09+01:00"), Some(time));
        assert_eq!(parse("2026-11-22T10:37:09.0+0100"), Some(time));
        assert!(parse("2026-11-22T09:37:09.684123").unwrap() > time);
        assert!(parse("2026-11-22").unwrap() < time);
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("gt:2026-11-22T09:37:09Z"), None);
    }
}
