//! Spans of the in-memory store: their members, their number, their digest.

use std::borrow::Cow;
use std::ops::Bound;

use bytes::Bytes;

use super::state::{Record, View, row};
use crate::{
    Digester, FilterRef, RecordRef, Scanned, Scanner, Space, Span, StoreError, StoreErrorKind, StoreResult, TableId,
    TxId, row_key,
};

/// Which members a scan returns of those that it visits.
#[derive(Clone, Copy)]
pub(super) enum Keep<'a> {
    All,
    Nothing,
    Passing(&'a FilterRef),
}

impl<'a> Keep<'a> {
    pub(super) fn of(filter: Option<&'a FilterRef>) -> Self {
        filter.map_or(Self::All, Self::Passing)
    }

    fn keeps(self, key: &[u8], value: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Passing(filter) => filter.0.keep(key, value),
        }
    }
}

/// A scan that is under way: its limits, its digest, what it has found so far. It may be done in several slices, each of which goes on
/// behind the last member of the one before, in the same state.
pub(super) struct Progress {
    scanner: Scanner,
    digester: Option<Digester>,
    visited: u32,
    returned: u32,
    limit: u32,
    want: u32,
    /// How many more bytes may be returned.
    bytes: u64,
    /// The last member that was visited before this slice.
    last: Option<Bytes>,
}

/// One slice of it.
struct Slice<'p, 'a> {
    progress: &'p mut Progress,
    /// How many more members may be visited before other tasks run.
    left: &'p mut u32,
    last: Option<&'a [u8]>,
    /// Whether it gave way to other tasks.
    pauses: bool,
}

impl Progress {
    pub(super) fn new(span: &Span, want: Option<u32>, track: bool) -> Self {
        Self {
            scanner: Scanner::new(),
            digester: track.then(Digester::default),
            visited: 0,
            returned: 0,
            limit: span.limit.unwrap_or(u32::MAX),
            want: want.unwrap_or(u32::MAX),
            bytes: span.bytes.unwrap_or(u64::MAX),
            last: None,
        }
    }

    /// What of the span was not visited yet.
    fn rest<'s>(&self, span: &'s Span) -> Cow<'s, Span> {
        match &self.last {
            None => Cow::Borrowed(span),
            Some(last) if span.reverse => Cow::Owned(Span { hi: Bound::Excluded(last.clone()), ..span.clone() }),
            Some(last) => Cow::Owned(Span { lo: Bound::Excluded(last.clone()), ..span.clone() }),
        }
    }

    pub(super) fn finish(self) -> Scanned {
        self.scanner.finish(self.digester.map(|digester| digester.finish()).unwrap_or_default())
    }
}

impl<'p, 'a> Slice<'p, 'a> {
    const fn new(progress: &'p mut Progress, left: &'p mut u32) -> Self {
        Self { progress, left, last: None, pauses: false }
    }

    /// Whether it ends before one more member: a limit forbids it, or it is the turn of other tasks. Asked only when there is one, so
    /// that `stopped_at` is set exactly when a limit cut the span short.
    fn is_over(&mut self) -> bool {
        let progress = &mut *self.progress;
        let full = progress.visited == progress.limit
            || progress.returned == progress.want
            || (progress.bytes == 0 && progress.returned > 0);
        if full {
            if let Some(last) = self.last.or(progress.last.as_deref()) {
                progress.scanner.stop_at(last);
            }
            return true;
        }
        self.pauses = *self.left == 0;
        self.pauses
    }

    fn visit(&mut self, key: &'a [u8], version: Option<TxId>) {
        self.progress.visited = self.progress.scanner.visit();
        self.last = Some(key);
        *self.left -= 1;
        if let Some(digester) = &mut self.progress.digester {
            digester.add(key, version);
        }
    }

    fn give(&mut self, key: &[u8], record: &Record) {
        let progress = &mut *self.progress;
        progress.scanner.push(RecordRef::new(key, record.version, &record.value));
        progress.returned += 1;
        progress.bytes = progress.bytes.saturating_sub((key.len() + record.value.len()) as u64);
    }

    /// Notes where the next slice goes on. Whether there is none.
    fn end(self) -> bool {
        if let (true, Some(last)) = (self.pauses, self.last) {
            self.progress.last = Some(Bytes::copy_from_slice(last));
        }
        !self.pauses
    }
}

impl View<'_> {
    /// Goes on with a scan and visits so many members at most. Whether it is done.
    pub(super) fn scan_on(self, span: &Span, keep: Keep<'_>, progress: &mut Progress, left: &mut u32) -> bool {
        let keep = match keep {
            Keep::Passing(_) if !matches!(span.space, Space::Rows(_)) => Keep::All,
            keep => keep,
        };
        let versioned = span.space.is_versioned();
        let rest = progress.rest(span);
        let mut slice = Slice::new(progress, left);
        let walked = self.table(span.space).walk(&rest, |key, record| {
            if slice.is_over() {
                return Ok(false);
            }
            slice.visit(key, versioned.then_some(record.version));
            if keep.keeps(key, &record.value) {
                slice.give(key, record);
            }
            Ok(true)
        });
        walked.map_or_else(|never: std::convert::Infallible| match never {}, |()| slice.end())
    }

    /// The same of rows through an index.
    pub(super) fn scan_rows_on(
        self,
        index: &Span,
        table: TableId,
        keep: Keep<'_>,
        progress: &mut Progress,
        left: &mut u32,
    ) -> StoreResult<bool> {
        let Space::Index(_) = index.space else {
            let message = format!("rows can be scanned through an index only, not through {:?}", index.space);
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        };
        let rows = self.table(Space::Rows(table));
        let rest = progress.rest(index);
        let mut slice = Slice::new(progress, left);
        self.table(index.space)
            .walk(&rest, |entry, _| {
                if slice.is_over() {
                    return Ok(false);
                }
                let key = row_key(entry).ok_or_else(|| {
                    let message = format!(
                        "the entry {} of {:?} is too short to hold its row's key",
                        entry.escape_ascii(),
                        index.space
                    );
                    StoreError::new(StoreErrorKind::Corrupt, message)
                })?;
                let key = &*key;
                let row = row(rows, table, key, index.space)?;
                slice.visit(entry, Some(row.version));
                if keep.keeps(key, &row.value) {
                    slice.give(key, row);
                }
                Ok(true)
            })
            .map(|()| slice.end())
    }

    /// A whole scan at once that returns nothing: how many members there are, and their digest.
    pub(super) fn digest(self, span: &Span) -> Scanned {
        let mut progress = Progress::new(span, None, true);
        self.scan_on(span, Keep::Nothing, &mut progress, &mut u32::MAX.clone());
        progress.finish()
    }

    /// The same of rows through an index.
    pub(super) fn digest_rows(self, index: &Span, table: TableId) -> StoreResult<Scanned> {
        let mut progress = Progress::new(index, None, true);
        self.scan_rows_on(index, table, Keep::Nothing, &mut progress, &mut u32::MAX.clone())?;
        Ok(progress.finish())
    }

    pub(super) fn count(self, span: &Span) -> u64 {
        let limit = span.limit.map_or(u64::MAX, u64::from);
        let mut n = 0;
        // Whether it has come so far is asked when there is one more.
        let counted = self.table(span.space).walk(span, |_, _| {
            let more = n < limit;
            n += u64::from(more);
            Ok(more)
        });
        counted.map_or_else(|never: std::convert::Infallible| match never {}, |()| n)
    }
}
