//! Spans of the in-memory store: their members, their number, their digest.

use super::state::{Record, View, row};
use crate::store::{
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

/// The part of a scan that is the same whatever its members are: the limits, the digest, where it stopped.
struct Progress<'a> {
    scanner: Scanner,
    digester: Option<Digester>,
    visited: u32,
    returned: u32,
    limit: u32,
    want: u32,
    /// How many more bytes may be returned.
    bytes: u64,
    last: Option<&'a [u8]>,
}

impl<'a> Progress<'a> {
    fn new(span: &Span, want: Option<u32>, track: bool) -> Self {
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

    /// Whether a limit forbids to visit one more member. Asked only when there is one, so that `stopped_at` is set
    /// exactly when a limit cut the span short.
    fn is_full(&mut self) -> bool {
        let full = self.visited == self.limit || self.returned == self.want || (self.bytes == 0 && self.returned > 0);
        if let Some(last) = self.last.filter(|_| full) {
            self.scanner.stop_at(last);
        }
        full
    }

    fn visit(&mut self, key: &'a [u8], version: Option<TxId>) {
        self.visited = self.scanner.visit();
        self.last = Some(key);
        if let Some(digester) = &mut self.digester {
            digester.add(key, version);
        }
    }

    fn give(&mut self, key: &[u8], record: &Record) {
        self.scanner.push(RecordRef { key, version: record.version, value: &record.value });
        self.returned += 1;
        self.bytes = self.bytes.saturating_sub((key.len() + record.value.len()) as u64);
    }

    fn finish(self) -> Scanned {
        self.scanner.finish(self.digester.map(|digester| digester.finish()).unwrap_or_default())
    }
}

impl View<'_> {
    pub(super) fn scan(self, span: &Span, keep: Keep<'_>, want: Option<u32>, track: bool) -> Scanned {
        let keep = match keep {
            Keep::Passing(_) if !matches!(span.space, Space::Rows(_)) => Keep::All,
            keep => keep,
        };
        let versioned = span.space.is_versioned();
        let mut progress = Progress::new(span, want, track);
        self.table(span.space)
            .walk(span, |key, record| {
                if progress.is_full() {
                    return Ok(false);
                }
                progress.visit(key, versioned.then_some(record.version));
                if keep.keeps(key, &record.value) {
                    progress.give(key, record);
                }
                Ok(true)
            })
            .map_or_else(|never: std::convert::Infallible| match never {}, |()| progress.finish())
    }

    pub(super) fn scan_rows(
        self,
        index: &Span,
        table: TableId,
        keep: Keep<'_>,
        want: Option<u32>,
        track: bool,
    ) -> StoreResult<Scanned> {
        let Space::Index(_) = index.space else {
            let message = format!("rows can be scanned through an index only, not through {:?}", index.space);
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        };
        let rows = self.table(Space::Rows(table));
        let mut progress = Progress::new(index, want, track);
        self.table(index.space)
            .walk(index, |entry, _| {
                if progress.is_full() {
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
                progress.visit(entry, Some(row.version));
                if keep.keeps(key, &row.value) {
                    progress.give(key, row);
                }
                Ok(true)
            })
            .map(|()| progress.finish())
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
