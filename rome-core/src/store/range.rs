//! Ranges of keys within a space.

use std::ops::Bound;

use bytes::Bytes;

use rome_store::successor;

/// A range of keys within a space.
pub(crate) type Range = (Bound<Bytes>, Bound<Bytes>);

/// All keys that start with `prefix`.
pub(crate) fn with_prefix(prefix: impl Into<Bytes>) -> Range {
    let prefix = prefix.into();
    let hi = after(&prefix);
    (Bound::Included(prefix), hi)
}

/// The bound after all keys that start with `prefix`.
pub(crate) fn after(prefix: &[u8]) -> Bound<Bytes> {
    successor(prefix).map_or(Bound::Unbounded, Bound::Excluded)
}
