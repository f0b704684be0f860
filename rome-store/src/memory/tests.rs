#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use futures::FutureExt;

use super::*;
use crate::{Check, CheckRef, Decision, Effect, IndexId, Reply, Scanned, Space, Span, Step, TableId, TxId};

const ROWS: Space = Space::Rows(TableId(1));
const INDEX: Space = Space::Index(IndexId(1));
const SUMS: Space = Space::Aggregate(IndexId(1));

fn id(seq: u64) -> TxId {
    TxId { lane: 1, seq }
}

fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the memory store never waits")
}

fn tx(seq: u64, effects: Vec<Effect>) -> MiniTx {
    MiniTx::one(id(seq)).effects(effects)
}

fn put(space: Space, key: &'static str) -> Effect {
    Effect::Put { space, key: key.into(), value: if space == ROWS { key.into() } else { Bytes::new() } }
}

fn apply(store: &MemoryStore, tx: MiniTx) -> StoreResult<Applied> {
    at_once(store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)))
        .map(|mut outcomes| outcomes.remove(0))
}

fn read(store: &MemoryStore, read: Read) -> StoreResult<Reply> {
    let mut replies = at_once(store.read(&[(Partition(0), vec![read])], ReadOptions::new()))?;
    Ok(replies.remove(0).replies.remove(0))
}

fn scan(store: &MemoryStore, span: Span, want: Option<u32>) -> Scanned {
    let Reply::Scanned(scanned) = read(store, Read::Scan { span, filter: None, want, track: true }).unwrap() else {
        panic!("a scan is answered by members")
    };
    scanned
}

fn with_rows(keys: &[&'static str]) -> MemoryStore {
    let store = MemoryStore::new();
    let rows = keys.iter().map(|key| put(ROWS, key)).collect();
    assert_eq!(apply(&store, tx(1, rows)).unwrap(), Applied::Done { seq: 1 });
    store
}

#[test]
fn a_scan_says_where_it_stopped_only_if_more_would_follow() {
    let store = with_rows(&["a", "b", "c"]);
    let all = Span::all(ROWS);
    assert_eq!(scan(&store, all.clone().limited(Some(2)), None).stopped_at.unwrap(), "b");
    assert_eq!(scan(&store, all.clone().reversed(true), Some(2)).stopped_at.unwrap(), "b");
    assert_eq!(scan(&store, all.clone().limited(Some(3)), Some(3)).stopped_at, None);
    assert_eq!(scan(&store, all.limited(Some(0)), None), scan(&MemoryStore::new(), Span::all(ROWS), None));
}

#[test]
fn a_long_read_lets_others_run_and_is_of_the_state_at_its_beginning() {
    const MANY: usize = 3_000;
    let key = |n: usize| Bytes::from(format!("{n:05}"));
    let put = |n| Effect::Put { space: ROWS, key: key(n), value: "old".into() };
    for reverse in [false, true] {
        let store = MemoryStore::new();
        apply(&store, tx(1, (0..MANY).map(put).collect())).unwrap();
        let span = Span::all(ROWS).reversed(reverse).limited(Some(2_900));
        let scan = Read::Scan { span: span.clone(), filter: None, want: None, track: true };
        let rest = Read::Scan { span: Span::all(ROWS), filter: None, want: Some(1), track: false };
        let batch = [(Partition(0), vec![scan.clone(), rest])];
        let mut reading = store.read(&batch, ReadOptions::new());
        let mut turns = 0;
        let replies = loop {
            if let Some(replies) = at_once(futures::future::poll_fn(|context| {
                std::task::Poll::Ready(match reading.as_mut().poll(context) {
                    std::task::Poll::Ready(replies) => Some(replies.unwrap()),
                    std::task::Poll::Pending => None,
                })
            })) {
                break replies;
            }
            turns += 1;
            // Whatever others change meanwhile, before and behind where it is: not in what it reads.
            let change = |n: usize| Effect::Put { space: ROWS, key: key(n), value: "new".into() };
            let effects = vec![change(turns), change(MANY - turns), Effect::Delete { space: ROWS, key: key(1_500) }];
            apply(&store, tx(1 + turns as u64, effects)).unwrap();
        };
        assert_eq!(turns, 2, "for each thousand members");
        let Reply::Scanned(scanned) = &replies[0].replies[0] else { panic!("a scan is answered by members") };
        let keys: Vec<Bytes> = scanned.iter().map(|record| Bytes::copy_from_slice(record.key)).collect();
        let all = (0..MANY).map(key);
        let expected: Vec<Bytes> = if reverse { all.rev().take(2_900).collect() } else { all.take(2_900).collect() };
        assert_eq!(keys, expected);
        assert!(scanned.iter().all(|record| record.value == b"old"));
        assert_eq!((scanned.visited, scanned.stopped_at.as_ref()), (2_900, expected.last()));
        assert_eq!(replies[0].seq, 1);
        // What it has noted of the members is what it was then, and not now.
        let check = |expect: &Scanned| Check::Same {
            span: span.clone(),
            rows: None,
            n: expect.visited,
            digest: expect.digest.clone(),
        };
        let stale = tx(8, Vec::new()).checks(vec![check(scanned)]);
        assert!(matches!(apply(&store, stale).unwrap(), Applied::Conflict { .. }));
        let before = MemoryStore::new();
        apply(&before, tx(1, (0..MANY).map(put).collect())).unwrap();
        let same = tx(2, Vec::new()).checks(vec![check(scanned)]);
        assert!(matches!(apply(&before, same).unwrap(), Applied::Done { .. }));
    }
}

#[test]
fn an_entry_without_its_row_names_table_and_key() {
    let store = MemoryStore::new();
    apply(&store, tx(1, vec![put(INDEX, "red\0ann\0\u{3}")])).unwrap();
    let read_rows =
        Read::ScanRows { index: Span::all(INDEX), table: TableId(7), filter: None, want: None, track: false };
    let error = read(&store, read_rows).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("table 7") && error.to_string().contains("ann"), "{error}");
}

