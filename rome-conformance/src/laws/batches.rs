//! S5: a span that is read in batches, each after where the one before it stopped.

use bytes::Bytes;
use proptest::prelude::*;
use rome_store::{Applied, Check, FilterRef, Read, Scanned, Space, Span, TableId, TxId};

use super::spans::{Shape, fill, key, rows, shape};
use crate::client::{CLAIMS, Client, INDEX, ROWS, TABLE, delete, entry, put};
use crate::verdict::{ensure, ensure_eq, for_all};
use crate::{Subject, Verdict, Violation};

/// How large a batch is.
#[derive(Debug, Clone, Copy)]
struct Size {
    limit: Option<u32>,
    want: Option<u32>,
    bytes: Option<u64>,
}

fn size() -> impl Strategy<Value = Size> {
    let most = || prop_oneof![2 => Just(None), 3 => (1..5_u32).prop_map(Some)];
    let bytes = prop_oneof![3 => Just(None), 1 => (0..9_u64).prop_map(Some)];
    (most(), most(), bytes).prop_map(|(limit, want, bytes)| Size { limit, want, bytes })
}

/// What is scanned, and how.
struct Scan {
    span: Span,
    rows: Option<TableId>,
    filter: Option<FilterRef>,
}

impl Scan {
    /// A scan of these rows, claims, entries, and rows by their entries.
    fn all_of(shape: &Shape) -> [Self; 4] {
        let of = |space: Space, rows, filter| Self { span: shape.span(space), rows, filter };
        [
            of(ROWS, None, shape.filter()),
            of(CLAIMS, None, None),
            of(INDEX, None, None),
            of(INDEX, Some(TABLE), shape.filter()),
        ]
    }

    async fn visit(&self, client: &Client, span: Span, want: Option<u32>) -> Verdict<(Scanned, Check)> {
        let (filter, track) = (self.filter.clone(), true);
        let scanned = client
            .scan(match self.rows {
                Some(table) => Read::ScanRows { index: span.clone(), table, filter, want, track },
                None => Read::Scan { span: span.clone(), filter, want, track },
            })
            .await?;
        let span = match &scanned.stopped_at {
            Some(last) => span.cut_at(last),
            None => span.limited(None).within_bytes(None),
        };
        let check = Check::Same { span, rows: self.rows, n: scanned.visited, digest: scanned.digest.clone() };
        Ok((scanned, check))
    }

    /// The members of all batches, how many were visited, and what stands for them.
    async fn in_batches(&self, client: &Client, sizes: &[Size]) -> Verdict<(Vec<Found>, u32, Vec<Check>)> {
        let (mut span, mut found, mut visited, mut checks) = (self.span.clone(), Vec::new(), 0, Vec::new());
        for size in sizes.iter().cycle() {
            let batch = span.clone().limited(size.limit).within_bytes(size.bytes);
            let (scanned, check) = self.visit(client, batch, size.want).await?;
            found.extend(members(&scanned));
            visited += scanned.visited;
            checks.push(check);
            let Some(last) = &scanned.stopped_at else { break };
            ensure!(scanned.visited > 0, "a batch of {span:?} that visited nothing stopped at {last:?}");
            ensure!(span.contains(last), "a batch of {span:?} stopped at {last:?}, outside of it");
            span = span.after(last);
        }
        Ok((found, visited, checks))
    }
}

type Found = (Bytes, TxId, Bytes);

fn members(scanned: &Scanned) -> impl Iterator<Item = Found> {
    let bytes = Bytes::copy_from_slice;
    scanned.iter().map(move |member| (bytes(member.key), member.version, bytes(member.value)))
}

