//! The URLs of stores: what each says, and what to write instead of one that says something else than it seems to.
//!
//! A URL may hold a password, so no error repeats what follows a scheme, except the path of an embedded store.

use std::borrow::Cow;

use rome_core::store;

use crate::{Error, Result};

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Url<'a> {
    Memory { partitions: Option<u32> },
    Embedded(Cow<'a, str>),
    Redis,
}

/// The most of a scheme that an error repeats, in bytes.
const LONGEST_SCHEME: usize = 32;
const STORES: &str = "`memory:`, `embedded:PATH`, `redis://HOST` and `redis-cluster://HOST`, with `rediss` for TLS";

pub(crate) fn parse(url: &str) -> Result<Url<'_>> {
    if url.trim().is_empty() {
        return Err(Error::invalid(format!("the URL of the store is empty; there are {STORES}")));
    }
    if url.trim() != url {
        return Err(Error::invalid("the URL of the store begins or ends with a blank: remove it"));
    }
    let Some((scheme, rest)) = url.split_once(':') else { return Err(without_scheme(url)) };
    match scheme {
        "memory" => memory(rest),
        "embedded" => embedded(rest).map(Url::Embedded),
        "redis" | "rediss" | "redis-cluster" | "rediss-cluster" if rest.starts_with("//") => Ok(Url::Redis),
        "redis" | "rediss" | "redis-cluster" | "rediss-cluster" => {
            Err(Error::invalid(format!("`{scheme}:` is followed by `//` and the host: write `{scheme}://HOST`")))
        }
        _ => Err(unknown(scheme, rest)),
    }
}

fn without_scheme(url: &str) -> Error {
    if url.starts_with(['.', '/', '~']) {
        return Error::invalid(format!("the path of a store needs its scheme: write `embedded:{}`", shown(url)));
    }
    match known(url) {
        Some(scheme) => Error::invalid(format!("the URL of the store needs a colon: write `{scheme}:`")),
        None => Error::invalid(format!("the URL of the store has no scheme; there are {STORES}")),
    }
}

fn unknown(scheme: &str, rest: &str) -> Error {
    if let Some(known) = known(scheme) {
        return Error::invalid(format!("schemes are written in small letters: `{known}:`"));
    }
    let is_drive = scheme.len() == 1 && rest.starts_with(['\\', '/']);
    if is_drive || scheme.starts_with(['.', '/', '~']) || matches!(scheme, "file" | "path") {
        return Error::invalid("the path of a store needs its scheme: write `embedded:` and the path");
    }
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        // It may be a password.
        return Error::invalid(format!("this URL names no store; there are {STORES}"));
    }
    let scheme = shown(&scheme[..scheme.floor_char_boundary(LONGEST_SCHEME)]);
    Error::invalid(format!("`{scheme}:` names no store; there are {STORES}"))
}

/// The scheme that this is but for its letters.
fn known(scheme: &str) -> Option<&'static str> {
    let schemes = ["memory", "embedded", "redis", "rediss", "redis-cluster", "rediss-cluster"];
    schemes.into_iter().find(|known| known.eq_ignore_ascii_case(scheme))
}

fn memory(rest: &str) -> Result<Url<'static>> {
    const ADVICE: &str = "write `memory:`, or `memory:?partitions=16` to try how a program runs on a cluster";
    if rest.is_empty() {
        return Ok(Url::Memory { partitions: None });
    }
    let Some(parameters) = rest.strip_prefix('?') else {
        return Err(Error::invalid(format!("the in-memory store takes no host and no path: {ADVICE}")));
    };
    let (name, value) = parameters.split_once('=').unwrap_or((parameters, ""));
    if name != "partitions" {
        return Err(Error::invalid(format!("the in-memory store has one parameter, `partitions`: {ADVICE}")));
    }
    match value.parse() {
        Ok(partitions @ 1..=1024) => Ok(Url::Memory { partitions: Some(partitions) }),
        _ => Err(Error::invalid(format!("`partitions` is one number from 1 to 1024: {ADVICE}"))),
    }
}

