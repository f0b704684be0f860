//! The engine redb: a copy-on-write B+tree in one file.
//!
//! redb keeps checksums of its pages, but compares them only when it recovers or is asked to check the whole file, and
//! may panic on a file that was damaged behind its back; so panics in opening and reading are caught and reported as
//! damage.

use std::fmt;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{
    Builder, CommitError, CompactionError, Database, DatabaseError, Durability, ReadOnlyTable, ReadableDatabase,
    ReadableTable, StorageBackend, StorageError, Table, TableDefinition, TableError, TransactionError,
};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};

use super::Records;
use crate::options::{EmbeddedOptions, Recovery};

const RECORDS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rome");

/// A state that stays as it is while it is held. Its pages cannot be used again until then.
pub(crate) type SnapshotTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The records as the open write transaction sees them.
pub(crate) struct WriteTable<'a>(Table<'a, &'static [u8], &'static [u8]>);

impl WriteTable<'_> {
    /// Sets a record.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> StoreResult<()> {
        self.0.insert(key, value).map(drop).map_err(storage)
    }

    /// Removes a record, if there is one.
    pub(crate) fn delete(&mut self, key: &[u8]) -> StoreResult<()> {
        self.0.remove(key).map(drop).map_err(storage)
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Records for T {
    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> StoreResult<Option<R>> {
        match caught(|| ReadableTable::get(self, key))? {
            Some(value) => Ok(Some(look(caught(|| Ok(value.value()))?))),
            None => Ok(None),
        }
    }

    fn range(
        &self,
        lo: Bound<&[u8]>,
        hi: Bound<&[u8]>,
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> StoreResult<ControlFlow<()>>,
    ) -> StoreResult<()> {
        let mut range = caught(|| ReadableTable::range::<&[u8]>(self, (lo, hi)))?;
        while let Some((key, value)) = caught(|| if reverse { range.next_back() } else { range.next() }.transpose())? {
            let (key, value) = caught(|| Ok((key.value(), value.value())))?;
            if visit(key, value)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Records for WriteTable<'_> {
    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> StoreResult<Option<R>> {
        Records::get(&self.0, key, look)
    }

    fn range(
        &self,
        lo: Bound<&[u8]>,
        hi: Bound<&[u8]>,
        reverse: bool,
        visit: impl FnMut(&[u8], &[u8]) -> StoreResult<ControlFlow<()>>,
    ) -> StoreResult<()> {
        Records::range(&self.0, lo, hi, reverse, visit)
    }
}

/// What to do with a write transaction.
pub(crate) enum Ending<T> {
    /// Commit it, on disk or in memory only.
    Commit {
        /// Whether to sync the disk.
        on_disk: bool,
        /// What to return.
        result: T,
    },
    /// Drop what it wrote.
    Abort(T),
}

/// An open file.
pub(crate) struct Engine {
    database: Database,
    recovery: Recovery,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    /// Opens a file that exists.
    pub(crate) fn open(file: &Path, options: &EmbeddedOptions) -> StoreResult<Self> {
        let len = std::fs::metadata(file).map_err(|error| io_error(&error))?.len();
        Self::build(options, options.verifies(len), |builder| builder.open(file))
    }

    /// Makes a file; one that is there must be empty.
    pub(crate) fn create(file: &Path, options: &EmbeddedOptions) -> StoreResult<Self> {
        Self::build(options, false, |builder| builder.create(file))
    }

    /// Opens or makes a database on a storage of the caller's.
    pub(crate) fn on(backend: impl StorageBackend, options: &EmbeddedOptions) -> StoreResult<Self> {
        let len = backend.len().map_err(|error| io_error(&error))?;
        Self::build(options, len > 0 && options.verifies(len), |builder| builder.create_with_backend(backend))
    }

    fn build(
        options: &EmbeddedOptions,
        verify: bool,
        open: impl FnOnce(&Builder) -> Result<Database, DatabaseError>,
    ) -> StoreResult<Self> {
        let mut builder = Builder::new();
        builder.set_cache_size(options.cache_bytes).set_check_integrity_on_open(verify);
        let opened = catch_unwind(AssertUnwindSafe(|| open(&builder)));
        let database = opened.map_err(|_| unreadable())?.map_err(database)?;
        Ok(Self { database, recovery: options.recovery })
    }

    /// The newest committed state; none if the file has no table of this store.
    pub(crate) fn snapshot(&self) -> StoreResult<Option<SnapshotTable>> {
        let reading = self.database.begin_read().map_err(transaction)?;
        match reading.open_table(RECORDS) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::Storage(error)) => Err(storage(error)),
            Err(_) => Ok(None),
        }
    }

    /// Runs `work` in a write transaction and ends that as `work` says. An error from `work` drops what it wrote.
    ///
    /// The certainty of an error says whether the transaction may have been committed.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut WriteTable<'_>) -> StoreResult<Ending<T>>) -> StoreResult<T> {
        let mut writing = self.database.begin_write().map_err(transaction)?;
        writing.set_quick_repair(self.recovery == Recovery::Quick);
        let ending = {
            let table = writing.open_table(RECORDS).map_err(table)?;
            work(&mut WriteTable(table))?
        };
        match ending {
            Ending::Abort(result) => {
                writing.abort().map_err(storage)?;
                Ok(result)
            }
            Ending::Commit { on_disk, result } => {
                let durability = if on_disk { Durability::Immediate } else { Durability::None };
                writing.set_durability(durability).map_err(|error| other(error.to_string()))?;
                writing.commit().map_err(commit)?;
                Ok(result)
            }
        }
    }

    /// Moves pages to the front of the file and cuts it; whether it got smaller.
    pub(crate) fn compact(&mut self) -> StoreResult<bool> {
        self.database.compact().map_err(|error| match error {
            CompactionError::Storage(error) => storage(error),
            error => other(error.to_string()),
        })
    }

    /// Closes the file, saying what went wrong.
    pub(crate) fn close(self) -> StoreResult<()> {
        self.database.close().map_err(database)
    }
}

