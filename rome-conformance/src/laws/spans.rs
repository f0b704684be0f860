//! S5: spans, against a naive model.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use rome_store::{
    Applied, Check, FilterRef, Read, Reply, RowFilter, Scanned, Space, Span, StoreErrorKind, TableId, TxId,
};

use crate::client::{CLAIMS, Client, INDEX, ROWS, TABLE, entry, put};
use crate::verdict::{ensure, ensure_eq, for_all};
use crate::{Subject, Verdict};

/// A scan, apart from what it scans.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) lo: Bound<Bytes>,
    pub(super) hi: Bound<Bytes>,
    pub(super) reverse: bool,
    pub(super) limit: Option<u32>,
    pub(super) want: Option<u32>,
    pub(super) filtered: bool,
}

impl Shape {
    pub(super) fn span(&self, space: Space) -> Span {
        Span::between(space, self.lo.clone(), self.hi.clone()).reversed(self.reverse).limited(self.limit)
    }

    pub(super) fn filter(&self) -> Option<FilterRef> {
        self.filtered.then(|| FilterRef(Arc::new(EvenValue)))
    }
}

/// Keeps rows whose value ends in an even byte.
struct EvenValue;

impl RowFilter for EvenValue {
    fn keep(&self, _: &[u8], value: &[u8]) -> bool {
        value.last().is_some_and(|byte| byte % 2 == 0)
    }
}

/// Short strings of few bytes, the ends of the range among them: keys that are prefixes of each other are common.
pub(super) fn key() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(prop::sample::select(vec![0x00, 0x01, 0x7F, 0x80, 0xFF]), 1..4).prop_map(Bytes::from)
}

fn bound() -> impl Strategy<Value = Bound<Bytes>> {
    prop_oneof![
        1 => Just(Bound::Unbounded),
        2 => key().prop_map(Bound::Included),
        2 => key().prop_map(Bound::Excluded),
    ]
}

pub(super) fn shape() -> impl Strategy<Value = Shape> {
    let most = || prop_oneof![2 => Just(None), 3 => (1..6_u32).prop_map(Some)];
    (bound(), bound(), any::<bool>(), most(), most(), any::<bool>())
        .prop_map(|(lo, hi, reverse, limit, want, filtered)| Shape { lo, hi, reverse, limit, want, filtered })
}

pub(super) fn rows() -> impl Strategy<Value = Vec<(Bytes, u8)>> {
    prop::collection::btree_map(key(), 0..4_u8, 0..12).prop_map(|rows| rows.into_iter().collect())
}

/// A member as the model has it: where it lies in the span, and what a scan returns of it.
#[derive(Debug, Clone)]
struct Member {
    at: Bytes,
    key: Bytes,
    version: TxId,
    value: Bytes,
}

/// What a scan of these members should see, worked out the slow way.
fn expected(members: &[Member], shape: &Shape, filtered: bool) -> (Vec<(Bytes, TxId, Bytes)>, u32, Option<Bytes>) {
    let mut inside: Vec<&Member> = members.iter().filter(|member| is_inside(&member.at, shape)).collect();
    inside.sort_by(|a, b| a.at.iter().cmp(b.at.iter()));
    if shape.reverse {
        inside.reverse();
    }
    let (mut returned, mut visited, mut stopped_at) = (Vec::new(), 0, None);
    for (place, member) in inside.iter().enumerate() {
        visited += 1;
        if !filtered || member.value.last().is_some_and(|byte| byte % 2 == 0) {
            returned.push((member.key.clone(), member.version, member.value.clone()));
        }
        if shape.limit == Some(visited) || shape.want.is_some_and(|want| returned.len() == want as usize) {
            stopped_at = (place + 1 < inside.len()).then(|| member.at.clone());
            break;
        }
    }
    (returned, visited, stopped_at)
}

fn is_inside(key: &[u8], shape: &Shape) -> bool {
    let above = match &shape.lo {
        Bound::Unbounded => true,
        Bound::Included(lo) => key.iter().cmp(lo.iter()).is_ge(),
        Bound::Excluded(lo) => key.iter().cmp(lo.iter()).is_gt(),
    };
    let below = match &shape.hi {
        Bound::Unbounded => true,
        Bound::Included(hi) => key.iter().cmp(hi.iter()).is_le(),
        Bound::Excluded(hi) => key.iter().cmp(hi.iter()).is_lt(),
    };
    above && below
}

fn agrees(scanned: &Scanned, members: &[Member], shape: &Shape, filtered: bool, what: &str) -> Verdict {
    let (returned, visited, stopped_at) = expected(members, shape, filtered);
    let bytes = Bytes::copy_from_slice;
    let got: Vec<_> = scanned.iter().map(|found| (bytes(found.key), found.version, bytes(found.value))).collect();
    ensure_eq!(got, returned, "the members of {what}");
    ensure_eq!(scanned.visited, visited, "how many {what} visited");
    ensure_eq!(scanned.stopped_at, stopped_at, "where {what} stopped");
    Ok(())
}

