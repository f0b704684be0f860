//! Stores with several partitions that are broken on purpose, each in one way.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use rome_store::memory::MemoryStore;
use rome_store::{
    Applied, ApplyOptions, Blocker, Capabilities, Check, Decision, Durability, Effect, MiniTx, Partition, Read,
    ReadOptions, ReadReply, SequenceId, Step, Store, StoreFuture, StoreResult, TxId,
};

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    WritesNoTombstone,
    AbortsWhoeverAsks,
    ForgetsOutcomes,
    AbortsAndKeepsLocks,
    FinishesNothingLate,
    RecordsNoFinish,
    RecordsNoEarlyFinish,
    RecordsNoRefusedPrepare,
    AcceptsLowerNumbers,
    PreparesTwice,
    FinishesTwice,
    FinishesWhatWasGivenUp,
    TearsFinish,
    StampsFinish,
    CarriesOutWhenPreparing,
    IgnoresReadLocks,
    LocksNoSpans,
    LocksEntriesWithoutRows,
    IgnoresWriteLocks,
    SkipsLocksIfUnchanged,
    LetsTheGateRise,
    LocksNoGate,
    PreparesBelowTheGate,
    PreparesUnchecked,
    PreparesSumsUnseen,
    PreparesWhatIsTooLong,
    RaisesNoSeq,
    NamesNoBlockers,
    NamesOneBlocker,
    NamesNobodyInCounts,
    NamesNobodyBehindEntries,
    NamesItselfAsPrimary,
    NeverSaysExpired,
    AlwaysSaysExpired,
    SharesOneSpace,
    SharesLanes,
    LastUnchecked,
}

#[derive(Default)]
struct Notes {
    /// Under which id the store knows a transaction.
    aliases: HashMap<(Partition, TxId), TxId>,
    /// What was prepared, as it came.
    prepared: HashMap<(Partition, TxId), MiniTx>,
    last: HashMap<(Partition, u64), u64>,
    decided: HashMap<TxId, Decision>,
    gates: HashMap<Partition, u32>,
    /// How many times the `seq` was raised by a `Prepare`.
    raised: HashMap<Partition, u64>,
}

pub struct Mutant {
    inner: MemoryStore,
    flaw: Flaw,
    fresh_lane: AtomicU64,
    notes: Mutex<Notes>,
}

impl Mutant {
    pub fn new(flaw: Flaw) -> Self {
        let (inner, fresh_lane) = (MemoryStore::with_partitions(4), AtomicU64::new(1 << 50));
        Self { inner, flaw, fresh_lane, notes: Mutex::default() }
    }

    fn fresh(&self) -> TxId {
        TxId { lane: self.fresh_lane.fetch_add(1, SeqCst), seq: 1 }
    }

    fn notes<T>(&self, take: impl FnOnce(&mut Notes) -> T) -> T {
        take(&mut self.notes.lock().unwrap())
    }

    async fn inner(&self, partition: Partition, mut tx: MiniTx) -> StoreResult<Applied> {
        if let Some(alias) = self.notes(|notes| notes.aliases.get(&(partition, tx.id)).copied()) {
            tx.id = alias;
        }
        Ok(self.inner.apply(vec![(partition, tx)], ApplyOptions::new(Durability::Memory)).await?.remove(0))
    }

    /// Carries them out as a transaction that the store has not met.
    async fn afresh(&self, partition: Partition, effects: Vec<Effect>) -> StoreResult<Applied> {
        self.inner(partition, MiniTx::one(self.fresh()).effects(effects)).await
    }

    async fn seq(&self, partition: Partition) -> StoreResult<u64> {
        Ok(self.inner.read(&[(partition, vec![])], ReadOptions::new()).await?[0].seq)
    }

