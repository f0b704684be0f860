//! Pattern matching for `like` and `ilike`.

use std::collections::HashMap;

/// Whether `text` matches `pattern`, in which `%` stands for any text, `_` for one character, and `\` makes the next
/// character stand for itself.
///
/// The parts between `%` are looked for one after the other, each where it is first: if there is a match at all, then there is
/// one with those. A part costs the length of the text that it passes over, and one with `_` in it that of its own length
/// over 64 in addition.
pub(crate) fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    if ignore_case {
        return matches(&lower(pattern), &lower(text), false);
    }
    let mut parts = parts(pattern);
    let Some(first) = parts.next() else { return text.is_empty() };
    let Some(mut rest) = first.strip_from(text) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(after) = Part::find_in(&before, rest) else { return false };
            rest = after;
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => last.ends(rest),
    }
}

/// What a pattern asks for between two `%`.
enum Part {
    Text(String),
    /// Characters, of which some may be any.
    Wild(Vec<Option<char>>),
}

/// The parts of a pattern: one more than there are `%`.
fn parts(pattern: &str) -> impl Iterator<Item = Part> {
    let mut rest = Some(pattern.chars());
    std::iter::from_fn(move || {
        let chars = rest.as_mut()?;
        let mut part = Vec::new();
        loop {
            match chars.next() {
                None => {
                    rest = None;
                    break;
                }
                Some('%') => break,
                Some('_') => part.push(None),
                Some('\\') => part.push(Some(chars.next().unwrap_or('\\'))),
                Some(literal) => part.push(Some(literal)),
            }
        }
        Some(match part.iter().copied().collect() {
            Some(text) => Part::Text(text),
            None => Part::Wild(part),
        })
    })
}

impl Part {
    /// What is left of a text that begins with it.
    fn strip_from<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(part) => text.strip_prefix(part.as_str()),
            Self::Wild(part) => {
                let mut chars = text.chars();
                let fits =
                    part.iter().all(|wanted| chars.next().is_some_and(|c| wanted.is_none_or(|wanted| wanted == c)));
                fits.then_some(chars.as_str())
            }
        }
    }

    /// Whether a text ends with it.
    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Text(part) => text.ends_with(part.as_str()),
            Self::Wild(part) => {
                let mut chars = text.chars().rev();
                part.iter().rev().all(|wanted| chars.next().is_some_and(|c| wanted.is_none_or(|wanted| wanted == c)))
            }
        }
    }

    /// What is left of a text after the first place where it has this part.
    fn find_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(part) => text.split_once(part.as_str()).map(|(_, after)| after),
            Self::Wild(part) => Wild::new(part).find_in(text),
        }
    }
}

/// Looks for characters of which some may be any, by the shift-and algorithm of Baeza-Yates and Gonnet: a bit for each
/// beginning of the part that the text so far ends with.
struct Wild {
    /// For each character, at which places of the part it may stand; and where any other may.
    masks: HashMap<char, Vec<u64>>,
    any: Vec<u64>,
    len: usize,
}

impl Wild {
    fn new(part: &[Option<char>]) -> Self {
        let words = part.len().div_ceil(64).max(1);
        let mut any = vec![0; words];
        let mut masks: HashMap<char, Vec<u64>> = HashMap::new();
        for (at, wanted) in part.iter().enumerate() {
            let mask = match wanted {
                Some(c) => masks.entry(*c).or_insert_with(|| vec![0; words]),
                None => &mut any,
            };
            if let Some(word) = mask.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        for mask in masks.values_mut() {
            mask.iter_mut().zip(&any).for_each(|(mask, any)| *mask |= any);
        }
        Self { masks, any, len: part.len() }
    }

    fn find_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut seen = vec![0_u64; self.any.len()];
        let (word, bit) = ((self.len - 1) / 64, (self.len - 1) % 64);
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let mut carried = 1;
            for (seen, mask) in seen.iter_mut().zip(self.masks.get(&c).unwrap_or(&self.any)) {
                let carries = *seen >> 63;
                *seen = (*seen << 1 | carried) & mask;
                carried = carries;
            }
            if seen.get(word).is_some_and(|seen| seen >> bit & 1 == 1) {
                return Some(chars.as_str());
            }
        }
        None
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

    /// The same by plain recursion.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['%', rest @ ..], text) => (0..=text.len()).any(|from| naive(rest, &text[from..])),
            (['_', rest @ ..], [_, text @ ..]) => naive(rest, text),
            (['\\', literal, rest @ ..], [c, text @ ..]) => literal == c && naive(rest, text),
            (['\\'], ['\\']) => true,
            ([literal, rest @ ..], [c, text @ ..]) => {
                !matches!(literal, '\\' | '_') && literal == c && naive(rest, text)
            }
            _ => false,
        }
    }

    #[test]
    fn every_short_pattern_matches_what_a_naive_look_says() {
        let letters = ['a', 'ß', '%', '_', '\\'];
        let words = |letters: &[char], longest: u32| {
            let letters = letters.to_vec();
            (0..=longest).flat_map(move |n| {
                let letters = letters.clone();
                (0..letters.len().pow(n)).map(move |mut number| {
                    let mut word = Vec::new();
                    for _ in 0..n {
                        word.push(letters[number % letters.len()]);
                        number /= letters.len();
                    }
                    word
                })
            })
        };
        let texts: Vec<Vec<char>> = words(&['a', 'ß', '%'], 4).collect();
        for pattern in words(&letters, 5) {
            for text in &texts {
                let (p, t): (String, String) = (pattern.iter().collect(), text.iter().collect());
                assert_eq!(matches(&p, &t, false), naive(&pattern, text), "{p} on {t}");
            }
        }
    }

    #[test]
    fn long_parts_with_wildcards_are_found_across_words_of_bits() {
        for len in [1, 63, 64, 65, 127, 128, 129, 1000] {
            let part = format!("{}_b", "a".repeat(len - 1));
            let pattern = format!("%{part}%c");
            let text = |gap: &str| format!("{}{gap}bc", "a".repeat(3 * len));
            assert!(matches(&pattern, &text("ä"), false), "{len}");
            assert!(!matches(&pattern, &text("äö"), false) || len == 1, "{len}");
        }
        // A product of these lengths would take minutes.
        let (many, few) = ("a".repeat(400_000), "a".repeat(200_000));
        assert!(!matches(&format!("%{few}b%"), &many, false));
        assert!(!matches(&format!("%{}_b%", &few[..20_000]), &many, false));
        assert!(!matches(&"%a".repeat(20_000), &"b".repeat(400_000), false));
        assert!(matches(&format!("{}%", "%".repeat(200_000)), &many, false));
    }

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