/// Runs a read of the engine, which may panic on pages that were damaged behind its back. Costs next to nothing when it
/// does not. What callers do with the records is outside, so a panic of theirs stays one.
fn caught<T>(read: impl FnOnce() -> Result<T, StorageError>) -> StoreResult<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(storage),
        Err(_) => Err(unreadable()),
    }
}

fn commit(error: CommitError) -> StoreError {
    match error {
        CommitError::Storage(error) => storage(error).with_unknown_outcome(),
        CommitError::TransactionPoisoned => other("the write transaction had failed before".to_owned()),
        error => other(error.to_string()).with_unknown_outcome(),
    }
}

fn transaction(error: TransactionError) -> StoreError {
    match error {
        TransactionError::Storage(error) => storage(error),
        error => other(error.to_string()),
    }
}

fn table(error: TableError) -> StoreError {
    match error {
        TableError::Storage(error) => storage(error),
        error => StoreError::new(StoreErrorKind::Corrupt, "the table of records is not one of this store")
            .with_source(error.to_string()),
    }
}

fn database(error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::new(StoreErrorKind::InUse, "the file is open elsewhere")
        }
        DatabaseError::UpgradeRequired(version) => StoreError::new(
            StoreErrorKind::Corrupt,
            format!("the file has the format version {version} of an old engine, or is damaged"),
        ),
        DatabaseError::Storage(error) => storage(error),
        error => other(error.to_string()),
    }
}

fn storage(error: StorageError) -> StoreError {
    match error {
        StorageError::Corrupted(what) => {
            StoreError::new(StoreErrorKind::Corrupt, format!("the file is damaged: {what}"))
        }
        StorageError::Io(error) => io_error(&error),
        StorageError::PreviousIo => {
            StoreError::new(StoreErrorKind::Unavailable, "reading or writing the file failed before; reopen the store")
        }
        error => other(error.to_string()),
    }
}

/// What an I/O error means for a store.
pub(crate) fn io_error(error: &io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreErrorKind::Full,
        // redb's answer to a file that is not one of its own; and a file that ends too early.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Other,
    };
    StoreError::new(kind, "reading or writing the file failed").with_source(error.to_string())
}

fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "the file is damaged: the engine cannot make sense of it")
}

fn other(what: String) -> StoreError {
    StoreError::new(StoreErrorKind::Other, what)
}
