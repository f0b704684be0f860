//! The URL of a store without what is secret in it.

/// What may be shown of a store's URL: its scheme and host, or the path of an embedded one. User, password and parameters are
/// left out, also of a URL that is malformed.
#[must_use]
pub fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else { return "(no URL)".to_owned() };
    if scheme == "embedded" {
        return format!("embedded:{}", rest.split('?').next().unwrap_or_default());
    }
    // Up to the last `@`, wherever it is: a password may have any character in it.
    let Some(rest) = rest.strip_prefix("//") else {
        let harmless = !scheme.starts_with("redis") && !rest.contains('@');
        return format!("{scheme}:{}", rest.split('?').next().filter(|_| harmless).unwrap_or_default());
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// A message about a store's URL without what is secret in the URL, however it came to be in there.
#[must_use]
pub fn without_secrets(url: &str, message: &str) -> String {
    let message = message.replace(url, &shown(url));
    let login = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map_or("", |(login, _)| login);
    let mut parts: Vec<&str> = login.split([':', '/', '?', '#', '&', '=']).filter(|part| part.len() > 2).collect();
    parts.push(login);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.iter().filter(|part| !part.is_empty()).fold(message, |message, part| message.replace(part, "***"))
}

#[cfg(test)]
mod tests {
    use super::{shown, without_secrets};

    #[test]
    fn scheme_and_host_are_shown_and_nothing_else() {
        for (url, said) in [
            ("redis://:s3cret@127.0.0.1:6379/?prefix=a", "redis://127.0.0.1:6379"),
            ("redis://:s3?cr/e@t@h/", "redis://h"),
            ("redis://user:s3cret@h,user:s3cret@i:1/0?ca=x", "redis://i:1"),
            ("rediss://h?password=s3cret", "rediss://h"),
            ("redis:s3cret", "redis:"),
            ("sql:s3cret@h", "sql:"),
            ("sql:x", "sql:x"),
            ("s3cret", "(no URL)"),
            ("embedded:./a/b?durability=s3cret", "embedded:./a/b"),
            ("memory:?partitions=4", "memory:"),
        ] {
            assert_eq!(shown(url), said, "{url}");
        }
    }

    #[test]
    fn a_message_has_no_part_of_the_login() {
        for (url, message) in [
            ("redis://:pa?s3cret@h", "`s3cret@h` is no parameter"),
            ("redis://:s3cret@h", "redis://:s3cret@h cannot be opened: s3cret"),
            ("redis://:s3%63ret@h/0", "login with s3%63ret fails"),
        ] {
            let said = without_secrets(url, message);
            assert!(!said.contains("s3"), "{said}");
        }
        assert_eq!(without_secrets("memory:x", "x names no store"), "x names no store");
    }
}
