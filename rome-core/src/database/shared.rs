//! What all handles and sessions of a database share.

use std::sync::Arc;

use crate::catalog::{Catalog, StoredTable};
use crate::commit::Committer;
use crate::error::{Error, Kind, Result};
use crate::metrics::Observed;
use crate::place::Placement;
use crate::plan::Statistics;
use crate::query::{ScanPolicy, Telling};
use crate::schema::Table;
use crate::session::{Calm, CounterKeys, Hooked, Readers, Turns};
use crate::store::Durability;

/// What all handles and sessions of a database share.
pub(crate) struct Shared {
    pub committer: Arc<Committer>,
    pub placement: Placement,
    pub catalog: Catalog,
    pub schema: u32,
    pub secret: [u8; 16],
    pub counters: CounterKeys,
    pub statistics: Statistics,
    /// Whether nothing was changed lately while a statement read.
    pub calm: Calm,
    pub turns: Turns,
    pub scan_policy: ScanPolicy,
    pub durability: Durability,
    pub metrics: Observed,
    pub telling: Telling,
    pub hooks: Hooked,
    pub readers: Readers,
}

impl Shared {
    /// How the entity's table is stored.
    pub fn table(&self, def: &'static Table) -> Result<&Arc<StoredTable>> {
        self.catalog.find(def).ok_or_else(|| unknown_table(def))
    }
}

#[cold]
fn unknown_table(def: &'static Table) -> Error {
    Kind::Schema(format!(
        "the entity `{}` was not given to the database: add `.entity::<{}>()` to its builder",
        def.entity, def.entity
    ))
    .into()
}