    async fn step(&self, partition: Partition, tx: MiniTx) -> StoreResult<Applied> {
        let place = (partition, tx.id);
        match tx.step {
            Step::One => self.one(partition, tx).await,
            Step::Prepare { .. } => {
                let outcome = self.prepare(partition, tx.clone()).await?;
                if matches!(outcome, Applied::Done { .. }) {
                    self.notes(|notes| {
                        let is_new = notes.prepared.insert(place, tx.clone()).is_none();
                        *notes.raised.entry(partition).or_default() += u64::from(is_new && !tx.effects.is_empty());
                    });
                }
                Ok(outcome)
            }
            Step::Push { abort } => self.push(partition, tx, abort).await,
            Step::Finish(decision) => {
                let prepared = self.notes(|notes| notes.prepared.get(&place).cloned());
                let outcome = self.finish(partition, tx, decision, prepared).await?;
                self.notes(|notes| notes.prepared.remove(&place));
                Ok(outcome)
            }
            _ => self.inner(partition, tx).await,
        }
    }

    async fn one(&self, partition: Partition, mut tx: MiniTx) -> StoreResult<Applied> {
        match self.flaw {
            Flaw::LetsTheGateRise => {
                let oldest = take_gate(&mut tx);
                let outcome = self.inner(partition, tx).await?;
                if matches!(outcome, Applied::Done { .. }) {
                    self.notes(|notes| notes.gates.insert(partition, oldest));
                }
                return Ok(outcome);
            }
            Flaw::LastUnchecked if partition == Partition(3) => {
                tx.checks.clear();
                tx.reads.clear();
            }
            _ => {}
        }
        self.inner(partition, tx).await
    }

    async fn prepare(&self, partition: Partition, mut tx: MiniTx) -> StoreResult<Applied> {
        let place = (partition, tx.id);
        match self.flaw {
            Flaw::PreparesTwice if self.notes(|notes| notes.prepared.contains_key(&place)) => tx.id = self.fresh(),
            Flaw::RecordsNoRefusedPrepare => {
                let alias = self.fresh();
                let is_new = self.notes(|notes| {
                    let is_new = !notes.aliases.contains_key(&place);
                    notes.aliases.entry(place).or_insert(alias);
                    is_new
                });
                let outcome = self.inner(partition, tx).await;
                if is_new && !matches!(outcome, Ok(Applied::Done { .. })) {
                    self.notes(|notes| notes.aliases.remove(&place));
                }
                return outcome;
            }
            Flaw::CarriesOutWhenPreparing => {
                let effects = std::mem::take(&mut tx.effects);
                let is_new = !self.notes(|notes| notes.prepared.contains_key(&place));
                let outcome = self.inner(partition, tx).await?;
                if is_new && matches!(outcome, Applied::Done { .. }) {
                    return self.afresh(partition, effects).await;
                }
                return Ok(outcome);
            }
            Flaw::IgnoresReadLocks | Flaw::LocksNoSpans | Flaw::LocksEntriesWithoutRows => {
                let test = tx.clone().step(Step::One).id(self.fresh()).effects(vec![]);
                let outcome = self.inner(partition, test).await?;
                if !matches!(outcome, Applied::Done { .. }) {
                    return Ok(outcome);
                }
                tx.unchanged_since = None;
                for checks in [&mut tx.reads, &mut tx.checks] {
                    self.weaken(checks);
                }
            }
            Flaw::IgnoresWriteLocks => tx.effects.clear(),
            Flaw::LocksNoGate => drop(take_gate(&mut tx)),
            Flaw::PreparesBelowTheGate => tx.schema = u32::MAX,
            Flaw::PreparesUnchecked => {
                tx.reads.clear();
                tx.checks.clear();
            }
            Flaw::PreparesSumsUnseen => tx.effects.iter_mut().for_each(|effect| {
                if let Effect::Add { delta, .. } = effect {
                    *delta = 0;
                }
            }),
            Flaw::PreparesWhatIsTooLong => {
                let longest = self.inner.capabilities().max_key;
                tx.effects.retain(|effect| effect.target().is_none_or(|(_, key)| key.len() <= longest));
            }
            Flaw::TearsFinish => drop(tx.effects.split_off(tx.effects.len() / 2)),
            _ => {}
        }
        self.inner(partition, tx).await
    }

    /// What is left to lock.
    fn weaken(&self, checks: &mut Vec<Check>) {
        match self.flaw {
            Flaw::IgnoresReadLocks => checks.clear(),
            Flaw::LocksNoSpans => checks.retain(|check| matches!(check, Check::Version { .. })),
            _ => checks.iter_mut().for_each(|check| {
                if let Check::Same { span, rows: Some(_), n, .. } = check {
                    *check = Check::Count { span: span.clone(), n: u64::from(*n) };
                }
            }),
        }
    }

