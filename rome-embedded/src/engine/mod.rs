//! The engine under the store: an ordered table of byte strings on disk, with snapshots and one writer.
//!
//! All that is particular to an engine is in its own file here, and the rest of the crate uses only the names below, so
//! that another engine is one more file with the same names. The checksums of records are not its business.

mod redb;

use std::ops::{Bound, ControlFlow};

use rome_core::store::StoreResult;

pub(crate) use self::redb::{Ending, Engine, SnapshotTable, WriteTable, io_error};

/// The records of one state, whether a snapshot or the open write transaction.
pub(crate) trait Records {
    /// Looks at the record under `key`, if there is one, where it lies.
    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> StoreResult<Option<R>>;

    /// Visits the records between two bounds in order, or in reverse, until `visit` breaks.
    fn range(
        &self,
        lo: Bound<&[u8]>,
        hi: Bound<&[u8]>,
        reverse: bool,
        visit: impl FnMut(&[u8], &[u8]) -> StoreResult<ControlFlow<()>>,
    ) -> StoreResult<()>;
}
