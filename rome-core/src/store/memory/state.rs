//! What the in-memory store holds, and single records of it.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::key::{Key, Probe};
use crate::store::{
    Applied, IndexId, Read, Reply, SequenceId, Space, StoreError, StoreErrorKind, StoreResult, TableId, TxId,
};

/// The records of one space in key order.
pub(super) type Records = BTreeMap<Key, Record>;

/// A value and its last writer; zero in a space without versions.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) version: TxId,
    pub(super) value: Bytes,
}

/// The whole partition.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) spaces: BTreeMap<Space, Records>,
    /// How many minitransactions with effects were applied.
    pub(super) seq: u64,
    /// The oldest schema version that may write.
    pub(super) gate: u32,
    /// The next number of each sequence that was used.
    pub(super) sequences: HashMap<SequenceId, u64>,
    /// For each lane its last transaction and what became of it.
    pub(super) lanes: HashMap<u64, (u64, Applied)>,
}

impl State {
    pub(super) fn record(&self, space: Space, key: &[u8]) -> Option<&Record> {
        self.spaces.get(&space)?.get(&Probe::new(key))
    }

    pub(super) fn answer(&self, read: &Read) -> StoreResult<Reply> {
        Ok(match read {
            Read::Get { space, key } => {
                Reply::Record(self.record(*space, key).map(|record| (record.version, record.value.clone())))
            }
            Read::GetClaimed { index, columns, table } => Reply::Claimed(self.claimed(*index, columns, *table)?),
            Read::Scan { span, filter, want, track } => Reply::Scanned(self.scan(span, filter.as_ref(), *want, *track)),
            Read::ScanRows { index, table, filter, want, track } => {
                Reply::Scanned(self.scan_rows(index, *table, filter.as_ref(), *want, *track)?)
            }
            Read::Count(span) => Reply::Count(self.count(span)),
        })
    }

    fn claimed(
        &self,
        index: IndexId,
        columns: &[u8],
        table: TableId,
    ) -> StoreResult<Option<(TxId, Bytes, TxId, Bytes)>> {
        let Some(claim) = self.record(Space::Unique(index), columns) else { return Ok(None) };
        let row = row(self.spaces.get(&Space::Rows(table)), table, &claim.value, Space::Unique(index))?;
        Ok(Some((claim.version, claim.value.clone(), row.version, row.value.clone())))
    }
}

/// The row of a table that a record of `from` points at.
pub(super) fn row<'a>(rows: Option<&'a Records>, table: TableId, key: &[u8], from: Space) -> StoreResult<&'a Record> {
    rows.and_then(|rows| rows.get(&Probe::new(key))).ok_or_else(|| {
        let key = key.escape_ascii();
        let message = format!("{from:?} points at a row of table {} that is missing: its key is {key}", table.0);
        StoreError::new(StoreErrorKind::Corrupt, message)
    })
}
