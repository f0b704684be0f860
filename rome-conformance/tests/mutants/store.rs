//! Stores that are broken on purpose, each in one way.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

use rome_store::memory::MemoryStore;
use rome_store::{
    Applied, ApplyOptions, Capabilities, Check, CheckRef, Consistency, Decision, Digest, Durability, Effect, MiniTx,
    Partition, Read, ReadOptions, ReadReply, Reply, Scanned, SequenceId, Snapshot, Span, Step, Store, StoreError,
    StoreErrorKind, StoreFuture, StoreResult, TxId,
};

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    IgnoresReverse,
    IgnoresLimit,
    IgnoresExclusiveBounds,
    IgnoresWant,
    NeverSaysWhereItStopped,
    StopsAtWhatItReturned,
    ReadsAllInReverse,
    DigestsTheWholeSpan,
    DigestsNoCounts,
    ReadsInSeveralSteps,
    AnswersFromACache,
    HidesDamage,
    ForgetsTheReads,
    ForgetsTheLastCheck,
    NamesTheWrongCheck,
    SeesNoPhantoms,
    SeesNoRowVersions,
    TakesAnyVersion,
    ForgetsChecksIfUnchanged,
    TrustsAnyUnchangedSeq,
    TearsApplies,
    RaisesNoSeq,
    LosesDeletes,
    RunsRepeatsAgain,
    RunsRefusedAgain,
    RunsLateOnes,
    LaughsAtTheGate,
    TestsTheGateApart,
    CallsTheUnknownNotApplied,
    AppliesTheRestOfAnOverflow,
    SkipsWhatIsTooLong,
    GivesNumbersTwice,
    ReadsWhatIsRetired,
    MovesSnapshots,
    ReadsDroppedSnapshots,
    PassesOverChecks,
    PassesOverEffects,
    TakesAnyStep,
    AnswersAnyRead,
}

pub struct Mutant {
    inner: MemoryStore,
    flaw: Flaw,
    fresh_lane: AtomicU64,
    applies: AtomicUsize,
    gate: AtomicU32,
    numbers: AtomicU64,
    seen: Mutex<HashSet<TxId>>,
    cache: Mutex<HashMap<String, Vec<ReadReply>>>,
}

impl Mutant {
    pub fn new(flaw: Flaw) -> Self {
        Self {
            inner: MemoryStore::new(),
            flaw,
            fresh_lane: AtomicU64::new(1 << 40),
            applies: AtomicUsize::new(0),
            gate: AtomicU32::new(0),
            numbers: AtomicU64::new(1),
            seen: Mutex::default(),
            cache: Mutex::default(),
        }
    }

    fn bend_span(&self, span: &mut Span) {
        match self.flaw {
            Flaw::IgnoresReverse => span.reverse = false,
            Flaw::IgnoresLimit => span.limit = None,
            Flaw::IgnoresExclusiveBounds => {
                if let Bound::Excluded(key) = &span.hi {
                    span.hi = Bound::Included(key.clone());
                }
            }
            _ => {}
        }
    }

    fn bend_read(&self, read: &mut Read) {
        match read {
            Read::Scan { span, want, .. } | Read::ScanRows { index: span, want, .. } => {
                self.bend_span(span);
                if self.flaw == Flaw::IgnoresWant {
                    *want = None;
                }
            }
            Read::Count { span, .. } => self.bend_span(span),
            Read::Later(space) if self.flaw == Flaw::AnswersAnyRead => *read = Read::count(Span::all(*space)),
            _ => {}
        }
    }

    async fn read_one(&self, read: Read) -> StoreResult<Reply> {
        let mut replies = self.inner.read(&[(Partition(0), vec![read])], ReadOptions::new()).await?;
        Ok(replies.remove(0).replies.remove(0))
    }

