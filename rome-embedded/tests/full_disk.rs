//! A real file system that fills up. It takes the right to mount one, and is passed over without.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod harness;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use harness::*;
use rome_embedded::{EmbeddedOptions, EmbeddedStore, Recovery};
use rome_store::{Certainty, Durability, StoreErrorKind};

/// A file system of four megabytes, unmounted at the end.
struct Mounted {
    folder: Folder,
}

impl Mounted {
    fn new() -> Option<Self> {
        let folder = Folder::new("full");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "rome-test"]).arg(folder.path());
        let mounted = mount.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

#[test]
fn writing_goes_on_when_there_is_room_again() {
    for recovery in [Recovery::Scan, Recovery::Quick] {
        let Some(mounted) = Mounted::new() else {
            eprintln!("skipped: no right to mount a file system");
            return;
        };
        let options = EmbeddedOptions::default().recovery(recovery);
        let store = EmbeddedStore::open(mounted.path("data"), options.clone()).unwrap();
        let write = |n: u64| {
            let effects = vec![put(ROWS, n.to_be_bytes(), vec![n as u8; 50_000])];
            apply_at(&store, tx(id(n, 1), effects), Durability::Local)
        };
        let (mut next, mut lane) = (0, 0);
        let ballast = ["one", "two"].map(|name| mounted.path(name));
        for file in &ballast {
            fs::write(file, vec![1; 1 << 20]).unwrap();
        }
        for file in &ballast {
            let error = loop {
                lane += 1;
                match write(lane) {
                    Ok(_) => next += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{error}");
            assert!(error.to_string().contains("the disk is full"), "{error}");
            for _ in 0..3 {
                lane += 1;
                assert_eq!(write(lane).unwrap_err().kind(), StoreErrorKind::Full);
            }
            assert_eq!(seq(&store), next);
            assert_eq!(get(&store, ROWS, 1u64.to_be_bytes()).unwrap().1.len(), 50_000);
            fs::remove_file(file).unwrap();
            lane += 1;
            write(lane).unwrap();
            next += 1;
            assert_eq!(seq(&store), next);
        }
        drop(store);
        assert_eq!(seq(&EmbeddedStore::open(mounted.path("data"), options).unwrap()), next);
        assert!(!mounted.path("data/rome.room").exists());
    }
}
