//! A place at a server for calls about one partition, and why there may be none.

use std::sync::Arc;

use rome_core::store::StoreError;

use super::redirect::Passing;
use crate::link::Live;
use crate::node::Node;
use crate::partition_keys::PartitionKeys;

/// A place at a server for calls about one partition.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) node: Arc<Node>,
    pub(crate) live: Live,
    /// Whether the slot is on its way there, so that each command has to be announced.
    pub(crate) asking: bool,
}

/// Why there is no seat.
pub(crate) enum Stop {
    Passing(Passing),
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// What to make of a round that did not answer everything, before the next one.
pub(crate) enum Lesson<'p> {
    /// A partition's server refused, and that passes.
    Refused(&'p PartitionKeys, Passing),
    /// Replies were lost.
    Lost(StoreError),
    /// It has to be done again, for this reason.
    Again(StoreError),
}