#[test]
fn an_overflow_leaves_no_trace_of_the_effects_before_it() {
    let store = with_rows(&["a"]);
    let add = |delta| Effect::Add { space: SUMS, key: "n".into(), delta };
    let error = apply(&store, tx(2, vec![put(ROWS, "b"), add(i128::MAX), add(1)])).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Overflow);
    assert_eq!(scan(&store, Span::all(ROWS), None).len(), 1);
    assert_eq!(apply(&store, tx(2, vec![add(i128::MAX), add(-1)])).unwrap(), Applied::Done { seq: 2 });
}

#[test]
fn a_repeat_gets_the_recorded_outcome_and_a_late_one_is_aborted() {
    let store = with_rows(&["a"]);
    let absent = Check::Version { space: ROWS, key: "a".into(), expect: None };
    let refused = tx(5, vec![put(ROWS, "b")]).checks(vec![Check::Count { span: Span::all(ROWS), n: 1 }, absent]);
    let conflict = Applied::Conflict { check: CheckRef::Check(1) };
    assert_eq!(apply(&store, tx(1, vec![])).unwrap(), Applied::Already(Decision::Committed));
    assert_eq!(apply(&store, refused.clone()).unwrap(), conflict);
    let delete = Effect::Delete { space: ROWS, key: "a".into() };
    let other = MiniTx::one(TxId { lane: 2, seq: 1 }).effects(vec![delete]);
    assert_eq!(apply(&store, other).unwrap(), Applied::Done { seq: 2 });
    assert_eq!(apply(&store, refused).unwrap(), conflict);
    assert_eq!(apply(&store, tx(4, vec![])).unwrap(), Applied::Already(Decision::Aborted));
}

#[test]
fn an_unchanged_seq_skips_the_reads_and_not_the_checks() {
    let store = with_rows(&["a"]);
    let fails = vec![Check::Count { span: Span::all(ROWS), n: 9 }];
    let unchanged = tx(2, vec![]).unchanged_since(Some(1)).reads(fails.clone());
    assert_eq!(apply(&store, unchanged).unwrap(), Applied::Done { seq: 1 });
    let checked = tx(3, vec![]).unchanged_since(Some(1)).checks(fails);
    assert_eq!(apply(&store, checked).unwrap(), Applied::Conflict { check: CheckRef::Check(0) });
}

#[test]
fn the_gate_refuses_older_clients_only() {
    let store = MemoryStore::new();
    apply(&store, tx(1, vec![Effect::RaiseGate { oldest: 3 }, Effect::RaiseGate { oldest: 2 }])).unwrap();
    assert_eq!(apply(&store, tx(2, vec![]).schema(2)).unwrap(), Applied::StaleSchema { oldest: 3 });
    assert_eq!(apply(&store, tx(3, vec![]).schema(3)).unwrap(), Applied::Done { seq: 1 });
}

#[test]
fn an_abort_at_the_primary_unlocks_what_is_prepared_there() {
    let store = with_rows(&["a"]);
    let step = |step| MiniTx::one(TxId { lane: 2, seq: 1 }).step(step);
    let locking = step(Step::Prepare { primary: Partition(0), lease: 0 })
        .checks(vec![Check::Count { span: Span::all(ROWS), n: 1 }]);
    assert_eq!(apply(&store, locking).unwrap(), Applied::Done { seq: 1 });
    assert!(matches!(apply(&store, tx(2, vec![put(ROWS, "b")])).unwrap(), Applied::Blocked { .. }));
    let aborted = Applied::Already(Decision::Aborted);
    assert_eq!(apply(&store, step(Step::Push { abort: true })).unwrap(), aborted);
    assert_eq!(apply(&store, step(Step::Finish(Decision::Aborted))).unwrap(), aborted);
    assert_eq!(apply(&store, tx(3, vec![put(ROWS, "b")])).unwrap(), Applied::Done { seq: 2 });
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_applied() {
    let store = MemoryStore::new();
    let push = tx(2, vec![put(ROWS, "b")]).step(Step::Push { abort: true });
    let batch = vec![(Partition(0), tx(1, vec![put(ROWS, "a")])), (Partition(0), push)];
    let error = at_once(store.apply(batch, ApplyOptions::new(Durability::Memory))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(scan(&store, Span::all(ROWS), None).is_empty());
    let elsewhere = at_once(store.read(&[(Partition(1), vec![])], ReadOptions::new())).unwrap_err();
    assert_eq!(elsewhere.kind(), StoreErrorKind::Invalid);
}

#[test]
fn a_sequence_starts_at_one_and_ends_with_an_error() {
    let store = MemoryStore::new();
    let reserve = |n| at_once(store.reserve(SequenceId::Lanes, n));
    assert_eq!((reserve(5).unwrap(), reserve(1).unwrap()), (1, 6));
    store.writing().sequences.insert(SequenceId::Lanes, u64::MAX);
    assert_eq!(reserve(1).unwrap_err().kind(), StoreErrorKind::Overflow);
}
