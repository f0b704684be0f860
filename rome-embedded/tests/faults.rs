//! A disk that fails, fills up, or loses power at any moment: nothing that was acknowledged is lost, nothing is torn.
#![allow(clippy::unwrap_used)]

mod harness;

use std::io;

use harness::disk::{Change, Disk, perform};
use harness::*;
use rome_embedded::testkit::open_on;
use rome_embedded::{EmbeddedOptions, EmbeddedStore, Recovery};
use rome_store::{
    Applied, Certainty, Durability, Effect, IndexId, Read, Reply, Space, Span, StoreError, StoreErrorKind, StoreResult,
};

const SUMS: Space = Space::Aggregate(IndexId(4));

/// What transaction number `n` writes: records in several spaces that must come and go together.
fn effects_of(n: u64) -> Vec<Effect> {
    let mut effects: Vec<Effect> = (0..4).map(|part| put(ROWS, [part], n.to_be_bytes())).collect();
    effects.push(put(INDEX, n.to_be_bytes(), ""));
    effects.push(add(SUMS, "count", 1));
    effects.push(put(ROWS, format!("filler{}", n % 7), vec![n as u8; 3000]));
    effects
}

fn write(store: &EmbeddedStore, n: u64) -> StoreResult<Applied> {
    apply_at(store, tx(id(n, 1), effects_of(n)), Durability::Local)
}

/// How many transactions the store holds, all of them whole; panics if one is torn.
fn whole_transactions(store: &EmbeddedStore) -> u64 {
    let n = seq(store);
    assert_eq!(try_read(store, Read::count(Span::all(INDEX))).unwrap(), Reply::Count(n.into()), "entries");
    let sum = get(store, SUMS, "count").map_or(0, |(_, sum)| i128::from_be_bytes(sum.try_into().unwrap()));
    assert_eq!(sum, i128::from(n), "counter");
    for part in 0..4 {
        let value = get(store, ROWS, [part]).map(|(_, value)| value);
        assert_eq!(value, (n > 0).then(|| n.to_be_bytes().to_vec()), "part {part}");
    }
    n
}

/// What an error of a write says is what is so: one that was not applied is not there, and nothing else is lost.
fn keeps_its_word(store: &EmbeddedStore, error: &StoreError, acknowledged: u64, n: u64) {
    let held = whole_transactions(store);
    match error.certainty() {
        Certainty::NotApplied => assert_eq!(held, acknowledged, "{error}"),
        Certainty::Unknown => assert!(held == acknowledged || held == n, "{held} of {n}: {error}"),
    }
}

#[test]
fn a_disk_that_fails_at_any_change_loses_nothing_that_was_acknowledged() {
    for recovery in [Recovery::Scan, Recovery::Quick] {
        let options = EmbeddedOptions::default().recovery(recovery);
        let mut failed_somewhere = 0;
        for changes in 0..70 {
            let disk = Disk::default();
            let store = open_on(disk.clone(), options.clone()).unwrap();
            write(&store, 1).unwrap();
            disk.fail_after(changes);
            let mut acknowledged = 1;
            let failure = (2..=8).find_map(|n| match write(&store, n) {
                Ok(_) => {
                    acknowledged = n;
                    None
                }
                Err(error) => Some((n, error)),
            });
            if let Some((n, error)) = &failure {
                failed_somewhere += 1;
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
                // Reading goes on, and writing is refused in words for as long as the disk fails.
                keeps_its_word(&store, error, acknowledged, *n);
                let again = write(&store, 999).unwrap_err();
                assert_eq!((again.kind(), again.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied));
                assert!(again.to_string().contains("try again"), "{again}");
                keeps_its_word(&store, error, acknowledged, *n);
            }
            drop(store);
            let store = open_on(Disk::holding(disk.bytes()), options.clone()).unwrap();
            match failure {
                None => assert_eq!(whole_transactions(&store), acknowledged),
                Some((n, error)) => keeps_its_word(&store, &error, acknowledged, n),
            }
            write(&store, 100).unwrap();
        }
        assert!(failed_somewhere > 20, "{failed_somewhere}");
    }
}

#[test]
fn writing_goes_on_by_itself_after_a_failure_at_any_change() {
    for recovery in [Recovery::Scan, Recovery::Quick] {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
            for failures in [1, 3, usize::MAX] {
                for changes in 0..16 {
                    failing_for_a_while(recovery, kind, changes, failures);
                }
            }
        }
    }
}

