//! The bytes under an engine: where they are, what of them may not have reached the disk, and how to open them again.
//!
//! The engine gives up a file after its first failed call, so after a failure it is opened again, on the same bytes. Two
//! things need care then. After a failed sync the system may believe that pages are on disk which are not: what was written
//! since the last sync that succeeded is therefore written once more and synced before anything is built on it. And opening
//! writes, which a full disk refuses: [`Disk::view`] opens the same bytes with all writes kept in memory, for reading on.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::overlay::Overlay;
use crate::private;

/// The most bytes that are written again in one call.
const CHUNK: usize = 1 << 20;

/// Forwards what a backend does about locks and its end to the one it wraps.
macro_rules! forward_locks {
    ($inner:ident) => {
        fn close(&self) -> io::Result<()> {
            self.$inner.close()
        }

        fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.$inner.try_lock_range(start, end)
        }

        fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.$inner.try_lock_shared_range(start, end)
        }

        fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.$inner.lock_range(start, end)
        }

        fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.$inner.lock_shared_range(start, end)
        }

        fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.$inner.unlock_range(start, end)
        }

        fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.$inner.query_lock_range(start, end)
        }
    };
}
pub(super) use forward_locks;

type Open = Box<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send>;

/// The place of the bytes, which can be opened more than once, one after the other.
pub(crate) struct Disk {
    open: Open,
    /// The folder of the file, if it is one.
    folder: Option<PathBuf>,
    journal: Arc<Journal>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Disk {
    /// A file, which exists and is not empty when it is opened.
    pub(crate) fn file(path: &Path) -> Self {
        let (path, folder) = (path.to_owned(), path.parent().map(Path::to_owned));
        let open: Open = Box::new(move || {
            let file = File::options().read(true).write(true).open(&path)?;
            if file.metadata()?.len() == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty"));
            }
            let file = FileBackend::new(file).map_err(|error| io::Error::other(error.to_string()))?;
            Ok(Box::new(file) as Box<dyn StorageBackend>)
        });
        Self { open, folder, journal: Arc::default() }
    }

    /// A storage of the caller's, whose clones share their bytes.
    pub(crate) fn on(storage: impl StorageBackend + Clone) -> Self {
        let open: Open = Box::new(move || Ok(Box::new(storage.clone()) as Box<dyn StorageBackend>));
        Self { open, folder: None, journal: Arc::default() }
    }

    /// Opens it for reading and writing.
    pub(crate) fn open(&self) -> io::Result<impl StorageBackend + use<>> {
        let inner = (self.open)()?;
        self.journal.failed.store(false, Ordering::Release);
        Ok(Journaled { inner, journal: Arc::clone(&self.journal) })
    }

    /// Opens it such that writes stay in memory and the disk is only read.
    pub(crate) fn view(&self) -> io::Result<impl StorageBackend + use<>> {
        Overlay::over((self.open)()?)
    }

    /// Brings to the disk what a failed sync may have left in the system's memory; nothing if none failed.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let ranges = {
            let unsynced = self.journal.unsynced();
            if !unsynced.sync_failed {
                return Ok(());
            }
            unsynced.ranges.clone()
        };
        let storage = (self.open)()?;
        let settled = write_again(storage.as_ref(), &ranges);
        storage.close()?;
        settled?;
        *self.journal.unsynced() = Unsynced::default();
        Ok(())
    }

    /// Whether a call failed since it was opened.
    pub(crate) fn has_failed(&self) -> bool {
        self.journal.failed.load(Ordering::Acquire)
    }

    /// Fails if the disk has no room for so many bytes. Costs a file that is made and removed.
    pub(crate) fn check_room(&self, bytes: usize) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.join("rome.room");
        let tried = private::create_anew(&path).and_then(|mut file| {
            let zeros = vec![0; bytes.min(CHUNK)];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(zeros.len());
                file.write_all(&zeros[..now])?;
                left -= now;
            }
            Ok(())
        });
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => tried,
        }
    }
}

fn write_again(storage: &dyn StorageBackend, ranges: &[(u64, u64)]) -> io::Result<()> {
    let len = storage.len()?;
    for &(from, to) in ranges {
        let (mut from, to) = (from, to.min(len));
        while from < to {
            let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(CHUNK).min(CHUNK)];
            storage.read(from, &mut bytes)?;
            storage.write(from, &bytes)?;
            from += bytes.len() as u64;
        }
    }
    storage.sync_data()
}

/// What was done to a disk, as far as a failure would leave it unclear.
#[derive(Debug, Default)]
struct Journal {
    unsynced: Mutex<Unsynced>,
    failed: AtomicBool,
}

#[derive(Debug, Default)]
struct Unsynced {
    /// What was written since the last sync that succeeded, each from its first byte to behind its last.
    ranges: Vec<(u64, u64)>,
    sync_failed: bool,
}

impl Unsynced {
    fn add(&mut self, from: u64, to: u64) {
        match self.ranges.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.ranges.push((from, to)),
        }
    }
}

impl Journal {
    fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        result
    }
}

/// A storage whose unsynced writes are remembered.
#[derive(Debug)]
struct Journaled {
    inner: Box<dyn StorageBackend>,
    journal: Arc<Journal>,
}

impl StorageBackend for Journaled {
    fn len(&self) -> io::Result<u64> {
        self.journal.note(self.inner.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.journal.note(self.inner.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.journal.note(self.inner.set_len(len))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        // Before the write, which may do a part and fail; and so that a sync beside it does not miss it.
        self.journal.unsynced().add(offset, offset + data.len() as u64);
        self.journal.note(self.inner.write(offset, data))
    }

    fn sync_data(&self) -> io::Result<()> {
        // What is written while the disk syncs may not be part of that.
        let before = std::mem::take(&mut self.journal.unsynced().ranges);
        let synced = self.journal.note(self.inner.sync_data());
        if synced.is_err() {
            let mut unsynced = self.journal.unsynced();
            unsynced.ranges.splice(0..0, before);
            unsynced.sync_failed = true;
        }
        synced
    }

    forward_locks!(inner);
}
