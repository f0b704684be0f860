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
    Builder, CommitError, CompactionError, Database, DatabaseError, Durability, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, ReadableTable, StorageBackend, StorageError, Table, TableDefinition, TableError,
    TransactionError, WriteTransaction,
};
use rome_store::{StoreError, StoreErrorKind, StoreResult};

use super::caught::{caught, unreadable};
use super::disk::Disk;
use super::opened::Opened;
use super::{Records, Tables};
use crate::options::{EmbeddedOptions, Recovery};
use crate::place::Place;

type Bytes = &'static [u8];

/// A state that stays as it is while it is held. Its pages cannot be used again until then.
pub(crate) struct Snapshot {
    reading: ReadTransaction,
    opened: Opened<Option<ReadOnlyTable<Bytes, Bytes>>>,
}

impl Tables for Snapshot {
    type Table = ReadOnlyTable<Bytes, Bytes>;

    fn table(&self, place: Place) -> StoreResult<Option<&Self::Table>> {
        let found = self.opened.find_or_open(place, || match open(&self.reading, place) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(table(error)),
        });
        Ok(found?.as_ref())
    }
}

fn open(reading: &ReadTransaction, place: Place) -> Result<ReadOnlyTable<Bytes, Bytes>, TableError> {
    reading.open_table(TableDefinition::new(&place.to_string()))
}

/// The open write transaction and its tables.
pub(crate) struct Writing<'a> {
    transaction: &'a WriteTransaction,
    opened: Opened<Table<'a, Bytes, Bytes>>,
}

impl<'a> Writing<'a> {
    /// The table of a place, made if there is none.
    pub(crate) fn writable(&mut self, place: Place) -> StoreResult<WriteTable<'a, '_>> {
        Tables::table(self, place)?;
        Ok(WriteTable(self.opened.find_mut(place).expect("it was opened above")))
    }
}

impl<'a> Tables for Writing<'a> {
    type Table = Table<'a, Bytes, Bytes>;

    fn table(&self, place: Place) -> StoreResult<Option<&Self::Table>> {
        let opened = self.opened.find_or_open(place, || {
            self.transaction.open_table(TableDefinition::new(&place.to_string())).map_err(table)
        });
        opened.map(Some)
    }
}

/// A table that can be changed.
pub(crate) struct WriteTable<'a, 'b>(&'b mut Table<'a, Bytes, Bytes>);

impl WriteTable<'_, '_> {
    /// Sets a record.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> StoreResult<()> {
        self.0.insert(key, value).map(drop).map_err(storage)
    }

    /// Removes a record, if there is one.
    pub(crate) fn delete(&mut self, key: &[u8]) -> StoreResult<()> {
        self.0.remove(key).map(drop).map_err(storage)
    }
}

// By cursors: they do less at each step than ranges, which could be walked from both ends.
impl<T: ReadableTable<Bytes, Bytes>> Records for T {
    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> StoreResult<Option<R>> {
        let found = ReadableTable::get(self, key).map_err(storage)?;
        Ok(found.map(|value| look(value.value())))
    }

    fn range(
        &self,
        lo: Bound<&[u8]>,
        hi: Bound<&[u8]>,
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> StoreResult<ControlFlow<()>>,
    ) -> StoreResult<()> {
        let mut cursor = if reverse { self.upper_bound(hi) } else { self.lower_bound(lo) }.map_err(storage)?;
        // Matched where it lies: a record of the engine is two guards of a page, and moving them is what would cost.
        loop {
            match if reverse { cursor.prev() } else { cursor.next() } {
                Ok(Some((key, value))) => {
                    let key = key.value();
                    let within = if reverse { is_above(key, lo) } else { is_below(key, hi) };
                    if !within || visit(key, value.value())?.is_break() {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(storage(error)),
            }
        }
    }

    fn count(&self, lo: Bound<&[u8]>, hi: Bound<&[u8]>, most: u64) -> StoreResult<u64> {
        if let (Bound::Unbounded, Bound::Unbounded) = (lo, hi) {
            return Ok(self.len().map_err(storage)?.min(most));
        }
        let mut cursor = self.lower_bound(lo).map_err(storage)?;
        let mut members = 0;
        while members < most {
            match cursor.next() {
                Ok(Some((key, _))) if is_below(key.value(), hi) => members += 1,
                Ok(_) => break,
                Err(error) => return Err(storage(error)),
            }
        }
        Ok(members)
    }
}

fn is_above(key: &[u8], lo: Bound<&[u8]>) -> bool {
    match lo {
        Bound::Included(lo) => key >= lo,
        Bound::Excluded(lo) => key > lo,
        Bound::Unbounded => true,
    }
}

fn is_below(key: &[u8], hi: Bound<&[u8]>) -> bool {
    match hi {
        Bound::Included(hi) => key <= hi,
        Bound::Excluded(hi) => key < hi,
        Bound::Unbounded => true,
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
    /// Opens what is on a disk; a database is made on one that is empty.
    pub(crate) fn open(disk: &Disk, options: &EmbeddedOptions) -> StoreResult<Self> {
        let storage = disk.open().map_err(|error| io_error(&error))?;
        let len = storage.len().map_err(|error| io_error(&error))?;
        Self::build(options, len > 0 && options.verifies(len), |builder| builder.create_with_backend(storage))
    }

    /// Opens it once more after a failure, as a process would after a crash.
    pub(crate) fn reopen(disk: &Disk, options: &EmbeddedOptions) -> StoreResult<Self> {
        disk.settle().map_err(|error| io_error(&error))?;
        let storage = disk.open().map_err(|error| io_error(&error))?;
        Self::build(options, false, |builder| builder.create_with_backend(storage))
    }

    /// Opens it such that nothing is written to the disk.
    pub(crate) fn view(disk: &Disk, options: &EmbeddedOptions) -> StoreResult<Self> {
        let storage = disk.view().map_err(|error| io_error(&error))?;
        Self::build(options, false, |builder| builder.create_with_backend(storage))
    }

    /// Makes a file; one that is there must be empty.
    pub(crate) fn create(file: &Path, options: &EmbeddedOptions) -> StoreResult<Self> {
        Self::build(options, false, |builder| builder.create(file))
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
    pub(crate) fn snapshot(&self) -> StoreResult<Option<Snapshot>> {
        let reading = self.database.begin_read().map_err(transaction)?;
        let own = caught(|_| match open(&reading, Place::OWN) {
            Err(TableError::Storage(error)) => Err(storage(error)),
            opened => Ok(opened.ok()),
        })?;
        let Some(own) = own else { return Ok(None) };
        let opened = Opened::new();
        opened.find_or_open(Place::OWN, || Ok(Some(own)))?;
        Ok(Some(Snapshot { reading, opened }))
    }

    /// Runs `work` in a write transaction and ends that as `work` says. An error from `work` drops what it wrote.
    ///
    /// The certainty of an error says whether the transaction may have been committed.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut Writing<'_>) -> StoreResult<Ending<T>>) -> StoreResult<T> {
        let mut writing = self.database.begin_write().map_err(transaction)?;
        writing.set_quick_repair(self.recovery == Recovery::Quick);
        let ending = work(&mut Writing { transaction: &writing, opened: Opened::new() })?;
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
        error => StoreError::new(StoreErrorKind::Corrupt, "a table of records is not one of this store")
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

fn other(what: String) -> StoreError {
    StoreError::new(StoreErrorKind::Other, what)
}
