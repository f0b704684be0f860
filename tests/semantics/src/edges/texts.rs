//! Text that is special somewhere: in patterns, in Unicode, in Redis, in the encoding of keys.

use rome_orm::prelude::*;

use crate::sessions::laws;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "texts", index(ascending), index(desc(descending)))]
struct Text {
    #[rome(key)]
    id: u32,
    ascending: String,
    descending: String,
    plain: String,
    #[rome(unique)]
    only: Option<String>,
    #[rome(index)]
    words: Vec<String>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Named {
    #[rome(key)]
    name: String,
    n: u32,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Raw {
    #[rome(key)]
    key: Vec<u8>,
    #[rome(index)]
    bytes: Vec<u8>,
}

/// A longer one is refused as a key.
const LONGEST_KEY: usize = 1021;

const TEXTS: [&str; 56] = [
    "",
    " ",
    "a",
    "A",
    "ab",
    "a_b",
    "axb",
    "50%",
    "50x",
    "100%off",
    "a\\b",
    "\\",
    "%",
    "_",
    "%%",
    "a\0b",
    "a\0",
    "\0",
    "/tmp/foo/bar",
    "abc-xyz",
    "john.doe@x.tld",
    "a|b",
    "a,b",
    "{x}",
    "a b",
    "'quote'",
    "\"dq\"",
    "$(rm)",
    "\r\n",
    "\t",
    "é",
    "É",
    "e\u{301}",
    "ß",
    "SS",
    "İ",
    "ı",
    "ΟΔΟΣ",
    "οδος",
    "ДОМ",
    "дом",
    "日本",
    "👍🏽",
    "\u{10FFFF}",
    "\u{FFFD}",
    "\u{7f}",
    "\u{80}",
    "ﬁ",
    "zzz",
    "{rome.0}:x",
    "*",
    "?",
    "[a]",
    "a\u{FFFF}b",
    "\u{200b}",
    "Z",
];

const PATTERNS: [&str; 24] = [
    "%",
    "_",
    "__",
    "a%",
    "%b",
    "%\\%",
    "%\\%%",
    "a\\_b",
    "\\\\",
    "a\\\\b",
    "",
    "%a%b%",
    "a_b",
    "\\a\\b",
    "50\\%",
    "%\0%",
    "a\0%",
    "_\u{301}",
    "%%",
    "\\%\\%",
    "\u{10FFFF}%",
    "/tmp/%",
    "%.%@%",
    "[%",
];

/// SQL's `LIKE`, written once more.
fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|from| like(rest, &text[from..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        ['\\', literal, rest @ ..] => text.first() == Some(literal) && like(rest, &text[1..]),
        [literal, rest @ ..] => text.first() == Some(literal) && like(rest, &text[1..]),
    }
}

/// The ids of the texts for which something is true.
fn those(is_one: impl Fn(&str) -> bool) -> Vec<u32> {
    (0..).zip(TEXTS).filter(|(_, text)| is_one(text)).map(|(id, _)| id).collect()
}

fn rows() -> impl Iterator<Item = Text> {
    (0..).zip(TEXTS).map(|(id, text)| Text {
        id,
        ascending: text.into(),
        descending: text.into(),
        plain: text.into(),
        only: Some(text.into()),
        words: vec![text.into(), "every".into()],
    })
}

async fn ids(db: &Database, condition: Condition<Text>) -> Vec<u32> {
    db.query::<Text>().filter(condition).order_by(Text::ID.asc()).select(Text::ID).all().await.unwrap()
}

laws! { [Text]
    async fn special_text_is_found_like_any_other(db) {
        db.insert_many(rows()).await.unwrap();
        for (id, text) in (0..).zip(TEXTS) {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            for (name, column) in
                [("ascending", Text::ASCENDING), ("descending", Text::DESCENDING), ("plain", Text::PLAIN)]
            {
                let asked = [
                    ("eq", column.eq(text), vec![id]),
                    ("like", column.like(&*escaped), vec![id]),
                    ("starts_with", column.starts_with(text), those(|other| other.starts_with(text))),
                    ("contains", column.contains(text), those(|other| other.contains(text))),
                    ("gt", column.gt(text), those(|other| other > text)),
                ];
                for (verb, condition, expected) in asked {
                    assert_eq!(ids(&db, condition).await, expected, "{name} {verb} {text:?}");
                }
            }
            assert_eq!(ids(&db, Text::ONLY.eq(text)).await, [id], "unique {text:?}");
            assert_eq!(ids(&db, Text::WORDS.contains(text)).await, [id], "in a list {text:?}");
        }
    }

    async fn patterns_mean_what_they_mean_in_sql(db) {
        db.insert_many(rows()).await.unwrap();
        for pattern in PATTERNS {
            let chars: Vec<char> = pattern.chars().collect();
            let expected = those(|text| like(&chars, &text.chars().collect::<Vec<_>>()));
            let others: Vec<u32> = those(|_| true).into_iter().filter(|id| !expected.contains(id)).collect();
            for column in [Text::ASCENDING, Text::DESCENDING, Text::PLAIN] {
                assert_eq!(ids(&db, column.like(pattern)).await, expected, "like {pattern:?}");
                assert_eq!(ids(&db, !column.like(pattern)).await, others, "not like {pattern:?}");
            }
        }
        for (pattern, expected) in [("дом", ["ДОМ", "дом"]), ("ДОМ", ["ДОМ", "дом"]), ("É", ["É", "é"]), ("a", ["A", "a"])] {
            let found = db.query::<Text>().filter(Text::ASCENDING.ilike(pattern)).order_by(Text::ASCENDING.asc());
            assert_eq!(found.select(Text::ASCENDING).all().await.unwrap(), expected, "ilike {pattern}");
        }
    }

    async fn text_is_ordered_by_its_bytes(db) {
        db.insert_many(rows()).await.unwrap();
        let mut sorted = TEXTS;
        sorted.sort_unstable();
        for column in [Text::ASCENDING, Text::DESCENDING, Text::PLAIN] {
            let up = db.query::<Text>().order_by(column.asc()).select(column).all().await.unwrap();
            assert_eq!(up, sorted);
            let down = db.query::<Text>().order_by(column.desc()).limit(9).select(column).all().await.unwrap();
            assert!(down.iter().eq(sorted.iter().rev().take(9)), "{down:?}");
        }
        assert!(db.admin().check().await.unwrap().is_clean());
    }
}

laws! { [Named, Raw, Text]
    async fn special_text_and_bytes_are_keys_like_any_other(db) {
        db.insert_many((0..).zip(TEXTS).map(|(n, name)| Named { name: name.into(), n })).await.unwrap();
        for (n, name) in (0..).zip(TEXTS) {
            assert_eq!(db.get::<Named>(name).await.unwrap().map(|named| named.n), Some(n), "{name:?}");
            let equal = db.query::<Named>().filter(Named::NAME.eq(name)).select(Named::N);
            assert_eq!(equal.all().await.unwrap(), [n], "{name:?}");
            let prefixed = db.query::<Named>().filter(Named::NAME.starts_with(name)).count().await.unwrap();
            assert_eq!(prefixed, those(|other| other.starts_with(name)).len() as u64, "{name:?}");
        }
        let mut all = [&[][..], &[0], &[0, 0], &[0, 1], &[0, 255], &[255], &[255, 255], &[255; 300], &[1], b"abc"];
        db.insert_many(all.map(|key| Raw { key: key.into(), bytes: key.into() })).await.unwrap();
        all.sort_unstable();
        assert_eq!(db.query::<Raw>().order_by(Raw::KEY.asc()).select(Raw::KEY).all().await.unwrap(), all);
        assert_eq!(db.query::<Raw>().order_by(Raw::BYTES.asc()).limit(99).select(Raw::BYTES).all().await.unwrap(), all);
        for (at, bytes) in all.into_iter().enumerate() {
            assert_eq!(db.get::<Raw>(bytes.to_vec()).await.unwrap().map(|raw| raw.bytes), Some(bytes.to_vec()));
            let greater = db.query::<Raw>().filter(Raw::BYTES.gt(bytes.to_vec())).count().await.unwrap();
            assert_eq!(greater, (all.len() - at - 1) as u64, "{bytes:?}");
        }
    }

    async fn what_is_longer_than_a_key_is_refused_and_not_found(db) {
        let long = "k".repeat(LONGEST_KEY);
        db.insert(Named { name: long.clone(), n: 1 }).await.unwrap();
        assert_eq!(db.get::<Named>(long.clone()).await.unwrap().map(|named| named.n), Some(1));
        let longer = long.clone() + "k";
        let error = db.insert(Named { name: longer.clone(), n: 2 }).await.unwrap_err();
        assert!(error.is_limit_exceeded(), "{error}");
        assert_eq!(db.get::<Named>(longer).await.unwrap(), None);
        db.insert_many(rows()).await.unwrap();
        let (x, y) = ("x".repeat(3000), "~".repeat(3000));
        for condition in [
            Text::ASCENDING.starts_with(&*x),
            Text::DESCENDING.eq(&*x),
            Text::ONLY.is_in([x.clone(), y.clone()]),
            Text::WORDS.contains(&*x),
        ] {
            assert_eq!(db.query::<Text>().filter(condition).count().await.unwrap(), 0);
        }
        assert!(db.query::<Named>().filter(Named::NAME.lt(&*y)).exists().await.unwrap());
    }
}
