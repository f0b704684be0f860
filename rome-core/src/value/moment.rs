//! Dates, times of day and timestamps, as numbers: days since 1970-01-01, microseconds since midnight, microseconds since the epoch.
//!
//! They are what a [`Value`](super::Value) holds, and columns may have these types. Programs that work with dates have those of a library in
//! their structs: with the feature `chrono`, which is on by default, its types are columns too and convert to these.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ColumnType, ValueError};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// The days that a date can hold, those of the years -262143 to 262142.
pub(super) const DAYS: RangeInclusive<i32> = Date::MIN.0..=Date::MAX.0;
/// The microseconds that a time of day can hold.
pub(super) const MICROS_OF_DAY: RangeInclusive<i64> = 0..=MICROS_PER_DAY - 1;
/// The microseconds that a timestamp can hold, those of the same years.
pub(super) const MICROS: RangeInclusive<i64> = Timestamp::MIN.0..=Timestamp::MAX.0;

/// A calendar day, as days since 1970-01-01 in the proleptic Gregorian calendar.
///
/// ```
/// use rome_orm::value::Date;
///
/// let date: Date = "2024-02-29".parse()?;
/// assert_eq!((date.days(), date.year(), date.month(), date.day()), (19_782, 2024, 2, 29));
/// assert_eq!(Date::of(2024, 2, 29), Some(date));
/// assert_eq!(Date::of(2023, 2, 29), None);
/// # Ok::<(), rome_orm::value::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(i32);

/// A time of day, as microseconds since midnight. A leap second is the last microsecond before it, since no day has more than 86,400
/// seconds here.
///
/// ```
/// use rome_orm::value::Time;
///
/// let time: Time = "12:30:00.5".parse()?;
/// assert_eq!((time.micros(), time.to_string().as_str()), (45_000_500_000, "12:30:00.500"));
/// assert_eq!(Time::from_micros(86_400_000_000), None);
/// # Ok::<(), rome_orm::value::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A moment, as microseconds since 1970-01-01T00:00:00Z. What is finer is cut off, downwards.
///
/// ```
/// use rome_orm::value::Timestamp;
///
/// let moment: Timestamp = "2024-02-29T13:30:00+01:00".parse()?;
/// assert_eq!((moment.micros(), moment.to_string().as_str()), (1_709_209_800_000_000, "2024-02-29T12:30:00Z"));
/// assert!(moment < Timestamp::now());
/// # Ok::<(), rome_orm::value::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Date {
    /// The first day there is, -262143-01-01.
    pub const MIN: Self = Self(days_of(-262_143, 1, 1));
    /// The last day there is, 262142-12-31.
    pub const MAX: Self = Self(days_of(262_142, 12, 31));

    /// The day so many days after 1970-01-01; `None` outside of [`MIN`](Self::MIN) to [`MAX`](Self::MAX).
    #[must_use]
    pub fn from_days(days: i32) -> Option<Self> {
        DAYS.contains(&days).then_some(Self(days))
    }

    /// The day of a year, a month from 1 to 12 and a day of the month; `None` if there is no such day.
    #[must_use]
    pub fn of(year: i32, month: u32, day: u32) -> Option<Self> {
        let is_year = (-262_143..=262_142).contains(&year);
        let is_day = is_year && (1..=12).contains(&month) && (1..=31).contains(&day);
        let date = is_day.then(|| Self(days_of(year, month, day)))?;
        // 30 February is another day.
        (date.day() == day).then_some(date)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The year; 0 is the one before the year 1.
    #[must_use]
    pub const fn year(self) -> i32 {
        civil(self.0).0
    }

    /// The month, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u32 {
        civil(self.0).1
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub const fn day(self) -> u32 {
        civil(self.0).2
    }

    /// The day, or the nearest there is.
    pub(super) fn nearest(days: i32) -> Self {
        Self(days.clamp(*DAYS.start(), *DAYS.end()))
    }
}

impl Time {
    /// The beginning of a day.
    pub const MIDNIGHT: Self = Self(0);

