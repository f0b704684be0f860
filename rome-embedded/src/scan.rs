//! Answers reads from one state of the records, in place: what is not returned is not copied.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use rome_core::store::{
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

/// The replies to some reads, all from one state.
pub(crate) fn answer_all(tables: &impl Tables, reads: &[Read]) -> StoreResult<Vec<Reply>> {
    caught(|outside| {
        let mut replies = Vec::with_capacity(reads.len());
        let mut room = FIRST_ROOM;
        for run in reads.chunk_by(|a, b| matches!((a, b), (Read::Get { .. }, Read::Get { .. }))) {
            match run {
                [read] => {
                    let reply = answer(tables, read, room, outside)?;
                    if let Reply::Scanned(scanned) = &reply {
                        // The scans of one call are mostly of one kind.
                        room = scanned.len().max(LEAST_ROOM);
                    }
                    replies.push(reply);
                }
                gets => get_all(tables, gets, &mut replies)?,
            }
        }
        Ok(replies)
    })
}

fn answer(tables: &impl Tables, read: &Read, room: usize, outside: &Outside) -> StoreResult<Reply> {
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
            Ok(Reply::Claimed(Some(Claimed { claim_version, key, row_version, row })))
        }
        Read::Scan { span, filter, want, track } => {
            let keep = match filter {
                Some(filter) if matches!(span.space, Space::Rows(_)) => Keep::Passing(&*filter.0),
                _ => Keep::All,
            };
            scan(tables, span, Purpose { keep, want: *want, track: *track, room, outside }).map(Reply::Scanned)
        }
        Read::ScanRows { index, table, filter, want, track } => {
            let keep = filter.as_ref().map_or(Keep::All, |filter| Keep::Passing(&*filter.0));
            let purpose = Purpose { keep, want: *want, track: *track, room, outside };
            scan_rows(tables, index, *table, purpose).map(Reply::Scanned)
        }
        Read::Count { span, track: false } => Ok(Reply::Count(count(tables, span)?.into())),
        Read::Count { span, track: true } => {
            let purpose = Purpose { keep: Keep::None, want: None, track: true, room: 0, outside };
            Ok(Reply::Count(scan(tables, span, purpose)?.into()))
        }
        other => Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("the embedded store does not know this kind of read: {other:?}"),
        )),
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
    let space = span.space;
    walk(tables, span, purpose, |key, stored, digester, scanner| {
        let (version, value) = layout::unseal_in(space, key, stored)?;
        if let Some(digester) = digester {
            digester.add(key, space.is_versioned().then_some(version));
        }
        if purpose.keeps(key, value) {
            return Ok(Some(scanner.push(RecordRef { key, version, value })));
        }
        Ok(None)
    })
}

/// The rows that the entries of an index span point at.
pub(crate) fn scan_rows(
    tables: &impl Tables,
    span: &Span,
    table: TableId,
    purpose: Purpose<'_>,
) -> StoreResult<Scanned> {
    let Space::Index(_) = span.space else {
        return Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("rows are found through the entries of an index, not of {:?}", span.space),
        ));
    };
    let space = Space::Rows(table);
    let rows = tables.table(space.into())?;
    let rowless = || dangling(format!("an entry of {:?} leads to no row of table {}", span.space, table.0));
    walk(tables, span, purpose, |entry, stored, digester, scanner| {
        layout::unseal(span.space.into(), entry, stored)?;
        let key = row_key(entry)
            .ok_or_else(|| dangling(format!("an entry of {:?} does not end with a key's length", span.space)))?;
        let key = &*key;
        let pushed = rows.ok_or_else(rowless)?.get(key, |stored| {
            let (version, value) = layout::unseal_in(space, key, stored)?;
            if let Some(digester) = digester {
                digester.add(entry, Some(version));
            }
            Ok(purpose.keeps(key, value).then(|| scanner.push(RecordRef { key, version, value })))
        })?;
        pushed.unwrap_or_else(|| Err(rowless()))
    })
}

/// Visits the members of a span within its limit and the wanted number. `visit` returns how many members have been
/// pushed if it pushed one.
fn walk(
    tables: &impl Tables,
    span: &Span,
    purpose: Purpose<'_>,
    mut visit: impl FnMut(&[u8], &[u8], Option<&mut Digester>, &mut Scanner) -> StoreResult<Option<usize>>,
) -> StoreResult<Scanned> {
    let mut scanner = Scanner::with_room(purpose.room);
    let mut digester = purpose.track.then(Digester::default);
    let limit = span.limit.unwrap_or(u32::MAX);
    let want = purpose.want.map_or(usize::MAX, |want| want as usize);
    let bytes = span.bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    // The member that reached a limit. Whether the span ends with it is known only when there is another.
    let mut last: Option<Vec<u8>> = None;
    if limit > 0
        && want > 0
        && span.is_possible()
        && let Some(table) = tables.table(span.space.into())?
    {
        table.range(as_slice(&span.lo), as_slice(&span.hi), span.reverse, |key, stored| {
            if let Some(last) = &last {
                scanner.stop_at(last);
                return Ok(ControlFlow::Break(()));
            }
            let pushed = visit(key, stored, digester.as_mut(), &mut scanner)?;
            scanner.visit();
            let is_enough = |pushed| pushed >= want || scanner.bytes() >= bytes;
            if pushed.is_some_and(is_enough) || scanner.visited() >= limit {
                last = Some(key.to_vec());
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(scanner.finish(digester.map_or_else(Digest::default, |digester| digester.finish())))
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

fn as_slice(bound: &Bound<Bytes>) -> Bound<&[u8]> {
    bound.as_ref().map(AsRef::as_ref)
}

#[cold]
fn dangling(what: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("the stored data is damaged: {what}"))
}
