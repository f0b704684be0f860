//! For the tests of this crate: a store on a disk of the test's own, which may fail or be copied at any moment. Not part
//! of the public surface.

use std::path::Path;

pub use redb::StorageBackend;
use rome_core::store::StoreResult;

use crate::engine::Engine;
use crate::folder::{check_format, write_format};
use crate::options::EmbeddedOptions;
use crate::store::EmbeddedStore;

/// A store on `disk`, which is empty or holds what a store left there.
///
/// # Errors
/// As [`EmbeddedStore::open`] does.
#[allow(clippy::needless_pass_by_value, reason = "options are made in the call")]
pub fn open_on(disk: impl StorageBackend, options: EmbeddedOptions) -> StoreResult<EmbeddedStore> {
    let engine = Engine::on(disk, &options)?;
    if engine.snapshot()?.is_none() {
        write_format(&engine)?;
    }
    check_format(&engine)?;
    EmbeddedStore::start(Path::new("(a disk of a test)"), engine, None)
}
