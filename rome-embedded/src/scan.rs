//! Answers reads from one state of the records, in place: what is not returned is not copied.
//!
//! A read that visits many members does so in slices, between which its caller lets other tasks of the thread run. What is
//! known after a slice is kept in [`Ongoing`], which borrows nothing of the state.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use rome_store::{
    Claimed, Digest, Digester, Read, RecordRef, Reply, RowFilter, Scanned, Scanner, Space, Span, StoreError,
    StoreErrorKind, StoreResult, TableId, TxId, row_key,
};

use crate::engine::{Outside, Records, Tables, caught};
use crate::layout;

/// For how many members the first scan of a call makes room.
const FIRST_ROOM: usize = 32;
/// For how many members any scan makes room.
const LEAST_ROOM: usize = 4;

/// What a scan does besides visiting.
#[derive(Clone, Copy)]
pub(crate) struct Purpose<'a> {
    /// Which members to return.
    pub(crate) keep: Keep<'a>,
    /// The most members to return.
    pub(crate) want: Option<u32>,
    /// Whether to compute the digest.
    pub(crate) track: bool,
    /// For how many members room is made at first.
    pub(crate) room: usize,
    /// Where a filter runs.
    pub(crate) outside: &'a Outside,
}

/// Which members a scan returns.
#[derive(Clone, Copy)]
pub(crate) enum Keep<'a> {
    All,
    None,
    Passing(&'a dyn RowFilter),
}

impl Purpose<'_> {
    fn keeps(&self, key: &[u8], value: &[u8]) -> bool {
        match self.keep {
            Keep::All => true,
            Keep::None => false,
            Keep::Passing(filter) => self.outside.run(|| filter.keep(key, value)),
        }
    }
}

/// How many members a read visits before it gives way to other tasks of its thread: less than a millisecond's work, of which
/// beginning again is a small part.
const SLICE: u64 = 1024;
/// Of a read that does not give way.
const AT_ONCE: u64 = u64::MAX;

/// Reads that are being answered from one state, slice by slice.
pub(crate) struct Answering {
    replies: Vec<Reply>,
    room: usize,
    /// Where the read that comes next was left; in a box, because most are never left and a digest in the making is large.
    left_at: Option<Box<Ongoing>>,
}

/// A scan or a count that has visited some of its members.
struct Ongoing {
    scanner: Scanner,
    digester: Option<Digester>,
    /// The member that reached a limit. Whether the span ends with it is known only when there is another.
    last: Option<Vec<u8>>,
    /// The last visited member, if the scan gave way after it.
    behind: Option<Bytes>,
}

impl Answering {
    pub(crate) const fn new() -> Self {
        Self { replies: Vec::new(), room: FIRST_ROOM, left_at: None }
    }

    /// The replies, once all reads are answered.
    pub(crate) fn take(&mut self) -> Vec<Reply> {
        std::mem::take(self).replies
    }

    /// Goes on answering the reads until all are, or one slice is done. Whether all are.
    pub(crate) fn go_on(&mut self, tables: &impl Tables, reads: &[Read]) -> StoreResult<bool> {
        caught(|outside| {
            let mut left = SLICE;
            let todo = reads.get(self.replies.len()..).unwrap_or_default();
            self.replies.reserve(todo.len());
            for run in todo.chunk_by(|a, b| matches!((a, b), (Read::Get { .. }, Read::Get { .. }))) {
                if left == 0 {
                    return Ok(false);
                }
                let [read] = run else {
                    get_all(tables, run, &mut self.replies)?;
                    left = left.saturating_sub(run.len() as u64);
                    continue;
                };
                let Some(reply) = self.answer(tables, read, &mut left, outside)? else { return Ok(false) };
                if let Reply::Scanned(scanned) = &reply {
                    // The scans of one call are mostly of one kind.
                    self.room = scanned.len().max(LEAST_ROOM);
                }
                self.replies.push(reply);
            }
            Ok(true)
        })
    }

