//! Minitransactions on the in-memory store.

use std::collections::HashMap;

use bytes::Bytes;

use super::key::{Key, Probe};
use super::state::{Record, State};
use crate::store::{
    Applied, Capabilities, Check, CheckRef, Decision, Effect, MiniTx, Space, Step, StoreError, StoreErrorKind,
    StoreResult,
};

/// Whether the store takes this minitransaction at all, whatever its state.
pub(super) fn is_acceptable(tx: &MiniTx, limits: &Capabilities) -> StoreResult<()> {
    if tx.step != Step::One {
        return invalid(format!("a store with one partition needs no step {:?}", tx.step));
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
        if let Effect::Put { space, value, .. } = effect {
            is_within(|| format!("bytes of a value of {space:?}"), value.len(), limits.max_value)?;
        }
    }
    Ok(())
}

impl State {
    /// Applies it, or says why not. What it answers is kept for its lane; an error leaves no trace.
    pub(super) fn apply(&mut self, tx: MiniTx) -> StoreResult<Applied> {
        if let Some(earlier) = self.earlier(&tx) {
            return Ok(earlier);
        }
        let id = tx.id;
        let outcome = match self.refusal(&tx)? {
            Some(refusal) => refusal,
            None => {
                let sums = self.sums(&tx.effects)?;
                self.seq += u64::from(!tx.effects.is_empty());
                self.carry_out(tx, sums);
                Applied::Done { seq: self.seq }
            }
        };
        self.lanes.insert(id.lane, (id.seq, outcome.clone()));
        Ok(outcome)
    }

    /// The outcome of a transaction that the lane has come to, or gone past, before.
    fn earlier(&self, tx: &MiniTx) -> Option<Applied> {
        let (last, outcome) = self.lanes.get(&tx.id.lane)?;
        match tx.id.seq.cmp(last) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Less => Some(Applied::Already(Decision::Aborted)),
            std::cmp::Ordering::Equal => Some(match outcome {
                Applied::Done { .. } => Applied::Already(Decision::Committed),
                refusal => refusal.clone(),
            }),
        }
    }

    /// Why it may not be applied; none if everything holds.
    fn refusal(&self, tx: &MiniTx) -> StoreResult<Option<Applied>> {
        if tx.schema < self.gate {
            return Ok(Some(Applied::StaleSchema { oldest: self.gate }));
        }
        if tx.unchanged_since != Some(self.seq) {
            for (at, check) in tx.reads.iter().enumerate() {
                if !self.holds(check)? {
                    return Ok(Some(Applied::Conflict { check: CheckRef::Read(at), by: None }));
                }
            }
        }
        for (at, check) in tx.checks.iter().enumerate() {
            if !self.holds(check)? {
                return Ok(Some(Applied::Conflict { check: CheckRef::Check(at), by: None }));
            }
        }
        Ok(None)
    }

    fn holds(&self, check: &Check) -> StoreResult<bool> {
        Ok(match check {
            Check::Version { space, key, expect } => self.record(*space, key).map(|record| record.version) == *expect,
            Check::Same { span, rows, n, digest } => {
                let scanned = match rows {
                    Some(table) => self.scan_rows(span, *table, None, None, true)?,
                    None => self.scan(span, None, None, true),
                };
                scanned.visited == *n && scanned.digest == *digest
            }
            Check::Count { span, n } => self.count(span) == *n,
            // Intents and read locks come only with steps that one partition does not need.
            Check::Free => true,
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
                Effect::RaiseGate { .. } => {}
            }
        }
        Ok(sums)
    }

    /// Does the effects; nothing in it can fail.
    fn carry_out(&mut self, tx: MiniTx, sums: Vec<i128>) {
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
    Err(StoreError::new(StoreErrorKind::Limit, format!("{n} {what} are more than the {most} that the store takes")))
}

fn invalid(message: String) -> StoreResult<()> {
    Err(StoreError::new(StoreErrorKind::Invalid, message))
}
