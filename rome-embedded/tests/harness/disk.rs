//! A disk in memory that fails when it is told to, and remembers what was done to it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rome_embedded::testkit::StorageBackend;

/// One change of a disk.
#[derive(Debug, Clone)]
pub enum Change {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
    Sync,
}

#[derive(Debug, Default)]
struct Inner {
    bytes: Vec<u8>,
    log: Vec<Change>,
    /// How many more changes succeed; none: all.
    changes_left: Option<usize>,
    /// How many changes fail after those; then all succeed again.
    failures_left: usize,
    reads_to_fail: usize,
    /// What is sure to be on the disk, and what is only in the system's memory. A sync that fails forgets the latter.
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    lose_next_sync: bool,
    /// The most bytes that fit; none: any number.
    room: Option<usize>,
    failure: Option<io::ErrorKind>,
}

/// A handle on the disk; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Inner>>);

impl Disk {
    pub fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.inner().synced.clone_from(&bytes);
        disk.inner().bytes = bytes;
        disk
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.inner().bytes.clone()
    }

    pub fn log(&self) -> Vec<Change> {
        self.inner().log.clone()
    }

    pub fn changes(&self) -> usize {
        self.inner().log.len()
    }

    /// From now on, lets this many changes pass and fails all after them.
    pub fn fail_after(&self, changes: usize) {
        self.fail_with(io::ErrorKind::Other, changes, usize::MAX);
    }

    /// From now on, lets this many changes pass, then fails some, and lets all pass after them.
    pub fn fail_with(&self, kind: io::ErrorKind, changes: usize, failures: usize) {
        let mut inner = self.inner();
        inner.changes_left = Some(changes);
        inner.failures_left = failures;
        inner.failure = Some(kind);
    }

    /// Fails no more changes.
    pub fn work(&self) {
        self.inner().changes_left = None;
    }

    /// Fails this many reads.
    pub fn fail_reads(&self, reads: usize) {
        self.inner().reads_to_fail = reads;
    }

    /// Lets this many changes pass and then fails one sync, whose writes do not reach the disk though reads show them.
    pub fn lose_the_next_sync_after(&self, changes: usize) {
        self.inner().changes_left = Some(changes);
        self.inner().lose_next_sync = true;
    }

    /// What is on the disk if the power goes now.
    pub fn synced_bytes(&self) -> Vec<u8> {
        self.inner().synced.clone()
    }

    /// From now on, has no room for more bytes than this.
    pub fn limit(&self, room: usize) {
        self.inner().room = Some(room);
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.changes_left == Some(0) && inner.lose_next_sync {
            if matches!(change, Change::Sync) {
                inner.unsynced.clear();
                (inner.changes_left, inner.lose_next_sync) = (None, false);
                return Err(io::Error::from(io::ErrorKind::Other));
            }
        } else if inner.changes_left == Some(0) && inner.failures_left > 0 {
            inner.failures_left -= 1;
            return Err(io::Error::from(inner.failure.unwrap_or(io::ErrorKind::Other)));
        }
        let end = match &change {
            Change::Write { offset, data } => offset + data.len(),
            Change::SetLen(len) => *len,
            Change::Sync => 0,
        };
        if inner.room.is_some_and(|room| end > room) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if let Some(left) = &mut inner.changes_left {
            *left = left.saturating_sub(1);
        }
        perform(&mut inner.bytes, &change);
        if matches!(change, Change::Sync) {
            for change in std::mem::take(&mut inner.unsynced) {
                perform(&mut inner.synced, &change);
            }
        } else {
            inner.unsynced.push(change.clone());
        }
        inner.log.push(change);
        Ok(())
    }
}

/// Does one change to the bytes of a disk.
pub fn perform(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, data } => {
            if bytes.len() < offset + data.len() {
                bytes.resize(offset + data.len(), 0);
            }
            bytes[*offset..offset + data.len()].copy_from_slice(data);
        }
        Change::SetLen(len) => bytes.resize(*len, 0),
        Change::Sync => {}
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.inner().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.reads_to_fail > 0 {
            inner.reads_to_fail -= 1;
            return Err(io::Error::from(io::ErrorKind::Other));
        }
        let offset = usize::try_from(offset).unwrap();
        let from = inner.bytes.get(offset..offset + out.len());
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Change::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write { offset: usize::try_from(offset).unwrap(), data: data.to_vec() })
    }
}
