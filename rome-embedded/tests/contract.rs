//! The contract's guarantees, as far as they can be seen in one process on a healthy disk.
#![allow(clippy::unwrap_used)]

mod harness;

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use harness::*;
use rome_store::{
    Applied, ApplyOptions, Certainty, Check, CheckRef, Claimed, Decision, Digest, Durability, Effect, FilterRef,
    IndexId, MiniTx, Partition, Read, ReadOptions, Reply, RowFilter, SequenceId, Space, Span, Step, Store,
    StoreErrorKind, TableId,
};

const SUMS: Space = Space::Aggregate(IndexId(3));

#[test]
fn a_put_is_read_back_with_its_writer() {
    let folder = Folder::new("put");
    let store = folder.open();
    assert_eq!(apply(&store, tx(id(1, 1), vec![put(ROWS, "a", "1"), put(INDEX, "e", "")])), Applied::Done { seq: 1 });
    assert_eq!(get(&store, ROWS, "a"), Some((id(1, 1), b"1".to_vec())));
    assert_eq!(get(&store, INDEX, "e"), Some((id(0, 0), Vec::new())));
    assert_eq!(get(&store, ROWS, "b"), None);
    assert_eq!(apply(&store, tx(id(1, 2), vec![delete(ROWS, "a"), delete(ROWS, "none")])), Applied::Done { seq: 2 });
    assert_eq!(get(&store, ROWS, "a"), None);
    assert_eq!(seq(&store), 2);
}

#[test]
fn effects_on_one_record_keep_their_order() {
    let folder = Folder::new("order");
    let store = folder.open();
    let effects = vec![
        put(ROWS, "a", "1"),
        delete(ROWS, "a"),
        put(ROWS, "b", "1"),
        put(ROWS, "a", "2"),
        delete(ROWS, "b"),
        add(SUMS, "s", 5),
        delete(SUMS, "s"),
        add(SUMS, "s", 2),
        add(SUMS, "s", -3),
    ];
    apply(&store, tx(id(1, 1), effects));
    assert_eq!(get(&store, ROWS, "a").unwrap().1, b"2");
    assert_eq!(get(&store, ROWS, "b"), None);
    assert_eq!(get(&store, SUMS, "s").unwrap().1, (-1i128).to_be_bytes());
}

#[test]
fn the_failed_check_is_named_and_nothing_is_applied() {
    let folder = Folder::new("conflict");
    let store = folder.open();
    apply(&store, tx(id(1, 1), vec![put(ROWS, "a", "1")]));
    let version = |key: &'static str, expect| Check::Version { space: ROWS, key: Bytes::from(key), expect };
    let mut bad = tx(id(1, 2), vec![put(ROWS, "a", "2")]);
    bad.reads = vec![version("a", Some(id(1, 1))), version("b", Some(id(9, 9)))];
    bad.checks = vec![version("a", None)];
    let conflict = |check| Applied::Conflict { check };
    assert_eq!(apply(&store, bad.clone()), conflict(CheckRef::Read(1)));
    // The same again gets the same answer; with a present seq the reads are skipped and the checks are not.
    assert_eq!(apply(&store, bad.clone()), conflict(CheckRef::Read(1)));
    bad.id = id(1, 3);
    bad.unchanged_since = Some(1);
    assert_eq!(apply(&store, bad), conflict(CheckRef::Check(0)));
    assert_eq!(get(&store, ROWS, "a"), Some((id(1, 1), b"1".to_vec())));
    assert_eq!(seq(&store), 1);
}

