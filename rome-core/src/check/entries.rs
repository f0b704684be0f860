//! From entries and claims to the rows that should have them.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::{Checker, FindingKind, Mend};
use crate::catalog::{StoredIndex, StoredTable};
use crate::error::Result;
use crate::index;
use crate::placement::Routed;
use crate::row;
use crate::session::Record;
use crate::store::{Check, Effect, Partition, Read, TxId, row_key};

impl Checker<'_> {
    /// Checks an index of a table.
    pub(super) async fn entries(&mut self, table: &Arc<StoredTable>, at: usize) -> Result<()> {
        let index = table.index(at);
        for partition in self.shared.placement.all() {
            let mut after = None;
            loop {
                let records = self.shared.scan_chunk(partition, index.space(), after, super::CHUNK).await?;
                let Some(last) = records.last() else { break };
                after = Some(last.key.clone());
                self.report.entries += records.len() as u64;
                let keys: Vec<Bytes> = records.iter().map(|record| key_of(index, record)).collect();
                let rows = self.rows_under(table, &keys).await?;
                for ((record, key), row) in records.iter().zip(&keys).zip(rows) {
                    if !has(table, at, key, row.as_ref(), &record.key) {
                        self.look_at_entry(table, at, partition, record, key).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn rows_under(&self, table: &StoredTable, keys: &[Bytes]) -> Result<Vec<Option<(TxId, Bytes)>>> {
        let mut reads = Routed::with_capacity(keys.len());
        for key in keys {
            reads.push(self.shared.placement.of_row(table, key), Read::Get { space: table.rows(), key: key.clone() });
        }
        self.shared.get_many(reads).await
    }

    /// Reports an entry that its row does not have, if it is still there and the row still does not.
    async fn look_at_entry(
        &mut self,
        table: &Arc<StoredTable>,
        at: usize,
        partition: Partition,
        record: &Record,
        key: &Bytes,
    ) -> Result<()> {
        let index = table.index(at);
        let space = index.space();
        let mut reads = Routed::with_capacity(2);
        reads.push(partition, Read::Get { space, key: record.key.clone() });
        reads.push(self.shared.placement.of_row(table, key), Read::Get { space: table.rows(), key: key.clone() });
        let found = self.shared.get_many(reads).await?;
        let [entry, row] = found.as_slice() else { return Ok(()) };
        let is_there =
            entry.as_ref().is_some_and(|(version, value)| *version == record.version && *value == record.value);
        if !is_there || has(table, at, key, row.as_ref(), &record.key) {
            return Ok(());
        }
        let check =
            index.def.unique.then(|| Check::Version { space, key: record.key.clone(), expect: Some(record.version) });
        let mend = Mend { check, effect: Effect::Delete { space, key: record.key.clone() } };
        let version = row.as_ref().map(|(version, _)| *version);
        let mended = self.mend((table, key, version), partition, mend).await?;
        let kind = if index.def.unique { FindingKind::DanglingClaim } else { FindingKind::DanglingEntry };
        self.find(kind, table, Some(at), key, mended);
        Ok(())
    }
}

/// The key of the row that an entry or a claim leads to.
fn key_of(index: &StoredIndex, record: &Record) -> Bytes {
    if index.def.unique {
        return record.value.clone();
    }
    match row_key(&record.key) {
        Some(Cow::Borrowed(key)) => record.key.slice_ref(key),
        Some(Cow::Owned(key)) => key.into(),
        None => Bytes::new(),
    }
}

/// Whether a row has an entry or a claim in an index. A row that cannot be read is reported by itself, and its entries are
/// left alone.
fn has(table: &StoredTable, at: usize, key: &[u8], row: Option<&(TxId, Bytes)>, entry: &[u8]) -> bool {
    let Some((_, stored)) = row else { return false };
    let Ok(body) = row::unwrap(table, stored) else { return true };
    let Ok(all) = index::entries_of(table, key, &body) else { return true };
    let index = table.index(at);
    if index.def.unique {
        all.claims.iter().any(|(of, claim)| *of == at && claim == entry)
    } else {
        all.entries.iter().any(|(space, own)| *space == index.space() && own == entry)
    }
}
