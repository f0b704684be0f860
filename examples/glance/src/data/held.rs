//! Files that belong to a process for as long as it lives.
//!
//! Several services can share a data folder. One of them must not take what another is working on for the remains of a
//! killed one, so files of work under way are locked: the operating system gives the lock back when the process ends,
//! however it ends. Each name is used once, so that a file that was swept away is never another one's.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::files;

/// A locked file, removed when dropped.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    file: File,
}

impl Held {
    /// Makes a file `NAME.<random>` in a folder.
    pub fn create(folder: &Path, name: &str) -> io::Result<Self> {
        loop {
            let path = folder.join(format!("{name}.{}", uuid::Uuid::new_v4().simple()));
            let file = files::create_new(&path)?;
            // A sweep may have come between the two calls and taken the file away. Then it is gone for good.
            if file.try_lock().is_ok() && path.exists() {
                return Ok(Self { path, file });
            }
        }
    }

    /// The file, for writing.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Removes the files of a folder that no living process holds, and gives the names of those that one does.
pub(super) fn sweep(folder: &Path) -> io::Result<Vec<String>> {
    let mut held = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_symlink() {
            // No service made it, and what it leads to is somebody else's.
            super::remove_if_there(&entry.path())?;
            continue;
        }
        let file = match files::open(&entry.path()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => super::remove_if_there(&entry.path())?,
            Err(TryLockError::WouldBlock) => held.push(name_of(&entry.file_name().to_string_lossy())),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
    Ok(held)
}

/// The name that a file was made for.
fn name_of(file: &str) -> String {
    file.rsplit_once('.').map_or(file, |(name, _)| name).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Held, sweep};

    #[test]
    fn what_is_held_stays_and_what_is_not_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("left.1"), "x").unwrap();
        let held = Held::create(folder.path(), "image").unwrap();
        assert_eq!(sweep(folder.path()).unwrap(), ["image"]);
        assert!(held.path().exists());
        drop(held);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn files_made_while_others_sweep_are_never_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep(folder.path()).unwrap();
                }
            });
            for _ in 0..2000 {
                let held = Held::create(folder.path(), "image").unwrap();
                assert!(held.path().exists());
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
