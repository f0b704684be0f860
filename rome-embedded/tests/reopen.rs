//! What outlives the store: its data, its file's size, and its hold on the folder.
#![allow(clippy::unwrap_used)]

mod harness;

use std::fs;

use harness::*;
use redb::{Database, ReadableTable, TableDefinition};
use rome_embedded::{EmbeddedOptions, EmbeddedStore, Recovery, Verify};
use rome_store::{Applied, Durability, Read, Reply, Space, Span, StoreErrorKind, TableId};

fn options_to_try() -> Vec<EmbeddedOptions> {
    let mut all = Vec::new();
    for recovery in [Recovery::Scan, Recovery::Quick] {
        for verify in [Verify::Always, Verify::Never, Verify::UpTo(1 << 20)] {
            all.push(EmbeddedOptions::default().recovery(recovery).verify(verify).cache_bytes(1 << 20));
        }
    }
    all
}

#[test]
fn acknowledged_data_is_there_after_reopening() {
    for options in options_to_try() {
        let folder = Folder::new("reopen");
        for round in 1..=5u64 {
            let store = EmbeddedStore::open(folder.path(), options.clone()).unwrap();
            assert_eq!(seq(&store), (round - 1) * 2);
            for n in 1..round {
                assert_eq!(get(&store, ROWS, n.to_string()), Some((id(n, 1), n.to_string().into_bytes())));
            }
            // In memory only at first; the close brings it to disk.
            let effects = vec![put(ROWS, round.to_string(), round.to_string())];
            apply_at(&store, tx(id(round, 1), effects), Durability::Local).unwrap();
            apply_at(&store, tx(id(round, 2), vec![put(INDEX, [1], [])]), Durability::Memory).unwrap();
        }
    }
}

