//! Dates, times and timestamps as numbers: days since 1970-01-01, microseconds since midnight, microseconds since the
//! epoch.
//!
//! What is finer than a microsecond is cut off, downwards. A leap second is held as the last microsecond before it
//! ends its minute, since no day has more than 86,400 seconds here.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use std::ops::RangeInclusive;

const MICROS_PER_SECOND: i64 = 1_000_000;
const LAST_MICRO_OF_SECOND: u32 = 999_999;

/// The days that a date can hold.
pub(super) const DAYS: RangeInclusive<i32> = NaiveDate::MIN.to_epoch_days()..=NaiveDate::MAX.to_epoch_days();
/// The microseconds that a time of day can hold.
pub(super) const MICROS_OF_DAY: RangeInclusive<i64> = 0..=86_400 * MICROS_PER_SECOND - 1;
/// The microseconds that a timestamp can hold.
pub(super) const MICROS: RangeInclusive<i64> =
    DateTime::<Utc>::MIN_UTC.timestamp_micros()..=DateTime::<Utc>::MAX_UTC.timestamp_micros();

pub(super) fn days(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

pub(super) fn micros_of_day(time: NaiveTime) -> i64 {
    let micros = (time.nanosecond() / 1_000).min(LAST_MICRO_OF_SECOND);
    i64::from(time.num_seconds_from_midnight()) * MICROS_PER_SECOND + i64::from(micros)
}

pub(super) fn micros(moment: DateTime<Utc>) -> i64 {
    let micros = (moment.timestamp_subsec_nanos() / 1_000).min(LAST_MICRO_OF_SECOND);
    moment.timestamp() * MICROS_PER_SECOND + i64::from(micros)
}

/// The date, or the nearest there is.
pub(super) fn date(days: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(days).unwrap_or(if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
}

/// The time of day, or the nearest there is.
pub(super) fn time(micros: i64) -> NaiveTime {
    let micros = micros.clamp(*MICROS_OF_DAY.start(), *MICROS_OF_DAY.end());
    let seconds = u32::try_from(micros / MICROS_PER_SECOND).unwrap_or(0);
    let nanos = u32::try_from(micros % MICROS_PER_SECOND).unwrap_or(0) * 1_000;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap_or(NaiveTime::MIN)
}

/// The moment, or the nearest there is.
pub(super) fn timestamp(micros: i64) -> DateTime<Utc> {
    let nearest = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp_micros(micros).unwrap_or(nearest)
}
