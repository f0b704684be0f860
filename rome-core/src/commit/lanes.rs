//! Lanes: where transaction ids come from.
//!
//! A lane runs one transaction at a time and numbers them; the store remembers the outcome of a lane's last one, so that
//! the same request again has no further effect. A lane whose transaction was abandoned is never used again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Committer;
use crate::error::Result;
use crate::store::{SequenceId, TxId};

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
    /// The state of a generator of pseudo-random numbers, which a lane's number has started: no two programs have the
    /// same, and a simulation draws the same each time.
    random: AtomicU64,
}

impl Lanes {
    /// Takes a lane and its next transaction id. Costs a round trip only when more transactions run at once than ever
    /// before.
    pub async fn take(&self, committer: &Committer) -> Result<(Lane, TxId)> {
        let free = self.lock().pop();
        let mut lane = match free {
            Some(lane) => lane,
            None => {
                let first = committer.reserve(SequenceId::Lanes, BLOCK).await?;
                self.random.fetch_add(first << 20, Ordering::Relaxed);
                let mut free = self.lock();
                free.extend((first + 1..first + u64::from(BLOCK)).map(|id| Lane { id, last: 0 }));
                Lane { id: first, last: 0 }
            }
        };
        lane.last += 1;
        let id = TxId { lane: lane.id, seq: lane.last };
        Ok((lane, id))
    }

    /// The next pseudo-random number (SplitMix64, after Steele, Lea and Flood, OOPSLA 2014).
    pub fn random(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let state = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Gives a lane back after its transaction has an outcome.
    pub fn give_back(&self, lane: Lane) {
        self.lock().push(lane);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Lane>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