    /// The reply to the next read; `None` if it gave way.
    fn answer(
        &mut self,
        tables: &impl Tables,
        read: &Read,
        left: &mut u64,
        outside: &Outside,
    ) -> StoreResult<Option<Reply>> {
        let (want, track, keep) = match read {
            Read::Scan { span, filter: Some(filter), want, track } if matches!(span.space, Space::Rows(_)) => {
                (*want, *track, Keep::Passing(&*filter.0))
            }
            Read::ScanRows { filter: Some(filter), want, track, .. } => (*want, *track, Keep::Passing(&*filter.0)),
            Read::Scan { want, track, .. } | Read::ScanRows { want, track, .. } => (*want, *track, Keep::All),
            Read::Count { track, .. } => (None, *track, Keep::None),
            read => return answer(tables, read).map(Some),
        };
        let purpose = Purpose { keep, want, track, room: self.room, outside };
        let mut ongoing = self.left_at.take().map_or_else(|| Ongoing::new(&purpose), |ongoing| *ongoing);
        let is_done = match read {
            Read::Count { span, track: false } => match count_some(tables, span, &mut ongoing, left)? {
                Some(n) => return Ok(Some(Reply::Count(n.into()))),
                None => false,
            },
            Read::ScanRows { index, table, .. } => scan_rows_on(tables, index, *table, purpose, &mut ongoing, left)?,
            Read::Scan { span, .. } | Read::Count { span, .. } => scan_on(tables, span, purpose, &mut ongoing, left)?,
            _ => true,
        };
        if !is_done {
            self.left_at = Some(Box::new(ongoing));
            return Ok(None);
        }
        let scanned = ongoing.finish();
        Ok(Some(if matches!(read, Read::Count { .. }) {
            Reply::Count(scanned.into())
        } else {
            Reply::Scanned(scanned)
        }))
    }
}

impl Default for Answering {
    fn default() -> Self {
        Self::new()
    }
}

impl Ongoing {
    fn new(purpose: &Purpose<'_>) -> Self {
        let scanner = Scanner::with_room(purpose.room);
        Self { scanner, digester: purpose.track.then(Digester::default), last: None, behind: None }
    }

    fn finish(self) -> Scanned {
        self.scanner.finish(self.digester.map_or_else(Digest::default, |digester| digester.finish()))
    }
}

fn answer(tables: &impl Tables, read: &Read) -> StoreResult<Reply> {
    match read {
        Read::Get { space, key } => Ok(Reply::Record(get(tables, *space, key)?)),
        Read::GetClaimed { index, columns, table } => {
            let Some((claim_version, key)) = get(tables, Space::Unique(*index), columns)? else {
                return Ok(Reply::Claimed(None));
            };
            let row = get(tables, Space::Rows(*table), &key)?;
            let (row_version, row) = row.ok_or_else(|| {
                dangling(format!("a claim of unique index {} leads to no row of table {}", index.0, table.0))
            })?;
            Ok(Reply::Claimed(Some(Claimed::new(claim_version, key, row_version, row))))
        }
        other => Err(StoreError::unknown(other)),
    }
}

fn get(tables: &impl Tables, space: Space, key: &[u8]) -> StoreResult<Option<(TxId, Bytes)>> {
    let Some(table) = tables.table(space.into())? else { return Ok(None) };
    let found = table.get(key, |stored| {
        let (version, value) = layout::unseal_in(space, key, stored)?;
        Ok((version, Bytes::copy_from_slice(value)))
    })?;
    found.transpose()
}

