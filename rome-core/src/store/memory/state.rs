//! What the in-memory store holds, and single records of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::time::Instant;

use super::key::{Key, Probe};
use super::past::{Changed, Past, Table};
use super::scan::Keep;
use crate::store::{
    Applied, Blocker, Claimed, Consistency, Effect, IndexId, MiniTx, Partition, Read, ReadReply, Reply, Space,
    StoreError, StoreErrorKind, StoreResult, TableId, TxId, locks,
};

/// The records of one space in key order.
pub(super) type Records = BTreeMap<Key, Record>;

/// A value and its last writer; zero in a space without versions.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) version: TxId,
    pub(super) value: Bytes,
}

/// One partition.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) spaces: BTreeMap<Space, Records>,
    /// How many minitransactions with effects were applied or prepared.
    pub(super) seq: u64,
    /// The oldest schema version that may write.
    pub(super) gate: u32,
    /// The spaces that are not read any more.
    pub(super) retired: BTreeSet<Space>,
    /// For each lane its last transaction that was decided here, and what became of it.
    pub(super) lanes: HashMap<u64, (u64, Applied)>,
    /// Transactions that are prepared and not decided, by id.
    pub(super) prepared: BTreeMap<TxId, Prepared>,
    /// The states before this one that readers keep.
    pasts: Mutex<Vec<Weak<Past>>>,
}

/// A transaction that is prepared and not decided.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) tx: MiniTx,
    pub(super) primary: Partition,
    /// When others may decide in its place.
    pub(super) lease_end: Instant,
    /// The partition's `seq` when it was prepared.
    pub(super) seq: u64,
}

impl Prepared {
    pub(super) fn blocker(&self) -> Blocker {
        Blocker { id: self.tx.id, primary: self.primary, expired: Instant::now() >= self.lease_end }
    }
}

/// The records of one state.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    spaces: &'a BTreeMap<Space, Records>,
    changed: Option<&'a Changed>,
}

impl State {
    /// The present state.
    pub(super) const fn view(&self) -> View<'_> {
        View { spaces: &self.spaces, changed: None }
    }

    /// Keeps the present state for readers.
    pub(super) fn keep(&self) -> Arc<Past> {
        let mut pasts = self.pasts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = pasts.last().and_then(Weak::upgrade).filter(|last| last.seq == self.seq) {
            return last;
        }
        let past = Arc::new(Past::new(self.seq, self.retired.clone()));
        pasts.push(Arc::downgrade(&past));
        past
    }

    /// Keeps what these effects are about to change, for those who read the states before.
    pub(super) fn note_changes(&mut self, effects: &[Effect]) {
        let pasts = self.pasts.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut kept = Vec::new();
        pasts.retain(|past| past.upgrade().map(|past| kept.push(past)).is_some());
        for past in kept {
            for (space, key) in effects.iter().filter_map(Effect::target) {
                past.note(space, key, self.record(space, key));
            }
        }
    }

    pub(super) fn record(&self, space: Space, key: &[u8]) -> Option<&Record> {
        self.spaces.get(&space)?.get(&Probe::new(key))
    }

    pub(super) fn read(&self, reads: &[Read], consistency: Consistency) -> StoreResult<ReadReply> {
        let retired = reads.iter().map(Read::space).find(|space| self.retired.contains(space));
        if let Some(space) = retired.filter(|_| consistency != Consistency::Retired) {
            return Err(StoreError::retired(space));
        }
        let replies = self.view().answer_all(reads)?;
        let meets = |prepared: &&Prepared| reads.iter().any(|read| locks::meets_read(&prepared.tx.effects, read));
        let blockers = self.prepared.values().filter(meets).map(Prepared::blocker).collect();
        Ok(ReadReply { seq: self.seq, replies, blockers })
    }

    /// Reads a state before this one.
    pub(super) fn read_past(&self, reads: &[Read], past: &Past) -> StoreResult<ReadReply> {
        if let Some(space) = reads.iter().map(Read::space).find(|space| past.retired.contains(space)) {
            return Err(StoreError::retired(space));
        }
        let changed = past.changed();
        let view = View { spaces: &self.spaces, changed: Some(&changed) };
        Ok(ReadReply { seq: past.seq, replies: view.answer_all(reads)?, blockers: Vec::new() })
    }
}

impl<'a> View<'a> {
    pub(super) fn table(self, space: Space) -> Table<'a> {
        Table::new(space, self.spaces, self.changed)
    }

    fn answer_all(self, reads: &[Read]) -> StoreResult<Vec<Reply>> {
        reads.iter().map(|read| self.answer(read)).collect()
    }

    fn answer(self, read: &Read) -> StoreResult<Reply> {
        Ok(match read {
            Read::Get { space, key } => {
                Reply::Record(self.table(*space).get(key).map(|record| (record.version, record.value.clone())))
            }
            Read::GetClaimed { index, columns, table } => Reply::Claimed(self.claimed(*index, columns, *table)?),
            Read::Scan { span, filter, want, track } => {
                Reply::Scanned(self.scan(span, Keep::of(filter.as_ref()), *want, *track))
            }
            Read::ScanRows { index, table, filter, want, track } => {
                Reply::Scanned(self.scan_rows(index, *table, Keep::of(filter.as_ref()), *want, *track)?)
            }
            Read::Count { span, track: false } => Reply::Count(self.count(span).into()),
            Read::Count { span, track: true } => Reply::Count(self.scan(span, Keep::Nothing, None, true).into()),
        })
    }

    fn claimed(self, index: IndexId, columns: &[u8], table: TableId) -> StoreResult<Option<Claimed>> {
        let Some(claim) = self.table(Space::Unique(index)).get(columns) else { return Ok(None) };
        let row = row(self.table(Space::Rows(table)), table, &claim.value, Space::Unique(index))?;
        Ok(Some(Claimed {
            claim_version: claim.version,
            key: claim.value.clone(),
            row_version: row.version,
            row: row.value.clone(),
        }))
    }
}

/// The row of a table that a record of `from` points at.
pub(super) fn row<'a>(rows: Table<'a>, table: TableId, key: &[u8], from: Space) -> StoreResult<&'a Record> {
    rows.get(key).ok_or_else(|| {
        let key = key.escape_ascii();
        let message = format!("{from:?} points at a row of table {} that is missing: its key is {key}", table.0);
        StoreError::new(StoreErrorKind::Corrupt, message)
    })
}
