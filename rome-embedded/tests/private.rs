//! What the store makes is its owner's alone, and a link in the folder leads it nowhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod harness;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use harness::*;
use rome_embedded::{EmbeddedOptions, EmbeddedStore};
use rome_store::StoreErrorKind;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_may_read_what_the_store_makes() {
    let folder = Folder::new("private");
    let path = folder.path().join("above/data");
    let store = EmbeddedStore::open(&path, EmbeddedOptions::default()).unwrap();
    apply(&store, tx(id(1, 1), vec![put(ROWS, "a", "1")]));
    for made in [path.parent().unwrap(), &path] {
        assert_eq!(mode(made), 0o700, "{}", made.display());
    }
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    drop(store);
    EmbeddedStore::compact(&path, EmbeddedOptions::default()).unwrap();
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_folder_that_was_made_for_others_keeps_its_mode() {
    let folder = Folder::new("shared");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).unwrap();
    drop(folder.open());
    assert_eq!(mode(folder.path()), 0o750);
}

#[test]
fn a_lock_file_that_is_a_link_is_not_followed() {
    for exists in [true, false] {
        let folder = Folder::new("link");
        let target = folder.path().join("target");
        if exists {
            fs::write(&target, "someone's").unwrap();
        }
        symlink(&target, folder.path().join("rome.lock")).unwrap();
        let error = EmbeddedStore::open(folder.path(), EmbeddedOptions::default()).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Other, "{error}");
        assert!(error.to_string().contains("rome.lock") && error.to_string().contains("remove it"), "{error}");
        assert_eq!(fs::read(&target).ok(), exists.then(|| b"someone's".to_vec()));
    }
}

#[test]
fn a_new_file_is_not_made_where_a_link_leads() {
    let folder = Folder::new("new-link");
    let target = folder.path().join("target");
    fs::write(&target, "someone's").unwrap();
    symlink(&target, folder.path().join("rome.redb.new")).unwrap();
    drop(folder.open());
    assert_eq!(fs::read(&target).unwrap(), b"someone's");
}