#[test]
fn a_phantom_in_a_scanned_span_is_a_conflict() {
    let folder = Folder::new("phantom");
    let store = folder.open();
    let row = |key: &str| vec![put(ROWS, key, "v"), put(INDEX, entry("x", key), "")];
    apply(&store, tx(id(1, 1), row("a")));
    let span = Span::all(INDEX);
    let read = Read::ScanRows { index: span.clone(), table: TABLE, filter: None, want: None, track: true };
    let seen = scanned(&store, read);
    let guarded = |seq| {
        let mut guarded = tx(id(2, seq), vec![]);
        let same = Check::Same { span: span.clone(), rows: Some(TABLE), n: 1, digest: seen.digest.clone() };
        guarded.reads = vec![same, Check::Count { span: span.clone(), n: 1 }];
        guarded
    };
    assert_eq!(apply(&store, guarded(1)), Applied::Done { seq: 1 });
    apply(&store, tx(id(1, 2), vec![put(ROWS, "a", "changed")]));
    assert_eq!(apply(&store, guarded(2)), Applied::Conflict { check: CheckRef::Read(0) });
    apply(&store, tx(id(1, 3), row("b")));
    assert_eq!(apply(&store, guarded(3)), Applied::Conflict { check: CheckRef::Read(0) });
    let mut counted = guarded(4);
    counted.reads.remove(0);
    assert_eq!(apply(&store, counted), Applied::Conflict { check: CheckRef::Read(0) });
}

#[test]
fn a_decided_transaction_has_no_further_effect() {
    let folder = Folder::new("again");
    let store = folder.open();
    let first = tx(id(1, 5), vec![add(SUMS, "s", 1)]);
    assert_eq!(apply(&store, first.clone()), Applied::Done { seq: 1 });
    assert_eq!(apply(&store, first), Applied::Already(Decision::Committed));
    assert_eq!(apply(&store, tx(id(1, 4), vec![add(SUMS, "s", 1)])), Applied::Already(Decision::Aborted));
    // Also when both come in one call.
    let twice = tx(id(1, 6), vec![add(SUMS, "s", 1)]);
    let batch = vec![(Partition(0), twice.clone()), (Partition(0), twice)];
    let answers = wait(store.apply(batch, ApplyOptions::new(Durability::Local))).unwrap();
    assert_eq!(answers, [Applied::Done { seq: 2 }, Applied::Already(Decision::Committed)]);
    assert_eq!(get(&store, SUMS, "s").unwrap().1, 2i128.to_be_bytes());
}

#[test]
fn a_counter_that_would_overflow_refuses_all_of_its_transaction() {
    let folder = Folder::new("overflow");
    let store = folder.open();
    apply(&store, tx(id(1, 1), vec![add(SUMS, "s", i128::MAX - 1)]));
    let over = tx(id(1, 2), vec![put(ROWS, "a", "1"), add(SUMS, "s", 1), add(SUMS, "s", 1)]);
    let error = apply_at(&store, over, Durability::Local).unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Overflow, Certainty::NotApplied));
    assert_eq!(get(&store, ROWS, "a"), None);
    assert_eq!(seq(&store), 1);
    assert_eq!(apply(&store, tx(id(1, 3), vec![add(SUMS, "s", 1)])), Applied::Done { seq: 2 });
}

#[test]
fn the_schema_gate_holds_also_after_reopening() {
    let folder = Folder::new("gate");
    let store = folder.open();
    let write = |seq, schema| tx(id(1, seq), vec![put(ROWS, "a", "1")]).schema(schema);
    assert_eq!(apply(&store, write(1, 3)), Applied::Done { seq: 1 });
    assert_eq!(apply(&store, tx(id(1, 2), vec![Effect::RaiseGate { oldest: 4 }])), Applied::Done { seq: 2 });
    assert_eq!(apply(&store, write(3, 3)), Applied::StaleSchema { oldest: 4 });
    apply(&store, tx(id(1, 4), vec![Effect::RaiseGate { oldest: 2 }]));
    drop(store);
    let store = folder.open();
    assert_eq!(apply(&store, write(5, 3)), Applied::StaleSchema { oldest: 4 });
    assert_eq!(apply(&store, write(6, 4)), Applied::Done { seq: 4 });
}

