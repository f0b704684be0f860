//! A disk that fails, fills up, or loses power at any moment: nothing that was acknowledged is lost, nothing is torn.
#![allow(clippy::unwrap_used)]

mod harness;

use harness::disk::{Change, Disk, perform};
use harness::*;
use rome_core::store::{
    Applied, Certainty, Durability, Effect, IndexId, Read, Reply, Space, Span, StoreError, StoreErrorKind, StoreResult,
};
use rome_embedded::testkit::open_on;
use rome_embedded::{EmbeddedOptions, EmbeddedStore, Recovery};

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
    assert_eq!(try_read(store, Read::Count(Span::all(INDEX))).unwrap(), Reply::Count(n), "entries");
    let sum = get(store, SUMS, "count").map_or(0, |(_, sum)| i128::from_be_bytes(sum.try_into().unwrap()));
    assert_eq!(sum, i128::from(n), "counter");
    for part in 0..4 {
        let value = get(store, ROWS, [part]).map(|(_, value)| value);
        assert_eq!(value, (n > 0).then(|| n.to_be_bytes().to_vec()), "part {part}");
    }
    n
}

fn stops_writing(store: &EmbeddedStore, error: &StoreError) {
    let again = write(store, 999).unwrap_err();
    assert_eq!((again.kind(), again.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied));
    assert!(again.to_string().contains("reopen") && again.to_string().contains(&error.to_string()), "{again}");
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
                stops_writing(&store, error);
                // What was acknowledged is still served, unless its pages have to come from the failed disk.
                if let Ok(Reply::Record(record)) = try_read(&store, Read::Get { space: ROWS, key: vec![0].into() }) {
                    assert_eq!(record.unwrap().1[..], (n - 1).to_be_bytes());
                }
            }
            drop(store);
            let store = open_on(Disk::holding(disk.bytes()), options.clone()).unwrap();
            let held = whole_transactions(&store);
            match failure {
                None => assert_eq!(held, acknowledged),
                Some((_, error)) if error.certainty() == Certainty::NotApplied => assert_eq!(held, acknowledged),
                Some((n, _)) => assert!(held == acknowledged || held == n, "{held} of {n}"),
            }
            write(&store, 100).unwrap();
        }
        assert!(failed_somewhere > 20, "{failed_somewhere}");
    }
}

#[test]
fn a_full_disk_is_named_and_the_data_before_it_is_kept() {
    let disk = Disk::default();
    let store = open_on(disk.clone(), EmbeddedOptions::default()).unwrap();
    write(&store, 1).unwrap();
    disk.limit(disk.bytes().len());
    let (n, error) = (2..1000)
        .find_map(|n| {
            let big = put(ROWS, format!("big{n}"), vec![1; 100_000]);
            let mut mini = tx(id(n, 1), effects_of(n));
            mini.effects.push(big);
            apply_at(&store, mini, Durability::Local).err().map(|error| (n, error))
        })
        .expect("the disk fills up");
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
    stops_writing(&store, &error);
    drop(store);
    let store = open_on(Disk::holding(disk.bytes()), EmbeddedOptions::default()).unwrap();
    let held = whole_transactions(&store);
    let unknown = error.certainty() == Certainty::Unknown;
    assert!(held == n - 1 || (unknown && held == n), "{held} of {n}");
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