/// Rows, entries, claims and the rows behind the entries, as the model has them.
pub(super) struct Members {
    rows: Vec<Member>,
    claims: Vec<Member>,
    entries: Vec<Member>,
    indexed: Vec<Member>,
}

/// Writes the rows in two transactions, so that their versions differ.
pub(super) async fn fill(client: &Client, rows: &[(Bytes, u8)]) -> Verdict<Members> {
    let mut members = Members { rows: vec![], claims: vec![], entries: vec![], indexed: vec![] };
    let (first, second) = rows.split_at(rows.len() / 2);
    for part in [second, first] {
        let effects = part.iter().flat_map(|(key, value)| {
            let value = Bytes::from(vec![*value]);
            let entry = entry(&value, key);
            [put(ROWS, key.clone(), value.clone()), put(CLAIMS, key.clone(), value), put(INDEX, entry, "")]
        });
        let (version, _) = client.write(effects.collect()).await?;
        for (key, value) in part {
            let (at, value) = (key.clone(), Bytes::from(vec![*value]));
            let row = Member { at: at.clone(), key: at, version, value: value.clone() };
            let at = entry(&value, key);
            members.indexed.push(Member { at: at.clone(), ..row.clone() });
            members.entries.push(Member { at: at.clone(), key: at, version: TxId::default(), value: Bytes::new() });
            members.claims.push(row.clone());
            members.rows.push(row);
        }
    }
    Ok(members)
}

/// **S5** Scans, scans of rows through an index, and counts give exactly the members of their span in unsigned byte
/// order or its reverse, up to the limits, and say where a limit stopped them; impossible spans are empty.
///
/// # Errors
/// When it does not hold.
pub async fn spans_give_exactly_their_members(subject: &impl Subject) -> Verdict {
    for_all(40, (rows(), prop::collection::vec(shape(), 1..24)), async |(rows, shapes)| {
        let (_place, client) = Client::alone(subject).await?;
        let members = fill(&client, &rows).await?;
        for shape in &shapes {
            let scan = |space, filter| Read::Scan { span: shape.span(space), filter, want: shape.want, track: true };
            let scan_rows = Read::ScanRows {
                index: shape.span(INDEX),
                table: TABLE,
                filter: shape.filter(),
                want: shape.want,
                track: false,
            };
            let counts = [ROWS, INDEX].map(|space| Read::count(shape.span(space)));
            let mut reads = vec![scan(ROWS, shape.filter()), scan(CLAIMS, None), scan(INDEX, None), scan_rows];
            reads.extend(counts);
            let reply = client.read(reads).await?;
            let [
                Reply::Scanned(rows),
                Reply::Scanned(claims),
                Reply::Scanned(entries),
                Reply::Scanned(indexed),
                Reply::Count(n_rows),
                Reply::Count(n_entries),
            ] = reply.replies.as_slice()
            else {
                return Err(crate::Violation::new(format!("replies of the wrong kinds: {reply:?}")));
            };
            let filtered = shape.filtered;
            agrees(rows, &members.rows, shape, filtered, "a scan of rows")?;
            agrees(claims, &members.claims, shape, false, "a scan of claims")?;
            agrees(entries, &members.entries, shape, false, "a scan of entries")?;
            agrees(indexed, &members.indexed, shape, filtered, "a scan of rows by entries")?;
            let counted = Shape { want: None, ..shape.clone() };
            for (n, members) in [(n_rows, &members.rows), (n_entries, &members.entries)] {
                ensure_eq!(n.n, u64::from(expected(members, &counted, false).1), "a count");
            }
        }
        Ok(())
    })
    .await
}

/// **S3, S5** The digest of a tracked scan is that of its span cut where the scan stopped: a check of it holds at once, in
/// the same `seq` and after a write elsewhere, and fails once a visited member changed.
///
/// # Errors
/// When it does not hold.
pub async fn a_tracked_scan_can_be_checked_where_it_stopped(subject: &impl Subject) -> Verdict {
    for_all(40, (rows(), prop::collection::vec(shape(), 1..8)), async |(rows, shapes)| {
        let (_place, client) = Client::alone(subject).await?;
        fill(&client, &rows).await?;
        for shape in &shapes {
            for (space, through) in [(ROWS, None), (INDEX, None), (INDEX, Some(TABLE))] {
                checks_hold(&client, shape, space, through).await?;
            }
        }
        Ok(())
    })
    .await
}

