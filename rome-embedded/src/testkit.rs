//! For the tests of this crate: a store on a disk of the test's own, which may fail or be copied at any moment. Not part
//! of the public surface.

use std::path::Path;

pub use redb::StorageBackend;
use rome_store::StoreResult;

use crate::engine::{Disk, Engine};
use crate::folder::{check_format, write_format};
use crate::options::EmbeddedOptions;
use crate::store::EmbeddedStore;

/// A store on `disk`, which is empty or holds what a store left there. Its clones share their bytes.
///
/// # Errors
/// As [`EmbeddedStore::open`] does.
#[allow(clippy::needless_pass_by_value, reason = "options are made in the call")]
pub fn open_on(disk: impl StorageBackend + Clone, options: EmbeddedOptions) -> StoreResult<EmbeddedStore> {
    let disk = Disk::on(disk);
    let engine = Engine::open(&disk, &options)?;
    if engine.snapshot()?.is_none() {
        write_format(&engine)?;
    }
    check_format(&engine)?;
    EmbeddedStore::start(Path::new("(a disk of a test)"), disk, engine, options, None)
}
