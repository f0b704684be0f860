//! What the in-memory store holds, and single records of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::time::Instant;

use super::key::{Key, Probe};
use super::past::{Changed, Past, Table};
use super::scan::{Keep, Progress};
use crate::{
    Applied, Blocker, Claimed, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply, Space,
    StoreError, StoreErrorKind, StoreResult, TableId, TxId, locks::Locks,
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
    /// What it keeps others from.
    pub(super) locks: Locks,
    /// The partition's `seq` when it was prepared.
    pub(super) seq: u64,
}

impl Prepared {
    pub(super) fn blocker(&self) -> Blocker {
        Blocker::new(self.tx.id, self.primary, Instant::now() >= self.lease_end)
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

    /// Begins to answer reads of the present state, or of one before it.
    pub(super) fn begin(
        &self,
        reads: &[Read],
        options: ReadOptions,
        past: Option<Arc<Past>>,
    ) -> StoreResult<Answering> {
        let retired = past.as_ref().map_or(&self.retired, |past| &past.retired);
        let is_retired = |space: &Space| !options.retired && retired.contains(space);
        if let Some(space) = reads.iter().map(Read::space).find(is_retired) {
            return Err(StoreError::retired(space));
        }
        let meets = |prepared: &&Prepared| reads.iter().any(|read| prepared.locks.meet_read(read));
        let (seq, blockers) = match &past {
            None => (self.seq, self.prepared.values().filter(meets).map(Prepared::blocker).collect()),
            Some(past) => (past.seq, Vec::new()),
        };
        let reply = ReadReply::new(seq, Vec::with_capacity(reads.len())).blockers(blockers);
        Ok(Answering { reply, scan: None, past })
    }

    /// Goes on with it and visits so many members at most. Whether all is answered; if not, the state is kept from now on.
    pub(super) fn go_on(&self, reads: &[Read], answering: &mut Answering, left: &mut u32) -> StoreResult<bool> {
        let past = answering.past.clone();
        let changed = past.as_ref().map(|past| past.changed());
        let view = View { spaces: &self.spaces, changed: changed.as_deref() };
        for read in reads.iter().skip(answering.reply.replies.len()) {
            if *left == 0 {
                return Ok(false);
            }
            let Some(reply) = view.answer(read, &mut answering.scan, left)? else { return Ok(false) };
            answering.reply.replies.push(reply);
        }
        Ok(true)
    }
}

/// Reads of one partition that are being answered.
pub(super) struct Answering {
    pub(super) reply: ReadReply,
    /// The scan that is under way.
    scan: Option<Progress>,
    /// The state that is read, if it is not the present one.
    pub(super) past: Option<Arc<Past>>,
}

impl<'a> View<'a> {
    pub(super) fn table(self, space: Space) -> Table<'a> {
        Table::new(space, self.spaces, self.changed)
    }

    /// The reply to a read; `None` if it takes more than may be visited now, and is under way.
    fn answer(self, read: &Read, scan: &mut Option<Progress>, left: &mut u32) -> StoreResult<Option<Reply>> {
        let reply = match read {
            Read::Get { space, key } => {
                *left -= 1;
                Reply::Record(self.table(*space).get(key).map(|record| (record.version, record.value.clone())))
            }
            Read::GetClaimed { index, columns, table } => {
                *left -= 1;
                Reply::Claimed(self.claimed(*index, columns, *table)?)
            }
            Read::Scan { span, filter, want, track } => {
                let mut progress = scan.take().unwrap_or_else(|| Progress::new(span, *want, *track));
                if !self.scan_on(span, Keep::of(filter.as_ref()), &mut progress, left) {
                    *scan = Some(progress);
                    return Ok(None);
                }
                Reply::Scanned(progress.finish())
            }
            Read::ScanRows { index, table, filter, want, track } => {
                let mut progress = scan.take().unwrap_or_else(|| Progress::new(index, *want, *track));
                if !self.scan_rows_on(index, *table, Keep::of(filter.as_ref()), &mut progress, left)? {
                    *scan = Some(progress);
                    return Ok(None);
                }
                Reply::Scanned(progress.finish())
            }
            Read::Count { span, track } => {
                let mut progress = scan.take().unwrap_or_else(|| Progress::new(span, None, *track));
                if !self.scan_on(span, Keep::Nothing, &mut progress, left) {
                    *scan = Some(progress);
                    return Ok(None);
                }
                let counted = progress.finish();
                Reply::Count(if *track { counted.into() } else { u64::from(counted.visited).into() })
            }
            Read::Later(_) => return Err(StoreError::unknown(read)),
        };
        Ok(Some(reply))
    }

    fn claimed(self, index: IndexId, columns: &[u8], table: TableId) -> StoreResult<Option<Claimed>> {
        let Some(claim) = self.table(Space::Unique(index)).get(columns) else { return Ok(None) };
        let row = row(self.table(Space::Rows(table)), table, &claim.value, Space::Unique(index))?;
        Ok(Some(Claimed::new(claim.version, claim.value.clone(), row.version, row.value.clone())))
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
