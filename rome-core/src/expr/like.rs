//! Pattern matching for `like` and `ilike`.

/// Whether `text` matches `pattern`, in which `%` stands for any text, `_` for one character, and `\` makes the next
/// character stand for itself. Greedy with one point to go back to, so linear for one `%` and at worst the product of
/// the lengths.
pub(crate) fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    if ignore_case {
        return matches(&lower(pattern), &lower(text), false);
    }
    let (mut pattern, mut text) = (pattern, text);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut rest = pattern.chars();
        let matched = match rest.next() {
            None => text.is_empty(),
            Some('%') => {
                pattern = rest.as_str();
                retry = Some((pattern, text));
                continue;
            }
            Some('_') => advance(&mut text, |_| true),
            Some('\\') => {
                let literal = rest.next().unwrap_or('\\');
                advance(&mut text, |c| c == literal)
            }
            Some(literal) => advance(&mut text, |c| c == literal),
        };
        if matched {
            if pattern.is_empty() {
                return true;
            }
            pattern = rest.as_str();
            continue;
        }
        // Let the last `%` take one character more.
        let Some((after, from)) = retry else { return false };
        let mut from = from.chars();
        if from.next().is_none() {
            return false;
        }
        retry = Some((after, from.as_str()));
        (pattern, text) = (after, from.as_str());
    }
}

fn advance(text: &mut &str, accept: impl Fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    match chars.next() {
        Some(c) if accept(c) => {
            *text = chars.as_str();
            true
        }
        _ => false,
    }
}

/// Simple lower case: a character whose lower case is one character becomes that; others stay.
fn lower(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        })
        .collect()
}

/// The text before the first wildcard or escape: every match of a case-sensitive pattern starts with it.
pub(crate) fn plain_prefix(pattern: &str) -> &str {
    pattern.split(['%', '_', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{matches, plain_prefix};

    #[test]
    fn wildcards_and_escapes_match_as_in_sql() {
        for (pattern, text, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a%", "abcd", true),
            ("%d", "abcd", true),
            ("%b%d", "abcdbd", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("%", "", true),
            ("_", "é", true),
            ("50\\%", "50%", true),
            ("50\\%", "50x", false),
            ("", "", true),
            ("", "a", false),
            ("%ab", "aab", true),
        ] {
            assert_eq!(matches(pattern, text, false), expected, "{pattern} on {text}");
        }
        assert!(matches("ÉT%", "été", true));
        assert!(!matches("ÉT%", "été", false));
    }

    #[test]
    fn the_prefix_stops_at_the_first_wildcard_or_escape() {
        assert_eq!(plain_prefix("abc%d"), "abc");
        assert_eq!(plain_prefix("ab\\%c%d"), "ab");
        assert_eq!(plain_prefix("_x"), "");
    }
}
