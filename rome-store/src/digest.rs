//! What stands for the members that a scan visited.

use std::fmt;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::TxId;

/// A digest of a scan's members, made and compared by the store alone; others only carry it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Digest(pub Bytes);

/// The digest that local stores use: XXH3-128 over the lengths, keys and versions of the visited members in order.
#[derive(Default)]
pub struct Digester(Xxh3);

impl Digester {
    /// Adds a member: its key in the span and, where rows are covered, the row's version.
    pub fn add(&mut self, key: &[u8], version: Option<TxId>) {
        self.0.update(&(key.len() as u64).to_le_bytes());
        self.0.update(key);
        if let Some(version) = version {
            self.0.update(&version.to_bytes());
        }
    }

    /// The digest of what was added.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(Bytes::copy_from_slice(&self.0.digest128().to_be_bytes()))
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester")
    }
}