    /// The time so many microseconds after midnight; `None` if that is not within a day.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        MICROS_OF_DAY.contains(&micros).then_some(Self(micros))
    }

    /// Microseconds since midnight.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time, or the nearest there is.
    pub(super) fn nearest(micros: i64) -> Self {
        Self(micros.clamp(*MICROS_OF_DAY.start(), *MICROS_OF_DAY.end()))
    }
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The first moment there is.
    pub const MIN: Self = Self(Date::MIN.0 as i64 * MICROS_PER_DAY);
    /// The last moment there is.
    pub const MAX: Self = Self((Date::MAX.0 as i64 + 1) * MICROS_PER_DAY - 1);

    /// The moment so many microseconds after the epoch; `None` outside of [`MIN`](Self::MIN) to [`MAX`](Self::MAX).
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        MICROS.contains(&micros).then_some(Self(micros))
    }

    /// The present moment, by the clock of the system.
    #[must_use]
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The day, in UTC.
    #[must_use]
    pub fn date(self) -> Date {
        Date::nearest(i32::try_from(self.0.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// The time of the day, in UTC.
    #[must_use]
    pub const fn time(self) -> Time {
        Time(self.0.rem_euclid(MICROS_PER_DAY))
    }

    /// The moment, or the nearest there is.
    pub(super) fn nearest(micros: i64) -> Self {
        Self(micros.clamp(*MICROS.start(), *MICROS.end()))
    }
}

/// The moment, or the nearest there is.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::nearest(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => micros(since),
            // Downwards, also before the epoch.
            Err(before) => {
                let before = before.duration();
                -micros(before) - i64::from(before.subsec_nanos() % 1_000 > 0)
            }
        })
    }
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar. The year begins in March here, so that the leap day is its last one
/// ("chrono-Compatible Low-Level Date Algorithms", Howard Hinnant, 2013).
const fn days_of(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month as i32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days, the other way round.
#[allow(clippy::cast_sign_loss, reason = "months and days of a month are positive")]
const fn civil(days: i32) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month as u32, day as u32)
}

/// ISO 8601: `2024-02-29`; years of more than four digits, and those before the year 0, have a sign.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0);
        if (0..=9999).contains(&year) {
            write!(f, "{year:04}-{month:02}-{day:02}")
        } else {
            write!(f, "{year:+05}-{month:02}-{day:02}")
        }
    }
}

/// `12:30:00`, with milliseconds or microseconds where there are any.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / MICROS_PER_SECOND, self.0 % MICROS_PER_SECOND);
        write!(f, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
        match micros {
            0 => Ok(()),
            _ if micros % 1_000 == 0 => write!(f, ".{:03}", micros / 1_000),
            _ => write!(f, ".{micros:06}"),
        }
    }
}

/// RFC 3339 in UTC: `2024-02-29T12:30:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}Z", self.date(), self.time())
    }
}

/// Takes so many digits at most from the front, at least one.
fn number(text: &str, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

/// Takes a date from the front.
fn date(text: &str) -> Option<(Date, &str)> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let (year, rest) = number(digits, 6)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let small = |n: i64| u32::try_from(n).ok();
    Some((Date::of(i32::try_from(sign * year).ok()?, small(month)?, small(day)?)?, rest))
}

/// Takes a time of day from the front.
fn time(text: &str) -> Option<(Time, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, mut rest) = number(rest.strip_prefix(':')?, 2)?;
    let (mut second, mut micros) = (0, 0);
    if let Some(behind) = rest.strip_prefix(':') {
        (second, rest) = number(behind, 2)?;
        if let Some(behind) = rest.strip_prefix('.') {
            let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, behind) = behind.split_at_checked(digits).filter(|(fraction, _)| !fraction.is_empty())?;
            // What is finer than a microsecond is cut off.
            let six = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction));
            (micros, rest) = (six.parse().ok()?, behind);
        }
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if second == 60 {
        (second, micros) = (59, MICROS_PER_SECOND - 1);
    }
    Some((Time(((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros), rest))
}

/// A date and a time with an offset from UTC, which is `Z` or `+01:00`.
fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = date(text)?;
    let (time, rest) = time(rest.strip_prefix(['T', 't', ' '])?)?;
    let minutes = match rest.strip_prefix(['Z', 'z']) {
        Some("") => 0,
        Some(_) => return None,
        None => {
            let sign = if rest.starts_with('-') { -1 } else { 1 };
            let (hours, rest) = number(rest.strip_prefix(['+', '-'])?, 2)?;
            let (minutes, rest) = number(rest.strip_prefix(':').unwrap_or(rest), 2)?;
            if hours > 23 || minutes > 59 || !rest.is_empty() {
                return None;
            }
            sign * (hours * 60 + minutes)
        }
    };
    let local = i64::from(date.0) * MICROS_PER_DAY + time.0;
    Timestamp::from_micros(local - minutes * 60 * MICROS_PER_SECOND)
}

