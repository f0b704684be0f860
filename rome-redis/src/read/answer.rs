//! What a call has read of one partition.

use rome_store::{Reply, TxId};

use crate::prepared::Prepared;

/// What was read, and who was prepared at the time.
pub(super) struct Answer {
    pub(super) seq: u64,
    pub(super) replies: Vec<Reply>,
    pub(super) others: Vec<(TxId, Prepared)>,
    /// By the server's clock.
    pub(super) time: u64,
}
