//! The file format above the engine: how keys and values of the contract become keys and values of the engine's tables.
//!
//! Each space has a table of its own ([`Place`]), and a key is the contract's key. A value is the writer's id where the
//! space is versioned, then the value itself, then a checksum of table, key and value, so that a damaged or misplaced
//! record is reported instead of read.

use rome_store::{SequenceId, Space, StoreError, StoreErrorKind, StoreResult, TableId, TxId};
use xxhash_rust::xxh3::xxh3_64;

use crate::place::Place;

/// The length of the checksum after each value.
const CHECKSUM: usize = 4;

/// The version of this format. A change of anything in this file or of the names of tables needs a new one.
pub(crate) const FORMAT_VERSION: u32 = 2;
/// What the record under [`FORMAT_KEY`] starts with.
pub(crate) const FORMAT_NAME: &[u8] = b"rome-embedded";
/// Where the marker lies that says whose file this is, and of which format; the same in every version.
pub(crate) const FORMAT_KEY: &[u8] = b"\0\0\0\0\0format";
/// Where the partition's `seq` and schema gate lie.
pub(crate) const STATE_KEY: &[u8] = b"state";
/// Where the spaces lie that are retired.
pub(crate) const RETIRED_KEY: &[u8] = b"retired";

/// The stored form of the retired spaces: for each the kind of its place, and its number.
pub(crate) fn retired_value(spaces: &[Space]) -> Vec<u8> {
    let one = |space: &Space| {
        let (kind, number) = Place::from(*space).parts();
        let [a, b, c, d] = number.to_be_bytes();
        [kind, a, b, c, d]
    };
    spaces.iter().flat_map(one).collect()
}

/// The retired spaces of their stored form; none if it is damaged.
pub(crate) fn retired_spaces(value: &[u8]) -> Option<Vec<Space>> {
    let (spaces, rest) = value.as_chunks::<5>();
    let one = |[kind, number @ ..]: &[u8; 5]| Place::space(*kind, u32::from_be_bytes(*number));
    if rest.is_empty() { spaces.iter().map(one).collect() } else { None }
}

/// Where the last number lies that was given out of a sequence.
pub(crate) fn sequence_key(sequence: SequenceId) -> Vec<u8> {
    let mut key = b"sequence".to_vec();
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
    let mut key = b"lane".to_vec();
    key.extend_from_slice(&lane.to_be_bytes());
    key
}

/// The high half of a mix of the table's mark and the hashes of key and body. Two one-shot hashes cost less than one
/// streamed hash at the length of usual rows.
fn checksum(place: Place, key: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mixed = (place.mark() ^ xxh3_64(key).rotate_left(29) ^ xxh3_64(body)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let [a, b, c, d, ..] = mixed.to_be_bytes();
    [a, b, c, d]
}

/// Writes the stored form of a value into `out`, replacing what was there. `version` is for versioned spaces.
pub(crate) fn seal(out: &mut Vec<u8>, place: Place, key: &[u8], version: Option<TxId>, value: &[u8]) {
    out.clear();
    out.reserve(TxId::LEN + value.len() + CHECKSUM);
    if let Some(version) = version {
        out.extend_from_slice(&version.to_bytes());
    }
    out.extend_from_slice(value);
    let sum = checksum(place, key, out);
    out.extend_from_slice(&sum);
}

/// The value of a record without a version, after comparing its checksum.
pub(crate) fn unseal<'a>(place: Place, key: &[u8], stored: &'a [u8]) -> StoreResult<&'a [u8]> {
    match stored.split_last_chunk::<CHECKSUM>() {
        Some((body, sum)) if *sum == checksum(place, key, body) => Ok(body),
        _ => Err(damaged(place)),
    }
}

/// Version and value of a record of a space, after comparing its checksum; the version is zero where there is none.
pub(crate) fn unseal_in<'a>(space: Space, key: &[u8], stored: &'a [u8]) -> StoreResult<(TxId, &'a [u8])> {
    let place = Place::from(space);
    let body = unseal(place, key, stored)?;
    if !space.is_versioned() {
        return Ok((TxId::default(), body));
    }
    let (version, value) = body.split_first_chunk::<{ TxId::LEN }>().ok_or_else(|| damaged(place))?;
    Ok((TxId::from_bytes(*version), value))
}

#[cold]
fn damaged(place: Place) -> StoreError {
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!(
            "a record in the table \"{place}\" of the file is damaged: its checksum does not match; restore the \
             database from a backup"
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rome_store::IndexId;

    #[test]
    fn a_flipped_bit_in_key_or_value_is_damage() {
        let (space, key) = (Space::Rows(TableId(7)), b"rex".as_slice());
        let version = TxId { lane: 1, seq: 2 };
        let mut stored = Vec::new();
        seal(&mut stored, space.into(), key, Some(version), b"value");
        assert_eq!(unseal_in(space, key, &stored).unwrap(), (version, b"value".as_slice()));
        for bit in 0..stored.len() * 8 {
            let mut bad = stored.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal_in(space, key, &bad).unwrap_err().kind(), StoreErrorKind::Corrupt);
        }
        for bit in 0..key.len() * 8 {
            let mut bad = key.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal_in(space, &bad, &stored).unwrap_err().kind(), StoreErrorKind::Corrupt);
        }
    }

    #[test]
    fn a_record_in_another_table_is_damage() {
        let mut stored = Vec::new();
        seal(&mut stored, Space::Rows(TableId(7)).into(), b"rex", Some(TxId { lane: 1, seq: 2 }), b"value");
        for number in (0..10_000).filter(|number| *number != 7) {
            for space in [Space::Rows(TableId(number)), Space::Index(IndexId(number)), Space::Unique(IndexId(number))] {
                assert_eq!(unseal_in(space, b"rex", &stored).unwrap_err().kind(), StoreErrorKind::Corrupt);
            }
        }
    }
}
