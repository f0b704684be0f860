#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{
    Applied, ApplyOptions, Certainty, Decision, Durability, Effect, MiniTx, Partition, Read, ReadOptions, Space, Span,
    Store, StoreResult, TableId, TxId,
};

const ROWS: Space = Space::Rows(TableId(1));

async fn put(store: &dyn Store, seq: u64, key: &'static str) -> StoreResult<Vec<Applied>> {
    let mut tx = MiniTx::one(TxId { lane: 1, seq });
    tx.effects.push(Effect::Put { space: ROWS, key: key.into(), value: "1".into() });
    store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await
}

async fn scan(store: &dyn Store) -> StoreResult<()> {
    let scan = Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: false };
    let get = Read::Get { space: ROWS, key: "none".into() };
    store.read(&[(Partition(0), vec![scan, get])], ReadOptions::new()).await.map(|_| ())
}

#[tokio::test]
async fn a_recorder_tells_round_trips_and_rows_apart() {
    let store = Recorder::new(Arc::new(MemoryStore::new()));
    put(&store, 1, "a").await.unwrap();
    put(&store, 2, "b").await.unwrap();
    scan(&store).await.unwrap();
    let visits = Visits { rows: 3, ..Visits::default() };
    assert_eq!(store.tally(), Tally { reads: 1, applies: 2, reserves: 0, visited: 2, records: 2, visits });
    let read = Call::Read { kinds: vec![ReadKind::Scan, ReadKind::Get], visited: 2, records: 2, visits };
    assert_eq!(store.calls().last(), Some(&read));
    store.clear();
    assert_eq!(store.tally(), Tally::default());
}

#[tokio::test]
async fn each_fault_is_reported_with_its_certainty_and_effect() {
    let inner = Arc::new(MemoryStore::new());
    let faults = Faults::new(inner.clone());
    faults.yield_around_calls();
    faults.fail_apply(0, Fault::Refused);
    faults.fail_apply(1, Fault::RequestLost);
    faults.fail_apply(2, Fault::ReplyLost);
    assert_eq!(put(&faults, 1, "a").await.unwrap_err().certainty(), Certainty::NotApplied);
    assert_eq!(put(&faults, 1, "a").await.unwrap_err().certainty(), Certainty::Unknown);
    assert_eq!(put(&faults, 2, "b").await.unwrap_err().certainty(), Certainty::Unknown);
    assert_eq!(put(&faults, 1, "a").await.unwrap(), [Applied::Already(Decision::Aborted)]);
    assert_eq!(put(&faults, 2, "b").await.unwrap(), [Applied::Already(Decision::Committed)]);
    faults.fail_read(0);
    assert!(scan(&faults).await.is_err());
    assert!(scan(&faults).await.is_ok());
}
