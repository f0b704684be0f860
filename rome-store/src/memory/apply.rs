//! Minitransactions on the in-memory store.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::key::{Key, Probe};
use super::state::{Prepared, Record, State};
use crate::{
    Applied, Capabilities, Check, CheckRef, Decision, Effect, MiniTx, Partition, Space, Step, StoreError,
    StoreErrorKind, StoreResult, locks::Locks,
};

/// Whether the store takes this minitransaction at all, whatever its state.
pub(super) fn is_acceptable(tx: &MiniTx, limits: &Capabilities) -> StoreResult<()> {
    tx.check_known(limits.contract)?;
    let has_parts = !(tx.reads.is_empty() && tx.checks.is_empty() && tx.effects.is_empty());
    if has_parts && matches!(tx.step, Step::Push { .. } | Step::Finish(_)) {
        return invalid(format!("a step {:?} has no checks and no effects of its own", tx.step));
    }
    for check in tx.reads.iter().chain(&tx.checks) {
        match check {
            Check::Version { space, .. } if !space.is_versioned() => {
                return invalid(format!("records of {space:?} have no version to check"));
            }
            Check::Same { span, rows: Some(_), .. } if !matches!(span.space, Space::Index(_)) => {
                return invalid(format!("rows can be checked through an index only, not through {:?}", span.space));
            }
            _ => {}
        }
    }
    is_within(|| "effects of a minitransaction".to_owned(), tx.effects.len(), limits.max_effects)?;
    for effect in &tx.effects {
        if let Some((space, key)) = effect.target() {
            is_within(|| format!("bytes of a key of {space:?}"), key.len(), limits.max_key)?;
        }
        if let Effect::Retire { space } = effect
            && !space.is_of_index()
        {
            return invalid(format!("{space:?} is no space of an index, and is not retired"));
        }
        if let Effect::Put { space, value, .. } = effect {
            is_within(|| format!("bytes of a value of {space:?}"), value.len(), limits.max_value)?;
        }
    }
    Ok(())
}

impl State {
    /// Does a step, or says why not. What it answers is kept for its lane where that decides the transaction here; an
    /// error leaves no trace.
    pub(super) fn apply(&mut self, tx: MiniTx) -> StoreResult<Applied> {
        if let Step::Finish(decision) = tx.step
            && let Some(prepared) = self.prepared.remove(&tx.id)
        {
            return self.finish(prepared.tx, decision);
        }
        if let Some(earlier) = self.earlier(&tx) {
            return Ok(earlier);
        }
        match tx.step {
            Step::One => self.one(tx),
            Step::Prepare { primary, lease } => self.prepare(tx, primary, lease),
            Step::Push { abort: true } => Ok(self.record_abort(&tx)),
            Step::Push { abort: false } => Ok(Applied::Undecided),
            Step::Finish(_) => Ok(self.record_abort(&tx)),
            Step::Later => Err(StoreError::unknown(&tx.step)),
        }
    }

    fn one(&mut self, tx: MiniTx) -> StoreResult<Applied> {
        let id = tx.id;
        let outcome = match self.refusal(&tx)? {
            Some(refusal) => refusal,
            None => {
                let sums = self.sums(&tx.effects)?;
                self.carry_out(tx, sums);
                Applied::Done { seq: self.seq }
            }
        };
        self.lanes.insert(id.lane, (id.seq, outcome.clone()));
        Ok(outcome)
    }

    fn prepare(&mut self, tx: MiniTx, primary: Partition, lease: u32) -> StoreResult<Applied> {
        if let Some(prepared) = self.prepared.get(&tx.id) {
            return Ok(Applied::Done { seq: prepared.seq });
        }
        if let Some(refusal) = self.refusal(&tx)? {
            self.lanes.insert(tx.id.lane, (tx.id.seq, refusal.clone()));
            return Ok(refusal);
        }
        // What its sums come to cannot change while it holds its locks.
        self.sums(&tx.effects)?;
        // A reader of several partitions shall notice that something has begun here.
        self.seq += u64::from(!tx.effects.is_empty());
        let seq = self.seq;
        let lease_end = Instant::now() + Duration::from_millis(lease.into());
        let locks = Locks::of(&tx);
        self.prepared.insert(tx.id, Prepared { tx, primary, lease_end, locks, seq });
        Ok(Applied::Done { seq })
    }

    /// Carries out the decision about what is prepared. It comes before the lane's record: that may be of a later
    /// transaction, where a failover has lost what was answered before.
    fn finish(&mut self, tx: MiniTx, decision: Decision) -> StoreResult<Applied> {
        let id = tx.id;
        if decision == Decision::Committed {
            let sums = self.sums(&tx.effects)?;
            self.carry_out(tx, sums);
        }
        let done = Applied::Done { seq: self.seq };
        if self.lanes.get(&id.lane).is_none_or(|(last, _)| *last < id.seq) {
            let outcome = match decision {
                Decision::Committed => done.clone(),
                Decision::Aborted => Applied::Already(decision),
            };
            self.lanes.insert(id.lane, (id.seq, outcome));
        }
        Ok(done)
    }

    /// Records that the transaction is aborted here, so that a late step of it is refused. What is decided here is not
    /// prepared here: one that only locks reads is also prepared where others ask for its outcome.
    fn record_abort(&mut self, tx: &MiniTx) -> Applied {
        self.prepared.remove(&tx.id);
        let aborted = Applied::Already(Decision::Aborted);
        self.lanes.insert(tx.id.lane, (tx.id.seq, aborted.clone()));
        aborted
    }

