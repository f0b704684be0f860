//! Where data lies: partitions, spaces and spans of keys.

use std::borrow::Cow;
use std::ops::Bound;

use bytes::Bytes;

/// The largest unit in which the store applies a conditional write atomically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Partition(pub u32);

/// A table's number in the catalog; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

/// An index's number in the catalog; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexId(pub u32);

/// A named key space of a partition. Keys of different spaces never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Rows of a table: encoded key → row. Records carry the id of the transaction that wrote them.
    Rows(TableId),
    /// Entries of an index: encoded columns, encoded key, and two big-endian bytes by which [`row_key`] finds the key
    /// without decoding the columns. Entries have no value.
    Index(IndexId),
    /// Claims of a unique index: encoded columns → encoded key. Records carry a version like rows.
    Unique(IndexId),
    /// Counters kept beside the rows: group → sum. Records carry a version like rows.
    Aggregate(IndexId),
    /// The catalog and the settings of the database. Records carry a version like rows.
    Meta,
}

impl Space {
    /// Whether records of this space carry the id of their last writer.
    #[must_use]
    pub const fn is_versioned(self) -> bool {
        matches!(self, Self::Rows(_) | Self::Unique(_) | Self::Aggregate(_) | Self::Meta)
    }

    /// Whether it is one of an index, which can be [retired](crate::Effect::Retire).
    #[must_use]
    pub const fn is_of_index(self) -> bool {
        matches!(self, Self::Index(_) | Self::Unique(_) | Self::Aggregate(_))
    }
}

/// A sequence of numbers that are given out once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SequenceId {
    /// Lanes for transaction ids.
    Lanes,
    /// Counter keys of a table.
    Keys(TableId),
}

/// A range of keys of one space, with a direction and a limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Span {
    /// The space it lies in.
    pub space: Space,
    /// The lower bound, whatever the direction.
    pub lo: Bound<Bytes>,
    /// The upper bound, whatever the direction.
    pub hi: Bound<Bytes>,
    /// Whether to go from high to low.
    pub reverse: bool,
    /// The most members to visit.
    pub limit: Option<u32>,
    /// How many bytes of keys and values a scan returns: it stops after the returned member that reaches so many. Only for scans;
    /// checks and counts have none.
    pub bytes: Option<u64>,
}

impl Span {
    /// All of a space.
    #[must_use]
    pub const fn all(space: Space) -> Self {
        Self { space, lo: Bound::Unbounded, hi: Bound::Unbounded, reverse: false, limit: None, bytes: None }
    }

    /// All keys that start with `prefix`.
    #[must_use]
    pub fn prefix(space: Space, prefix: impl Into<Bytes>) -> Self {
        let prefix = prefix.into();
        let hi = successor(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self { space, lo: Bound::Included(prefix), hi, reverse: false, limit: None, bytes: None }
    }

    /// The span between two bounds.
    #[must_use]
    pub const fn between(space: Space, lo: Bound<Bytes>, hi: Bound<Bytes>) -> Self {
        Self { space, lo, hi, reverse: false, limit: None, bytes: None }
    }

    /// The same span in the other direction, if `reverse`.
    #[must_use]
    pub const fn reversed(mut self, reverse: bool) -> Self {
        self.reverse = reverse;
        self
    }

    /// The same span with at most `limit` members.
    #[must_use]
    pub const fn limited(mut self, limit: Option<u32>) -> Self {
        self.limit = limit;
        self
    }

    /// The same span, of which a scan returns about so many bytes.
    #[must_use]
    pub const fn within_bytes(mut self, bytes: Option<u64>) -> Self {
        self.bytes = bytes;
        self
    }

    /// Whether the bounds leave room for any key at all; ordered engines panic on ranges that do not.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        match (&self.lo, &self.hi) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
            (Bound::Included(lo), Bound::Included(hi)) => lo <= hi,
            (Bound::Included(lo) | Bound::Excluded(lo), Bound::Included(hi) | Bound::Excluded(hi)) => lo < hi,
        }
    }

    /// Whether `key` lies within the bounds.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let above = match &self.lo {
            Bound::Unbounded => true,
            Bound::Included(lo) => key >= lo.as_ref(),
            Bound::Excluded(lo) => key > lo.as_ref(),
        };
        above
            && match &self.hi {
                Bound::Unbounded => true,
                Bound::Included(hi) => key <= hi.as_ref(),
                Bound::Excluded(hi) => key < hi.as_ref(),
            }
    }

    /// The part of this span up to and including `last`, the member at which a scan stopped. This is what the scan saw,
    /// so it is what a check has to look at.
    #[must_use]
    pub fn cut_at(&self, last: &[u8]) -> Self {
        let mut cut = self.clone();
        cut.limit = None;
        cut.bytes = None;
        let bound = Bound::Included(Bytes::copy_from_slice(last));
        if cut.reverse {
            cut.lo = bound
        } else {
            cut.hi = bound
        }
        cut
    }

    /// The part of this span after `last`, the member at which a scan stopped, in the span's direction: where the next
    /// batch begins. Its limits are those of this span. Together with [`cut_at`](Self::cut_at) it is the whole span.
    #[must_use]
    pub fn after(&self, last: &[u8]) -> Self {
        let mut rest = self.clone();
        let bound = Bound::Excluded(Bytes::copy_from_slice(last));
        if rest.reverse {
            rest.hi = bound
        } else {
            rest.lo = bound
        }
        rest
    }
}

/// The least byte string that is greater than every string with this prefix; none if the prefix is all `FF`.
pub fn successor(prefix: &[u8]) -> Option<Bytes> {
    let keep = prefix.iter().rposition(|byte| *byte != 0xFF)?;
    let mut next = prefix.get(..=keep)?.to_vec();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    Some(next.into())
}

/// The bit of an entry's last two bytes that says that the bytes of the key are complemented.
const COMPLEMENTED: u16 = 0x8000;

/// Completes an index entry, whose columns are encoded already: appends the key, complemented where entries with equal
/// columns shall come in descending order of their keys, and two bytes for its length and that fact.
pub fn push_row_key(entry: &mut Vec<u8>, key: &[u8], descending: bool) {
    let mut tail = u16::try_from(key.len()).unwrap_or(u16::MAX) & !COMPLEMENTED;
    if descending {
        entry.extend(key.iter().map(|byte| !byte));
        tail |= COMPLEMENTED;
    } else {
        entry.extend_from_slice(key);
    }
    entry.extend_from_slice(&tail.to_be_bytes());
}

/// The encoded row key in an index entry; none if the entry does not end as entries do. Borrows it where it lies as it
/// is, which is so in all indexes whose last column ascends.
#[must_use]
pub fn row_key(entry: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (rest, tail) = entry.split_last_chunk::<2>()?;
    let tail = u16::from_be_bytes(*tail);
    let key = rest.get(rest.len().checked_sub(usize::from(tail & !COMPLEMENTED))?..)?;
    if tail & COMPLEMENTED == 0 {
        return Some(Cow::Borrowed(key));
    }
    Some(Cow::Owned(key.iter().map(|byte| !byte).collect()))
}
