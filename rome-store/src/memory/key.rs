//! Keys of the in-memory store.

use std::borrow::Borrow;
use std::cmp::Ordering;

use bytes::Bytes;

/// A key as it is stored.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Probe<'static>);

impl Key {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(Probe { head: head(&bytes), bytes: Text::Owned(bytes) })
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes.as_slice()
    }
}

/// A key to look for. It has a copy of its beginning, which decides most comparisons without following the pointer to
/// the rest.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    head: u128,
    bytes: Text<'a>,
}

#[derive(Debug)]
enum Text<'a> {
    Owned(Bytes),
    Borrowed(&'a [u8]),
}

impl Text<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Borrowed(bytes) => bytes,
        }
    }
}

impl<'a> Probe<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { head: head(bytes), bytes: Text::Borrowed(bytes) }
    }
}

/// The first bytes as one big-endian number, filled up with zeros: the key with the lower number is the lower one.
fn head(bytes: &[u8]) -> u128 {
    match bytes.first_chunk() {
        Some(head) => u128::from_be_bytes(*head),
        None => bytes.iter().rev().fold(0, |head, byte| (head >> 8) | (u128::from(*byte) << 120)),
    }
}

impl Ord for Probe<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.head.cmp(&other.head).then_with(|| self.bytes.as_slice().cmp(other.bytes.as_slice()))
    }
}

impl PartialOrd for Probe<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Probe<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Probe<'_> {}

impl<'a> Borrow<Probe<'a>> for Key {
    fn borrow(&self) -> &Probe<'a> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_their_bytes() {
        let mut all = vec![Vec::new()];
        for byte in [0, 1, 0x7F, 0x80, 0xFF] {
            for length in [1, 2, 7, 15, 16, 17, 40] {
                let key = vec![byte; length];
                all.extend([[key.as_slice(), &[0]].concat(), [key.as_slice(), &[0xFF]].concat(), key]);
            }
        }
        for a in &all {
            for b in &all {
                let (x, y) = (Key::new(a.clone().into()), Probe::new(b));
                assert_eq!(x.0.cmp(&y), a.cmp(b), "{a:?} {b:?}");
            }
        }
    }
}
