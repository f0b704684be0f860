//! What readers and the commit thread share: the newest snapshot, the outcomes of lanes, and whether writing has failed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread;

use rome_store::{Capabilities, Durability, SnapshotId, Snapshots, Space, StoreError, StoreErrorKind, StoreResult};

use crate::engine;
use crate::lane::Lanes;

/// One committed state of the partition.
pub(crate) struct Snapshot {
    pub(crate) tables: engine::Snapshot,
    pub(crate) state: State,
    /// The spaces that are not read any more.
    pub(crate) retired: Arc<[Space]>,
    /// Whether all of it is on disk.
    pub(crate) on_disk: bool,
}

/// The partition's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Raised by each minitransaction with effects.
    pub(crate) seq: u64,
    /// The oldest schema version that may still write.
    pub(crate) gate: u32,
}

pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) capabilities: Capabilities,
    /// None only if the newest state cannot be read.
    newest: RwLock<Option<Arc<Snapshot>>>,
    snapshots: Snapshots<Arc<Snapshot>>,
    lanes: Mutex<Lanes>,
    failure: OnceLock<String>,
}

impl Shared {
    pub(crate) fn new(path: &Path, snapshot: Snapshot) -> Self {
        let mut capabilities = Capabilities::new(1, "embedded", Durability::Local, true);
        (capabilities.cheap_reverse_scans, capabilities.snapshots) = (true, true);
        Self {
            path: path.to_owned(),
            capabilities,
            newest: RwLock::new(Some(Arc::new(snapshot))),
            snapshots: Snapshots::new(),
            lanes: Mutex::default(),
            failure: OnceLock::new(),
        }
    }

    /// The newest state that was answered for. Costs a lock and a reference count.
    pub(crate) fn snapshot(&self) -> StoreResult<Arc<Snapshot>> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        newest.clone().ok_or_else(|| self.stopped("reading"))
    }

    /// Keeps the newest state readable; `None` if it cannot be read, or too many are kept.
    pub(crate) fn keep(&self) -> Option<rome_store::Snapshot> {
        // Under the lock, so that a renewal of the snapshot under it gives up this one, too.
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        self.snapshots.keep(Arc::clone(newest.as_ref()?))
    }

    /// Keeps the state of a read that is not done; `None` if it has to be done at once, since the file is about to be closed or too
    /// many are kept.
    pub(crate) fn keep_for(&self, snapshot: &Arc<Snapshot>) -> Option<rome_store::Snapshot> {
        // A renewal of the snapshot waits for this reader, which must not wait in turn.
        let newest = self.newest.try_read().ok()?;
        newest.as_ref()?;
        self.snapshots.keep(Arc::clone(snapshot))
    }

    /// The state that is kept under an id.
    pub(crate) fn kept(&self, id: SnapshotId) -> StoreResult<Arc<Snapshot>> {
        self.snapshots.get(id)
    }

    /// Gives up all states that are kept, before the file is closed.
    pub(crate) fn give_up_kept(&self) {
        self.snapshots.give_up_all();
    }

    /// Replaces the snapshot; the old one is gone when its last reader is.
    pub(crate) fn publish(&self, snapshot: Option<Snapshot>) {
        let new = snapshot.map(Arc::new);
        let old = {
            let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *newest, new)
        };
        // Outside the lock: the last holder of a snapshot gives its pages back to the engine.
        drop(old);
        self.snapshots.give_up_old();
    }

    /// Replaces the snapshot by what `make` gives, which runs when nobody reads and keeps readers waiting.
    pub(crate) fn renew(&self, make: impl FnOnce() -> Option<Snapshot>) {
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        self.give_up_kept();
        if let Some(old) = newest.take() {
            // A reader holds it for one call, and none can come to it under the lock.
            while Arc::strong_count(&old) > 1 {
                thread::yield_now();
            }
        }
        *newest = make().map(Arc::new);
    }

    pub(crate) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that writing has failed, for good.
    pub(crate) fn fail(&self, error: &StoreError) {
        if self.failure.set(error.to_string()).is_ok() {
            tracing::error!(path = %self.path.display(), %error, "the store stops writing after an error");
        }
    }

    /// Refuses to write after a failure.
    pub(crate) fn check_writable(&self) -> StoreResult<()> {
        match self.failure.get() {
            None => Ok(()),
            Some(_) => Err(self.stopped("writing")),
        }
    }

    fn stopped(&self, what: &str) -> StoreError {
        let first = self.failure.get().map_or("the commit thread ended", String::as_str);
        StoreError::new(
            StoreErrorKind::Unavailable,
            format!("the store in {} stopped {what} after an error ({first}); reopen it", self.path.display()),
        )
    }
}
