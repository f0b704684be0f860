//! Key ranges for conditions on the columns of an index.

use std::ops::Bound;

use bytes::Bytes;

use super::constraint::Excluded;
use crate::store::{Range, after, successor, with_prefix};
use crate::value::{Value, ValueRef, key};

/// Keys that start with `prefix` and go on with a value between the bounds, NULL left out.
pub(crate) fn between(
    prefix: &[u8],
    descending: bool,
    low: Option<(&Value, Excluded)>,
    high: Option<(&Value, Excluded)>,
) -> Range {
    let encoded = |value: ValueRef<'_>| {
        let mut bytes = prefix.to_vec();
        key::encode(value, descending, &mut bytes);
        bytes
    };
    // In a descending column the greatest value comes first.
    let (first, last) = if descending { (high, low) } else { (low, high) };
    let lo = match first {
        Some((value, true)) => from_after(&encoded(value.as_ref())),
        Some((value, false)) => Bound::Included(encoded(value.as_ref()).into()),
        None if descending => Bound::Included(Bytes::copy_from_slice(prefix)),
        None => from_after(&encoded(ValueRef::Null)),
    };
    let hi = match last {
        Some((value, true)) => Bound::Excluded(encoded(value.as_ref()).into()),
        Some((value, false)) => after(&encoded(value.as_ref())),
        None if descending => Bound::Excluded(encoded(ValueRef::Null).into()),
        None => after(prefix),
    };
    (lo, hi)
}

/// Keys that start with `prefix` and go on with a text that starts with `text`.
pub(crate) fn with_text(prefix: &[u8], descending: bool, text: &str) -> Range {
    let mut bytes = prefix.to_vec();
    key::encode(ValueRef::Text(text), descending, &mut bytes);
    // Without the end mark what is left begins every longer text too.
    bytes.truncate(bytes.len() - key::TEXT_END);
    with_prefix(bytes)
}

/// The bound from after all keys that start with `prefix` on; nothing lies there if the prefix is all `FF`.
pub(super) fn from_after(prefix: &[u8]) -> Bound<Bytes> {
    successor(prefix).map_or_else(|| Bound::Excluded(Bytes::copy_from_slice(&[0xFF; 64])), Bound::Included)
}

/// The keys that are in both ranges.
pub(super) fn intersect(a: Range, b: Range) -> Range {
    use Bound::{Excluded, Included, Unbounded};
    let lo = match (a.0, b.0) {
        (Unbounded, lo) | (lo, Unbounded) => lo,
        (Included(x), Included(y)) => Included(x.max(y)),
        (Excluded(x), Excluded(y)) => Excluded(x.max(y)),
        (Included(x), Excluded(y)) | (Excluded(y), Included(x)) => {
            if y >= x {
                Excluded(y)
            } else {
                Included(x)
            }
        }
    };
    let hi = match (a.1, b.1) {
        (Unbounded, hi) | (hi, Unbounded) => hi,
        (Included(x), Included(y)) => Included(x.min(y)),
        (Excluded(x), Excluded(y)) => Excluded(x.min(y)),
        (Included(x), Excluded(y)) | (Excluded(y), Included(x)) => {
            if y <= x {
                Excluded(y)
            } else {
                Included(x)
            }
        }
    };
    (lo, hi)
}

/// Whether no key is in the range, by a look at its bounds alone.
pub(super) fn is_empty(range: &Range) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match range {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(lo), Included(hi)) => lo > hi,
        (Included(lo) | Excluded(lo), Included(hi) | Excluded(hi)) => lo >= hi,
    }
}
