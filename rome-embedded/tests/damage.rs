//! A file that was damaged while it was closed is reported, or reads exactly as before: never other data, never a panic
//! that escapes.
#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use harness::disk::Disk;
use harness::*;
use rome_embedded::testkit::open_on;
use rome_embedded::{EmbeddedOptions, EmbeddedStore, Verify};
use rome_store::{IndexId, Read, Reply, Space, Span, StoreErrorKind, StoreResult};

const UNIQUE: Space = Space::Unique(IndexId(3));
const SUMS: Space = Space::Aggregate(IndexId(4));

type Content = BTreeMap<String, String>;

/// A file with records in every kind of space, enough of them for a tree of several levels, and a last commit that
/// differs from the one before it.
fn image() -> Vec<u8> {
    let disk = Disk::default();
    let store = open_on(disk.clone(), EmbeddedOptions::default()).unwrap();
    for round in 1..=3u64 {
        let mut effects = vec![put(ROWS, "round", [round as u8])];
        for n in 0..60u64 {
            let key = format!("key{n:04}");
            let value = vec![(n + round) as u8; 20 + (n as usize * 7) % 200];
            effects.push(put(ROWS, &key, value));
            effects.push(put(INDEX, entry(&format!("{:04}", 9999 - n), &key), ""));
            effects.push(put(UNIQUE, format!("unique{n}"), &key));
            effects.push(add(SUMS, "sum", i128::from(n)));
        }
        apply(&store, tx(id(round, 1), effects));
    }
    drop(store);
    disk.bytes()
}

fn note(content: &mut Content, name: &str, reply: Reply) {
    if let Reply::Scanned(scanned) = &reply {
        for (place, record) in scanned.iter().enumerate() {
            content.insert(format!("{name} {place}"), format!("{record:?}"));
        }
    } else {
        content.insert(name.to_owned(), format!("{reply:?}"));
    }
}

/// All that can be read, in every way.
fn read_everything(store: &EmbeddedStore) -> StoreResult<Content> {
    let mut content = Content::new();
    content.insert("seq".into(), seq(store).to_string());
    for space in [ROWS, INDEX, UNIQUE, SUMS, Space::Meta] {
        for reverse in [false, true] {
            let span = Span::all(space).reversed(reverse);
            note(&mut content, &format!("{space:?} {reverse}"), try_read(store, scan_of(span))?);
        }
    }
    let rows = Read::ScanRows { index: Span::all(INDEX), table: TABLE, filter: None, want: None, track: true };
    note(&mut content, "rows", try_read(store, rows)?);
    for n in 0..60 {
        let key = format!("key{n:04}");
        note(&mut content, &key, try_read(store, Read::Get { space: ROWS, key: key.clone().into() })?);
        let claimed = Read::GetClaimed { index: IndexId(3), columns: format!("unique{n}").into(), table: TABLE };
        note(&mut content, &format!("claim {n}"), try_read(store, claimed)?);
    }
    Ok(content)
}

/// How a damaged file was met.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    Whole,
    Reported,
    Other(String),
}

fn meet(bytes: Vec<u8>, original: &Content, options: &EmbeddedOptions) -> Met {
    let met = catch_unwind(AssertUnwindSafe(|| {
        let store = open_on(Disk::holding(bytes), options.clone())?;
        read_everything(&store)
    }));
    match met {
        Err(_) => Met::Other("a panic escaped".into()),
        Ok(Err(error)) if error.kind() == StoreErrorKind::Corrupt => Met::Reported,
        Ok(Err(error)) => Met::Other(format!("{error:?}")),
        Ok(Ok(content)) if content == *original => Met::Whole,
        Ok(Ok(content)) => {
            let lost = original.iter().filter(|(name, value)| content.get(*name) != Some(value));
            Met::Other(format!("other data was read, for instance instead of {:?}", lost.take(2).collect::<Vec<_>>()))
        }
    }
}

/// Offsets spread over the file, denser in its header and in the branches of its trees, whose damage hides records instead
/// of changing them. `ROME_DAMAGE_STEP=1` tries all.
fn places(image: &[u8], used: usize) -> Vec<usize> {
    const PAGE: usize = 4096;
    const BRANCH: u8 = 2;
    let step = std::env::var("ROME_DAMAGE_STEP").map_or(409, |step| step.parse().unwrap());
    let branches = (PAGE..used).step_by(PAGE).filter(|page| image[*page] == BRANCH);
    let mut places: Vec<usize> = branches.flat_map(|page| (page..page + 600).step_by(step.min(7))).collect();
    assert!(!places.is_empty(), "the tree has branches");
    places.extend((0..320).step_by(step.min(3)));
    places.extend((320..used).step_by(step));
    places
}

fn silence_panics() {
    // The engine's own panics are caught; their messages would drown the test's.
    std::panic::set_hook(Box::new(|_| {}));
}

#[test]
fn a_flipped_byte_anywhere_is_reported_or_harmless() {
    let image = image();
    let options = EmbeddedOptions::default();
    let original = read_everything(&open_on(Disk::holding(image.clone()), options.clone()).unwrap()).unwrap();
    let used = image.len() - image.iter().rev().take_while(|byte| **byte == 0).count();
    let (mut whole, mut reported, mut others) = (0, 0, Vec::new());
    silence_panics();
    for place in places(&image, used) {
        let mut bytes = image.clone();
        bytes[place] ^= if place % 2 == 0 { 0x01 } else { 0xFE };
        match meet(bytes, &original, &options) {
            Met::Whole => whole += 1,
            Met::Reported => reported += 1,
            Met::Other(what) => others.push((place, what)),
        }
    }
    let _ = std::panic::take_hook();
    assert!(others.is_empty(), "{whole} whole, {reported} reported, {} not: {others:#?}", others.len());
    assert!(reported > 50, "{whole} whole, {reported} reported");
}

#[test]
fn a_truncated_file_is_reported() {
    let image = image();
    let options = EmbeddedOptions::default();
    let original = read_everything(&open_on(Disk::holding(image.clone()), options.clone()).unwrap()).unwrap();
    let used = image.len() - image.iter().rev().take_while(|byte| **byte == 0).count();
    let mut others = Vec::new();
    silence_panics();
    for len in (1..used).step_by(used / 40) {
        match meet(image[..len].to_vec(), &original, &options) {
            Met::Reported => {}
            met => others.push((len, met)),
        }
    }
    let _ = std::panic::take_hook();
    assert!(others.is_empty(), "{others:#?}");
}

/// Without the whole pass at open the tree itself is trusted, and what remains is each record's own checksum.
#[test]
fn a_damaged_record_is_never_read_even_when_the_file_is_not_verified() {
    let image = image();
    let options = EmbeddedOptions::default().verify(Verify::Never);
    let original = read_everything(&open_on(Disk::holding(image.clone()), options.clone()).unwrap()).unwrap();
    // The values of rows: runs of one byte that nothing else in the file looks like.
    let runs: Vec<usize> = (0..image.len() - 16)
        .filter(|at| image[*at] != 0 && image[*at..at + 16].iter().all(|byte| *byte == image[*at]))
        .step_by(61)
        .collect();
    assert!(runs.len() > 20);
    let mut reported = 0;
    silence_panics();
    for at in runs {
        let mut bytes = image.clone();
        bytes[at] ^= 0x40;
        match meet(bytes, &original, &options) {
            Met::Reported => reported += 1,
            Met::Whole => {}
            Met::Other(what) => panic!("at {at}: {what}"),
        }
    }
    let _ = std::panic::take_hook();
    assert!(reported > 10);
}