macro_rules! text {
    ($($ty:ident: $read:expr;)*) => { $(
        impl FromStr for $ty {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let read: fn(&str) -> Option<Self> = $read;
                read(text).ok_or_else(|| ValueError::unreadable(text, ColumnType::$ty))
            }
        }

        /// As text.
        impl Serialize for $ty {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )* };
}

text! {
    Date: |text| date(text).filter(|(_, rest)| rest.is_empty()).map(|(date, _)| date);
    Time: |text| time(text).filter(|(_, rest)| rest.is_empty()).map(|(time, _)| time);
    Timestamp: timestamp;
}

/// Conversions from and to the types of `chrono`. All that ROME holds, `chrono` can hold.
#[cfg(feature = "chrono")]
mod with_chrono {
    use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};

    #[cfg(test)]
    use super::{DAYS, MICROS, MICROS_OF_DAY};
    use super::{Date, MICROS_PER_SECOND, Time, Timestamp};

    const LAST_MICRO_OF_SECOND: u32 = 999_999;

    impl From<NaiveDate> for Date {
        fn from(date: NaiveDate) -> Self {
            Self(date.to_epoch_days())
        }
    }

    impl From<Date> for NaiveDate {
        fn from(date: Date) -> Self {
            Self::from_epoch_days(date.0).unwrap_or(if date.0 < 0 { Self::MIN } else { Self::MAX })
        }
    }

    impl From<NaiveTime> for Time {
        fn from(time: NaiveTime) -> Self {
            let micros = (time.nanosecond() / 1_000).min(LAST_MICRO_OF_SECOND);
            Self(i64::from(time.num_seconds_from_midnight()) * MICROS_PER_SECOND + i64::from(micros))
        }
    }

    impl From<Time> for NaiveTime {
        fn from(time: Time) -> Self {
            let seconds = u32::try_from(time.0 / MICROS_PER_SECOND).unwrap_or(0);
            let nanos = u32::try_from(time.0 % MICROS_PER_SECOND).unwrap_or(0) * 1_000;
            Self::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap_or(Self::MIN)
        }
    }

    impl From<DateTime<Utc>> for Timestamp {
        fn from(moment: DateTime<Utc>) -> Self {
            let micros = (moment.timestamp_subsec_nanos() / 1_000).min(LAST_MICRO_OF_SECOND);
            Self(moment.timestamp() * MICROS_PER_SECOND + i64::from(micros))
        }
    }

    impl From<Timestamp> for DateTime<Utc> {
        fn from(moment: Timestamp) -> Self {
            let nearest = if moment.0 < 0 { Self::MIN_UTC } else { Self::MAX_UTC };
            Self::from_timestamp_micros(moment.0).unwrap_or(nearest)
        }
    }

    #[cfg(test)]
    mod tests {
        use chrono::{Datelike, SecondsFormat};
        use proptest::prelude::*;

        use super::*;

        #[test]
        fn the_bounds_are_those_of_chrono() {
            assert_eq!((Date::MIN, Date::MAX), (NaiveDate::MIN.into(), NaiveDate::MAX.into()));
            assert_eq!(
                (Timestamp::MIN, Timestamp::MAX),
                (DateTime::<Utc>::MIN_UTC.into(), DateTime::<Utc>::MAX_UTC.into())
            );
        }

        proptest! {
            /// `chrono` is another implementation of the same calendar.
            #[test]
            fn dates_are_those_of_chrono(days in prop_oneof![-800_000..800_000, DAYS]) {
                let (date, peer) = (Date(days), NaiveDate::from(Date(days)));
                prop_assert_eq!((date.year(), date.month(), date.day()), (peer.year(), peer.month(), peer.day()));
                prop_assert_eq!(Date::of(peer.year(), peer.month(), peer.day()), Some(date));
                prop_assert_eq!(Date::from(peer), date);
                prop_assert_eq!(date.to_string(), peer.to_string());
                prop_assert_eq!(date.to_string().parse::<Date>().ok(), Some(date));
            }

            #[test]
            fn there_are_the_days_that_chrono_has(year in -262_200..262_200, month in 0_u32..14, day in 0_u32..33) {
                let peer = NaiveDate::from_ymd_opt(year, month, day);
                prop_assert_eq!(Date::of(year, month, day), peer.map(Date::from));
            }

            #[test]
            fn times_are_those_of_chrono(micros in MICROS_OF_DAY, cut in prop::sample::select(vec![1, 1_000, 1_000_000])) {
                let time = Time(micros / cut * cut);
                let peer = NaiveTime::from(time);
                prop_assert_eq!(Time::from(peer), time);
                prop_assert_eq!(time.to_string(), peer.to_string());
                prop_assert_eq!(time.to_string().parse::<Time>().ok(), Some(time));
            }

            #[test]
            fn moments_are_those_of_chrono(
                micros in prop_oneof![-80_000_000_000_000_000..300_000_000_000_000_000_i64, MICROS],
                cut in prop::sample::select(vec![1, 1_000, 1_000_000]),
            ) {
                let moment = Timestamp(micros / cut * cut);
                let peer = DateTime::<Utc>::from(moment);
                prop_assert_eq!(Timestamp::from(peer), moment);
                prop_assert_eq!(moment.to_string(), peer.to_rfc3339_opts(SecondsFormat::AutoSi, true));
                prop_assert_eq!(moment.to_string().parse::<Timestamp>().ok(), Some(moment));
            }

            /// What `chrono` writes with an offset is the same moment.
            #[test]
            fn an_offset_is_taken_off(micros in -80_000_000_000_000_000..200_000_000_000_000_000_i64, minutes in -1_439..1_440) {
                let offset = chrono::FixedOffset::east_opt(minutes * 60).expect("less than a day");
                let text = DateTime::<Utc>::from(Timestamp(micros)).with_timezone(&offset).to_rfc3339();
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(Timestamp(micros)), "{}", text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_none_is_refused() {
        for text in [
            "",
            "2024",
            "2024-02",
            "2024-02-30",
            "2024-13-01",
            "2024-02-29x",
            "2024-02-291",
            "x",
            "-",
            "2024-2-",
            "2024/02/29",
            "é",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        for text in ["", "12", "24:00", "12:60", "12:00:61", "12:00:00.", "12:00:00.x", "12:00 ", "+1:00", "12:0é"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        for text in [
            "2024-02-29",
            "2024-02-29T12:00:00",
            "2024-02-29T12:00:00Zx",
            "2024-02-29T12:00:00+1",
            "2024-02-29T12:00:00+24:00",
            "2024-02-29T12:00:00+01:60",
            "262142-12-31T23:59:59-01:00",
            "12:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_may_be_written_in_several_ways() {
        for (text, micros) in [
            ("12:30", 45_000_000_000),
            ("12:30:00.000001999", 45_000_000_001),
            ("1:2:3", 3_723_000_000),
            ("23:59:60", 86_399_999_999),
        ] {
            assert_eq!(text.parse::<Time>().ok(), Time::from_micros(micros), "{text}");
        }
        let moment = Timestamp::from_micros(1_709_209_800_000_000);
        for text in [
            "2024-02-29T12:30:00Z",
            "2024-02-29 12:30:00z",
            "2024-02-29t12:30Z",
            "2024-02-29T13:30:00+01:00",
            "2024-02-29T13:30:00+0100",
            "2024-02-28T13:30:00-23:00",
            "2024-02-29T12:30:00-00:00",
        ] {
            assert_eq!(text.parse::<Timestamp>().ok(), moment, "{text}");
        }
    }

    #[test]
    fn a_moment_of_the_system_is_cut_downwards() {
        let at = |nanos: i64| {
            let duration = Duration::from_nanos(nanos.unsigned_abs());
            Timestamp::from(if nanos < 0 {
                SystemTime::UNIX_EPOCH - duration
            } else {
                SystemTime::UNIX_EPOCH + duration
            })
            .micros()
        };
        assert_eq!([at(0), at(1_999), at(-1), at(-1_000), at(-1_001)], [0, 1, -1, -1, -2]);
    }

    #[test]
    fn serde_takes_them_as_text() {
        let moment = Timestamp::from_micros(1).expect("a moment");
        let json = serde_json::to_string(&moment).expect("JSON");
        assert_eq!(json, "\"1970-01-01T00:00:00.000001Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).ok(), Some(moment));
        assert!(serde_json::from_str::<Date>("\"2023-02-29\"").is_err());
    }
}
