//! Answers reads from one state of the records, in place: what is not returned is not copied.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use rome_core::store::{
    Digest, Digester, Read, RecordRef, Reply, RowFilter, Scanned, Scanner, Space, Span, StoreError, StoreErrorKind,
    StoreResult, TableId, TxId, row_key,
};

use crate::engine::Records;
use crate::layout;

/// What a scan does besides visiting.
#[derive(Clone, Copy)]
pub(crate) struct Purpose<'a> {
    /// Which members to return.
    pub(crate) keep: Keep<'a>,
    /// The most members to return.
    pub(crate) want: Option<u32>,
    /// Whether to compute the digest.
    pub(crate) track: bool,
}

/// Which members a scan returns.
#[derive(Clone, Copy)]
pub(crate) enum Keep<'a> {
    All,
    None,
    Passing(&'a dyn RowFilter),
}

impl Keep<'_> {
    fn keeps(self, key: &[u8], value: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Passing(filter) => filter.keep(key, value),
        }
    }
}

/// The reply to one read.
pub(crate) fn answer(records: &impl Records, read: &Read, buffer: &mut Vec<u8>) -> StoreResult<Reply> {
    match read {
        Read::Get { space, key } => Ok(Reply::Record(get(records, *space, key, buffer)?)),
        Read::GetClaimed { index, columns, table } => {
            let Some((claim, row_key)) = get(records, Space::Unique(*index), columns, buffer)? else {
                return Ok(Reply::Claimed(None));
            };
            let row = get(records, Space::Rows(*table), &row_key, buffer)?;
            let (version, value) = row.ok_or_else(|| {
                dangling(format!("a claim of unique index {} leads to no row of table {}", index.0, table.0))
            })?;
            Ok(Reply::Claimed(Some((claim, row_key, version, value))))
        }
        Read::Scan { span, filter, want, track } => {
            let keep = match filter {
                Some(filter) if matches!(span.space, Space::Rows(_)) => Keep::Passing(&*filter.0),
                _ => Keep::All,
            };
            scan(records, span, Purpose { keep, want: *want, track: *track }).map(Reply::Scanned)
        }
        Read::ScanRows { index, table, filter, want, track } => {
            let keep = filter.as_ref().map_or(Keep::All, |filter| Keep::Passing(&*filter.0));
            scan_rows(records, index, *table, Purpose { keep, want: *want, track: *track }).map(Reply::Scanned)
        }
        Read::Count(span) => count(records, span).map(Reply::Count),
        other => Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("the embedded store does not know this kind of read: {other:?}"),
        )),
    }
}

fn get(records: &impl Records, space: Space, key: &[u8], buffer: &mut Vec<u8>) -> StoreResult<Option<(TxId, Bytes)>> {
    layout::write_key(buffer, space, key);
    let found = records.get(buffer, |stored| {
        let (version, value) = layout::unseal_in(space, buffer, stored)?;
        Ok((version, Bytes::copy_from_slice(value)))
    })?;
    found.transpose()
}

/// The version of a record of a versioned space.
pub(crate) fn version(
    records: &impl Records,
    space: Space,
    key: &[u8],
    buffer: &mut Vec<u8>,
) -> StoreResult<Option<TxId>> {
    layout::write_key(buffer, space, key);
    let found = records.get(buffer, |stored| Ok(layout::unseal_versioned(buffer, stored)?.0))?;
    found.transpose()
}

/// The members of a span.
pub(crate) fn scan(records: &impl Records, span: &Span, purpose: Purpose<'_>) -> StoreResult<Scanned> {
    let space = span.space;
    walk(records, span, purpose, |full, key, stored, digester, scanner| {
        let (version, value) = layout::unseal_in(space, full, stored)?;
        if let Some(digester) = digester {
            digester.add(key, space.is_versioned().then_some(version));
        }
        if purpose.keep.keeps(key, value) {
            return Ok(Some(scanner.push(RecordRef { key, version, value })));
        }
        Ok(None)
    })
}

/// The rows that the entries of an index span point at.
pub(crate) fn scan_rows(
    records: &impl Records,
    span: &Span,
    table: TableId,
    purpose: Purpose<'_>,
) -> StoreResult<Scanned> {
    if !matches!(span.space, Space::Index(_)) {
        return Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("rows are found through the entries of an index, not of {:?}", span.space),
        ));
    }
    let rows = Space::Rows(table);
    let mut row = Vec::new();
    walk(records, span, purpose, |full, entry, stored, digester, scanner| {
        layout::unseal(full, stored)?;
        let key = row_key(entry)
            .ok_or_else(|| dangling(format!("an entry of {:?} does not end with a key's length", span.space)))?;
        let key = &*key;
        layout::write_key(&mut row, rows, key);
        let pushed = records.get(&row, |stored| {
            let (version, value) = layout::unseal_versioned(&row, stored)?;
            if let Some(digester) = digester {
                digester.add(entry, Some(version));
            }
            let kept = purpose.keep.keeps(key, value);
            Ok(kept.then(|| scanner.push(RecordRef { key, version, value })))
        })?;
        pushed.unwrap_or_else(|| {
            Err(dangling(format!("an entry of {:?} leads to no row of table {}", span.space, table.0)))
        })
    })
}

/// Visits the members of a span within its limit and the wanted number. `visit` returns how many members have been
/// pushed if it pushed one.
fn walk(
    records: &impl Records,
    span: &Span,
    purpose: Purpose<'_>,
    mut visit: impl FnMut(&[u8], &[u8], &[u8], Option<&mut Digester>, &mut Scanner) -> StoreResult<Option<usize>>,
) -> StoreResult<Scanned> {
    let mut scanner = Scanner::new();
    let mut digester = purpose.track.then(Digester::default);
    let limit = span.limit.unwrap_or(u32::MAX);
    let want = purpose.want.map_or(usize::MAX, |want| want as usize);
    // The member that reached a limit. Whether the span ends with it is known only when there is another.
    let mut last: Option<Vec<u8>> = None;
    if limit > 0 && want > 0 {
        range(records, span, |full, key, stored| {
            if let Some(last) = &last {
                scanner.stop_at(last);
                return Ok(ControlFlow::Break(()));
            }
            let pushed = visit(full, key, stored, digester.as_mut(), &mut scanner)?;
            if scanner.visit() >= limit || pushed.is_some_and(|pushed| pushed >= want) {
                last = Some(key.to_vec());
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(scanner.finish(digester.map_or_else(Digest::default, |digester| digester.finish())))
}

/// How many members a span has, up to its limit. Their checksums are not compared: a damaged member is still one.
pub(crate) fn count(records: &impl Records, span: &Span) -> StoreResult<u64> {
    let limit = span.limit.map_or(u64::MAX, u64::from);
    let mut members = 0;
    if limit > 0 {
        range(records, span, |_, _, _| {
            members += 1;
            Ok(if members < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    Ok(members)
}

fn range(
    records: &impl Records,
    span: &Span,
    mut visit: impl FnMut(&[u8], &[u8], &[u8]) -> StoreResult<ControlFlow<()>>,
) -> StoreResult<()> {
    let Some((lo, hi)) = layout::bounds(span) else { return Ok(()) };
    let lo = as_slices(&lo);
    let hi = as_slices(&hi);
    records.range(lo, hi, span.reverse, |full, stored| {
        let key = full.get(layout::PREFIX..).ok_or_else(|| dangling("a key without a prefix".to_owned()))?;
        visit(full, key, stored)
    })
}

fn as_slices(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

#[cold]
fn dangling(what: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("the stored data is damaged: {what}"))
}