/// Fails `failures` changes of the disk after the first `changes`, and writes all the while.
fn failing_for_a_while(recovery: Recovery, kind: io::ErrorKind, changes: usize, failures: usize) {
    let case = format!("{recovery:?} {kind} {changes} {failures}");
    let options = EmbeddedOptions::default().recovery(recovery);
    let disk = Disk::default();
    let store = open_on(disk.clone(), options.clone()).unwrap();
    write(&store, 1).unwrap();
    disk.fail_with(kind, changes, failures);
    let mut next = 2;
    for _ in 0..6 {
        match write(&store, next) {
            Ok(applied) => {
                assert!(matches!(applied, Applied::Done { seq } if seq == next), "{case}: {applied:?}");
                next += 1;
            }
            Err(error) => {
                let full = kind == io::ErrorKind::StorageFull;
                let expected = if full { StoreErrorKind::Full } else { StoreErrorKind::Unavailable };
                assert_eq!(error.kind(), expected, "{case}: {error}");
                keeps_its_word(&store, &error, next - 1, next);
                next = whole_transactions(&store) + 1;
            }
        }
        assert_eq!(whole_transactions(&store), next - 1, "{case}");
    }
    disk.work();
    write(&store, next).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(whole_transactions(&store), next, "{case}");
    drop(store);
    assert_eq!(whole_transactions(&open_on(Disk::holding(disk.bytes()), options).unwrap()), next, "{case}");
}

#[test]
fn what_a_failed_sync_left_behind_is_written_again_before_anything_is_built_on_it() {
    for changes in 0..20 {
        let disk = Disk::default();
        let store = open_on(disk.clone(), EmbeddedOptions::default()).unwrap();
        write(&store, 1).unwrap();
        // The system believes that it wrote what it did not: the pages are in its memory and not on the disk.
        disk.lose_the_next_sync_after(changes);
        let mut next = 2;
        while next < 8 {
            if write(&store, next).is_ok() || whole_transactions(&store) == next {
                next += 1;
            }
        }
        let bytes = disk.synced_bytes();
        drop(store);
        let store = open_on(Disk::holding(bytes), EmbeddedOptions::default()).unwrap();
        assert_eq!(whole_transactions(&store), next - 1, "{changes}");
    }
}

#[test]
fn commits_in_memory_outlive_a_failure_of_the_disk() {
    for (changes, failures) in (0..20).flat_map(|changes| [(changes, 1), (changes, 4), (changes, usize::MAX)]) {
        let disk = Disk::default();
        let store = open_on(disk.clone(), EmbeddedOptions::default()).unwrap();
        write(&store, 1).unwrap();
        disk.fail_with(io::ErrorKind::StorageFull, changes, failures);
        let mut next = 2;
        for step in 0..12 {
            let durability = if step % 4 == 3 { Durability::Local } else { Durability::Memory };
            if apply_at(&store, tx(id(next, 1), effects_of(next)), durability).is_ok() {
                next += 1;
            }
            let held = whole_transactions(&store);
            assert!(held == next - 1 || held == next, "{changes} {failures}: {held} of {next}");
            next = held + 1;
        }
        disk.work();
        write(&store, next).unwrap();
        drop(store);
        let store = open_on(Disk::holding(disk.bytes()), EmbeddedOptions::default()).unwrap();
        assert_eq!(whole_transactions(&store), next, "{changes} {failures}");
    }
}

#[test]
fn a_full_disk_is_named_and_writing_goes_on_when_there_is_room() {
    let disk = Disk::default();
    let store = open_on(disk.clone(), EmbeddedOptions::default()).unwrap();
    write(&store, 1).unwrap();
    for round in 0..3 {
        disk.limit(disk.bytes().len());
        let mut n = seq(&store);
        let error = loop {
            n += 1;
            let mut mini = tx(id(n, 1), effects_of(n));
            mini.effects.push(put(ROWS, format!("big{n}"), vec![1; 100_000]));
            if let Err(error) = apply_at(&store, mini, Durability::Local) {
                break error;
            }
            assert!(n < 1000, "the disk fills up");
        };
        assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{error:?}");
        assert!(error.to_string().contains("the disk is full") && error.to_string().contains("make room"), "{error}");
        assert_eq!(whole_transactions(&store), n - 1, "round {round}");
        assert_eq!(
            apply_at(&store, tx(id(n + 5000, 1), vec![]), Durability::Local).unwrap(),
            Applied::Done { seq: n - 1 }
        );
        disk.limit(usize::MAX);
        write(&store, n).unwrap();
        assert_eq!(whole_transactions(&store), n);
    }
    let held = seq(&store);
    drop(store);
    assert_eq!(whole_transactions(&open_on(Disk::holding(disk.bytes()), EmbeddedOptions::default()).unwrap()), held);
}

