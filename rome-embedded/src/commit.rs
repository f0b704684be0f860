//! The commit thread: takes all requests that are waiting, validates each in order against the open write transaction,
//! applies the survivors, commits once, and then answers all of them (group commit).
//!
//! While the disk syncs, the next requests queue up and become the next group. A failed minitransaction leaves nothing
//! behind, because everything that can refuse it comes before its first write. A failed engine takes the whole group
//! with it and ends the writing of this store: what is on disk is known again only after reopening.

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rome_core::store::{
    Applied, Decision, Durability, MiniTx, SequenceId, Space, StoreError, StoreErrorKind, StoreResult, TxId,
};
use tokio::sync::oneshot;

use crate::check;
use crate::engine::{Ending, Engine, Records, Tables, Writing, caught};
use crate::lane::{Lanes, Recalled};
use crate::layout;
use crate::place::Place;
use crate::plan::Plan;
use crate::shared::{Shared, Snapshot, State};

/// The most requests in one group; bounds how long the first of them waits for the others.
const GROUP: usize = 4096;
/// How long commits in memory wait for more before they are brought to the disk.
const SETTLE: Duration = Duration::from_millis(200);
/// The most commits in memory before one goes to the disk, which lets the engine use their old pages again.
const MOST_IN_MEMORY: u32 = 1024;

/// A request to the commit thread.
pub(crate) enum Job {
    Apply { txs: Vec<MiniTx>, durability: Durability, answer: oneshot::Sender<StoreResult<Vec<Applied>>> },
    Reserve { sequence: SequenceId, n: u32, answer: oneshot::Sender<StoreResult<u64>> },
}

/// An answer that waits for the commit.
enum Answer {
    Applied(oneshot::Sender<StoreResult<Vec<Applied>>>, StoreResult<Vec<Applied>>),
    Reserved(oneshot::Sender<StoreResult<u64>>, StoreResult<u64>),
}

impl Answer {
    /// Gives the answer. Whoever asked may be gone; then no one learns it.
    fn give(self) {
        match self {
            Self::Applied(to, result) => drop(to.send(result)),
            Self::Reserved(to, result) => drop(to.send(result)),
        }
    }

    fn give_instead(self, error: StoreError) {
        match self {
            Self::Applied(to, _) => drop(to.send(Err(error))),
            Self::Reserved(to, _) => drop(to.send(Err(error))),
        }
    }
}

/// Reads the state that the file is in.
pub(crate) fn load(engine: &Engine) -> StoreResult<Snapshot> {
    let tables = engine.snapshot()?.ok_or_else(|| damaged("its table of records is gone"))?;
    let state = read_own(&tables, layout::STATE_KEY, |value| {
        let (seq, gate) = value.split_first_chunk::<8>().ok_or_else(|| damaged("its state record is short"))?;
        let gate = <[u8; 4]>::try_from(gate).map_err(|_| damaged("its state record has another length"))?;
        Ok(State { seq: u64::from_be_bytes(*seq), gate: u32::from_be_bytes(gate) })
    })?;
    let retired = read_own(&tables, layout::RETIRED_KEY, |value| {
        layout::retired_spaces(value).ok_or_else(|| damaged("its record of retired spaces has another form"))
    })?;
    Ok(Snapshot {
        tables,
        state: state.unwrap_or_default(),
        retired: retired.unwrap_or_default().into(),
        on_disk: true,
    })
}

/// Reads one of the store's own records, if it is there.
fn read_own<T>(tables: &impl Tables, key: &[u8], read: impl FnOnce(&[u8]) -> StoreResult<T>) -> StoreResult<Option<T>> {
    let found = caught(|_| match tables.table(Place::OWN)? {
        Some(own) => own.get(key, |stored| read(layout::unseal(Place::OWN, key, stored)?)),
        None => Ok(None),
    });
    found?.transpose()
}

fn write_own(tables: &mut Writing<'_>, key: &[u8], value: &[u8]) -> StoreResult<()> {
    let mut stored = Vec::new();
    layout::seal(&mut stored, Place::OWN, key, None, value);
    tables.writable(Place::OWN)?.put(key, &stored)
}

fn damaged(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("the file is damaged: {what}"))
}

