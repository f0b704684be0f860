//! States of a store that are kept for readers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{StoreError, StoreErrorKind, StoreResult};

/// Names a [`Snapshot`], for [`ReadOptions::at`](crate::ReadOptions::at).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(u64);

/// One state of a store, which stays readable: from [`Store::snapshot`](crate::Store::snapshot). Dropping it gives the state
/// up.
pub struct Snapshot {
    id: SnapshotId,
    keeper: Arc<dyn Keeper>,
}

impl Snapshot {
    /// What reads of this state ask for with [`ReadOptions::at`](crate::ReadOptions::at).
    #[must_use]
    pub const fn id(&self) -> SnapshotId {
        self.id
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.keeper.give_up(self.id);
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.id).finish()
    }
}

trait Keeper: Send + Sync {
    fn give_up(&self, id: SnapshotId);
}

/// The states that a store keeps for its snapshots; used by stores. Both their number and their age are bounded, since each
/// keeps the store from using the room of what was replaced after it.
pub struct Snapshots<S> {
    kept: Arc<Kept<S>>,
}

struct Kept<S>(Mutex<BTreeMap<SnapshotId, (Instant, S)>>);

impl<S: Clone + Send + 'static> Snapshots<S> {
    /// How many states are kept at most; one that is asked for beyond them is refused.
    pub const MOST: usize = 1024;
    /// After how long a state is given up, even while it is read.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { kept: Arc::new(Kept(Mutex::default())) }
    }

    /// Keeps a state; `None` if there are too many. Costs a lock.
    #[must_use]
    pub fn keep(&self, state: S) -> Option<Snapshot> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut kept = self.kept.lock();
        if kept.len() >= Self::MOST {
            return None;
        }
        let id = SnapshotId(NEXT.fetch_add(1, Ordering::Relaxed));
        kept.insert(id, (Instant::now(), state));
        Some(Snapshot { id, keeper: self.kept.clone() })
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// [`StoreErrorKind::SnapshotGone`] if it was given up.
    pub fn get(&self, id: SnapshotId) -> StoreResult<S> {
        let kept = self.kept.lock();
        kept.get(&id).map(|(_, state)| state.clone()).ok_or_else(StoreError::snapshot_gone)
    }

    /// Gives up what has been kept for [`LONGEST`](Self::LONGEST). A store calls it at each commit, because only commits make old
    /// states cost something.
    pub fn give_up_old(&self) {
        if let Some(time) = Instant::now().checked_sub(Self::LONGEST) {
            self.give_up_before(time);
        }
    }

    /// Gives up what has been kept since a time or longer.
    fn give_up_before(&self, time: Instant) {
        let old = {
            let mut kept = self.kept.lock();
            if kept.is_empty() {
                return;
            }
            // They are in the order in which they were kept.
            let first_young = kept.iter().find(|(_, (since, _))| *since > time).map(|(id, _)| *id);
            match first_young {
                Some(id) if kept.keys().next() == Some(&id) => return,
                Some(id) => {
                    let young = kept.split_off(&id);
                    std::mem::replace(&mut *kept, young)
                }
                None => std::mem::take(&mut *kept),
            }
        };
        // Outside the lock: it may give pages back.
        drop(old);
    }

    /// Gives up all of them, so that their readers have to begin anew.
    pub fn give_up_all(&self) {
        let all = std::mem::take(&mut *self.kept.lock());
        drop(all);
    }
}

impl<S: Clone + Send + 'static> Default for Snapshots<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Snapshots<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kept.lock().keys()).finish()
    }
}

impl<S> Kept<S> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SnapshotId, (Instant, S)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Send> Keeper for Kept<S> {
    fn give_up(&self, id: SnapshotId) {
        let state = self.lock().remove(&id);
        drop(state);
    }
}

impl StoreError {
    /// The refusal of a read of a snapshot that the store does not keep, or not any more.
    #[cold]
    #[must_use]
    pub fn snapshot_gone() -> Self {
        let message = "the snapshot is not kept any more: read from the beginning, from a new one";
        Self::new(StoreErrorKind::SnapshotGone, message)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn kind(result: StoreResult<u8>) -> StoreErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn a_state_is_kept_until_its_snapshot_is_dropped() {
        let snapshots = Snapshots::new();
        let (one, two) = (snapshots.keep(1_u8).unwrap(), snapshots.keep(2).unwrap());
        let id = one.id();
        assert_eq!((snapshots.get(id).unwrap(), snapshots.get(two.id()).unwrap()), (1, 2));
        drop(one);
        assert_eq!(kind(snapshots.get(id)), StoreErrorKind::SnapshotGone);
        assert_eq!(snapshots.get(two.id()).unwrap(), 2);
        snapshots.give_up_all();
        assert_eq!(kind(snapshots.get(two.id())), StoreErrorKind::SnapshotGone);
    }

    #[test]
    fn a_snapshot_is_of_one_store() {
        let (one, other) = (Snapshots::new(), Snapshots::new());
        let (mine, _its) = (one.keep(1_u8).unwrap(), other.keep(2).unwrap());
        assert_eq!(kind(other.get(mine.id())), StoreErrorKind::SnapshotGone);
    }

    #[test]
    fn old_states_are_given_up_and_young_ones_kept() {
        let snapshots = Snapshots::new();
        let old = snapshots.keep(1_u8).unwrap();
        let time = Instant::now();
        while Instant::now() == time {}
        let young = snapshots.keep(2).unwrap();
        snapshots.give_up_old();
        assert_eq!(snapshots.get(old.id()).unwrap(), 1, "it is not old yet");
        snapshots.give_up_before(time);
        assert_eq!(kind(snapshots.get(old.id())), StoreErrorKind::SnapshotGone);
        assert_eq!(snapshots.get(young.id()).unwrap(), 2);
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let snapshots = Snapshots::new();
        let mut kept: Vec<_> = (0..Snapshots::<u8>::MOST).map(|_| snapshots.keep(1_u8).unwrap()).collect();
        assert!(snapshots.keep(1).is_none());
        kept.pop();
        assert!(snapshots.keep(1).is_some());
    }
}
