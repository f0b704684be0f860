//! Rows that were found, as they are stored.

use bytes::Bytes;

use crate::session::Session;
use crate::store::TableId;

/// A row that was found.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// Its encoded key.
    pub key: Bytes,
    /// Its columns; empty if only keys were wanted.
    pub body: Bytes,
}

impl Hit {
    /// The same row in memory of its own: one that was read shares that of its whole batch, and keeps it from being freed.
    pub fn apart(&self) -> Self {
        Self { key: Bytes::copy_from_slice(&self.key), body: Bytes::copy_from_slice(&self.body) }
    }
}

/// What of the rows is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Rows,
    Keys,
}

impl Session {
    /// Keeps rows that were read for a later update of them, but for those that the session has written itself.
    pub(crate) fn remember_hits(&self, table: TableId, hits: &[Hit]) {
        if self.options.read_only {
            return;
        }
        for hit in hits {
            if self.with_overlay(|overlay| overlay.get(table, &hit.key).is_none()) {
                self.remember(table, hit.key.clone(), Some(hit.body.clone()));
            }
        }
    }
}
