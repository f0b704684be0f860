//! The connection for calls about one partition, and why there may be none.

use std::sync::Arc;

use rome_store::StoreError;

use super::redirect::Redirect;
use crate::link::Live;
use crate::node::Node;
use crate::partition_keys::PartitionKeys;

/// The connection to the server of one partition, which that server's process has adopted.
#[derive(Debug, Clone)]
pub(crate) struct PartitionConn {
    pub(crate) node: Arc<Node>,
    pub(crate) live: Live,
    /// Whether the slot is on its way there, so that each command has to be announced.
    pub(crate) asking: bool,
}

/// Why there is no connection for a partition.
pub(crate) enum Stop {
    /// The server refused for now.
    Redirected(Redirect),
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Why a round did not answer everything and is followed by another one.
pub(crate) enum RetryCause<'p> {
    /// The server refused a partition for now.
    Refused(&'p PartitionKeys, Redirect),
    /// Replies were lost.
    Lost(StoreError),
    /// It has to be done again, for this reason.
    Again(StoreError),
}
