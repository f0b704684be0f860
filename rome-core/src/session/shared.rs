//! What all handles and sessions of a database share.

use std::sync::Arc;
use std::time::Duration;

use super::{Calm, CounterKeys, Hooked, Readers, Statistics, Turns};

use crate::ask::ScanPolicy;
use crate::catalog::{Catalog, StoredTable, read_document};
use crate::commit::Committer;
use crate::error::{Error, Kind, Result};
use crate::metrics::Observed;
use crate::placement::Placement;
use crate::row;
use crate::schema::Table;
use crate::store::{Claimed, Durability, Partition, Read, ReadOptions, ReadReply, Reply, Space, TableId};

/// What is logged of queries, as the database's builder says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowQueryLog {
    /// Queries that take at least this long are logged; `None` turns it off.
    pub slow: Option<Duration>,
    /// Whether values are shown.
    pub values: bool,
}

impl Default for SlowQueryLog {
    fn default() -> Self {
        Self { slow: Some(Duration::from_millis(200)), values: false }
    }
}

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
    pub slow_queries: SlowQueryLog,
    pub hooks: Hooked,
    pub readers: Readers,
}

impl Shared {
    /// How the entity's table is stored.
    pub fn table(&self, def: &'static Table) -> Result<&Arc<StoredTable>> {
        self.catalog.find(def).ok_or_else(|| unknown_table(def))
    }

    /// Reads from the store. Where rows are met in a layout that another program has added since this handle was opened, reads
    /// the catalog and then everything once more: two round trips, once for each such layout.
    pub async fn read(&self, batch: &[(Partition, Vec<Read>)]) -> Result<Vec<ReadReply>> {
        self.read_as(batch, ReadOptions::new()).await
    }

    /// As [`read`](Self::read), where it is all the same which state is read: the `seq` of a reply says nothing.
    pub async fn read_untracked(&self, batch: &[(Partition, Vec<Read>)]) -> Result<Vec<ReadReply>> {
        self.read_as(batch, ReadOptions::new().tracked(false)).await
    }

    /// As [`read`](Self::read), as the options ask for.
    pub async fn read_as(&self, batch: &[(Partition, Vec<Read>)], options: ReadOptions) -> Result<Vec<ReadReply>> {
        let replies = self.committer.read_as(batch, options).await?;
        if !self.has_unknown(batch, &replies) {
            return Ok(replies);
        }
        // In a box: rare, and every future of a query would be as deep.
        Box::pin(async {
            self.learn_layouts().await?;
            self.committer.read_as(batch, options).await
        })
        .await
    }

    /// Whether one of the rows is in a layout that is not known.
    fn has_unknown(&self, batch: &[(Partition, Vec<Read>)], replies: &[ReadReply]) -> bool {
        let reads = batch.iter().zip(replies).flat_map(|((_, reads), reply)| reads.iter().zip(&reply.replies));
        let mut last: Option<(TableId, Option<&Arc<StoredTable>>)> = None;
        for (read, reply) in reads {
            let table = match read {
                Read::Get { space: Space::Rows(id), .. } => *id,
                Read::Scan { span, .. } => match span.space {
                    Space::Rows(id) => id,
                    _ => continue,
                },
                Read::GetClaimed { table, .. } | Read::ScanRows { table, .. } => *table,
                _ => continue,
            };
            let table = match last {
                Some((id, found)) if id == table => found,
                _ => last.insert((table, self.catalog.numbered(table))).1,
            };
            let Some(table) = table else { continue };
            let unknown = match reply {
                Reply::Record(Some((_, stored))) | Reply::Claimed(Some(Claimed { row: stored, .. })) => {
                    row::is_unknown(table, stored)
                }
                Reply::Scanned(scanned) => scanned.iter().any(|record| row::is_unknown(table, record.value)),
                _ => false,
            };
            if unknown {
                return true;
            }
        }
        false
    }

    /// Takes note of the layouts that other programs have added to the catalog.
    async fn learn_layouts(&self) -> Result<()> {
        let document = read_document(&self.committer).await?.unwrap_or_default();
        for doc in &document.tables {
            let Some(table) = self.catalog.numbered(TableId(doc.id)) else { continue };
            table.layouts.learn(doc, table.def).map_err(|error| {
                Error::from(Kind::Schema(format!(
                    "a newer build of the program has changed table `{}`, and this build cannot read it: {error}; start the newer \
                     build",
                    doc.name
                )))
            })?;
            tracing::debug!(table = doc.name, "looked for new layouts");
        }
        Ok(())
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
