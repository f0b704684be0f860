//! A long read lets other tasks of its thread run, and is of one state all the same.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use harness::*;
use rome_embedded::EmbeddedStore;
use rome_store::{
    Applied, ApplyOptions, Durability, Effect, FilterRef, Partition, Read, ReadOptions, Reply, RowFilter, Span, Store,
};
use tokio::task::LocalSet;

/// How many rows there are, and entries.
const N: u32 = 10_000;

struct Even;

impl RowFilter for Even {
    fn keep(&self, key: &[u8], _: &[u8]) -> bool {
        key.last().is_some_and(|byte| byte % 2 == 0)
    }
}

async fn commit(store: &EmbeddedStore, lane: u64, effects: Vec<Effect>) {
    let applied = store
        .apply(vec![(Partition(0), tx(id(lane, 1), effects))], ApplyOptions::new(Durability::Memory))
        .await
        .unwrap();
    assert!(matches!(applied[..], [Applied::Done { .. }]), "{applied:?}");
}

async fn fill(store: &EmbeddedStore) {
    commit(store, 1, (0..N).flat_map(row).collect()).await;
}

fn row(n: u32) -> [Effect; 2] {
    let key = n.to_be_bytes();
    [put(ROWS, key, "value"), put(INDEX, entry(&key, &key), [])]
}

fn gone(n: u32) -> [Effect; 2] {
    let key = n.to_be_bytes();
    [delete(ROWS, key), delete(INDEX, entry(&key, &key))]
}

fn entry(columns: &[u8], key: &[u8]) -> Vec<u8> {
    let length = u16::try_from(key.len()).unwrap().to_be_bytes();
    [columns, key, &length].concat()
}

/// The reply to a read, and how often another task of the thread has run meanwhile.
async fn beside(store: Arc<EmbeddedStore>, read: Read) -> (Reply, u32) {
    let turns = Rc::new(Cell::new(0));
    let other = tokio::task::spawn_local({
        let turns = turns.clone();
        async move {
            loop {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        }
    });
    let mut replies = store.read(&[(Partition(0), vec![read])], ReadOptions::new()).await.unwrap();
    other.abort();
    (replies.remove(0).replies.remove(0), turns.get())
}

fn reads() -> Vec<(Read, u32)> {
    let (filter, track) = (Some(FilterRef(Arc::new(Even))), true);
    let from = std::ops::Bound::Included(bytes::Bytes::from_static(&[0]));
    let bounded = |space| Span::between(space, from.clone(), std::ops::Bound::Unbounded);
    let scan = |span| Read::Scan { span, filter: None, want: None, track };
    vec![
        (scan(Span::all(ROWS)), N),
        (scan(Span::all(ROWS).reversed(true)), N),
        (scan(Span::all(INDEX).limited(Some(N - 1))), N - 1),
        (Read::Scan { span: Span::all(ROWS), filter: filter.clone(), want: None, track }, N / 2),
        (Read::ScanRows { index: Span::all(INDEX), table: TABLE, filter, want: Some(N / 4), track }, N / 4),
        (Read::Count { span: bounded(ROWS), track: false }, N),
        (Read::Count { span: bounded(INDEX).limited(Some(N - 1)), track: true }, N - 1),
    ]
}

fn found(reply: &Reply) -> u32 {
    match reply {
        Reply::Scanned(scanned) => u32::try_from(scanned.len()).unwrap(),
        Reply::Count(counted) => u32::try_from(counted.n).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn other_tasks_run_while_a_long_read_goes_on() {
    let folder = Folder::new("slices");
    let store = Arc::new(folder.open());
    fill(&store).await;
    LocalSet::new()
        .run_until(async {
            for (read, expected) in reads() {
                let what = format!("{read:?}");
                let (reply, turns) = beside(store.clone(), read).await;
                assert_eq!(found(&reply), expected, "{what}");
                assert!(turns >= 4, "{turns} turns of another task during {what}");
            }
            let few = Read::Scan { span: Span::all(ROWS).limited(Some(100)), filter: None, want: None, track: false };
            let (reply, turns) = beside(store.clone(), few).await;
            assert_eq!((found(&reply), turns), (100, 0), "a short read is not interrupted");
        })
        .await;
}

#[tokio::test]
async fn a_long_read_is_of_one_state_whatever_is_committed_while_it_gives_way() {
    let folder = Folder::new("slices-state");
    let store = Arc::new(folder.open());
    fill(&store).await;
    for (at, (read, expected)) in reads().into_iter().enumerate() {
        let batch = [(Partition(0), vec![read.clone()])];
        let alone = store.read(&batch, ReadOptions::new()).await.unwrap();
        let mut reading = std::pin::pin!(store.read(&batch, ReadOptions::new()));
        // After its first slice a row goes at each end.
        assert!(poll_once(reading.as_mut()).await.is_none(), "{read:?} was done at once");
        commit(&store, 10 + at as u64, [gone(0), gone(N - 1)].concat()).await;
        let replies = reading.await.unwrap();
        assert_eq!(replies, alone, "{read:?}");
        assert_eq!(found(&replies[0].replies[0]), expected);
        commit(&store, 50 + at as u64, [row(0), row(N - 1)].concat()).await;
    }
}

/// Polls a future once.
async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
