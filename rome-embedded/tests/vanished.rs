//! A database whose file was removed is gone, and is not covered up by an empty one.
#![allow(clippy::unwrap_used)]

mod harness;

use std::fs;

use harness::*;
use rome_embedded::{EmbeddedOptions, EmbeddedStore};
use rome_store::{Certainty, Durability, StoreError, StoreErrorKind};

fn is_gone(error: &StoreError) {
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Gone, Certainty::NotApplied), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("the database is gone") && text.contains("backup") && text.contains("rome.lock"),
        "{text}"
    );
}

#[test]
fn a_folder_whose_file_was_removed_is_not_begun_anew() {
    let folder = Folder::new("vanished");
    let open = || EmbeddedStore::open(folder.path(), EmbeddedOptions::default());
    apply(&open().unwrap(), tx(id(1, 1), vec![put(ROWS, "a", "1")]));
    let file = folder.path().join("rome.redb");
    let kept = folder.path().join("kept");
    fs::rename(&file, &kept).unwrap();
    is_gone(&open().unwrap_err());
    is_gone(&open().unwrap_err());
    assert!(!file.exists());
    // Put back, it is there; and what the error says to do helps.
    fs::rename(&kept, &file).unwrap();
    assert_eq!(seq(&open().unwrap()), 1);
    fs::remove_file(&file).unwrap();
    fs::remove_file(folder.path().join("rome.lock")).unwrap();
    assert_eq!(seq(&open().unwrap()), 0);
}

#[test]
fn a_file_that_is_removed_or_replaced_takes_no_writes() {
    for replaced in [false, true] {
        let folder = Folder::new("vanished-open");
        let store = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).unwrap();
        let write = |n| apply_at(&store, tx(id(1, n), vec![put(ROWS, "a", "1")]), Durability::Local);
        write(1).unwrap();
        let file = folder.path().join("rome.redb");
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        if replaced {
            fs::write(&file, bytes).unwrap();
            // Only Unix tells files of one name apart.
            if cfg!(not(unix)) {
                continue;
            }
        }
        is_gone(&write(2).unwrap_err());
        // What it has is still read.
        assert_eq!(seq(&store), 1);
    }
}
