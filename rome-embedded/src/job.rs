//! Requests to the commit thread, and answers that wait for the commit.

use rome_store::{Applied, Durability, MiniTx, SequenceId, StoreError, StoreResult};
use tokio::sync::oneshot;

/// A request to the commit thread.
pub(crate) enum Job {
    Apply {
        txs: Vec<MiniTx>,
        durability: Durability,
        answer: oneshot::Sender<StoreResult<Vec<Applied>>>,
    },
    Reserve {
        sequence: SequenceId,
        n: u32,
        /// The number that the block is not to begin below; 0 for any.
        least: u64,
        answer: oneshot::Sender<StoreResult<u64>>,
    },
    /// Open the engine again if its disk has failed. Nobody waits for it.
    Mend,
}

/// An answer that waits for the commit.
pub(crate) enum Answer {
    Applied(oneshot::Sender<StoreResult<Vec<Applied>>>, StoreResult<Vec<Applied>>),
    Reserved(oneshot::Sender<StoreResult<u64>>, StoreResult<u64>),
}

impl Answer {
    /// Gives the answer. If the caller is gone, it is dropped.
    pub fn give(self) {
        match self {
            Self::Applied(to, result) => drop(to.send(result)),
            Self::Reserved(to, result) => drop(to.send(result)),
        }
    }

    pub fn give_instead(self, error: StoreError) {
        match self {
            Self::Applied(to, _) => drop(to.send(Err(error))),
            Self::Reserved(to, _) => drop(to.send(Err(error))),
        }
    }
}
