//! Where a partition keeps what: names of Redis keys, the form of keys and bounds inside them.
//!
//! A space is a hash of records beside a sorted set of their keys, all with score 0, so that spans are lexicographic
//! ranges; an index has the sorted set alone. Each of them keeps the empty string as a member that is never removed.
//! It lies below all others, and no key is stored as it: a key of nothing but zero bytes, also the empty one, is stored with
//! one zero byte more. Such keys lie below all other keys and in the order of their lengths, so the order stays.

use std::borrow::Cow;
use std::io::Write;
use std::ops::Bound;

use bytes::Bytes;
use rome_store::{IndexId, SequenceId, Space, Span, StoreResult, TableId, TxId};

use crate::error;
use crate::slot;

/// The names of one partition's keys.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// All names start with it; the part in braces makes Redis Cluster keep them together.
    tag: String,
    /// What each commit looks at: the owner, `seq`, gate, which transactions are prepared, and for each lane the number and
    /// outcome of its last transaction. In one hash, so that a commit reads and writes all of it with one command each.
    pub(crate) meta: Vec<u8>,
    /// Sequences; in partition 0 only.
    pub(crate) sequences: Vec<u8>,
}

impl Layout {
    pub(crate) fn new(prefix: &str, partition: u32, partitions: u32) -> Self {
        let tag = format!("{{{}}}", slot::tag(prefix, partition, partitions));
        let (meta, sequences) = (format!("{tag}:m").into(), format!("{tag}:q").into());
        Self { tag, meta, sequences }
    }

    /// Whether a key of the server has a name of this partition.
    pub(crate) fn has(&self, key: &str) -> bool {
        key.strip_prefix(&self.tag).is_some_and(|rest| rest.starts_with(':'))
    }

    /// The hash of a space's records; none for an index, whose entries have no value.
    pub(crate) fn hash(&self, space: Space) -> Option<Vec<u8>> {
        Some(match space {
            Space::Rows(table) => self.name("t", Some(table.0)),
            Space::Index(_) => return None,
            Space::Unique(index) => self.name("u", Some(index.0)),
            Space::Aggregate(index) => self.name("a", Some(index.0)),
            Space::Meta => self.name("meta", None),
        })
    }

    /// The sorted set of a space's keys.
    pub(crate) fn ordered(&self, space: Space) -> Vec<u8> {
        match space {
            Space::Rows(table) => self.name("p", Some(table.0)),
            Space::Index(index) => self.name("i", Some(index.0)),
            Space::Unique(index) => self.name("v", Some(index.0)),
            Space::Aggregate(index) => self.name("b", Some(index.0)),
            Space::Meta => self.name("metak", None),
        }
    }

    /// The space that the last part of a name stands for: of a hash, or of an index.
    pub(crate) fn space(part: &[u8]) -> Option<Space> {
        let part = std::str::from_utf8(part).ok()?;
        if part == "meta" {
            return Some(Space::Meta);
        }
        let (kind, number) = part.split_at_checked(1)?;
        let number = number.parse().ok()?;
        Some(match kind {
            "t" => Space::Rows(TableId(number)),
            "i" => Space::Index(IndexId(number)),
            "u" => Space::Unique(IndexId(number)),
            "a" => Space::Aggregate(IndexId(number)),
            _ => return None,
        })
    }

    /// Made for each key of each call, so in one buffer.
    fn name(&self, kind: &str, number: Option<u32>) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.tag.len() + kind.len() + 11);
        name.extend_from_slice(self.tag.as_bytes());
        name.push(b':');
        name.extend_from_slice(kind.as_bytes());
        if let Some(number) = number {
            write!(name, "{number}").expect("memory takes all that is written");
        }
        name
    }
}

/// The field of [`Layout::sequences`] that holds a sequence.
pub(crate) fn sequence_field(sequence: SequenceId) -> String {
    match sequence {
        SequenceId::Lanes => "q:lanes".to_owned(),
        SequenceId::Keys(table) => format!("q:k{}", table.0),
    }
}