/// Answers a run of gets with values that share one buffer.
fn get_all(tables: &impl Tables, gets: &[Read], replies: &mut Vec<Reply>) -> StoreResult<()> {
    let mut values = Vec::new();
    let mut found = Vec::with_capacity(gets.len());
    let mut open = None;
    for read in gets {
        let Read::Get { space, key } = read else { unreachable!("a run of gets has gets only") };
        let table = match open {
            Some((of, table)) if of == *space => table,
            _ => open.insert((*space, tables.table((*space).into())?)).1,
        };
        let record = table.map(|table| {
            table.get(key, |stored| {
                let (version, value) = layout::unseal_in(*space, key, stored)?;
                if values.is_empty() {
                    // Values of one table are of about the same length.
                    values.reserve(value.len() * gets.len());
                }
                let start = values.len();
                values.extend_from_slice(value);
                Ok((version, start..values.len()))
            })
        });
        found.push(record.transpose()?.flatten().transpose()?);
    }
    let values = Bytes::from(values);
    let records = found.into_iter().map(|record| record.map(|(version, place)| (version, values.slice(place))));
    replies.extend(records.map(Reply::Record));
    Ok(())
}

/// The version of a record of a versioned space.
pub(crate) fn version(tables: &impl Tables, space: Space, key: &[u8]) -> StoreResult<Option<TxId>> {
    let Some(table) = tables.table(space.into())? else { return Ok(None) };
    table.get(key, |stored| Ok(layout::unseal_in(space, key, stored)?.0))?.transpose()
}

/// The members of a span.
pub(crate) fn scan(tables: &impl Tables, span: &Span, purpose: Purpose<'_>) -> StoreResult<Scanned> {
    let mut ongoing = Ongoing::new(&purpose);
    let mut left = AT_ONCE;
    scan_on(tables, span, purpose, &mut ongoing, &mut left)?;
    Ok(ongoing.finish())
}

/// The rows that the entries of an index span point at.
pub(crate) fn scan_rows(
    tables: &impl Tables,
    span: &Span,
    table: TableId,
    purpose: Purpose<'_>,
) -> StoreResult<Scanned> {
    let mut ongoing = Ongoing::new(&purpose);
    let mut left = AT_ONCE;
    scan_rows_on(tables, span, table, purpose, &mut ongoing, &mut left)?;
    Ok(ongoing.finish())
}

/// Goes on with a scan for at most `left` members. Whether it is done.
fn scan_on(
    tables: &impl Tables,
    span: &Span,
    purpose: Purpose<'_>,
    ongoing: &mut Ongoing,
    left: &mut u64,
) -> StoreResult<bool> {
    let space = span.space;
    walk(tables, span, purpose, ongoing, left, |key, stored, digester, scanner| {
        let (version, value) = layout::unseal_in(space, key, stored)?;
        if let Some(digester) = digester {
            digester.add(key, space.is_versioned().then_some(version));
        }
        if purpose.keeps(key, value) {
            return Ok(Some(scanner.push(RecordRef::new(key, version, value))));
        }
        Ok(None)
    })
}

fn scan_rows_on(
    tables: &impl Tables,
    span: &Span,
    table: TableId,
    purpose: Purpose<'_>,
    ongoing: &mut Ongoing,
    left: &mut u64,
) -> StoreResult<bool> {
    let Space::Index(_) = span.space else {
        return Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("rows are found through the entries of an index, not of {:?}", span.space),
        ));
    };
    let space = Space::Rows(table);
    let rows = tables.table(space.into())?;
    let rowless = || dangling(format!("an entry of {:?} leads to no row of table {}", span.space, table.0));
    walk(tables, span, purpose, ongoing, left, |entry, stored, digester, scanner| {
        layout::unseal(span.space.into(), entry, stored)?;
        let key = row_key(entry)
            .ok_or_else(|| dangling(format!("an entry of {:?} does not end with a key's length", span.space)))?;
        let key = &*key;
        let pushed = rows.ok_or_else(rowless)?.get(key, |stored| {
            let (version, value) = layout::unseal_in(space, key, stored)?;
            if let Some(digester) = digester {
                digester.add(entry, Some(version));
            }
            Ok(purpose.keeps(key, value).then(|| scanner.push(RecordRef::new(key, version, value))))
        })?;
        pushed.unwrap_or_else(|| Err(rowless()))
    })
}

