//! What a group of requests comes to: each is validated in order against the open write transaction, and the survivors
//! are written. A failed minitransaction leaves nothing behind, because everything that can refuse it comes before its
//! first write.

use std::cmp::Ordering;
use std::sync::Arc;

use rome_store::{Applied, Decision, MiniTx, SequenceId, Space, StoreError, StoreErrorKind, StoreResult, TxId};

use crate::check;
use crate::engine::{Records, Tables, Writing, caught};
use crate::job::{Answer, Job};
use crate::lane::{Lanes, Recalled};
use crate::layout;
use crate::place::Place;
use crate::plan::Plan;
use crate::shared::{Shared, Snapshot, State};

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
pub(crate) struct Draft {
    /// The state that the write transaction began with.
    pub(crate) before: Option<Arc<Snapshot>>,
    pub(crate) began: State,
    pub(crate) state: State,
    /// The spaces that the group retires.
    pub(crate) retired: Vec<Space>,
    pub(crate) lanes: Lanes,
    /// Whether anything was written.
    pub(crate) dirty: bool,
    /// Set when the engine failed, so that the group cannot be committed.
    pub(crate) fatal: Option<StoreError>,
    pub(crate) answers: Vec<Answer>,
    /// The minitransactions that had effects, if they are asked for, each with the `seq` that it led to.
    pub(crate) applied: Option<Vec<(u64, MiniTx)>>,
}

impl Draft {
    pub(crate) fn new(before: Option<Arc<Snapshot>>, state: State, size: usize) -> Self {
        Self {
            before,
            began: state,
            state,
            retired: Vec::new(),
            lanes: Lanes::default(),
            dirty: false,
            fatal: None,
            answers: Vec::with_capacity(size),
            applied: None,
        }
    }

    /// Takes requests in that are not tried at all.
    pub(crate) fn refuse(&mut self, group: Vec<Job>) {
        self.answers.extend(group.into_iter().filter_map(|job| match job {
            Job::Apply { answer, .. } => Some(Answer::Applied(answer, Ok(Vec::new()))),
            Job::Reserve { answer, .. } => Some(Answer::Reserved(answer, Ok(0))),
            Job::Mend => None,
        }));
    }

    pub(crate) fn run(&mut self, tables: &mut Writing<'_>, shared: &Shared, job: Job) {
        if self.fatal.is_some() {
            return self.refuse(vec![job]);
        }
        let answer = match job {
            Job::Apply { txs, answer, .. } => Answer::Applied(answer, self.apply_all(tables, shared, &txs)),
            Job::Reserve { sequence, n, least, answer } => {
                Answer::Reserved(answer, self.reserve(tables, sequence, n, least))
            }
            Job::Mend => return,
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
            if let Some(applied) = &mut self.applied {
                applied.push((self.state.seq, tx.clone()));
            }
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

    fn reserve(&mut self, tables: &mut Writing<'_>, sequence: SequenceId, n: u32, least: u64) -> StoreResult<u64> {
        let key = layout::sequence_key(sequence);
        let last = read_own(tables, &key, |value| {
            <[u8; 8]>::try_from(value).map(u64::from_be_bytes).map_err(|_| damaged("a sequence is no number"))
        })?;
        let last = last.unwrap_or(0).max(least.saturating_sub(1));
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

    pub(crate) fn write_state(&self, tables: &mut Writing<'_>) -> StoreResult<()> {
        if self.state == self.began {
            return Ok(());
        }
        write_state(tables, self.state)
    }

    pub(crate) fn write_retired(&self, tables: &mut Writing<'_>, before: &[Space]) -> StoreResult<()> {
        write_retired(tables, before, &self.retired)
    }
}

/// Sets the record of retired spaces, if there are more than `before`.
fn write_retired(tables: &mut Writing<'_>, before: &[Space], more: &[Space]) -> StoreResult<()> {
    if more.is_empty() {
        return Ok(());
    }
    let mut all: Vec<Space> = before.iter().chain(more).copied().collect();
    all.sort_unstable();
    all.dedup();
    write_own(tables, layout::RETIRED_KEY, &layout::retired_value(&all))
}

/// Sets the record of the partition's state.
fn write_state(tables: &mut Writing<'_>, state: State) -> StoreResult<()> {
    let mut value = state.seq.to_be_bytes().to_vec();
    value.extend_from_slice(&state.gate.to_be_bytes());
    write_own(tables, layout::STATE_KEY, &value)
}

/// Does once more what was decided before, in the order in which it was, where the spaces `retired` are retired; the
/// partition's state becomes `state`.
pub(crate) fn repeat<'a>(
    tables: &mut Writing<'_>,
    txs: impl Iterator<Item = &'a MiniTx>,
    state: State,
    retired: &[Space],
) -> StoreResult<()> {
    let mut more = Vec::new();
    for tx in txs {
        let plan = Plan::new(tables, tx)?;
        plan.write(tables)?;
        more.extend(plan.retired);
        write_lane(tables, tx.id)?;
    }
    write_retired(tables, retired, &more)?;
    write_state(tables, state)
}

/// The answer to a transaction that was decided before, by this process or one before it; `None` if it is new.
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
pub(crate) fn copy(error: &StoreError) -> StoreError {
    let same = StoreError::new(error.kind(), error.to_string());
    match error.certainty() {
        rome_store::Certainty::NotApplied => same,
        rome_store::Certainty::Unknown => same.with_unknown_outcome(),
    }
}

/// Reads one of the store's own records, if it is there.
pub(crate) fn read_own<T>(
    tables: &impl Tables,
    key: &[u8],
    read: impl FnOnce(&[u8]) -> StoreResult<T>,
) -> StoreResult<Option<T>> {
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

pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("the file is damaged: {what}"))
}
