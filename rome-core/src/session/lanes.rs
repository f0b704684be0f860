//! Lanes: where transaction ids come from.
//!
//! A lane runs one transaction at a time and numbers them; the store remembers the outcome of a lane's last one, so that
//! the same request again has no further effect. A lane whose transaction was abandoned is never used again.

use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::store::{SequenceId, Store, TxId};

/// How many lanes are reserved at once.
const BLOCK: u32 = 16;

/// A lane that is not in use.
#[derive(Debug)]
pub(crate) struct Lane {
    id: u64,
    last: u64,
}

/// The lanes of a database handle.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    free: Mutex<Vec<Lane>>,
}

impl Lanes {
    /// Takes a lane and its next transaction id. Costs a round trip only when more transactions run at once than ever
    /// before.
    pub async fn take(&self, store: &dyn Store) -> Result<(Lane, TxId)> {
        let free = self.lock().pop();
        let mut lane = match free {
            Some(lane) => lane,
            None => {
                let first = store.reserve(SequenceId::Lanes, BLOCK).await?;
                let mut free = self.lock();
                free.extend((first + 1..first + u64::from(BLOCK)).map(|id| Lane { id, last: 0 }));
                Lane { id: first, last: 0 }
            }
        };
        lane.last += 1;
        let id = TxId { lane: lane.id, seq: lane.last };
        Ok((lane, id))
    }

    /// Gives a lane back after its transaction has an outcome.
    pub fn give_back(&self, lane: Lane) {
        self.lock().push(lane);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Lane>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
