//! The file format above the engine: how keys and values of the contract become keys and values of one ordered table.
//!
//! A key is one tag byte for the kind of space, the table's or index's number as four big-endian bytes (zero where
//! there is none), and the key itself: so all spaces lie in one table, each of them in one piece, in the contract's
//! order. A value is the writer's id where the space is versioned, then the value itself, then a checksum of key and
//! value, so that a damaged or misplaced record is reported instead of read.

use std::ops::Bound;

use rome_core::store::{SequenceId, Space, Span, StoreError, StoreErrorKind, StoreResult, TableId, TxId};
use xxhash_rust::xxh3::xxh3_64;

/// The length of the tag and the number before each key.
pub(crate) const PREFIX: usize = 5;
/// The length of the checksum after each value.
const CHECKSUM: usize = 4;
/// The tag of the store's own records; below all spaces.
const OWN: u8 = 0;

/// The version of this format. A change of anything in this file needs a new one.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// What the record under [`format_key`] starts with.
pub(crate) const FORMAT_NAME: &[u8] = b"rome-embedded";

const fn prefix(space: Space) -> [u8; PREFIX] {
    let (tag, number) = match space {
        Space::Rows(table) => (0x10, table.0),
        Space::Index(index) => (0x20, index.0),
        Space::Unique(index) => (0x30, index.0),
        Space::Aggregate(index) => (0x40, index.0),
        Space::Pending => (0x50, 0),
        Space::ReadLocks => (0x51, 0),
        Space::Outcome => (0x52, 0),
        Space::Meta => (0x60, 0),
    };
    let [a, b, c, d] = number.to_be_bytes();
    [tag, a, b, c, d]
}

/// The least prefix above all keys of a space.
const fn prefix_after(space: Space) -> [u8; PREFIX] {
    let [tag, a, b, c, d] = prefix(space);
    match u32::from_be_bytes([a, b, c, d]).checked_add(1) {
        Some(next) => {
            let [a, b, c, d] = next.to_be_bytes();
            [tag, a, b, c, d]
        }
        None => [tag + 1, 0, 0, 0, 0],
    }
}

/// Writes the engine's key of a record into `out`, replacing what was there.
pub(crate) fn write_key(out: &mut Vec<u8>, space: Space, key: &[u8]) {
    out.clear();
    out.extend_from_slice(&prefix(space));
    out.extend_from_slice(key);
}

/// The engine's key of a record.
pub(crate) fn full_key(space: Space, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(PREFIX + key.len());
    write_key(&mut out, space, key);
    out
}

/// The engine's bounds of a span, low and high.
pub(crate) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The engine's bounds of a span; none if no key can lie in it.
pub(crate) fn bounds(span: &Span) -> Option<Bounds> {
    if !span.is_possible() {
        return None;
    }
    let lo = match &span.lo {
        Bound::Included(key) => Bound::Included(full_key(span.space, key)),
        Bound::Excluded(key) => Bound::Excluded(full_key(span.space, key)),
        Bound::Unbounded => Bound::Included(prefix(span.space).to_vec()),
    };
    let hi = match &span.hi {
        Bound::Included(key) => Bound::Included(full_key(span.space, key)),
        Bound::Excluded(key) => Bound::Excluded(full_key(span.space, key)),
        Bound::Unbounded => Bound::Excluded(prefix_after(span.space).to_vec()),
    };
    Some((lo, hi))
}

/// Where the marker lies that says whose file this is, and of which format.
pub(crate) fn format_key() -> Vec<u8> {
    own_key(b"format")
}

/// Where the partition's `seq` and schema gate lie.
pub(crate) fn state_key() -> Vec<u8> {
    own_key(b"state")
}

/// Where the last number lies that was given out of a sequence.
pub(crate) fn sequence_key(sequence: SequenceId) -> Vec<u8> {
    let mut key = own_key(b"sequence");
    match sequence {
        SequenceId::Lanes => key.push(0),
        SequenceId::Keys(TableId(table)) => {
            key.push(1);
            key.extend_from_slice(&table.to_be_bytes());
        }
    }
    key
}

/// Where the number of the last transaction with effects lies that a lane committed.
pub(crate) fn lane_key(lane: u64) -> Vec<u8> {
    let mut key = own_key(b"lane");
    key.extend_from_slice(&lane.to_be_bytes());
    key
}