#[test]
fn limits_and_reverse_are_exact() {
    let folder = Folder::new("limits");
    let store = folder.open();
    let effects = ["a", "b", "c", "d"].map(|key| put(ROWS, key, key));
    apply(&store, tx(id(1, 1), effects.to_vec()));
    // Neighbours that must not be seen.
    let neighbours = vec![put(Space::Rows(TableId(0)), "z", ""), put(Space::Rows(TableId(2)), "a", "")];
    apply(&store, tx(id(1, 2), neighbours));
    for reverse in [false, true] {
        for limit in [None, Some(0), Some(1), Some(3), Some(4), Some(5)] {
            for want in [None, Some(0), Some(2), Some(4), Some(9)] {
                let span = Span::all(ROWS).reversed(reverse).limited(limit);
                let got = scanned(&store, Read::Scan { span, filter: None, want, track: false });
                let mut all = ["a", "b", "c", "d"];
                if reverse {
                    all.reverse();
                }
                let most = limit.unwrap_or(9).min(want.unwrap_or(9)) as usize;
                let expected = &all[..most.min(4)];
                assert_eq!(keys(&got), expected, "{reverse} {limit:?} {want:?}");
                assert_eq!(got.visited as usize, expected.len());
                let stopped = (most < 4).then(|| expected.last().copied()).flatten();
                assert_eq!(got.stopped_at.as_deref(), stopped.map(str::as_bytes));
                assert_eq!(got.digest, Digest::default());
            }
        }
    }
    let between = |lo, hi| Span::between(ROWS, lo, hi);
    let (b, d) = (Bytes::from("b"), Bytes::from("d"));
    let spans = [
        (between(Bound::Included(b.clone()), Bound::Excluded(d.clone())), vec!["b", "c"]),
        (between(Bound::Excluded(b.clone()), Bound::Included(d.clone())), vec!["c", "d"]),
        (between(Bound::Excluded(d.clone()), Bound::Unbounded), vec![]),
        (between(Bound::Included(d.clone()), Bound::Included(b.clone())), vec![]),
        (between(Bound::Excluded(b.clone()), Bound::Excluded(b)), vec![]),
        (Span::prefix(ROWS, "c"), vec!["c"]),
    ];
    for (span, expected) in spans {
        assert_eq!(keys(&scanned(&store, scan_of(span.clone()))), expected, "{span:?}");
        let count = try_read(&store, Read::count(span)).unwrap();
        assert_eq!(count, Reply::Count((expected.len() as u64).into()));
    }
    assert_eq!(try_read(&store, Read::count(Span::all(ROWS).limited(Some(2)))).unwrap(), Reply::Count(2.into()));
}

struct Even;

impl RowFilter for Even {
    fn keep(&self, _: &[u8], value: &[u8]) -> bool {
        value[0].is_multiple_of(2)
    }
}

#[test]
fn rows_are_found_through_an_index_filtered_and_counted() {
    let folder = Folder::new("rows");
    let store = folder.open();
    let mut effects = Vec::new();
    for n in 0..10u8 {
        let key = format!("k{n}");
        effects.push(put(ROWS, &key, [n]));
        effects.push(put(INDEX, entry(&format!("{:02}", 99 - n), &key), ""));
    }
    apply(&store, tx(id(1, 1), effects));
    let read = |filter: bool, want, limit| Read::ScanRows {
        index: Span::all(INDEX).limited(limit),
        table: TABLE,
        filter: filter.then(|| FilterRef(Arc::new(Even))),
        want,
        track: true,
    };
    let all = scanned(&store, read(false, None, None));
    assert_eq!((all.len(), all.visited, &all.stopped_at), (10, 10, &None));
    assert_eq!(keys(&all)[0], "k9");
    assert_eq!(all.get(0).unwrap().version, id(1, 1));
    let two = scanned(&store, read(true, Some(2), None));
    assert_eq!(keys(&two), ["k8", "k6"]);
    assert_eq!(two.visited, 4);
    assert_eq!(two.stopped_at.as_deref(), Some(entry("93", "k6").as_slice()));
    let limited = scanned(&store, read(true, None, Some(3)));
    assert_eq!((keys(&limited), limited.visited), (vec!["k8".to_owned()], 3));
    // What a scan saw up to where it stopped is what a check over the cut span sees.
    let span = Span::all(INDEX).cut_at(&entry("93", "k6"));
    let mut check = tx(id(2, 1), vec![]);
    check.checks = vec![Check::Same { span, rows: Some(TABLE), n: two.visited, digest: two.digest.clone() }];
    assert_eq!(apply(&store, check), Applied::Done { seq: 1 });
}

