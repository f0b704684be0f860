//! The ways to write a name of several words.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// A way to join words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// All of them, under the names that serde gave them.
    pub const ALL: [(&'static str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    /// Writes a name, which is in any Rust case, in this one.
    pub fn apply(self, name: &str) -> String {
        let words = words(name);
        match self {
            Self::Lower => words.concat(),
            Self::Upper => words.concat().to_uppercase(),
            Self::Pascal => words.iter().map(|word| capitalized(word)).collect(),
            Self::Camel => {
                let capitalize = |(i, word): (usize, &String)| if i == 0 { word.clone() } else { capitalized(word) };
                words.iter().enumerate().map(capitalize).collect()
            }
            Self::Snake => words.join("_"),
            Self::ScreamingSnake => words.join("_").to_uppercase(),
            Self::Kebab => words.join("-"),
            Self::ScreamingKebab => words.join("-").to_uppercase(),
        }
    }
}

/// The name in `snake_case`, without `r#`.
pub fn snake(ident: &Ident) -> String {
    Case::Snake.apply(&ident.unraw().to_string())
}

/// The constant that is called after a field.
pub fn constant(field: &Ident) -> Ident {
    Ident::new(&Case::ScreamingSnake.apply(&field.unraw().to_string()), field.span())
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The words of a name in lower case: a word starts after an underscore, at a capital after a small letter or digit, and
/// at the last capital of a run before a small letter (`HTTPServer` is `http server`).
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i)).copied().unwrap_or('_');
        let after_is_small = chars.get(i + 1).is_some_and(|c| c.is_lowercase());
        let starts = c.is_uppercase() && before != '_' && (!before.is_uppercase() || after_is_small);
        if starts || c == '_' {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().expect("there is a first word").extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_start_at_underscores_and_capitals() {
        assert_eq!(words("HTTPServer2Go_now"), ["http", "server2", "go", "now"]);
        assert_eq!(words("__a__b"), ["a", "b"]);
    }

    #[test]
    fn each_case_joins_words_its_own_way() {
        let written: Vec<_> = Case::ALL.iter().map(|(_, case)| case.apply("VeryLarge")).collect();
        let expected = [
            "verylarge",
            "VERYLARGE",
            "VeryLarge",
            "veryLarge",
            "very_large",
            "VERY_LARGE",
            "very-large",
            "VERY-LARGE",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn constants_are_named_without_the_raw_prefix() {
        let field: Ident = syn::parse_str("r#type").expect("an identifier");
        assert_eq!(constant(&field), "TYPE");
    }
}
