//! S14: snapshots.

use proptest::prelude::*;
use rome_store::{Effect, Read, ReadOptions, ReadReply, Snapshot, SnapshotId, Span, StoreErrorKind, StoreResult};

use super::spans::{Shape, fill, key, rows, shape};
use crate::client::{CLAIMS, Client, INDEX, PARTITION, ROWS, SUMS, TABLE, add, delete, entry, put};
use crate::verdict::{ensure, ensure_eq, for_all};
use crate::{Subject, Verdict, Violation};

/// What happens to a store while snapshots of it are read.
#[derive(Debug, Clone)]
enum Event {
    Open,
    Drop(usize),
    Put(bytes::Bytes, u8),
    Delete(bytes::Bytes),
    Add(i128),
    Retire,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Open),
        1 => (0..4_usize).prop_map(Event::Drop),
        5 => (key(), 0..4_u8).prop_map(|(key, value)| Event::Put(key, value)),
        3 => key().prop_map(Event::Delete),
        1 => (1..9_i128).prop_map(Event::Add),
        1 => Just(Event::Retire),
    ]
}

impl Event {
    fn effects(&self) -> Vec<Effect> {
        match self {
            Self::Open | Self::Drop(_) => vec![],
            // The entry does not depend on the value, so that each row has one.
            Self::Put(key, value) => {
                let row = put(ROWS, key.clone(), vec![*value]);
                vec![row, put(INDEX, entry(b"e", key), ""), put(CLAIMS, key.clone(), vec![*value])]
            }
            Self::Delete(key) => {
                let rows = (0..4_u8).map(|value| delete(INDEX, entry(&[value], key)));
                let more = [delete(ROWS, key.clone()), delete(CLAIMS, key.clone()), delete(INDEX, entry(b"e", key))];
                rows.chain(more).collect()
            }
            Self::Add(n) => vec![add("n", *n)],
            Self::Retire => vec![Effect::Retire { space: CLAIMS }],
        }
    }
}

/// Reads of every kind.
fn reads(shapes: &[Shape]) -> Vec<Read> {
    let mut reads = vec![Read::Get { space: SUMS, key: "n".into() }, Read::Get { space: ROWS, key: vec![1_u8].into() }];
    for shape in shapes {
        for space in [ROWS, INDEX] {
            let (span, filter) = (shape.span(space), shape.filter());
            reads.push(Read::Scan { span: span.clone(), filter, want: shape.want, track: true });
            reads.extend([false, true].map(|track| Read::Count { span: span.clone(), track }));
        }
        let (index, filter) = (shape.span(INDEX), shape.filter());
        reads.push(Read::ScanRows { index, table: TABLE, filter, want: shape.want, track: true });
    }
    reads
}

async fn read(client: &Client, reads: &[Read], how: ReadOptions) -> StoreResult<Option<ReadReply>> {
    Ok(client.store.read(&[(PARTITION, reads.to_vec())], how).await?.pop())
}

fn open(client: &Client) -> Verdict<Snapshot> {
    client.store.snapshot().ok_or_else(|| Violation::new("a store that has snapshots gives none"))
}

/// **S14** Every read of a snapshot shows the state at its opening, its `seq` too, whatever is committed after, and that of
/// the newest state is not changed by it. One that was dropped is refused. A store without snapshots gives none.
///
/// # Errors
/// When it does not hold.
pub async fn a_snapshot_shows_the_state_at_its_opening(subject: &impl Subject) -> Verdict {
    let events = prop::collection::vec(event(), 1..24);
    for_all(40, (rows(), prop::collection::vec(shape(), 1..4), events), async |(rows, shapes, events)| {
        let (_place, client) = Client::alone(subject).await?;
        if !client.store.capabilities().snapshots {
            ensure!(client.store.snapshot().is_none(), "a store that says it has no snapshots gives one");
            return Ok(());
        }
        fill(&client, &rows).await?;
        let asked = reads(&shapes);
        let mut kept = Vec::new();
        for event in &events {
            match event {
                Event::Open => {
                    let now = read(&client, &asked, ReadOptions::new()).await?;
                    let claims = claims(&client, ReadOptions::new()).await;
                    kept.push((open(&client)?, now, claims));
                }
                Event::Drop(at) if *at < kept.len() => {
                    let (dropped, ..) = kept.remove(*at);
                    let id = dropped.id();
                    drop(dropped);
                    is_refused(&client, id).await?;
                }
                Event::Drop(_) => {}
                event => drop(client.write(event.effects()).await?),
            }
            for (snapshot, then, claims_then) in &kept {
                let how = ReadOptions::new().at(snapshot.id());
                let now = read(&client, &asked, how).await?;
                ensure_eq!(now, *then, "what {snapshot:?} shows after {event:?}");
                ensure_eq!(claims(&client, how).await, *claims_then, "the claims of {snapshot:?} after {event:?}");
            }
        }
        Ok(())
    })
    .await
}

/// The claims, which may be retired.
async fn claims(client: &Client, how: ReadOptions) -> Result<Option<ReadReply>, StoreErrorKind> {
    read(client, &[crate::client::scan(Span::all(CLAIMS))], how).await.map_err(|error| error.kind())
}

async fn is_refused(client: &Client, id: SnapshotId) -> Verdict {
    let reads = [Read::count(Span::all(ROWS))];
    match read(client, &reads, ReadOptions::new().at(id)).await {
        Err(error) => {
            ensure_eq!(error.kind(), StoreErrorKind::SnapshotGone, "the error of a snapshot that was dropped")
        }
        Ok(reply) => ensure!(false, "a snapshot that was dropped was read as {reply:?}"),
    }
    Ok(())
}