async fn checks_hold(client: &Client, shape: &Shape, space: Space, through: Option<TableId>) -> Verdict {
    let (span, filter, want) = (shape.span(space), shape.filter(), shape.want);
    let scanned = client
        .scan(match through {
            Some(table) => Read::ScanRows { index: span.clone(), table, filter, want, track: true },
            None => Read::Scan { span: span.clone(), filter, want, track: true },
        })
        .await?;
    let span = scanned.stopped_at.as_ref().map_or(span.clone(), |last| span.cut_at(last));
    let check = Check::Same { span, rows: through, n: scanned.visited, digest: scanned.digest.clone() };
    let verify = || client.tx(vec![]).checks(vec![check.clone()]);
    let outcome = client.apply(verify()).await?;
    ensure!(matches!(outcome, Applied::Done { .. }), "{check:?} fails at once: {outcome:?}");
    client.write(vec![put(Space::Rows(TableId(99)), "elsewhere", "1")]).await?;
    let outcome = client.apply(verify()).await?;
    ensure!(matches!(outcome, Applied::Done { .. }), "{check:?} fails after a write elsewhere: {outcome:?}");
    // Rewrite, as it is, a row that was visited; entries have no version that could change.
    let Some(row) = scanned.iter().next().filter(|_| through.is_some() || space == ROWS) else { return Ok(()) };
    client.write(vec![put(ROWS, row.key.to_vec(), row.value.to_vec())]).await?;
    let outcome = client.apply(verify()).await?;
    ensure!(matches!(outcome, Applied::Conflict { .. }), "{check:?} holds after a member changed: {outcome:?}");
    Ok(())
}

/// A scan of rows through an index whose row is missing is an error of the data, never a shorter answer.
///
/// # Errors
/// When it does not hold.
pub async fn an_entry_without_its_row_is_damage(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    client.write(vec![put(INDEX, entry(b"x", b"ann"), "")]).await?;
    let read = Read::ScanRows { index: Span::all(INDEX), table: TABLE, filter: None, want: None, track: false };
    let batch = [(crate::client::PARTITION, vec![read])];
    match client.store.read(&batch, Default::default()).await {
        Err(error) => ensure_eq!(error.kind(), StoreErrorKind::Corrupt, "the error of an entry without its row"),
        Ok(reply) => ensure!(false, "an entry without its row was read as {reply:?}"),
    }
    Ok(())
}

/// **S5** A scan with a bound in bytes returns members from its beginning until they have so many bytes, at least one, stops there, and
/// goes on behind the member at which it stopped without a gap.
///
/// # Errors
/// When it does not hold.
pub async fn a_scan_stops_at_its_bytes_and_can_go_on(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let length = |n: u32| if n % 7 == 3 { 40_000 } else { 100 + n as usize };
    let key = |n: u32| Bytes::from(format!("{n:04}"));
    for n in 0..60 {
        let value = vec![b'x'; length(n)];
        client.write(vec![put(ROWS, key(n), value), put(INDEX, entry(b"x", &key(n)), "")]).await?;
    }
    for case in 0..8_u32 {
        let [reverse, by_entries, filtered] = [1, 2, 4].map(|bit| case & bit != 0);
        for bytes in [0, 1, 1_000, 50_000, 10_000_000] {
            let mut span = Span::all(if by_entries { INDEX } else { ROWS }).reversed(reverse).within_bytes(Some(bytes));
            let filter = || filtered.then(|| FilterRef(Arc::new(EvenKey)));
            let mut expected: Vec<u32> = (0..60).filter(|n| !filtered || n % 2 == 0).collect();
            if reverse {
                expected.reverse();
            }
            let mut expected = expected.into_iter();
            loop {
                let read = match by_entries {
                    true => {
                        Read::ScanRows { index: span.clone(), table: TABLE, filter: filter(), want: None, track: true }
                    }
                    false => Read::Scan { span: span.clone(), filter: filter(), want: None, track: true },
                };
                let scanned = client.scan(read).await?;
                let mut returned = 0;
                for found in scanned.iter() {
                    ensure!(returned == 0 || returned < bytes, "{returned} bytes were returned already, of {bytes}");
                    let next = expected.next().map(key);
                    ensure_eq!(Some(Bytes::copy_from_slice(found.key)), next, "the next member");
                    returned += (found.key.len() + found.value.len()) as u64;
                }
                let Some(last) = scanned.stopped_at else { break };
                ensure!(returned >= bytes && returned > 0, "it stopped after {returned} bytes of {bytes}");
                let bound = Bound::Excluded(last);
                if reverse { span.hi = bound } else { span.lo = bound }
            }
            ensure_eq!(expected.next(), None, "a member that was left out");
        }
    }
    Ok(())
}

/// Keeps rows whose key ends in an even digit.
struct EvenKey;

impl RowFilter for EvenKey {
    fn keep(&self, key: &[u8], _: &[u8]) -> bool {
        key.last().is_some_and(|byte| byte % 2 == 0)
    }
}