    async fn push(&self, partition: Partition, tx: MiniTx, abort: bool) -> StoreResult<Applied> {
        let asks = |abort| tx.clone().step(Step::Push { abort });
        match self.flaw {
            Flaw::WritesNoTombstone if abort => Ok(match self.inner(partition, asks(false)).await? {
                Applied::Undecided => Applied::Already(Decision::Aborted),
                known => known,
            }),
            Flaw::AbortsAndKeepsLocks
                if abort && self.notes(|notes| notes.prepared.contains_key(&(partition, tx.id))) =>
            {
                Ok(Applied::Already(Decision::Aborted))
            }
            Flaw::AbortsWhoeverAsks => self.inner(partition, asks(true)).await,
            Flaw::ForgetsOutcomes if !abort => Ok(Applied::Undecided),
            _ => self.inner(partition, tx).await,
        }
    }

    async fn finish(
        &self,
        partition: Partition,
        mut tx: MiniTx,
        decision: Decision,
        prepared: Option<MiniTx>,
    ) -> StoreResult<Applied> {
        let place = (partition, tx.id);
        if self.flaw == Flaw::FinishesWhatWasGivenUp {
            tx.step = Step::Finish(Decision::Committed);
        }
        let last = self.notes(|notes| notes.last.get(&(partition, tx.id.lane)).copied().unwrap_or_default());
        if self.flaw == Flaw::FinishesNothingLate && tx.id.seq < last {
            return Ok(Applied::Already(decision));
        }
        if self.flaw == Flaw::RecordsNoEarlyFinish && prepared.is_none() {
            let asks = tx.clone().step(Step::Push { abort: false });
            if self.inner(partition, asks).await? == Applied::Undecided {
                return Ok(Applied::Already(Decision::Aborted));
            }
        }
        let outcome = self.inner(partition, tx).await?;
        if self.flaw == Flaw::RecordsNoFinish {
            let alias = self.fresh();
            self.notes(|notes| notes.aliases.insert(place, alias));
        }
        let (Applied::Done { .. }, Decision::Committed, Some(mut tx)) = (&outcome, decision, prepared) else {
            return Ok(outcome);
        };
        match self.flaw {
            Flaw::LocksNoGate => {
                let oldest = take_gate(&mut tx);
                self.notes(|notes| notes.gates.insert(partition, oldest));
                return Ok(outcome);
            }
            Flaw::FinishesTwice | Flaw::IgnoresWriteLocks => {}
            Flaw::StampsFinish => tx.effects.retain(|effect| matches!(effect, Effect::Put { .. })),
            Flaw::PreparesSumsUnseen => tx.effects.retain(|effect| matches!(effect, Effect::Add { .. })),
            Flaw::TearsFinish => {
                tx.effects = tx.effects.split_off(tx.effects.len() / 2);
                tokio::task::yield_now().await;
            }
            _ => return Ok(outcome),
        }
        self.afresh(partition, tx.effects).await
    }

    fn name(&self, partition: Partition, blocker: &mut Blocker) {
        match self.flaw {
            Flaw::NeverSaysExpired => blocker.expired = false,
            Flaw::AlwaysSaysExpired => blocker.expired = true,
            Flaw::NamesItselfAsPrimary => blocker.primary = partition,
            _ => {}
        }
    }

    /// What counts when it is asked who is in the way.
    fn blocked_read(&self, read: &Read) -> Option<Read> {
        match (self.flaw, read) {
            (Flaw::NamesNobodyInCounts, Read::Count { .. }) => None,
            (Flaw::NamesNobodyBehindEntries, Read::ScanRows { index, .. }) => Some(Read::count(index.clone())),
            _ => Some(read.clone()),
        }
    }

    fn place(&self, partition: Partition) -> Partition {
        // One that is not there is refused as always.
        if self.flaw == Flaw::SharesOneSpace && partition.0 < 4 { Partition(0) } else { partition }
    }

