//! What the URLs of embedded stores say.

use std::borrow::Cow;
use std::path::PathBuf;

use rome_store::url::shown;
use rome_store::{StoreError, StoreErrorKind, StoreResult};

/// The folder that a URL `embedded:PATH` names. Opens and makes nothing.
///
/// The path is relative to the working directory or not, without `//` in front of it. In it `%20` is a blank, as in other URLs, and `%`,
/// `?` and `#` themselves are written `%25`, `%3F` and `%23`; there are no parameters.
///
/// # Errors
/// [`StoreErrorKind::Invalid`] if it names none, or another one than it seems to; the error says what to write.
///
/// ```
/// assert_eq!(rome_embedded::folder_of("embedded:./my%20data")?, std::path::Path::new("./my data"));
/// # Ok::<(), rome_store::StoreError>(())
/// ```
pub fn folder_of(url: &str) -> StoreResult<PathBuf> {
    let Some(path) = url.strip_prefix("embedded:") else {
        return Err(invalid("the URL of an embedded store is `embedded:` and the path of its folder"));
    };
    Ok(PathBuf::from(&*decoded(path)?))
}

/// The path, with its percent-encoding undone. What looks like another part of a URL, or of a shell's language, would silently be
/// another folder, so it is refused.
fn decoded(path: &str) -> StoreResult<Cow<'_, str>> {
    let refuse = |why: &str, instead: &str| {
        Err(invalid(format!("`embedded:{}`: {why}: write `embedded:{}`", shown(path), shown(instead))))
    };
    if path.is_empty() {
        return Err(invalid("`embedded:` needs the path of a folder, such as `embedded:./data`"));
    }
    if let Some(after) = path.strip_prefix("//") {
        let path = after.trim_start_matches('/');
        let instead = match (after.starts_with('/'), path.starts_with('.')) {
            _ if path.is_empty() => "./data".to_owned(),
            (true, _) => format!("/{path}"),
            (false, true) => path.to_owned(),
            (false, false) => format!("./{path}"),
        };
        return refuse("a path has no `//` in front of it, since there is no host", &instead);
    }
    if path.trim() != path {
        return refuse("the path begins with a blank", path.trim());
    }
    if path == "~" || path.starts_with("~/") {
        return Err(invalid(format!(
            "`embedded:{}`: `~` is a word of the shell and would be a folder here: write the path in full",
            shown(path)
        )));
    }
    if let Some((folder, _)) = path.split_once('?') {
        let why = "the embedded store takes no parameters, its options are `EmbeddedOptions`; `?` itself is `%3F`";
        return refuse(why, folder);
    }
    if path.contains('#') {
        return refuse("a URL of a store has no fragment, and `#` itself is `%23`", &path.replace('#', "%23"));
    }
    if !cfg!(windows) && path.contains('\\') {
        let instead = path.replace('\\', "/");
        return refuse("a path has `/` between its folders on this system", &instead);
    }
    let mut chars = path.chars();
    if !cfg!(windows) && chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.as_str().starts_with(":/") {
        return refuse("there are no drives on this system", chars.as_str().trim_start_matches(':'));
    }
    let Some(decoded) = rome_store::url::decoded(path) else {
        let why = "a `%` in a path is followed by two hexadecimal digits, and `%` itself is `%25`";
        return refuse(why, &path.replace('%', "%25"));
    };
    if decoded.chars().any(char::is_control) {
        return Err(invalid(format!("`embedded:{}`: the path has control characters", shown(path))));
    }
    Ok(if decoded == path { Cow::Borrowed(path) } else { Cow::Owned(decoded) })
}

fn invalid(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_meant() {
        for path in ["./data", "data", "/var/lib/data", "..", ".", "a b", "ä/ö", "a:b", "~x", "c+/x"] {
            assert_eq!(folder_of(&format!("embedded:{path}")).ok(), Some(path.into()), "{path}");
        }
        for (path, meant) in
            [("my%20data", "my data"), ("100%25", "100%"), ("c%23/%3f", "c#/?"), ("%c3%a4", "ä"), ("a%2Fb", "a/b")]
        {
            assert_eq!(folder_of(&format!("embedded:{path}")).ok(), Some(meant.into()), "{path}");
        }
    }

    #[test]
    fn a_path_that_would_be_another_is_refused_with_the_one_that_was_meant() {
        let cases = [
            ("embedded://./x", "write `embedded:./x`"),
            ("embedded://x", "write `embedded:./x`"),
            ("embedded://../x/y", "write `embedded:../x/y`"),
            ("embedded:///var/x", "write `embedded:/var/x`"),
            ("embedded:////var/x", "write `embedded:/var/x`"),
            ("embedded://", "write `embedded:./data`"),
            ("embedded: ./x", "write `embedded:./x`"),
            ("embedded:./x?cache=1", "write `embedded:./x`"),
            ("embedded:./100%", "write `embedded:./100%25`"),
            ("embedded:./50%off", "write `embedded:./50%25off`"),
            ("embedded:./%ff", "write `embedded:./%25ff`"),
            ("embedded:./c#/x", "write `embedded:./c%23/x`"),
            ("embedded:./a%00b", "control"),
            ("embedded:~/x", "in full"),
            ("embedded:", "such as `embedded:./data`"),
            ("embedded:./x\u{0}", "control"),
            #[cfg(not(windows))]
            ("embedded:.\\data\\x", "write `embedded:./data/x`"),
            #[cfg(not(windows))]
            ("embedded:C:/data", "write `embedded:/data`"),
        ];
        for (url, says) in cases {
            let error = folder_of(url).expect_err(url);
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{url:?}");
            assert!(error.to_string().contains(says), "{url:?}: {error}");
        }
    }
}