#[test]
fn a_claim_leads_to_its_row() {
    let folder = Folder::new("claim");
    let store = folder.open();
    let unique = IndexId(9);
    apply(&store, tx(id(1, 1), vec![put(ROWS, "a", "1"), put(Space::Unique(unique), "mail", "a")]));
    apply(&store, tx(id(1, 2), vec![put(ROWS, "a", "2")]));
    let read = |columns| Read::GetClaimed { index: unique, columns: Bytes::from(columns), table: TABLE };
    let claimed = Claimed::new(id(1, 1), "a".into(), id(1, 2), "2".into());
    assert_eq!(try_read(&store, read("mail")).unwrap(), Reply::Claimed(Some(claimed)));
    assert_eq!(try_read(&store, read("none")).unwrap(), Reply::Claimed(None));
}

#[test]
fn an_entry_without_a_row_is_reported() {
    let folder = Folder::new("dangling");
    let store = folder.open();
    apply(&store, tx(id(1, 1), vec![put(INDEX, entry("x", "gone"), "")]));
    let read = Read::ScanRows { index: Span::all(INDEX), table: TABLE, filter: None, want: None, track: false };
    assert_eq!(try_read(&store, read).unwrap_err().kind(), StoreErrorKind::Corrupt);
}

#[test]
fn what_the_store_cannot_take_is_refused_whole() {
    let folder = Folder::new("refused");
    let store = folder.open();
    let limits = store.capabilities().clone();
    let refused = |mini: MiniTx, durability, kind| {
        let good = tx(id(9, 9), vec![put(ROWS, "good", "1")]);
        let batch = vec![(Partition(0), good), (Partition(0), mini)];
        let error = wait(store.apply(batch, ApplyOptions::new(durability))).unwrap_err();
        assert_eq!((error.kind(), error.certainty()), (kind, Certainty::NotApplied), "{error}");
        assert_eq!(get(&store, ROWS, "good"), None);
        error.to_string()
    };
    let long = tx(id(1, 1), vec![put(ROWS, vec![0; limits.max_key + 1], "")]);
    let message = refused(long, Durability::Local, StoreErrorKind::Limit);
    assert!(message.contains("4097") && message.contains("4096"), "{message}");
    let large = tx(id(1, 1), vec![put(ROWS, "a", vec![0; limits.max_value + 1])]);
    refused(large, Durability::Local, StoreErrorKind::Limit);
    let many = tx(id(1, 1), vec![delete(ROWS, "a"); limits.max_effects + 1]);
    refused(many, Durability::Local, StoreErrorKind::Limit);
    let prepare = tx(id(1, 1), vec![]).step(Step::Push { abort: false });
    refused(prepare, Durability::Local, StoreErrorKind::Invalid);
    refused(tx(id(1, 1), vec![]), Durability::Replicated(1), StoreErrorKind::Invalid);
    let check = Check::Version { space: INDEX, key: Bytes::new(), expect: None };
    refused(tx(id(1, 1), vec![]).checks(vec![check]), Durability::Local, StoreErrorKind::Invalid);
    let elsewhere = wait(store.apply(vec![(Partition(1), tx(id(1, 1), vec![]))], ApplyOptions::new(Durability::Local)));
    assert_eq!(elsewhere.unwrap_err().kind(), StoreErrorKind::Invalid);
    let elsewhere = wait(store.read(&[(Partition(1), vec![])], ReadOptions::new()));
    assert_eq!(elsewhere.unwrap_err().kind(), StoreErrorKind::Invalid);
    // The longest that fit do.
    let fits = tx(id(1, 1), vec![put(ROWS, vec![7; limits.max_key], vec![1; 1 << 20])]);
    assert_eq!(apply(&store, fits), Applied::Done { seq: 1 });
}