/// What the field `gone` of [`Layout::meta`] says of a retired space: the last parts of the names of its keys, each with a
/// semicolon behind it. The field begins with one, so that each is between two.
pub(crate) fn retired(space: Space) -> String {
    match space {
        Space::Index(index) => format!("i{};", index.0),
        Space::Unique(index) => format!("u{0};v{0};", index.0),
        Space::Aggregate(index) => format!("a{0};b{0};", index.0),
        Space::Rows(_) | Space::Meta => String::new(),
    }
}

/// Whether a space is retired, by the field `gone`.
pub(crate) fn is_retired(gone: &[u8], space: Space) -> bool {
    if gone.is_empty() || !space.is_of_index() {
        return false;
    }
    let name = format!(";{}", retired(space));
    gone.windows(name.len()).any(|part| part == name.as_bytes())
}

/// The stored form of a key.
pub(crate) fn stored(key: &[u8]) -> Cow<'_, [u8]> {
    if key.iter().any(|byte| *byte != 0) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(vec![0; key.len() + 1])
}

/// The key that is stored so.
pub(crate) fn original(stored: &[u8]) -> &[u8] {
    match stored.split_last() {
        Some((_, rest)) if stored.iter().all(|byte| *byte == 0) => rest,
        _ => stored,
    }
}

/// The key of the row that an entry points at, from the entry's stored form.
pub(crate) fn row_key(entry: &[u8]) -> Option<Cow<'_, [u8]>> {
    rome_store::row_key(original(entry))
}

/// The version that a record starts with, and its value.
pub(crate) fn split_version(stored: &[u8]) -> StoreResult<(TxId, &[u8])> {
    let (version, value) = stored
        .split_first_chunk::<{ TxId::LEN }>()
        .ok_or_else(|| error::corrupt(format!("a record of {} bytes has no version", stored.len())))?;
    Ok((TxId::from_bytes(*version), value))
}

/// The lower bound of a span as `ZRANGE … BYLEX` writes it.
pub(crate) fn lowest(span: &Span) -> Vec<u8> {
    bound(&span.lo, b"(")
}

/// The upper bound.
pub(crate) fn highest(span: &Span) -> Vec<u8> {
    bound(&span.hi, b"+")
}

/// The bound that leaves out everything up to a member in the direction of a scan, and the member.
pub(crate) fn beyond(member: &[u8]) -> Vec<u8> {
    [b"(", member].concat()
}

fn bound(bound: &Bound<Bytes>, unbounded: &[u8]) -> Vec<u8> {
    match bound {
        Bound::Included(key) => [b"[", &*stored(key)].concat(),
        Bound::Excluded(key) => [b"(", &*stored(key)].concat(),
        Bound::Unbounded => unbounded.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_keys_keep_their_order_and_are_never_empty() {
        let mut keys: Vec<Vec<u8>> = vec![vec![]];
        for length in 1..4_u32 {
            keys.extend(
                (0..3_usize.pow(length))
                    .map(|n| (0..length).map(|position| [0, 1, 255][n / 3_usize.pow(position) % 3]).collect()),
            );
        }
        keys.sort();
        for pair in keys.windows(2) {
            assert!(stored(&pair[0]) < stored(&pair[1]), "{pair:?}");
        }
        for key in &keys {
            assert!(!stored(key).is_empty());
            assert_eq!(original(&stored(key)), key.as_slice());
        }
    }

    #[test]
    fn an_entry_gives_the_key_of_its_row() {
        assert_eq!(row_key(b"red\0ann\0\x03").as_deref(), Some(&b"ann"[..]));
        assert_eq!(row_key(&stored(&[0, 0, 0])).as_deref(), Some(&b""[..]));
        assert_eq!(row_key(b"x"), None);
        assert_eq!(row_key(b"x\0\x02"), None);
    }
}