fn own_key(name: &[u8]) -> Vec<u8> {
    let mut key = vec![OWN, 0, 0, 0, 0];
    key.extend_from_slice(name);
    key
}

/// The low half of a mix of the hashes of key and body. Two one-shot hashes cost less than one streamed hash at the
/// length of usual rows.
fn checksum(key: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mixed = (xxh3_64(key).rotate_left(29) ^ xxh3_64(body)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let [a, b, c, d, ..] = mixed.to_be_bytes();
    [a, b, c, d]
}

/// Writes the stored form of a value into `out`, replacing what was there. `version` is for versioned spaces.
pub(crate) fn seal(out: &mut Vec<u8>, key: &[u8], version: Option<TxId>, value: &[u8]) {
    out.clear();
    if let Some(version) = version {
        out.extend_from_slice(&version.to_bytes());
    }
    out.extend_from_slice(value);
    let sum = checksum(key, out);
    out.extend_from_slice(&sum);
}

/// Takes a stored value of a versioned space apart, after comparing its checksum.
pub(crate) fn unseal_versioned<'a>(key: &[u8], stored: &'a [u8]) -> StoreResult<(TxId, &'a [u8])> {
    let body = unseal(key, stored)?;
    let (version, value) = body.split_first_chunk::<{ TxId::LEN }>().ok_or_else(|| damaged(key))?;
    Ok((TxId::from_bytes(*version), value))
}

/// The value of a record without a version, after comparing its checksum.
pub(crate) fn unseal<'a>(key: &[u8], stored: &'a [u8]) -> StoreResult<&'a [u8]> {
    match stored.split_last_chunk::<CHECKSUM>() {
        Some((body, sum)) if *sum == checksum(key, body) => Ok(body),
        _ => Err(damaged(key)),
    }
}

/// Version and value of a record of any space; the version is zero where there is none.
pub(crate) fn unseal_in<'a>(space: Space, key: &[u8], stored: &'a [u8]) -> StoreResult<(TxId, &'a [u8])> {
    if space.is_versioned() { unseal_versioned(key, stored) } else { Ok((TxId::default(), unseal(key, stored)?)) }
}

#[cold]
fn damaged(key: &[u8]) -> StoreError {
    let place = match key.split_first_chunk::<PREFIX>() {
        Some(([tag, number @ ..], _)) => {
            let number = u32::from_be_bytes(*number);
            match tag {
                0x10 => format!("of table {number}"),
                0x20 => format!("of index {number}"),
                0x30 => format!("of unique index {number}"),
                0x40 => format!("of aggregate {number}"),
                0x60 => "of the catalog".to_owned(),
                _ => "of the store itself".to_owned(),
            }
        }
        None => "without a place".to_owned(),
    };
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!("a record {place} is damaged: its checksum does not match; restore the database from a backup"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rome_core::store::IndexId;

    #[test]
    fn a_flipped_bit_in_key_or_value_is_damage() {
        let key = full_key(Space::Rows(TableId(7)), b"rex");
        let version = TxId { lane: 1, seq: 2 };
        let mut stored = Vec::new();
        seal(&mut stored, &key, Some(version), b"value");
        assert_eq!(unseal_versioned(&key, &stored).unwrap(), (version, b"value".as_slice()));
        for bit in 0..stored.len() * 8 {
            let mut bad = stored.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal_versioned(&key, &bad).unwrap_err().kind(), StoreErrorKind::Corrupt);
        }
        for bit in 0..key.len() * 8 {
            let mut bad = key.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal_versioned(&bad, &stored).unwrap_err().kind(), StoreErrorKind::Corrupt);
        }
    }

    #[test]
    fn spaces_do_not_overlap_and_the_last_number_has_an_end() {
        for space in [Space::Rows(TableId(u32::MAX)), Space::Index(IndexId(0)), Space::Pending, Space::Meta] {
            let (start, end) = (prefix(space), prefix_after(space));
            assert!(start < end);
            let inside = full_key(space, &[0xFF; 64]);
            assert!(start.as_slice() < inside.as_slice() && inside.as_slice() < end.as_slice());
        }
        assert!(prefix_after(Space::Rows(TableId(u32::MAX))) <= prefix(Space::Index(IndexId(0))));
        assert!(prefix_after(Space::Pending) <= prefix(Space::ReadLocks));
    }
}