/// The path, with its percent-encoding undone. What looks like another part of a URL, or of a shell's language, would silently be
/// another folder, so it is refused.
fn embedded(path: &str) -> Result<Cow<'_, str>> {
    let refuse = |why: &str, instead: &str| {
        Err(Error::invalid(format!("`embedded:{}`: {why}: write `embedded:{}`", shown(path), shown(instead))))
    };
    if path.is_empty() {
        return Err(Error::invalid("`embedded:` needs the path of a folder, such as `embedded:./data`"));
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
        return Err(Error::invalid(format!(
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
    let Some(decoded) = store::url::decoded(path) else {
        let why = "a `%` in a path is followed by two hexadecimal digits, and `%` itself is `%25`";
        return refuse(why, &path.replace('%', "%25"));
    };
    if decoded.chars().any(char::is_control) {
        return Err(Error::invalid(format!("`embedded:{}`: the path has control characters", shown(path))));
    }
    Ok(if decoded == path { Cow::Borrowed(path) } else { Cow::Owned(decoded) })
}

/// Text for an error: without control characters, and not longer than a line.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let text = &text[..text.floor_char_boundary(LONGEST)];
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refused(url: &str) -> String {
        let error = parse(url).unwrap_err();
        assert!(error.is_invalid(), "{url}");
        error.to_string()
    }

    #[test]
    fn what_has_the_form_of_a_store_is_taken() {
        assert_eq!(parse("memory:").unwrap(), Url::Memory { partitions: None });
        assert_eq!(parse("memory:?partitions=16").unwrap(), Url::Memory { partitions: Some(16) });
        for path in ["./data", "data", "/var/lib/data", "..", ".", "a b", "ä/ö", "a:b", "~x", "c+/x"] {
            assert_eq!(parse(&format!("embedded:{path}")).unwrap(), Url::Embedded(path.into()));
        }
        for (path, meant) in
            [("my%20data", "my data"), ("100%25", "100%"), ("c%23/%3f", "c#/?"), ("%c3%a4", "ä"), ("a%2Fb", "a/b")]
        {
            assert_eq!(parse(&format!("embedded:{path}")).unwrap(), Url::Embedded(meant.into()));
        }
        for url in ["redis://h", "rediss://h:1/?ca=x", "redis-cluster://a,b", "rediss-cluster://h"] {
            assert_eq!(parse(url).unwrap(), Url::Redis);
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
            ("./data", "write `embedded:./data`"),
            ("/data", "write `embedded:/data`"),
            ("file:./data", "write `embedded:`"),
            ("./a:b", "write `embedded:`"),
            ("C:\\data", "write `embedded:`"),
            #[cfg(not(windows))]
            ("embedded:.\\data\\x", "write `embedded:./data/x`"),
            #[cfg(not(windows))]
            ("embedded:C:/data", "write `embedded:/data`"),
        ];
        for (url, says) in cases {
            let error = refused(url);
            assert!(error.contains(says), "{url:?}: {error}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused_with_what_there_is() {
        let cases = [
            ("", "is empty"),
            ("  ", "is empty"),
            ("memory://", "write `memory:`"),
            ("memory:data", "write `memory:`"),
            ("memory:?partition=4", "`partitions`"),
            ("memory:?partitions=4&x=1", "from 1 to 1024"),
            ("memory:?partitions=0", "from 1 to 1024"),
            ("memory:?partitions=1025", "from 1 to 1024"),
            ("memory:?", "`partitions`"),
            ("memory", "write `memory:`"),
            (" memory:", "blank"),
            ("memory:\n", "blank"),
            ("Memory:", "`memory:`"),
            ("REDIS://h", "`redis:`"),
            ("redis:h", "write `redis://HOST`"),
            ("rediss-cluster:h", "write `rediss-cluster://HOST`"),
            ("postgres://h", "`postgres:` names no store; there are `memory:`"),
            ("redis-sentinel://h", "`redis-cluster://HOST`"),
            ("localhost", "has no scheme"),
        ];
        for (url, says) in cases {
            let error = refused(url);
            assert!(error.contains(says), "{url:?}: {error}");
        }
    }

    #[test]
    fn no_error_holds_a_password_or_what_a_terminal_obeys() {
        let urls =
            ["redis:u:hunter2@h", "mysql://u:hunter2@h", "u@hunter2", "Redis://:hunter2@h", "memory://hunter2@h"];
        for url in urls {
            assert!(!refused(url).contains("hunter2"), "{url}");
        }
        let long = refused(&format!("{}://h", "x".repeat(100_000)));
        assert!(long.len() < 300, "{}", long.len());
        assert!(!refused("a\u{1b}]0;x:y").contains('\u{1b}'));
    }
}