/// The commit thread's own state.
pub(crate) struct Committer {
    engine: Engine,
    shared: Arc<Shared>,
    state: State,
    retired: Arc<[Space]>,
    /// Commits that are in memory only.
    in_memory: u32,
}

impl Committer {
    pub(crate) fn new(engine: Engine, shared: Arc<Shared>, state: State, retired: Arc<[Space]>) -> Self {
        Self { engine, shared, state, retired, in_memory: 0 }
    }

    /// Serves requests until no one can send any more, then closes the file.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = if self.in_memory > 0 {
                jobs.recv_timeout(SETTLE)
            } else {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match first {
                Ok(first) => {
                    let mut group = vec![first];
                    group.extend(jobs.try_iter().take(GROUP - 1));
                    self.commit(group);
                }
                Err(RecvTimeoutError::Timeout) => self.commit(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.in_memory > 0 {
            self.commit(Vec::new());
        }
        self.shared.publish(None);
        if let Err(error) = self.engine.close() {
            tracing::warn!(path = %self.shared.path.display(), %error, "closing the store failed");
        }
    }

    /// Serves a group; an empty one only brings to disk what is in memory.
    fn commit(&mut self, group: Vec<Job>) {
        let size = group.len();
        let mut draft = Draft::new(self.shared.snapshot().ok(), self.state, group.len());
        let outcome = match self.shared.check_writable() {
            Ok(()) => self.write(group, &mut draft),
            Err(stopped) => {
                draft.refuse(group);
                Err(stopped)
            }
        };
        match outcome {
            Ok(on_disk) => {
                tracing::trace!(size, seq = draft.state.seq, on_disk, "committed a group");
                self.finish(draft, on_disk);
            }
            Err(error) => {
                self.shared.fail(&error);
                self.in_memory = 0;
                for answer in draft.answers {
                    answer.give_instead(copy(&error));
                }
            }
        }
    }

    /// Runs a group in one write transaction. Returns whether that was brought to disk; none if there was nothing to
    /// commit.
    fn write(&self, group: Vec<Job>, draft: &mut Draft) -> StoreResult<Option<bool>> {
        let wants_disk = group.is_empty() || group.iter().any(Job::wants_disk);
        let in_memory = self.in_memory;
        // The engine's invariants do not hold on damaged files, and a panic must not leave callers without an answer.
        let run = AssertUnwindSafe(|| {
            self.engine.write(|tables| {
                for job in group {
                    draft.run(tables, &self.shared, job);
                }
                if let Some(error) = draft.fatal.take() {
                    return Err(error);
                }
                // A request that changes nothing still needs on disk what it was validated against.
                let lags = wants_disk && in_memory > 0;
                if !(draft.dirty || lags) {
                    return Ok(Ending::Abort(None));
                }
                draft.write_state(tables)?;
                draft.write_retired(tables, &self.retired)?;
                let on_disk = wants_disk || in_memory >= MOST_IN_MEMORY;
                Ok(Ending::Commit { on_disk, result: Some(on_disk) })
            })
        });
        catch_unwind(run).unwrap_or_else(|_| {
            let error = StoreError::new(StoreErrorKind::Corrupt, "the engine failed on what it found in the file");
            Err(error.with_unknown_outcome())
        })
    }

    /// Makes a group visible, and then answers it.
    fn finish(&mut self, draft: Draft, committed: Option<bool>) {
        self.state = draft.state;
        if !draft.retired.is_empty() {
            self.retired = self.retired.iter().copied().chain(draft.retired).collect();
        }
        self.shared.lanes().extend(draft.lanes);
        if let Some(on_disk) = committed {
            self.in_memory = if on_disk { 0 } else { self.in_memory + 1 };
            match self.engine.snapshot() {
                Ok(Some(tables)) => self.shared.publish(Some(Snapshot {
                    tables,
                    state: self.state,
                    retired: Arc::clone(&self.retired),
                    on_disk,
                })),
                unreadable => {
                    let error = unreadable.err().unwrap_or_else(|| damaged("its table of records is gone"));
                    self.shared.fail(&error);
                    self.shared.publish(None);
                }
            }
        }
        for answer in draft.answers {
            answer.give();
        }
    }
}

impl Job {
    fn wants_disk(&self) -> bool {
        match self {
            Self::Apply { durability, .. } => *durability != Durability::Memory,
            Self::Reserve { .. } => true,
        }
    }
}

/// What is to be done with a minitransaction.
enum Decided<'a> {
    /// Nothing: it was answered before.
    Earlier(Applied),
    /// Nothing: it may not be applied.
    Refused(Applied),
    /// It may be applied; a plan if it has effects.
    Allowed(Option<Plan<'a>>),
}

/// What a group comes to, before it is committed.
struct Draft {
    /// The state that the write transaction began with.
    before: Option<Arc<Snapshot>>,
    began: State,
    state: State,
    /// The spaces that are retired besides.
    retired: Vec<Space>,
    lanes: Lanes,
    /// Whether anything was written.
    dirty: bool,
    /// Set when the engine failed, so that the group cannot be committed.
    fatal: Option<StoreError>,
    answers: Vec<Answer>,
}

impl Draft {
    fn new(before: Option<Arc<Snapshot>>, state: State, size: usize) -> Self {
        Self {
            before,
            began: state,
            state,
            retired: Vec::new(),
            lanes: Lanes::default(),
            dirty: false,
            fatal: None,
            answers: Vec::with_capacity(size),
        }
    }

    /// Takes requests in that are not tried at all.
    fn refuse(&mut self, group: Vec<Job>) {
        self.answers.extend(group.into_iter().map(|job| match job {
            Job::Apply { answer, .. } => Answer::Applied(answer, Ok(Vec::new())),
            Job::Reserve { answer, .. } => Answer::Reserved(answer, Ok(0)),
        }));
    }

    fn run(&mut self, tables: &mut Writing<'_>, shared: &Shared, job: Job) {
        if self.fatal.is_some() {
            return self.refuse(vec![job]);
        }
        let answer = match job {
            Job::Apply { txs, answer, .. } => Answer::Applied(answer, self.apply_all(tables, shared, &txs)),
            Job::Reserve { sequence, n, answer } => Answer::Reserved(answer, self.reserve(tables, sequence, n)),
        };
        self.answers.push(answer);
    }

    /// Applies the minitransactions of one call in order. The first that cannot be answered ends the call, and the
    /// answers of those before it get lost with it.
    fn apply_all(&mut self, tables: &mut Writing<'_>, shared: &Shared, txs: &[MiniTx]) -> StoreResult<Vec<Applied>> {
        let mut applied = Vec::with_capacity(txs.len());
        for tx in txs {
            match self.apply(tables, shared, tx) {
                Ok(one) => applied.push(one),
                Err(error) if applied.is_empty() => return Err(error),
                Err(error) => return Err(error.with_unknown_outcome()),
            }
        }
        Ok(applied)
    }

    fn apply(&mut self, tables: &mut Writing<'_>, shared: &Shared, tx: &MiniTx) -> StoreResult<Applied> {
        // Before the first write both are the same state, and the snapshot is the one that is read faster.
        let decided = match &self.before {
            Some(before) if !self.dirty => self.decide(&before.tables, shared, tx)?,
            _ => self.decide(tables, shared, tx)?,
        };
        let plan = match decided {
            Decided::Earlier(answer) => return Ok(answer),
            Decided::Refused(answer) => {
                self.lanes.record(tx.id, answer.clone());
                return Ok(answer);
            }
            Decided::Allowed(plan) => plan,
        };
        if let Some(plan) = plan {
            self.dirty = true;
            if let Err(error) = plan.write(tables).and_then(|()| write_lane(tables, tx.id)) {
                self.fatal = Some(copy(&error));
                return Err(error);
            }
            self.state.seq += 1;
            self.state.gate = self.state.gate.max(plan.gate.unwrap_or(0));
            self.retired.extend(plan.retired);
        }
        let done = Applied::Done { seq: self.state.seq };
        self.lanes.record(tx.id, done.clone());
        Ok(done)
    }

    /// All of a minitransaction that only reads.
    fn decide<'a>(&self, tables: &impl Tables, shared: &Shared, tx: &'a MiniTx) -> StoreResult<Decided<'a>> {
        let earlier = match self.lanes.recall(tx.id) {
            Recalled::Decided(answer) => Some(answer),
            Recalled::New => None,
            Recalled::Nothing => recall(tables, shared, tx.id)?,
        };
        if let Some(answer) = earlier {
            return Ok(Decided::Earlier(answer));
        }
        if let Some(refused) = validate(tables, self.state, tx)? {
            return Ok(Decided::Refused(refused));
        }
        let has_effects = !tx.effects.is_empty();
        Ok(Decided::Allowed(has_effects.then(|| Plan::new(tables, tx)).transpose()?))
    }

    fn reserve(&mut self, tables: &mut Writing<'_>, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        let key = layout::sequence_key(sequence);
        let last = read_own(tables, &key, |value| {
            <[u8; 8]>::try_from(value).map(u64::from_be_bytes).map_err(|_| damaged("a sequence is no number"))
        })?;
        let last = last.unwrap_or(0);
        let first = last.checked_add(1);
        let (Some(first), Some(next)) = (first, last.checked_add(u64::from(n))) else {
            return Err(StoreError::new(
                StoreErrorKind::Overflow,
                format!(
                    "the sequence {sequence:?} is used up: {last} numbers of it were given out, and {n} more do not fit"
                ),
            ));
        };
        self.dirty = true;
        if let Err(error) = write_own(tables, &key, &next.to_be_bytes()) {
            self.fatal = Some(copy(&error));
            return Err(error);
        }
        Ok(first)
    }

    fn write_state(&self, tables: &mut Writing<'_>) -> StoreResult<()> {
        if self.state == self.began {
            return Ok(());
        }
        let mut value = self.state.seq.to_be_bytes().to_vec();
        value.extend_from_slice(&self.state.gate.to_be_bytes());
        write_own(tables, layout::STATE_KEY, &value)
    }

    fn write_retired(&self, tables: &mut Writing<'_>, before: &[Space]) -> StoreResult<()> {
        if self.retired.is_empty() {
            return Ok(());
        }
        let mut all: Vec<Space> = before.iter().chain(&self.retired).copied().collect();
        all.sort_unstable();
        all.dedup();
        write_own(tables, layout::RETIRED_KEY, &layout::retired_value(&all))
    }
}