    /// The `seq` that is told, of the one that is.
    fn told(&self, partition: Partition, seq: u64) -> u64 {
        let raised = self.notes(|notes| notes.raised.get(&partition).copied().unwrap_or_default());
        if self.flaw == Flaw::RaisesNoSeq { seq - raised } else { seq }
    }

    async fn apply_one(&self, partition: Partition, mut tx: MiniTx) -> StoreResult<Applied> {
        let (id, step) = (tx.id, tx.step);
        let is_begun = matches!(step, Step::One | Step::Prepare { .. });
        match self.flaw {
            Flaw::SharesLanes if is_begun => {
                if let Some(decided) = self.notes(|notes| notes.decided.get(&id).copied()) {
                    return Ok(Applied::Already(decided));
                }
            }
            Flaw::SkipsLocksIfUnchanged if tx.unchanged_since == Some(self.seq(partition).await?) => tx.reads.clear(),
            Flaw::RaisesNoSeq => {
                let raised = self.notes(|notes| notes.raised.get(&partition).copied().unwrap_or_default());
                tx.unchanged_since = tx.unchanged_since.map(|seq| seq + raised);
            }
            Flaw::AcceptsLowerNumbers if is_begun => {
                let last = self.notes(|notes| notes.last.get(&(partition, id.lane)).copied().unwrap_or_default());
                if id.seq < last {
                    let alias = self.fresh();
                    self.notes(|notes| notes.aliases.entry((partition, id)).or_insert(alias).lane);
                }
            }
            Flaw::LetsTheGateRise | Flaw::LocksNoGate if is_begun => {
                let gate = self.notes(|notes| notes.gates.get(&partition).copied().unwrap_or_default());
                if tx.schema < gate {
                    return Ok(Applied::StaleSchema { oldest: gate });
                }
            }
            _ => {}
        }
        let mut outcome = self.step(partition, tx).await?;
        let decision = match &mut outcome {
            Applied::Blocked { by } => {
                self.name(partition, by);
                None
            }
            Applied::Done { .. } if step == Step::One => Some(Decision::Committed),
            _ => None,
        };
        if let Applied::Done { seq } = &mut outcome {
            *seq = self.told(partition, *seq);
        }
        self.notes(|notes| {
            notes.decided.extend(decision.map(|decision| (id, decision)));
            if !matches!(step, Step::Prepare { .. } | Step::Push { abort: false }) {
                let last = notes.last.entry((partition, id.lane)).or_default();
                *last = id.seq.max(*last);
            }
        });
        Ok(outcome)
    }
}

/// Takes what raises the gate out of the effects, and says to what.
fn take_gate(tx: &mut MiniTx) -> u32 {
    let gate = |effect: &Effect| if let Effect::RaiseGate { oldest } = effect { Some(*oldest) } else { None };
    let oldest = tx.effects.iter().filter_map(gate).max();
    tx.effects.retain(|effect| gate(effect).is_none());
    oldest.unwrap_or_default()
}

impl Store for Mutant {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let batch: Vec<_> =
                batch.iter().map(|(partition, reads)| (self.place(*partition), reads.clone())).collect();
            let mut replies = self.inner.read(&batch, options).await?;
            for ((partition, reads), reply) in batch.iter().zip(&mut replies) {
                reply.seq = self.told(*partition, reply.seq);
                match self.flaw {
                    Flaw::NamesNoBlockers => reply.blockers.clear(),
                    Flaw::NamesOneBlocker => reply.blockers.truncate(1),
                    Flaw::NamesNobodyInCounts | Flaw::NamesNobodyBehindEntries => {
                        let reads = reads.iter().filter_map(|read| self.blocked_read(read)).collect();
                        reply.blockers = self.inner.read(&[(*partition, reads)], options).await?.remove(0).blockers;
                    }
                    _ => reply.blockers.iter_mut().for_each(|blocker| self.name(*partition, blocker)),
                }
            }
            Ok(replies)
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, _: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for (partition, tx) in batch {
                outcomes.push(self.apply_one(self.place(partition), tx).await?);
            }
            Ok(outcomes)
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.inner.reserve(sequence, n)
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        self.inner.raise(sequence, least)
    }
}
