//! The calls of the store: each of them is counted for whoever measures, and told as one `tracing` event.
//!
//! Events have the target `rome_orm::store` and name tables and indexes; keys and values are not in them. Where nobody listens and
//! nobody measures, a call costs two looks more.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::Committer;
use crate::metrics::{Cost, Visits, count, count_visits, is_measured};
use crate::store::{
    Applied, ApplyOptions, Blocker, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply, SequenceId,
    Space, StoreError, StoreErrorKind, StoreResult,
};

/// What tables and indexes are called.
pub(crate) type Names = BTreeMap<Space, String>;

/// Whether calls are told.
macro_rules! told {
    () => {
        tracing::enabled!(target: "rome_orm::store", tracing::Level::DEBUG)
    };
}

impl Committer {
    /// Names tables and indexes, for events. Only the first names count.
    pub fn name(&self, names: Names) {
        let _ = self.names.set(names);
    }

    pub(crate) async fn call_read(
        &self,
        batch: &[(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreResult<Vec<ReadReply>> {
        let begun = told!().then(Instant::now);
        let result = self.store.read(batch, options).await;
        if begun.is_some() || is_measured() {
            self.tell_of_read(batch, &result, begun);
        }
        result
    }

    pub(super) async fn call_apply(
        &self,
        batch: Vec<(Partition, MiniTx)>,
        durability: Durability,
    ) -> StoreResult<Vec<Applied>> {
        let told = told!().then(|| (self.spaces_of_writes(&batch), effects_of(&batch), batch.len(), Instant::now()));
        let result = self.store.apply(batch, ApplyOptions::new(durability)).await;
        count(|| Cost { applies: 1, ..Cost::default() });
        if let Some((spaces, effects, partitions, begun)) = told {
            let outcomes = result.iter().flatten().map(outcome).collect::<Vec<_>>().join(", ");
            let blocker = result.iter().flatten().find_map(|applied| match applied {
                Applied::Blocked { by } => Some(by),
                _ => None,
            });
            tracing::debug!(
                target: "rome_orm::store", spaces, partitions, effects, outcomes, ?durability, elapsed = ?begun.elapsed(),
                blocker = shown(blocker), error = failure(&result), "apply"
            );
        }
        result
    }

    pub(super) async fn call_reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        let begun = told!().then(Instant::now);
        let result = self.store.reserve(sequence, n).await;
        count(|| Cost { reserves: 1, ..Cost::default() });
        if let Some(begun) = begun {
            let spaces = match sequence {
                SequenceId::Keys(table) => self.name_of(Space::Rows(table)),
                SequenceId::Lanes => "transactions".to_owned(),
            };
            let error = failure(&result);
            tracing::debug!(target: "rome_orm::store", spaces, numbers = n, elapsed = ?begun.elapsed(), error, "reserve");
        }
        result
    }

    pub(super) async fn call_raise(&self, sequence: SequenceId, least: u64) -> StoreResult<u64> {
        let result = self.store.raise(sequence, least).await;
        count(|| Cost { reserves: 1, ..Cost::default() });
        tracing::debug!(target: "rome_orm::store", error = failure(&result), "raise");
        result
    }

    #[cold]
    fn tell_of_read(
        &self,
        batch: &[(Partition, Vec<Read>)],
        result: &StoreResult<Vec<ReadReply>>,
        begun: Option<Instant>,
    ) {
        let mut cost = Cost { reads: 1, ..Cost::default() };
        let mut returned = 0;
        let mut by_space: BTreeMap<Space, Visits> = BTreeMap::new();
        for ((_, reads), reply) in batch.iter().zip(result.iter().flatten()) {
            for (read, reply) in reads.iter().zip(&reply.replies) {
                cost += cost_of(read, reply);
                returned += reply.returned();
                if let Some(visited) = visited(reply) {
                    let visits = by_space.entry(read.space()).or_insert(Visits { reads: 1, ..Visits::default() });
                    visits.visited += visited;
                    visits.given += reply.returned();
                }
            }
        }
        count(|| cost);
        count_visits(&by_space);
        if let Some(begun) = begun {
            let spaces = self.names_of(batch.iter().flat_map(|(_, reads)| reads).flat_map(Read::spaces));
            let blocker = result.iter().flatten().find_map(|reply| reply.blockers.first());
            tracing::debug!(
                target: "rome_orm::store", spaces, partitions = batch.len(), rows = cost.rows_read, entries = cost.entries_read,
                returned, elapsed = ?begun.elapsed(), blocker = shown(blocker), error = failure(result), "read"
            );
        }
    }

    fn spaces_of_writes(&self, batch: &[(Partition, MiniTx)]) -> String {
        let effects = batch.iter().flat_map(|(_, tx)| &tx.effects);
        self.names_of(effects.filter_map(|effect| effect.target()).map(|(space, _)| space))
    }

    fn names_of(&self, spaces: impl Iterator<Item = Space>) -> String {
        let spaces: BTreeSet<Space> = spaces.collect();
        spaces.into_iter().map(|space| self.name_of(space)).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn name_of(&self, space: Space) -> String {
        match (space, self.names.get().and_then(|names| names.get(&space))) {
            (_, Some(name)) => name.clone(),
            (Space::Meta, None) => "catalog".to_owned(),
            (space, None) => format!("{space:?}"),
        }
    }
}

fn effects_of(batch: &[(Partition, MiniTx)]) -> usize {
    batch.iter().map(|(_, tx)| tx.effects.len()).sum()
}

/// What a read took of the store.
fn cost_of(read: &Read, reply: &Reply) -> Cost {
    let (rows_read, entries_read) = read_of(read, reply);
    let mut cost = Cost { rows_read, entries_read, ..Cost::default() };
    match reply {
        Reply::Scanned(scanned) => {
            let kinds = if matches!(read, Read::ScanRows { .. }) { 2 } else { 1 };
            cost.read_ahead = kinds * u64::from(scanned.surplus);
            cost.filtered_out = u64::from(scanned.visited).saturating_sub(scanned.len() as u64);
        }
        Reply::Count(counted) => cost.counted = counted.n,
        _ => {}
    }
    cost
}

/// How many members of its space a read visited; `None` if it only counted them.
fn visited(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Scanned(scanned) => Some(scanned.visited.into()),
        Reply::Count(_) => None,
        _ => Some(reply.returned()),
    }
}

/// How many rows and how many entries the store read.
fn read_of(read: &Read, reply: &Reply) -> (u64, u64) {
    let of = |space: Space, n: u64| if matches!(space, Space::Rows(_)) { (n, 0) } else { (0, n) };
    match (read, reply) {
        (Read::Get { space, .. }, Reply::Record(record)) => of(*space, u64::from(record.is_some())),
        (_, Reply::Claimed(claimed)) => (u64::from(claimed.is_some()), u64::from(claimed.is_some())),
        (Read::Scan { span, .. }, Reply::Scanned(scanned)) => of(span.space, scanned.transferred()),
        (_, Reply::Scanned(scanned)) => (scanned.transferred(), scanned.transferred()),
        _ => (0, 0),
    }
}

const fn outcome(applied: &Applied) -> &'static str {
    match applied {
        Applied::Done { .. } => "done",
        Applied::Already(_) => "decided before",
        Applied::Undecided => "undecided",
        Applied::Conflict { .. } => "conflict",
        Applied::Blocked { .. } => "blocked",
        Applied::StaleSchema { .. } => "stale schema",
        Applied::Fenced => "fenced",
        _ => "something else",
    }
}

fn shown(blocker: Option<&Blocker>) -> Option<tracing::field::DisplayValue<String>> {
    blocker.map(|blocker| tracing::field::display(blocker.id.to_string()))
}

/// What kind of failure it was: a message of the store may hold what the caller gave it.
fn failure<T>(result: &StoreResult<T>) -> Option<tracing::field::DebugValue<StoreErrorKind>> {
    result.as_ref().err().map(StoreError::kind).map(tracing::field::debug)
}
