//! What the URLs of stores have in common: parameters behind a `?`, and that no secret of a URL comes out in an error.
//!
//! A store takes its parameters with [`parameters`], asks each for what it should be, and refuses those that it does not know with
//! [`Parameter::unknown`], so that all stores say the same of the same mistake.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::{StoreError, StoreErrorKind, StoreResult};

/// The longest duration that a URL may ask for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of a value that an error repeats.
const MOST_SHOWN: usize = 64;

/// A parameter of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter<'u> {
    name: &'u str,
    value: String,
}

/// The URL without its parameters, and these, with `%40` and its like in their values decoded.
///
/// # Errors
/// [`StoreErrorKind::Invalid`] if a parameter is there twice or has no name, or a value has a `%` without two hexadecimal digits; and
/// if there is an `@` behind the host, for then a `/`, `?` or `#` of a password was not escaped. No error has text in it that may be
/// of a password.
///
/// ```
/// use rome_store::url;
/// use std::time::Duration;
///
/// let (server, parameters) = url::parameters("redis://localhost/2?patience=250ms&prefix=kennel")?;
/// assert_eq!((server, parameters[0].name(), parameters[1].text()), ("redis://localhost/2", "patience", "kennel"));
/// assert_eq!(parameters[0].duration()?, Duration::from_millis(250));
/// # Ok::<(), rome_store::StoreError>(())
/// ```
pub fn parameters(url: &str) -> StoreResult<(&str, Vec<Parameter<'_>>)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if rest.find(['/', '?', '#']).and_then(|end| rest.get(end..)).is_some_and(|behind| behind.contains('@')) {
        return Err(invalid(
            "there is an `@` behind the host of the URL: in a user or password write `/` as `%2F`, `?` as `%3F` and `#` as `%23`, \
             and in a parameter `@` as `%40`"
                .to_owned(),
        ));
    }
    let (server, text) = url.split_once('?').unwrap_or((url, ""));
    let mut parameters: Vec<Parameter<'_>> = Vec::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name.is_empty() {
            return Err(invalid("a parameter of the URL has no name; write `?name=value`".to_owned()));
        }
        if parameters.iter().any(|known| known.name == name) {
            return Err(invalid(format!("the parameter `{}` is in the URL twice", shown(name))));
        }
        let value = decoded(value).ok_or_else(|| {
            let name = shown(name);
            invalid(format!(
                "the value of `{name}` has a `%` without two hexadecimal digits; write `%25` for `%` itself"
            ))
        })?;
        parameters.push(Parameter { name, value });
    }
    Ok((server, parameters))
}

impl<'u> Parameter<'u> {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'u str {
        self.name
    }

    /// Its value.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.value
    }

    /// Its value as a duration: a whole number and `ms`, `s`, `m` or `h`, up to a day.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] for anything else.
    pub fn duration(&self) -> StoreResult<Duration> {
        duration(&self.value).ok_or_else(|| self.is_no("duration", DURATION))
    }

    /// Its value as a duration that is not zero.
    ///
    /// # Errors
    /// As [`duration`](Self::duration), and for zero.
    pub fn positive_duration(&self) -> StoreResult<Duration> {
        let duration = self.duration()?;
        if duration.is_zero() { Err(self.is_no("time to wait", "write at least `1ms`")) } else { Ok(duration) }
    }

    /// Its value as a number in this range.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] for anything else.
    pub fn number(&self, range: RangeInclusive<u32>) -> StoreResult<u32> {
        let number = self.value.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let advice = format!("write a whole number from {} to {}", range.start(), range.end());
            self.is_no("number that fits", &advice)
        })
    }

    /// The error for a parameter that a store does not have; `known` are those that it has.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> StoreError {
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let known = match known.split_last() {
            Some((last, [])) => format!("there is {last}"),
            Some((last, others)) => format!("there are {} and {last}", others.join(", ")),
            None => "there are none".to_owned(),
        };
        invalid(format!("`{}` is no parameter of this URL; {known}", shown(self.name)))
    }

    fn is_no(&self, what: &str, advice: &str) -> StoreError {
        invalid(format!("`{}={}` is no {what}; {advice}", shown(self.name), shown(&self.value)))
    }
}

fn invalid(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

/// What to write for a [`duration`].
pub const DURATION: &str = "write a whole number and its unit, such as `250ms`, `2s` or `1m`, up to `24h`";

/// A duration as text: a whole number and `ms`, `s`, `m` or `h`, up to a day. `None` for anything else.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let duration = Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(milliseconds)?);
    (duration <= LONGEST).then_some(duration)
}

/// Text of a URL as an error repeats it: cut, and without control characters.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The text with its percent-encoding undone; `None` if an escape is broken, or what comes out is no text.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, behind) = rest.split_first_chunk::<2>()?;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Parameter<'_> {
        Parameter { name: "patience", value: text.to_owned() }
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, milliseconds) in [("0s", 0), ("1ms", 1), ("1s", 1000), ("02m", 120_000), ("24h", 86_400_000)] {
            assert_eq!(value(text).duration().unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            " 1s",
            "1s ",
            "1 s",
            "1S",
            "1sec",
            "1d",
            "25h",
            "٣s",
            "99999999999999999999s",
            "18446744073709551615h",
            "1s1s",
            "0x1s",
            "é",
        ] {
            let error = value(text).duration().unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{text}");
            assert!(error.to_string().contains("`250ms`"), "{text}: {error}");
        }
        assert!(value("0ms").positive_duration().is_err());
    }

    #[test]
    fn parameters_are_named_once_and_decoded() {
        let (server, parameters) = parameters("redis://u:p%40@h/1?a=x%20y&b&c=%2540&").unwrap();
        assert_eq!(server, "redis://u:p%40@h/1");
        let told: Vec<_> = parameters.iter().map(|parameter| (parameter.name(), parameter.text())).collect();
        assert_eq!(told, [("a", "x y"), ("b", ""), ("c", "%40")]);
        for url in ["r://h?a=1&a=2", "r://h?=1", "r://h?a=%", "r://h?a=%4", "r://h?a=%zz", "r://h?a=%ff", "r://h?a=%é1"]
        {
            assert_eq!(super::parameters(url).unwrap_err().kind(), StoreErrorKind::Invalid, "{url}");
        }
    }

    proptest! {
        /// What stands before the last `@` may be a password, whatever its characters; so may what is behind an unescaped one.
        #[test]
        fn no_part_of_a_password_is_in_an_error(secret in "[!-~é\u{1}]{0,6}", rest in "[/?#&=@:%a-z]{0,6}") {
            let hidden = "s3cr3t";
            let url = format!("redis://:{secret}{hidden}{rest}{hidden}@h?patience=x");
            match parameters(&url) {
                Err(error) => prop_assert!(!format!("{error} {error:?}").contains(hidden), "{url}: {error}"),
                Ok((_, parameters)) => for parameter in parameters {
                    for error in [parameter.unknown(&["a", "b"]), parameter.duration().unwrap_err()] {
                        prop_assert!(!error.to_string().contains(hidden), "{url}: {error}");
                    }
                },
            }
        }

        #[test]
        fn nothing_panics(url in "\\PC{0,40}") {
            if let Ok((_, parameters)) = parameters(&url) {
                for parameter in parameters {
                    let _ = (parameter.duration(), parameter.number(1..=5), parameter.unknown(&[]));
                }
            }
        }
    }
}
