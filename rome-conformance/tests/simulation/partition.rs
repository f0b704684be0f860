//! A partition made from the table of steps in `docs/design/several-partitions.md`, and with one piece of it left out.
//!
//! Records lie in an in-memory store that only ever gets whole transactions; lanes, locks and what is prepared are kept
//! here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rome_store::memory::MemoryStore;
use rome_store::{
    Applied, ApplyOptions, Blocker, Capabilities, Decision, Durability, MiniTx, Partition, Read, ReadOptions,
    ReadReply, SequenceId, Step, Store, StoreFuture, StoreResult, TxId, locks,
};
use tokio::time::Instant;

/// What is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Nothing,
    /// The record of `Push{abort}`.
    Tombstone,
    /// The record of `Finish`.
    LaneRecordAtFinish,
    /// The refusal of lower numbers of a lane.
    RefusalOfLowerNumbers,
    /// Locks on what was written.
    WriteLocks,
    /// Locks on what was read.
    ReadLocks,
    /// The test of locks where `seq` is unchanged.
    LocksIfUnchanged,
    /// The raise of `seq` by `Prepare`.
    SeqOfPrepare,
    /// The names of those that stand in the way of reads.
    Blockers,
    /// That `Finish` looks at what is prepared before it looks at the lane's record.
    FinishBeforeRecord,
    /// Leases: they never end.
    EndOfLeases,
}

pub struct TablePartition {
    missing: Missing,
    records: MemoryStore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seq: u64,
    lanes: BTreeMap<u64, (u64, Applied)>,
    prepared: BTreeMap<TxId, Prepared>,
    /// For what the records shall take for a transaction that they have not met.
    fresh: u64,
}

struct Prepared {
    tx: MiniTx,
    primary: Partition,
    lease_end: Instant,
}

impl TablePartition {
    pub fn new(missing: Missing) -> Self {
        Self { missing, records: MemoryStore::new(), state: Mutex::default() }
    }