    /// The answer to a step of a transaction that the lane has come to, or gone past, before.
    fn earlier(&self, tx: &MiniTx) -> Option<Applied> {
        let (last, outcome) = self.lanes.get(&tx.id.lane)?;
        match (tx.id.seq.cmp(last), tx.step) {
            (Ordering::Greater, _) => None,
            (Ordering::Less, Step::Finish(decision)) => Some(Applied::Already(decision)),
            (Ordering::Less, _) => Some(Applied::Already(Decision::Aborted)),
            (Ordering::Equal, step) => Some(match (outcome, step) {
                (Applied::Done { .. }, _) => Applied::Already(Decision::Committed),
                (_, Step::Push { .. } | Step::Finish(_)) => Applied::Already(Decision::Aborted),
                (refusal, _) => refusal.clone(),
            }),
        }
    }

    /// Why it may not be applied; none if everything holds.
    fn refusal(&self, tx: &MiniTx) -> StoreResult<Option<Applied>> {
        if tx.schema < self.gate {
            return Ok(Some(Applied::StaleSchema { oldest: self.gate }));
        }
        let mut others = self.prepared.iter().filter(|(id, _)| **id != tx.id).map(|(_, prepared)| prepared);
        if let Some(blocking) = others.find(|prepared| prepared.locks.meet(tx)) {
            return Ok(Some(Applied::Blocked { by: blocking.blocker() }));
        }
        if tx.unchanged_since != Some(self.seq) {
            for (at, check) in tx.reads.iter().enumerate() {
                if !self.holds(check)? {
                    return Ok(Some(Applied::Conflict { check: CheckRef::Read(at) }));
                }
            }
        }
        for (at, check) in tx.checks.iter().enumerate() {
            if !self.holds(check)? {
                return Ok(Some(Applied::Conflict { check: CheckRef::Check(at) }));
            }
        }
        Ok(None)
    }

    fn holds(&self, check: &Check) -> StoreResult<bool> {
        Ok(match check {
            Check::Version { space, key, expect } => self.record(*space, key).map(|record| record.version) == *expect,
            Check::Same { span, rows, n, digest } => {
                let scanned = match rows {
                    Some(table) => self.view().digest_rows(span, *table)?,
                    None => self.view().digest(span),
                };
                scanned.visited == *n && scanned.digest == *digest
            }
            Check::Count { span, n } => self.view().count(span) == *n,
            Check::Later(_) => return Err(StoreError::unknown(check)),
        })
    }

    /// What each [`Effect::Add`] comes to, in order, seen after the effects before it.
    fn sums(&self, effects: &[Effect]) -> StoreResult<Vec<i128>> {
        let mut sums = Vec::new();
        if !effects.iter().any(|effect| matches!(effect, Effect::Add { .. })) {
            return Ok(sums);
        }
        let mut written: HashMap<(Space, &Bytes), Option<Bytes>> = HashMap::new();
        for effect in effects {
            match effect {
                Effect::Put { space, key, value } => {
                    written.insert((*space, key), Some(value.clone()));
                }
                Effect::Delete { space, key } => {
                    written.insert((*space, key), None);
                }
                Effect::Add { space, key, delta } => {
                    let before = match written.get(&(*space, key)) {
                        Some(value) => value.as_ref(),
                        None => self.record(*space, key).map(|record| &record.value),
                    };
                    let sum = before.map_or(Ok(0), |value| counter(*space, key, value))?.checked_add(*delta);
                    let sum = sum.ok_or_else(|| {
                        let message = format!("the counter {} of {space:?} would overflow", key.escape_ascii());
                        StoreError::new(StoreErrorKind::Overflow, message)
                    })?;
                    written.insert((*space, key), Some(Bytes::copy_from_slice(&sum.to_be_bytes())));
                    sums.push(sum);
                }
                Effect::RaiseGate { .. } | Effect::Retire { .. } | Effect::Later => {}
            }
        }
        Ok(sums)
    }

    /// Does the effects; nothing in it can fail.
    fn carry_out(&mut self, tx: MiniTx, sums: Vec<i128>) {
        self.note_changes(&tx.effects);
        self.seq += u64::from(!tx.effects.is_empty());
        let mut sums = sums.into_iter();
        for effect in tx.effects {
            let (space, key, value) = match effect {
                Effect::Put { space, key, value } => (space, key, value),
                Effect::Add { space, key, .. } => {
                    let sum = sums.next().expect("there is a sum for each addition");
                    (space, key, Bytes::copy_from_slice(&sum.to_be_bytes()))
                }
                Effect::Delete { space, key } => {
                    if let Some(records) = self.spaces.get_mut(&space) {
                        records.remove(&Probe::new(&key));
                    }
                    continue;
                }
                Effect::RaiseGate { oldest } => {
                    self.gate = self.gate.max(oldest);
                    continue;
                }
                Effect::Retire { space } => {
                    self.retired.insert(space);
                    continue;
                }
                // It was refused before.
                Effect::Later => continue,
            };
            let version = if space.is_versioned() { tx.id } else { Default::default() };
            self.spaces.entry(space).or_default().insert(Key::new(key), Record { version, value });
        }
    }
}

fn counter(space: Space, key: &[u8], value: &[u8]) -> StoreResult<i128> {
    value.try_into().map(i128::from_be_bytes).map_err(|_| {
        let message = format!("{} of {space:?} is not a counter: it has {} bytes", key.escape_ascii(), value.len());
        StoreError::new(StoreErrorKind::Corrupt, message)
    })
}

fn is_within(what: impl FnOnce() -> String, n: usize, most: usize) -> StoreResult<()> {
    if n <= most {
        return Ok(());
    }
    let what = what();
    Err(StoreError::new(
        StoreErrorKind::Limit,
        format!("{n} {what} are more than the {most} that the store takes: make it smaller"),
    ))
}

fn invalid(message: String) -> StoreResult<()> {
    Err(StoreError::new(StoreErrorKind::Invalid, message))
}