/// **S5** A span that is read in batches of any sizes, each [after](Span::after) where the one before it stopped, gives what
/// one scan of it gives, and visits each member once. What the batches saw can be checked one by one, and holds together as
/// long as what the one scan saw.
///
/// # Errors
/// When it does not hold.
pub async fn batches_are_one_scan(subject: &impl Subject) -> Verdict {
    let shapes = prop::collection::vec((shape(), prop::collection::vec(size(), 1..4)), 1..6);
    for_all(40, (rows(), shapes, key(), any::<bool>()), async |(rows, shapes, changed, comes)| {
        let (_place, client) = Client::alone(subject).await?;
        fill(&client, &rows).await?;
        let mut seen = Vec::new();
        for (shape, sizes) in &shapes {
            let shape = Shape { limit: None, want: None, ..shape.clone() };
            for scan in Scan::all_of(&shape) {
                let (whole, check) = scan.visit(&client, scan.span.clone(), None).await?;
                let (found, visited, checks) = scan.in_batches(&client, sizes).await?;
                let what = format!("{:?} in batches of {sizes:?}", scan.span);
                ensure_eq!(found, members(&whole).collect::<Vec<_>>(), "the members of {what}");
                ensure_eq!(visited, whole.visited, "how many members were visited of {what}");
                seen.push((what, check, checks));
            }
        }
        for (what, _, checks) in &seen {
            ensure!(holds(&client, checks.clone()).await?, "what was seen of {what} fails at once");
        }
        client.write(change(&rows, &changed, comes)).await?;
        for (what, check, checks) in seen {
            let together = holds(&client, checks).await?;
            ensure_eq!(together, holds(&client, vec![check]).await?, "whether {what} holds after {changed:?} changed");
        }
        Ok(())
    })
    .await
}

/// **S5** Where a store calls reverse scans cheap, one with a limit reads about as many members as it visits, however many the
/// span has.
///
/// # Errors
/// When it does not hold.
pub async fn a_cheap_reverse_scan_reads_what_it_visits(subject: &impl Subject) -> Verdict {
    const FEW: u32 = 5;
    let (_place, client) = Client::alone(subject).await?;
    if !client.store.capabilities().cheap_reverse_scans {
        return Ok(());
    }
    let row = |n: u32| {
        let key = Bytes::from(format!("{n:04}"));
        [put(INDEX, entry(b"x", &key), ""), put(ROWS, key, "1")]
    };
    client.write((0..1000).flat_map(row).collect()).await?;
    for (space, rows) in [(ROWS, None), (INDEX, None), (INDEX, Some(TABLE))] {
        for (limit, want) in [(Some(FEW), None), (None, Some(FEW))] {
            let span = Span::all(space).reversed(true).limited(limit);
            let (scanned, _) = Scan { span: span.clone(), rows, filter: None }.visit(&client, span, want).await?;
            ensure_eq!(scanned.visited, FEW, "how many members of {space:?} were visited");
            let read = scanned.transferred();
            ensure!(read <= u64::from(4 * FEW), "{read} members of {space:?} were read to visit the last {FEW}");
        }
    }
    Ok(())
}

/// A row that comes, or is written again; or one that goes, if it is there.
pub(super) fn change(rows: &[(Bytes, u8)], key: &Bytes, comes: bool) -> Vec<rome_store::Effect> {
    let before = rows.iter().find(|(row, _)| row == key).map_or(1, |(_, value)| *value);
    let entry = entry(&[before], key);
    if comes {
        let value = vec![before];
        return vec![put(ROWS, key.clone(), value.clone()), put(CLAIMS, key.clone(), value), put(INDEX, entry, "")];
    }
    vec![delete(ROWS, key.clone()), delete(CLAIMS, key.clone()), delete(INDEX, entry)]
}

pub(super) async fn holds(client: &Client, reads: Vec<Check>) -> Verdict<bool> {
    match client.apply(client.tx(vec![]).reads(reads)).await? {
        Applied::Done { .. } => Ok(true),
        Applied::Conflict { .. } => Ok(false),
        other => Err(Violation::new(format!("checks were answered {other:?}"))),
    }
}