    fn is_missing(&self, piece: Missing) -> bool {
        self.missing == piece
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blocker(&self, id: TxId, prepared: &Prepared) -> Blocker {
        let expired = Instant::now() >= prepared.lease_end && !self.is_missing(Missing::EndOfLeases);
        Blocker::new(id, prepared.primary, expired)
    }

    /// The answer to a step of a transaction that its lane has come to, or gone past.
    fn earlier(&self, tx: &MiniTx) -> Option<Applied> {
        let state = self.state();
        let (last, outcome) = state.lanes.get(&tx.id.lane)?;
        match (tx.id.seq.cmp(last), tx.step, outcome) {
            (Ordering::Greater, ..) => None,
            (Ordering::Less, ..) if self.is_missing(Missing::RefusalOfLowerNumbers) => None,
            (Ordering::Less, Step::Finish(decision), _) => Some(Applied::Already(decision)),
            (Ordering::Less, ..) => Some(Applied::Already(Decision::Aborted)),
            (Ordering::Equal, _, Applied::Done { .. }) => Some(Applied::Already(Decision::Committed)),
            (Ordering::Equal, Step::Push { .. } | Step::Finish(_), _) => Some(Applied::Already(Decision::Aborted)),
            (Ordering::Equal, _, refusal) => Some(refusal.clone()),
        }
    }

    fn locked(&self, tx: &MiniTx) -> Option<Applied> {
        let state = self.state();
        if self.is_missing(Missing::LocksIfUnchanged) && tx.unchanged_since == Some(state.seq) {
            return None;
        }
        let meets = |prepared: &Prepared| {
            let mut lock = prepared.tx.clone();
            if self.is_missing(Missing::ReadLocks) {
                (lock.reads, lock.checks) = (Vec::new(), Vec::new());
            }
            if self.is_missing(Missing::WriteLocks) {
                lock.effects = Vec::new();
            }
            locks::meets(tx, &lock)
        };
        let mut others = state.prepared.iter().filter(|(id, _)| **id != tx.id);
        others.find(|(_, it)| meets(it)).map(|(id, it)| Applied::Blocked { by: self.blocker(*id, it) })
    }

    /// Tests and carries out on the records. Where they have met the id, under another one.
    async fn on_records(&self, tx: MiniTx) -> StoreResult<Applied> {
        let whole = tx.step(Step::One);
        let applied = self.call(whole.clone()).await?;
        if !matches!(applied, Applied::Already(_)) {
            return Ok(applied);
        }
        let id = self.fresh();
        self.call(whole.id(id)).await
    }

    async fn call(&self, tx: MiniTx) -> StoreResult<Applied> {
        Ok(self.records.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await?.remove(0))
    }

    fn fresh(&self) -> TxId {
        let mut state = self.state();
        state.fresh += 1;
        TxId { lane: 1 << 40, seq: state.fresh }
    }

    /// The same with the reads only if they have to be tested.
    fn without_reads_if_unchanged(&self, mut tx: MiniTx) -> MiniTx {
        if tx.unchanged_since == Some(self.state().seq) {
            tx.reads = Vec::new();
        }
        tx.unchanged_since(None)
    }

    fn record(&self, id: TxId, outcome: Applied) -> Applied {
        self.state().lanes.insert(id.lane, (id.seq, outcome.clone()));
        outcome
    }

    fn done(&self, raises: bool) -> Applied {
        let mut state = self.state();
        state.seq += u64::from(raises);
        Applied::Done { seq: state.seq }
    }

    async fn one(&self, tx: MiniTx) -> StoreResult<Applied> {
        let (id, raises) = (tx.id, !tx.effects.is_empty());
        if let Some(locked) = self.locked(&tx) {
            return Ok(self.record(id, locked));
        }
        let outcome = match self.on_records(self.without_reads_if_unchanged(tx)).await? {
            Applied::Done { .. } => self.done(raises),
            refusal => refusal,
        };
        Ok(self.record(id, outcome))
    }

    async fn prepare(&self, tx: MiniTx, primary: Partition, lease: u32) -> StoreResult<Applied> {
        if self.state().prepared.contains_key(&tx.id) {
            return Ok(self.done(false));
        }
        if let Some(locked) = self.locked(&tx) {
            return Ok(self.record(tx.id, locked));
        }
        let test = tx.clone().id(self.fresh()).effects(Vec::new());
        let outcome = self.on_records(self.without_reads_if_unchanged(test)).await?;
        if !matches!(outcome, Applied::Done { .. }) {
            return Ok(self.record(tx.id, outcome));
        }
        let done = self.done(!tx.effects.is_empty() && !self.is_missing(Missing::SeqOfPrepare));
        let lease_end = Instant::now() + Duration::from_millis(lease.into());
        self.state().prepared.insert(tx.id, Prepared { tx, primary, lease_end });
        Ok(done)
    }

    async fn finish(&self, id: TxId, decision: Decision) -> StoreResult<Applied> {
        let Some(Prepared { tx, .. }) = self.take(id) else {
            return Ok(self.decided(id, Applied::Already(Decision::Aborted)));
        };
        if decision == Decision::Aborted {
            self.decided(id, Applied::Already(Decision::Aborted));
            return Ok(self.done(false));
        }
        let effects = MiniTx::one(id).effects(tx.effects);
        let raises = !effects.effects.is_empty();
        self.on_records(effects).await?;
        Ok(self.decided(id, self.done(raises)))
    }

    fn take(&self, id: TxId) -> Option<Prepared> {
        self.state().prepared.remove(&id)
    }

    /// Records how a transaction ended here, unless the lane has gone on.
    fn decided(&self, id: TxId, outcome: Applied) -> Applied {
        let is_fresh = self.state().lanes.get(&id.lane).is_none_or(|(last, _)| *last < id.seq);
        if self.is_missing(Missing::LaneRecordAtFinish) || !is_fresh {
            return outcome;
        }
        self.record(id, outcome)
    }

    fn push(&self, id: TxId, abort: bool) -> Applied {
        if !abort {
            return Applied::Undecided;
        }
        self.take(id);
        let aborted = Applied::Already(Decision::Aborted);
        if self.is_missing(Missing::Tombstone) { aborted } else { self.record(id, aborted) }
    }

    async fn apply_one(&self, tx: MiniTx) -> StoreResult<Applied> {
        if let Step::Finish(decision) = tx.step
            && !self.is_missing(Missing::FinishBeforeRecord)
            && self.state().prepared.contains_key(&tx.id)
        {
            return self.finish(tx.id, decision).await;
        }
        if let Some(earlier) = self.earlier(&tx) {
            return Ok(earlier);
        }
        match tx.step {
            Step::One => self.one(tx).await,
            Step::Prepare { primary, lease } => self.prepare(tx, primary, lease).await,
            Step::Push { abort } => Ok(self.push(tx.id, abort)),
            Step::Finish(decision) => self.finish(tx.id, decision).await,
            other => panic!("{other:?} is not in the table"),
        }
    }
}

impl Store for TablePartition {
    fn capabilities(&self) -> &Capabilities {
        self.records.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let mut replies = self.records.read(batch, options).await?;
            let state = self.state();
            for ((_, reads), reply) in batch.iter().zip(&mut replies) {
                reply.seq = state.seq;
                if self.is_missing(Missing::Blockers) {
                    continue;
                }
                let meets =
                    |prepared: &Prepared| reads.iter().any(|read| locks::meets_read(&prepared.tx.effects, read));
                let met = state.prepared.iter().filter(|(_, prepared)| meets(prepared));
                reply.blockers = met.map(|(id, prepared)| self.blocker(*id, prepared)).collect();
            }
            Ok(replies)
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, _: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for (_, tx) in batch {
                outcomes.push(self.apply_one(tx).await?);
            }
            Ok(outcomes)
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.records.reserve(sequence, n)
    }
}