#[test]
fn a_second_store_on_the_folder_is_refused_by_name() {
    let folder = Folder::new("second");
    let store = folder.open();
    let error = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    let error = EmbeddedStore::compact(folder.path(), EmbeddedOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    drop(store);
    folder.open();
}

#[test]
fn a_file_that_is_open_elsewhere_is_in_use_even_without_the_lock_file() {
    let folder = Folder::new("elsewhere");
    drop(folder.open());
    let _other = Database::open(folder.file()).unwrap();
    let error = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
}

#[test]
fn overwriting_the_same_rows_does_not_grow_the_file_for_ever() {
    // Commits in memory go to the disk every 1024, so that is one cycle.
    for (durability, cycle) in [(Durability::Local, 100), (Durability::Memory, 1050)] {
        let folder = Folder::new("growth");
        let store = folder.open();
        let mut seq = 0;
        let mut overwrite = |times: usize| {
            for _ in 0..times {
                seq += 1;
                let effects = (0..5).map(|n| put(ROWS, [n], vec![seq as u8; 3000])).collect();
                apply_at(&store, tx(id(1, seq), effects), durability).unwrap();
            }
            fs::metadata(folder.file()).unwrap().len()
        };
        let early = overwrite(cycle);
        let late = overwrite(2 * cycle);
        assert!(late <= early * 2, "{durability:?}: {early} bytes grew to {late}");
    }
}

#[test]
fn compacting_gives_room_back_and_keeps_the_data() {
    let folder = Folder::new("compact");
    let store = folder.open();
    let all = (0..2000u32).map(|n| put(ROWS, n.to_be_bytes(), vec![7; 1000])).collect();
    apply(&store, tx(id(1, 1), all));
    let most = (0..1990u32).map(|n| delete(ROWS, n.to_be_bytes())).collect();
    apply(&store, tx(id(1, 2), most));
    drop(store);
    let before = fs::metadata(folder.file()).unwrap().len();
    assert!(EmbeddedStore::compact(folder.path(), EmbeddedOptions::default()).unwrap());
    let after = fs::metadata(folder.file()).unwrap().len();
    assert!(after < before / 2, "{before} bytes became {after}");
    let store = folder.open();
    assert_eq!(try_read(&store, Read::count(Span::all(ROWS))).unwrap(), Reply::Count(10.into()));
    assert_eq!(apply(&store, tx(id(1, 3), vec![put(ROWS, "a", "1")])), Applied::Done { seq: 3 });
}

fn refusal(folder: &Folder, kind: StoreErrorKind) -> String {
    let error = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

#[test]
fn an_empty_or_foreign_file_is_refused_and_left_alone() {
    for bytes in [Vec::new(), vec![0; 4096], vec![0; 1 << 20], b"SQLite format 3\0".repeat(1000)] {
        let folder = Folder::new("foreign");
        fs::write(folder.file(), &bytes).unwrap();
        refusal(&folder, StoreErrorKind::Corrupt);
        assert_eq!(fs::read(folder.file()).unwrap(), bytes);
    }
}

#[test]
fn a_database_of_another_program_on_the_same_engine_is_refused() {
    let folder = Folder::new("another");
    drop(Database::create(folder.file()).unwrap());
    assert!(refusal(&folder, StoreErrorKind::Invalid).contains("not a database of ROME"));

    const NUMBERS: TableDefinition<'static, u64, u64> = TableDefinition::new("rome");
    let folder = Folder::new("another");
    let other = Database::create(folder.file()).unwrap();
    let writing = other.begin_write().unwrap();
    writing.open_table(NUMBERS).unwrap().insert(1, 1).unwrap();
    writing.commit().unwrap();
    drop(other);
    assert!(refusal(&folder, StoreErrorKind::Invalid).contains("not a database of ROME"));
}

const OWN: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rome");

/// What opening a file says whose marker has this version.
fn refusal_of_version(version: u8) -> String {
    let folder = Folder::new("version");
    drop(folder.open());
    let file = Database::open(folder.file()).unwrap();
    let writing = file.begin_write().unwrap();
    let (key, marker) = (b"\0\0\0\0\0format".as_slice(), [b"rome-embedded\0\0\0".as_slice(), &[version]].concat());
    let mix = xxhash_rust::xxh3::xxh3_64(key).rotate_left(29) ^ xxhash_rust::xxh3::xxh3_64(&marker);
    let sum = mix.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let stored = [marker.as_slice(), &sum[..4]].concat();
    writing.open_table(OWN).unwrap().insert(key, stored.as_slice()).unwrap();
    writing.commit().unwrap();
    drop(file);
    refusal(&folder, StoreErrorKind::Invalid)
}

#[test]
fn another_format_is_refused_by_its_number() {
    for version in [1, 3] {
        let message = refusal_of_version(version);
        assert!(
            message.contains(&format!("format version {version}")) && message.contains("reads version 2"),
            "{message}"
        );
    }
}

#[test]
fn a_record_that_lies_in_another_table_is_damage() {
    const ROWS_1: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows 1");
    const ROWS_2: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows 2");
    let one = Space::Rows(TableId(1));
    let two = Space::Rows(TableId(2));
    let folder = Folder::new("moved");
    let store = folder.open();
    apply(&store, tx(id(1, 1), vec![put(one, "rex", "dog"), put(two, "tom", "cat")]));
    drop(store);
    let file = Database::open(folder.file()).unwrap();
    let writing = file.begin_write().unwrap();
    let rex = writing.open_table(ROWS_1).unwrap().get(b"rex".as_slice()).unwrap().unwrap().value().to_vec();
    writing.open_table(ROWS_2).unwrap().insert(b"rex".as_slice(), rex.as_slice()).unwrap();
    writing.commit().unwrap();
    drop(file);
    let store = folder.open();
    assert!(get(&store, one, "rex").is_some() && get(&store, two, "tom").is_some());
    let error = try_read(&store, Read::Get { space: two, key: "rex".into() }).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("rows 2"), "{error}");
}

#[test]
fn a_file_that_was_never_completed_is_made_anew() {
    let folder = Folder::new("half");
    fs::write(folder.path().join("rome.redb.new"), vec![1; 5000]).unwrap();
    let store = folder.open();
    assert_eq!(apply(&store, tx(id(1, 1), vec![put(ROWS, "a", "1")])), Applied::Done { seq: 1 });
    assert!(!folder.path().join("rome.redb.new").exists());
}

#[test]
fn a_path_that_is_a_file_is_an_error() {
    let folder = Folder::new("file");
    let path = folder.path().join("plain");
    fs::write(&path, "text").unwrap();
    let error = EmbeddedStore::open(&path, EmbeddedOptions::default()).unwrap_err();
    assert!(error.to_string().contains("plain"), "{error}");
}
