//! The engine under the store: ordered tables of byte strings on disk, with snapshots and one writer.
//!
//! All that is particular to an engine is in its own file here, and the rest of the crate uses only the names below, so
//! that another engine is one more file with the same names. The checksums of records are not its business.

mod caught;
mod disk;
mod opened;
mod overlay;
mod redb;

use std::ops::{Bound, ControlFlow};

use rome_store::StoreResult;

pub(crate) use self::caught::{Outside, caught};
pub(crate) use self::disk::Disk;
pub(crate) use self::redb::{Ending, Engine, Snapshot, Writing, io_error};
use crate::place::Place;

/// The tables of one state, whether a snapshot or the open write transaction.
pub(crate) trait Tables {
    /// A table of it.
    type Table: Records;

    /// The table of a place, which is opened at its first use; none if there is none yet, which is as good as empty.
    fn table(&self, place: Place) -> StoreResult<Option<&Self::Table>>;
}

/// The records of one table. The engine may panic in reading pages that were damaged behind its back: callers wrap
/// what they do in [`caught`].
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

    /// How many records lie between two bounds, or `most` if there are more. Visits no record if the bounds are open.
    fn count(&self, lo: Bound<&[u8]>, hi: Bound<&[u8]>, most: u64) -> StoreResult<u64>;
}