/// The answer to a transaction that was decided before, by this process or one before it; none if it is new.
pub(crate) fn recall(tables: &impl Tables, shared: &Shared, id: TxId) -> StoreResult<Option<Applied>> {
    match shared.lanes().recall(id) {
        Recalled::Decided(answer) => return Ok(Some(answer)),
        Recalled::New => return Ok(None),
        Recalled::Nothing => {}
    }
    let last = read_own(tables, &layout::lane_key(id.lane), |value| {
        <[u8; 8]>::try_from(value).map(u64::from_be_bytes).map_err(|_| damaged("a lane's last number is none"))
    })?;
    Ok(last.and_then(|last| match id.seq.cmp(&last) {
        Ordering::Greater => None,
        Ordering::Equal => Some(Applied::Already(Decision::Committed)),
        Ordering::Less => Some(Applied::Already(Decision::Aborted)),
    }))
}

fn write_lane(tables: &mut Writing<'_>, id: TxId) -> StoreResult<()> {
    write_own(tables, &layout::lane_key(id.lane), &id.seq.to_be_bytes())
}

/// The answer to a minitransaction that must not be applied to these records; none if it may.
pub(crate) fn validate(tables: &impl Tables, state: State, tx: &MiniTx) -> StoreResult<Option<Applied>> {
    if tx.schema < state.gate {
        return Ok(Some(Applied::StaleSchema { oldest: state.gate }));
    }
    let failed = check::first_failed(tables, state.seq, tx)?;
    Ok(failed.map(|check| Applied::Conflict { check }))
}

/// The same error once more, for another of the group.
fn copy(error: &StoreError) -> StoreError {
    let same = StoreError::new(error.kind(), error.to_string());
    match error.certainty() {
        rome_core::store::Certainty::NotApplied => same,
        rome_core::store::Certainty::Unknown => same.with_unknown_outcome(),
    }
}