/// Visits the members of a span within its limit and the wanted number, and gives way after `left` of them. Whether it is done.
/// `visit` returns how many members have been pushed if it pushed one.
fn walk(
    tables: &impl Tables,
    span: &Span,
    purpose: Purpose<'_>,
    ongoing: &mut Ongoing,
    left: &mut u64,
    mut visit: impl FnMut(&[u8], &[u8], Option<&mut Digester>, &mut Scanner) -> StoreResult<Option<usize>>,
) -> StoreResult<bool> {
    let limit = span.limit.unwrap_or(u32::MAX);
    let want = purpose.want.map_or(usize::MAX, |want| want as usize);
    let bytes = span.bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if limit == 0 || want == 0 || !span.is_possible() {
        return Ok(true);
    }
    let Some(table) = tables.table(span.space.into())? else { return Ok(true) };
    let Ongoing { scanner, digester, last, behind } = ongoing;
    let begun = behind.take();
    let (lo, hi) = bounds(span, begun.as_deref());
    table.range(lo, hi, span.reverse, |key, stored| {
        if let Some(last) = last {
            scanner.stop_at(last);
            return Ok(ControlFlow::Break(()));
        }
        let pushed = visit(key, stored, digester.as_mut(), scanner)?;
        scanner.visit();
        let is_enough = |pushed| pushed >= want || scanner.bytes() >= bytes;
        if pushed.is_some_and(is_enough) || scanner.visited() >= limit {
            *last = Some(key.to_vec());
        }
        *left -= 1;
        if *left == 0 {
            *behind = Some(Bytes::copy_from_slice(key));
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(behind.is_none())
}

/// The bounds of a span, or of what is left of it behind a member.
fn bounds<'a>(span: &'a Span, behind: Option<&'a [u8]>) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    match (behind.map(Bound::Excluded), span.reverse) {
        (None, _) => (as_slice(&span.lo), as_slice(&span.hi)),
        (Some(behind), false) => (behind, as_slice(&span.hi)),
        (Some(behind), true) => (as_slice(&span.lo), behind),
    }
}

/// How many members a span has, up to its limit. Their checksums are not compared: a damaged member is still one.
pub(crate) fn count(tables: &impl Tables, span: &Span) -> StoreResult<u64> {
    match tables.table(span.space.into())? {
        Some(table) if span.is_possible() => {
            table.count(as_slice(&span.lo), as_slice(&span.hi), span.limit.map_or(u64::MAX, u64::from))
        }
        _ => Ok(0),
    }
}

/// The same, giving way after `left` members; `None` if it did.
fn count_some(tables: &impl Tables, span: &Span, ongoing: &mut Ongoing, left: &mut u64) -> StoreResult<Option<u64>> {
    let is_whole = matches!((&span.lo, &span.hi), (Bound::Unbounded, Bound::Unbounded));
    let limit = span.limit.map_or(u64::MAX, u64::from);
    if is_whole || limit <= *left {
        return count(tables, span).map(Some);
    }
    let Some(table) = tables.table(span.space.into())?.filter(|_| span.is_possible()) else { return Ok(Some(0)) };
    let Ongoing { scanner, behind, .. } = ongoing;
    let begun = behind.take();
    let (lo, hi) = bounds(span, begun.as_deref());
    table.range(lo, hi, span.reverse, |key, _| {
        if u64::from(scanner.visited()) >= limit {
            return Ok(ControlFlow::Break(()));
        }
        scanner.visit();
        *left -= 1;
        if *left == 0 {
            *behind = Some(Bytes::copy_from_slice(key));
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(behind.is_none().then(|| scanner.visited().into()))
}

fn as_slice(bound: &Bound<Bytes>) -> Bound<&[u8]> {
    bound.as_ref().map(AsRef::as_ref)
}

#[cold]
fn dangling(what: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("the stored data is damaged: {what}"))
}