    async fn bend_reply(&self, read: &Read, reply: &mut Reply) -> StoreResult<()> {
        if let Reply::Count(counted) = reply
            && self.flaw == Flaw::DigestsNoCounts
        {
            counted.digest = Digest::default();
        }
        let Reply::Scanned(scanned) = reply else { return Ok(()) };
        match self.flaw {
            Flaw::NeverSaysWhereItStopped => scanned.stopped_at = None,
            Flaw::StopsAtWhatItReturned if scanned.stopped_at.is_some() && matches!(read, Read::Scan { .. }) => {
                scanned.stopped_at = scanned.len().checked_sub(1).and_then(|last| scanned.shared_key(last));
            }
            Flaw::ReadsAllInReverse => {
                if let Read::Scan { span, .. } | Read::ScanRows { index: span, .. } = read
                    && span.reverse
                    && let Reply::Scanned(all) = self.read_one(scan(span.clone().limited(None))).await?
                {
                    scanned.surplus = all.visited - scanned.visited;
                }
            }
            Flaw::DigestsTheWholeSpan => {
                let mut whole = read.clone();
                if let Read::Scan { span, want, .. } | Read::ScanRows { index: span, want, .. } = &mut whole {
                    (span.limit, *want) = (None, None);
                }
                if let Reply::Scanned(whole) = self.read_one(whole).await? {
                    scanned.digest = whole.digest;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn seq(&self) -> StoreResult<u64> {
        Ok(self.inner.read(&[(Partition(0), vec![])], ReadOptions::new()).await?[0].seq)
    }

    async fn apply_inner(&self, tx: MiniTx) -> StoreResult<Applied> {
        let mut outcomes = self.inner.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await?;
        Ok(outcomes.remove(0))
    }

    /// Applies it as one that the store has not met.
    async fn apply_afresh(&self, mut tx: MiniTx) -> StoreResult<Applied> {
        tx.id = TxId { lane: self.fresh_lane.fetch_add(1, SeqCst), seq: 1 };
        self.apply_inner(tx).await
    }

    async fn apply_one(&self, mut tx: MiniTx) -> StoreResult<Applied> {
        let original = tx.clone();
        let nth = self.applies.fetch_add(1, SeqCst);
        match self.flaw {
            Flaw::PassesOverChecks => {
                for checks in [&mut tx.reads, &mut tx.checks] {
                    checks.retain(|check| !matches!(check, Check::Later(_)));
                }
            }
            Flaw::PassesOverEffects => tx.effects.retain(|effect| *effect != Effect::Later),
            Flaw::TakesAnyStep if tx.step == Step::Later => tx.step = Step::One,
            _ => {}
        }
        self.bend_tx(&mut tx).await?;
        match self.flaw {
            Flaw::TearsApplies if tx.effects.len() > 1 => {
                let second = tx.effects.split_off(tx.effects.len() / 2);
                let outcome = self.apply_inner(tx).await?;
                if !matches!(outcome, Applied::Done { .. }) {
                    return Ok(outcome);
                }
                tokio::task::yield_now().await;
                self.apply_afresh(MiniTx::one(original.id).effects(second)).await
            }
            Flaw::RunsRepeatsAgain if !self.seen.lock().unwrap().insert(tx.id) => self.apply_afresh(tx).await,
            Flaw::RunsRefusedAgain | Flaw::RunsLateOnes => {
                let outcome = self.apply_inner(tx).await?;
                let is_conflict = matches!(outcome, Applied::Conflict { .. });
                let again = is_conflict && !self.seen.lock().unwrap().insert(original.id);
                let late = outcome == Applied::Already(Decision::Aborted);
                if if self.flaw == Flaw::RunsLateOnes { late } else { again } {
                    return self.apply_afresh(original).await;
                }
                Ok(outcome)
            }
            Flaw::TestsTheGateApart => {
                let gate = self.gate.load(SeqCst);
                if original.schema < gate {
                    return Ok(Applied::StaleSchema { oldest: gate });
                }
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                let outcome = self.apply_inner(tx).await?;
                for effect in &original.effects {
                    if let Effect::RaiseGate { oldest } = effect {
                        self.gate.fetch_max(*oldest, SeqCst);
                    }
                }
                Ok(outcome)
            }
            Flaw::CallsTheUnknownNotApplied if nth % 7 == 3 => {
                self.apply_inner(tx).await?;
                Err(StoreError::new(StoreErrorKind::Unavailable, "the connection was closed"))
            }
            Flaw::AppliesTheRestOfAnOverflow => match self.apply_inner(tx).await {
                Err(error) => {
                    let mut rest = original;
                    rest.effects.retain(|effect| !matches!(effect, Effect::Add { .. }));
                    self.apply_afresh(rest).await?;
                    Err(error)
                }
                ok => ok,
            },
            Flaw::NamesTheWrongCheck => Ok(match self.apply_inner(tx).await? {
                Applied::Conflict { check: CheckRef::Check(at) } => {
                    Applied::Conflict { check: CheckRef::Check(at + original.reads.len()) }
                }
                other => other,
            }),
            _ => self.apply_inner(tx).await,
        }
    }

    async fn bend_tx(&self, tx: &mut MiniTx) -> StoreResult<()> {
        match self.flaw {
            Flaw::ForgetsTheReads => tx.reads.clear(),
            Flaw::ForgetsTheLastCheck => drop(tx.checks.pop()),
            Flaw::LaughsAtTheGate | Flaw::TestsTheGateApart => tx.schema = u32::MAX,
            Flaw::LosesDeletes => tx.effects.retain(|effect| !matches!(effect, Effect::Delete { .. })),
            Flaw::ForgetsChecksIfUnchanged if tx.unchanged_since == Some(self.seq().await?) => tx.checks.clear(),
            Flaw::TrustsAnyUnchangedSeq if tx.unchanged_since.is_some() => {
                tx.unchanged_since = Some(self.seq().await?);
            }
            Flaw::RaisesNoSeq => tx.unchanged_since = None,
            Flaw::SkipsWhatIsTooLong => {
                let longest = self.inner.capabilities().max_key;
                tx.effects.retain(|effect| effect.target().is_none_or(|(_, key)| key.len() <= longest));
            }
            _ => {}
        }
        for check in tx.reads.iter_mut().chain(&mut tx.checks) {
            let weaker = match (self.flaw, &*check) {
                (Flaw::SeesNoPhantoms, Check::Same { span, .. }) => {
                    Check::Count { span: span.clone().limited(Some(0)), n: 0 }
                }
                (Flaw::SeesNoRowVersions, Check::Same { span, rows: Some(_), n, .. }) => {
                    Check::Count { span: span.clone(), n: u64::from(*n) }
                }
                (Flaw::TakesAnyVersion, Check::Version { space, key, expect }) => {
                    let span = Span::between(*space, Bound::Included(key.clone()), Bound::Included(key.clone()));
                    Check::Count { span, n: u64::from(expect.is_some()) }
                }
                _ => continue,
            };
            *check = weaker;
        }
        Ok(())
    }
}

fn scan(span: Span) -> Read {
    Read::Scan { span, filter: None, want: None, track: false }
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
            let mut bent = batch.to_vec();
            bent.iter_mut().flat_map(|(_, reads)| reads).for_each(|read| self.bend_read(read));
            let name = format!("{bent:?}");
            if self.flaw == Flaw::AnswersFromACache
                && let Some(cached) = self.cache.lock().unwrap().remove(&name)
            {
                return Ok(cached);
            }
            let options = match (self.flaw, options.consistency) {
                (Flaw::ReadsWhatIsRetired, _) => options.retired(true),
                (Flaw::MovesSnapshots, Consistency::At(_)) => ReadOptions::new(),
                _ => options,
            };
            let mut replies = match self.inner.read(&bent, options).await {
                Err(error)
                    if error.kind() == StoreErrorKind::SnapshotGone && self.flaw == Flaw::ReadsDroppedSnapshots =>
                {
                    return self.inner.read(&bent, ReadOptions::new()).await;
                }
                Err(error) if error.kind() == StoreErrorKind::Corrupt && self.flaw == Flaw::HidesDamage => {
                    return Ok(vec![ReadReply::new(self.seq().await?, vec![Reply::Scanned(Scanned::default())])]);
                }
                other => other?,
            };
            if self.flaw == Flaw::ReadsInSeveralSteps {
                for ((_, reads), reply) in bent.iter().zip(&mut replies) {
                    for (read, reply) in reads.iter().zip(&mut reply.replies) {
                        tokio::task::yield_now().await;
                        *reply = self.read_one(read.clone()).await?;
                    }
                }
            }
            for ((_, reads), reply) in bent.iter().zip(&mut replies) {
                for (read, reply) in reads.iter().zip(&mut reply.replies) {
                    self.bend_reply(read, reply).await?;
                }
                if self.flaw == Flaw::RaisesNoSeq {
                    reply.seq /= 2;
                }
            }
            if self.flaw == Flaw::AnswersFromACache {
                self.cache.lock().unwrap().insert(name, replies.clone());
            }
            Ok(replies)
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, _: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for (partition, tx) in batch {
                if partition != Partition(0) {
                    return self.inner.apply(vec![(partition, tx)], ApplyOptions::new(Durability::Memory)).await;
                }
                outcomes.push(match self.apply_one(tx).await? {
                    Applied::Done { seq } if self.flaw == Flaw::RaisesNoSeq => Applied::Done { seq: seq / 2 },
                    other => other,
                });
            }
            Ok(outcomes)
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.inner.snapshot()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            if self.flaw == Flaw::GivesNumbersTwice && sequence == SequenceId::Lanes {
                return Ok(self.numbers.fetch_add(u64::from(n.min(5)), SeqCst));
            }
            self.inner.reserve(sequence, n).await
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        self.inner.raise(sequence, least)
    }
}
