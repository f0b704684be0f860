//! What all handles and sessions of a database share.

use std::sync::Arc;

use crate::catalog::{Catalog, StoredTable};
use crate::error::{Error, Kind, Result};
use crate::plan::Statistics;
use crate::query::ScanPolicy;
use crate::schema::Table;
use crate::session::{CounterKeys, Lanes};
use crate::store::{Applied, Consistency, Durability, MiniTx, Partition, Read, ReadReply, Store, StoreResult};

/// What all handles and sessions of a database share.
pub(crate) struct Shared {
    pub store: Arc<dyn Store>,
    pub catalog: Catalog,
    pub schema: u32,
    pub secret: [u8; 16],
    pub lanes: Lanes,
    pub counters: CounterKeys,
    pub statistics: Statistics,
    pub scan_policy: ScanPolicy,
    pub durability: Durability,
}

impl Shared {
    /// How the entity's table is stored.
    pub fn table(&self, def: &'static Table) -> Result<&Arc<StoredTable>> {
        self.catalog.find(def).ok_or_else(|| unknown_table(def))
    }

    pub async fn read(&self, batch: &[(Partition, Vec<Read>)], consistency: Consistency) -> Result<ReadReply> {
        let mut replies = self.store.read(batch, consistency).await?;
        match replies.pop() {
            Some(reply) => Ok(reply),
            None => Err(Error::invalid("the store gave no reply to a read")),
        }
    }

    pub async fn apply(&self, batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>> {
        let effects: usize = batch.iter().map(|(_, minitx)| minitx.effects.len()).sum();
        let applied = self.store.apply(batch, durability).await;
        tracing::trace!(effects, applied = ?applied, "apply");
        applied
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