#[test]
fn a_read_that_failed_does_not_end_reading() {
    let disk = Disk::default();
    let store = open_on(disk.clone(), EmbeddedOptions::default().cache_bytes(0)).unwrap();
    for n in 1..=5 {
        write(&store, n).unwrap();
    }
    disk.fail_reads(1);
    let read = || try_read(&store, Read::Get { space: ROWS, key: vec![0].into() });
    let error = read().unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Other), "{error:?}");
    // The commit thread has the file opened again before it serves a request that comes later.
    write(&store, 6).unwrap();
    assert!(read().is_ok());
    assert_eq!(whole_transactions(&store), 6);
}

/// A pseudo-random number generator, so that each run tries the same losses (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The disk after a loss of power in front of change `at`: what came before the last sync is there, and of what came
/// after it any part.
fn after_power_loss(log: &[Change], at: usize, dice: &mut Dice) -> Vec<u8> {
    let log = &log[..at];
    let synced = log.iter().rposition(|change| matches!(change, Change::Sync)).map_or(0, |place| place + 1);
    let mut bytes = Vec::new();
    for change in &log[..synced] {
        perform(&mut bytes, change);
    }
    for change in &log[synced..] {
        match (change, dice.roll() % 4) {
            (Change::SetLen(_), _) | (Change::Write { .. }, 0 | 1) => perform(&mut bytes, change),
            (Change::Write { offset, data }, 2) => {
                let part = data[..dice.roll() as usize % data.len()].to_vec();
                perform(&mut bytes, &Change::Write { offset: *offset, data: part });
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn power_lost_at_any_change_loses_nothing_that_was_acknowledged() {
    for recovery in [Recovery::Scan, Recovery::Quick] {
        let options = EmbeddedOptions::default().recovery(recovery);
        let disk = Disk::default();
        let store = open_on(disk.clone(), options.clone()).unwrap();
        let first = disk.changes();
        // For each acknowledged transaction, how many changes the disk had seen then.
        let mut acknowledged = Vec::new();
        for n in 1..=12 {
            write(&store, n).unwrap();
            acknowledged.push(disk.changes());
        }
        drop(store);
        let log = disk.log();
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        for at in first..=log.len() {
            let bytes = after_power_loss(&log, at, &mut dice);
            let store = open_on(Disk::holding(bytes), options.clone()).unwrap();
            let held = whole_transactions(&store);
            let must = acknowledged.iter().filter(|seen| **seen <= at).count() as u64;
            assert!(held == must || held == must + 1, "{recovery:?} at {at}: {held} held, {must} acknowledged");
        }
    }
}

#[test]
fn commits_in_memory_reach_the_disk_by_themselves_and_are_never_torn() {
    let disk = Disk::default();
    let store = open_on(disk.clone(), EmbeddedOptions::default()).unwrap();
    let first = disk.changes();
    for n in 1..=10 {
        apply_at(&store, tx(id(n, 1), effects_of(n)), Durability::Memory).unwrap();
        assert_eq!(whole_transactions(&store), n);
    }
    // A transaction on disk takes those in memory with it, also one that only checks.
    let mut check = tx(id(11, 1), vec![]);
    check.unchanged_since = Some(10);
    assert_eq!(apply_at(&store, check, Durability::Local).unwrap(), Applied::Done { seq: 10 });
    let synced = disk.changes();
    let bytes = disk.bytes();
    drop(store);
    assert_eq!(whole_transactions(&open_on(Disk::holding(bytes), EmbeddedOptions::default()).unwrap()), 10);
    let log = disk.log();
    let mut dice = Dice(7);
    for at in first..=synced {
        let bytes = after_power_loss(&log, at, &mut dice);
        whole_transactions(&open_on(Disk::holding(bytes), EmbeddedOptions::default()).unwrap());
    }
}