#[test]
fn reserved_numbers_never_come_again() {
    let folder = Folder::new("reserve");
    let store = folder.open();
    let keys = SequenceId::Keys(TABLE);
    assert_eq!(wait(store.reserve(keys, 10)).unwrap(), 1);
    assert_eq!(wait(store.reserve(keys, 1)).unwrap(), 11);
    assert_eq!(wait(store.reserve(SequenceId::Lanes, 5)).unwrap(), 1);
    assert_eq!(wait(store.reserve(keys, 0)).unwrap(), 12);
    drop(store);
    let store = folder.open();
    assert_eq!(wait(store.reserve(keys, 1)).unwrap(), 12);
    assert_eq!(wait(store.reserve(SequenceId::Lanes, 1)).unwrap(), 6);
    assert_eq!(seq(&store), 0);
}

#[test]
fn a_dropped_apply_happens_whole_or_not_at_all() {
    let folder = Folder::new("dropped");
    let store = folder.open();
    for n in 1..=50u64 {
        let mini = tx(id(n, 1), vec![put(ROWS, format!("a{n}"), "1"), put(ROWS, format!("b{n}"), "1")]);
        let mut apply = store.apply(vec![(Partition(0), mini)], ApplyOptions::new(Durability::Local));
        // Polled once, so that it is queued, then dropped.
        wait(std::future::poll_fn(|cx| {
            let _ = apply.as_mut().poll(cx);
            std::task::Poll::Ready(())
        }));
    }
    // One commit thread serves in order, so this one is after all of them.
    apply(&store, tx(id(99, 1), vec![put(ROWS, "end", "1")]));
    assert_eq!(try_read(&store, Read::count(Span::all(ROWS))).unwrap(), Reply::Count(101.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_increments_are_all_counted() {
    let folder = Folder::new("concurrent");
    let store = Arc::new(folder.open());
    let mut tasks = Vec::new();
    for lane in 1..=8 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let (mut done, mut seq) = (0, 0);
            while done < 25 {
                let read = Read::Get { space: ROWS, key: Bytes::from("n") };
                let replies = store.read(&[(Partition(0), vec![read])], ReadOptions::new()).await.unwrap();
                let Reply::Record(record) = &replies[0].replies[0] else { panic!() };
                let n = record.as_ref().map_or(0, |(_, value)| u64::from_be_bytes(value[..].try_into().unwrap()));
                seq += 1;
                let mut mini = tx(id(lane, seq), vec![put(ROWS, "n", (n + 1).to_be_bytes())]);
                let expect = record.as_ref().map(|(version, _)| *version);
                mini.reads = vec![Check::Version { space: ROWS, key: Bytes::from("n"), expect }];
                mini.unchanged_since = Some(replies[0].seq);
                match &store.apply(vec![(Partition(0), mini)], ApplyOptions::new(Durability::Local)).await.unwrap()[0] {
                    Applied::Done { .. } => done += 1,
                    Applied::Conflict { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let read = Read::Get { space: ROWS, key: Bytes::from("n") };
    let replies = store.read(&[(Partition(0), vec![read])], ReadOptions::new()).await.unwrap();
    let Reply::Record(Some((_, value))) = &replies[0].replies[0] else { panic!() };
    assert_eq!(value[..], 200u64.to_be_bytes());
    assert_eq!(replies[0].seq, 200);
}
