//! Which texts can be stored.

use super::error::{DbError, DbResult};

/// Checks that a text has at most so many characters, none above U+FFFF.
pub(super) fn check(what: &str, text: &str, most: usize) -> DbResult<()> {
    check_plane(what, text)?;
    // A text has at most as many characters as bytes, so most texts need no counting.
    if text.len() > most && text.chars().count() > most {
        return Err(DbError::Invalid(format!("{what} has more than {most} characters")));
    }
    Ok(())
}

/// [`check`] for a text that may be absent.
pub(super) fn check_opt(what: &str, text: Option<&str>, most: usize) -> DbResult<()> {
    text.map_or(Ok(()), |text| check(what, text, most))
}

/// Checks that a text has no character above U+FFFF.
pub(super) fn check_plane(what: &str, text: &str) -> DbResult<()> {
    if text.chars().any(|c| c > '\u{FFFF}') {
        return Err(DbError::Invalid(format!("{what} has a character above U+FFFF, which cannot be stored")));
    }
    Ok(())
}

/// The most characters of an id.
pub(super) const ID: usize = 36;
/// The most characters of a name, an owner, a tag or a member.
pub(super) const NAME: usize = 255;
