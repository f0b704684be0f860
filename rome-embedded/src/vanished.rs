//! Notices that the file of a database is gone.
//!
//! The lock file beside it has a mark as soon as there is a database. So a folder whose file was removed is not taken for a new one,
//! and a new and empty database does not cover up the loss. While a store is open, the system goes on serving a file that was removed or
//! replaced, and drops it when the store is closed; so writes look first whether it still has its name.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::Path;

use rome_store::{StoreError, StoreErrorKind};

const MARK: &[u8] = b"a database was made in this folder\n";

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(Option<(u64, u64)>);

impl Identity {
    /// That of the file at this place.
    pub(crate) fn of(file: &Path) -> io::Result<Self> {
        file.metadata().map(|metadata| Self(number(&metadata)))
    }
}

/// Device and number on Unix; elsewhere files are not told apart.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "on other systems there is none")]
fn number(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Whether a database was made beside this lock file before.
pub(crate) fn was_made(lock: &File) -> io::Result<bool> {
    Ok(lock.metadata()?.len() > 0)
}

/// Takes note that one is there.
pub(crate) fn note_made(mut lock: &File) -> io::Result<()> {
    if was_made(lock)? {
        return Ok(());
    }
    lock.write_all(MARK)?;
    lock.sync_all()
}

/// The error for a file that is gone; `lock` is the file whose mark says that it was there.
pub(crate) fn gone(file: &Path, lock: &Path) -> StoreError {
    let message = format!(
        "the database is gone: its file {} was removed or replaced; put it back from a backup, or remove {} to begin with an empty \
         database",
        file.display(),
        lock.display()
    );
    StoreError::new(StoreErrorKind::Gone, message)
}
