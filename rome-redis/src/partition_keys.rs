//! One partition: the names of its keys, and what is known of them.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use redis::Cmd;
use rome_store::{Effect, Space};
use tokio::sync::Mutex;

use crate::layout::Layout;
use crate::saved_look::SavedLook;
use crate::sizes::Sizes;
use crate::slot;

/// One partition.
#[derive(Debug)]
pub(crate) struct PartitionKeys {
    pub(crate) number: u32,
    pub(crate) layout: Layout,
    pub(crate) slot: u16,
    /// Asks for the partition's `seq`, for who is prepared there, and for what is retired.
    pub(crate) look: Cmd,
    /// Held while it is adopted, so that those who need it wait for the same.
    pub(crate) adopting: Mutex<()>,
    /// Spaces whose keys have their sentinels.
    ready: RwLock<HashSet<Space>>,
    pub(crate) saved_look: SavedLook,
    pub(crate) sizes: Sizes,
}

impl PartitionKeys {
    pub(crate) fn new(prefix: &str, number: u32, partitions: u32) -> Self {
        let layout = Layout::new(prefix, number, partitions);
        let mut look = redis::cmd("HMGET");
        look.arg(&layout.meta).arg("seq").arg("pending").arg("gone");
        let slot = slot::slot(&slot::tag(prefix, number, partitions));
        Self {
            number,
            layout,
            slot,
            look,
            adopting: Mutex::default(),
            ready: RwLock::default(),
            saved_look: SavedLook::default(),
            sizes: Sizes::default(),
        }
    }

    /// Whether it is known of these spaces that their keys have sentinels.
    pub(crate) fn is_ready(&self, space: Space) -> bool {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).contains(&space)
    }

    /// Forgets that: another process may have lost them.
    pub(crate) fn forget_ready(&self) {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes note that the keys of what these effects write have sentinels, and of how long the rows are.
    pub(crate) fn note_ready(&self, effects: &[Effect]) {
        self.sizes.wrote(effects);
        let spaces = || effects.iter().filter_map(Effect::target).map(|(space, _)| space);
        let all_ready = {
            let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
            spaces().all(|space| ready.contains(&space))
        };
        if !all_ready {
            self.ready.write().unwrap_or_else(PoisonError::into_inner).extend(spaces());
        }
    }
}
