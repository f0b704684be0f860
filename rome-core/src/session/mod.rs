//! Sessions: units of work.
//!
//! A session records what it reads and buffers what it writes. Its commit sends both to the store as one
//! minitransaction, which applies the writes if everything that was read still holds (optimistic concurrency control
//! with backward validation, after Kung and Robinson, 1981; ranges are validated too, so phantoms are conflicts).
//! Nothing is locked while a session is open.

mod access;
mod attempt;
mod fairness;
mod hooks;
pub(crate) mod keys;
mod limits;
mod options;
mod overlay;
mod pace;
mod readable;
mod reader;
mod reads;
mod referenced;
mod retry;
mod shared;
mod snapshot_read;
mod statistics;
mod touched;
mod tx_body;

pub use hooks::{HasHooks, Hooks, hooks};
pub(crate) use options::Purpose;
pub use options::TransactionOptions;
pub use tx_body::{Repeatable, TxBody};

pub(crate) use access::Record;
pub(crate) use attempt::Body;
pub(crate) use fairness::Turns;
pub(crate) use hooks::{Hooked, Moment, RowHooks, apart};
pub(crate) use keys::CounterKeys;
pub(crate) use overlay::{Overlay, Pending, Replaced, unique_violation};
pub(crate) use pace::Pace;
pub(crate) use readable::Readers;
pub(crate) use reader::{Reader, Target, in_session, session_rows};
pub(crate) use referenced::{missing, names, new_references, one_row};
pub(crate) use retry::run;
pub(crate) use shared::{Shared, SlowQueryLog};
pub(crate) use snapshot_read::{Calm, read};
pub(crate) use statistics::{Statistics, Winner};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hooks::Inside;
use limits::Limits;
use overlay::{Compiled, Meaning};
use reads::{PartReads, Reads};
use tokio::time::Instant;

use crate::commit::{Outcome, Part};
use crate::error::{Error, Kind, Result};
use crate::placement::Routed;
use crate::store::{Check, CheckRef, Partition, Read, ReadOptions, Reply, Snapshot, Space, TableId};

/// A unit of work: its writes happen together at [`commit`](Self::commit) or not at all, and only if all that it read is
/// one consistent state.
///
/// All verbs take `&self`, so several can run at once. Dropping a session rolls it back. Begin one with
/// [`Database::session`](crate::Database::session), or let
/// [`Database::transaction`](crate::Database::transaction) begin, commit and retry.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// let s = db.session();
/// s.insert(dog("Rex", 3)).await?;
/// assert_eq!(s.query::<Dog>().count().await?, 1);
/// assert_eq!(db.query::<Dog>().count().await?, 0);
/// s.commit().await?;
/// assert_eq!(db.query::<Dog>().count().await?, 1);
/// # Ok(())
/// # }
/// ```
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: TransactionOptions,
    pub(crate) purpose: Purpose,
    state: Arc<Mutex<State>>,
    /// Held by the statement that writes.
    pub(crate) writing: tokio::sync::Mutex<()>,
    /// What a session has that a hook was given.
    pub(crate) inside: Option<Inside>,
    /// Where a trial records what it reads.
    trial: Option<Mutex<Reads>>,
    /// The state that all of its reads are of, where the store keeps it.
    snapshot: Option<Arc<Snapshot>>,
}

#[derive(Default)]
pub(crate) struct State {
    reads: Reads,
    /// Stored columns of rows that were read, so that an update need not read them again; none: there is no row.
    pub(crate) rows: HashMap<(TableId, Bytes), Option<Bytes>>,
    pub(crate) overlay: Overlay,
    /// How many records were read: rows, entries and claims, also those that a filter left out.
    visited: u64,
    /// What another transaction changed under this one.
    conflict: Option<String>,
    ended: bool,
    /// Whether the commit met a violated constraint and may have met another one first: which one it names depends on where
    /// rows lie.
    is_ambiguous: bool,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, options: TransactionOptions, purpose: Purpose) -> Self {
        let snapshot =
            (purpose == Purpose::SnapshotRead).then(|| shared.committer.store.snapshot()).flatten().map(Arc::new);
        let writing = tokio::sync::Mutex::default();
        Self { shared, options, purpose, state: Arc::default(), writing, inside: None, trial: None, snapshot }
    }

    /// The same session for one of several ways to an answer: what it reads counts once it is [adopted](Self::adopt), and else is
    /// forgotten, since nothing depends on it.
    pub(crate) fn trial(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            options: self.options.clone(),
            purpose: self.purpose,
            state: self.state.clone(),
            writing: tokio::sync::Mutex::default(),
            inside: None,
            trial: Some(Mutex::default()),
            snapshot: self.snapshot.clone(),
        }
    }

    /// Takes over what a trial has read.
    pub(crate) fn adopt(&self, trial: &Self) -> Result<()> {
        let Some(reads) = &trial.trial else { return Ok(()) };
        let reads = std::mem::take(&mut *reads.lock().unwrap_or_else(PoisonError::into_inner));
        self.record(|own| own.absorb(reads))
    }

    /// Records reads; a record that was read in two versions is a conflict.
    fn record(&self, record: impl FnOnce(&mut Reads) -> Result<(), Space>) -> Result<()> {
        let recorded = match &self.trial {
            Some(trial) => record(&mut trial.lock().unwrap_or_else(PoisonError::into_inner)),
            None => record(&mut self.state().reads),
        };
        recorded.map_err(|space| {
            let what = self.shared.catalog.name_space(space);
            self.state().conflict = Some(what.clone());
            conflict(what)
        })
    }

    /// How much it may change.
    pub(crate) fn limits(&self) -> Limits<'_> {
        Limits::of(self.shared.committer.store.capabilities())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all writes happen, atomically and serializably. Costs one round trip, two if what was read and written lies in
    /// several partitions; none if nothing was written and everything was read in one.
    ///
    /// # Errors
    /// [`is_conflict`](Error::is_conflict) when another transaction changed what this one read: nothing was written, and
    /// the whole session may be tried again. [`is_unique_violation`](Error::is_unique_violation) when a constraint is
    /// violated. [`is_outcome_unknown`](Error::is_outcome_unknown) when the store was lost while it committed.
    pub async fn commit(self) -> Result<()> {
        let begun = Instant::now();
        let passed = if self.writes() { self.shared.turns.pass().await } else { None };
        let result = self.finish(true).await;
        drop(passed);
        retry::tell_of_commit(&self.shared, &result, begun);
        result
    }

    /// Forgets all writes; dropping the session does the same.
    pub fn rollback(self) {}

    /// Ends the session: commits it, or, if its body failed, only checks that the body failed on a consistent view.
    pub(crate) async fn finish(&self, commit: bool) -> Result<()> {
        let (parts, mut meanings, writes) = {
            let mut state = self.state();
            if state.ended {
                return Err(Kind::Finished.into());
            }
            state.ended = true;
            if let Some(what) = state.conflict.take() {
                return Err(conflict(what));
            }
            let writes = commit && !state.overlay.is_empty();
            if !writes && state.reads.saw_one_state() {
                return Ok(());
            }
            let compiled = if writes {
                let compiled = state.overlay.compile(&self.shared.catalog, self.shared.placement);
                compiled.inspect_err(|_| state.is_ambiguous = true)?
            } else {
                Vec::new()
            };
            let most = compiled.iter().map(|(_, part)| part.effects.len()).max().unwrap_or(0);
            self.limits().check_changes(most, &state.overlay)?;
            let (parts, meanings) = join(state.reads.parts(), compiled);
            (parts, meanings, writes)
        };
        let durability = self.options.durability.unwrap_or(self.shared.durability);
        let (committer, schema) = (&self.shared.committer, self.shared.schema);
        let outcome = if writes || parts.len() == 1 {
            committer.commit(schema, parts, durability).await?
        } else {
            committer.confirm(schema, parts, durability).await?
        };
        match outcome {
            Outcome::Committed => {
                if writes {
                    self.note_given();
                }
                Ok(())
            }
            Outcome::Conflict { part, check } => {
                let tested = meanings.iter().filter(|meanings| !meanings.is_empty()).count();
                self.state().is_ambiguous = matches!(check, CheckRef::Check(_)) && tested > 1;
                let meanings = meanings.get_mut(part).map(std::mem::take).unwrap_or_default();
                if let CheckRef::Check(at) = check
                    && let Some(Meaning::CountedKey { table }) = meanings.get(at)
                {
                    // The next attempt counts on behind it.
                    keys::skip_used(&self.shared, table).await?;
                }
                Err(self.explain(part, check, meanings))
            }
            Outcome::Blocked => Err(conflict("what it read, or is about to".to_owned())),
            Outcome::Stale { oldest } => Err(stale(schema, oldest)),
        }
    }

    /// Whether its commit met a violated constraint, and not certainly the one that its statements would have met first.
    fn is_ambiguous(&self) -> bool {
        self.state().is_ambiguous
    }

    /// What a failed check means.
    fn explain(&self, part: usize, check: CheckRef, mut meanings: Vec<Meaning>) -> Error {
        let what = match check {
            CheckRef::Check(at) if at < meanings.len() => return meanings.swap_remove(at).into_error(),
            CheckRef::Check(_) => None,
            CheckRef::Read(at) => {
                // The parts with reads come first, in their order.
                self.state().reads.parts().get(part).and_then(|part| part.checks().get(at).map(Check::space))
            }
        };
        conflict(what.map_or_else(|| "what it read".to_owned(), |space| self.shared.catalog.name_space(space)))
    }

    /// Reads, and records what was read. Replies come in the order of the reads.
    pub(crate) async fn read(&self, reads: Routed) -> Result<Vec<Reply>> {
        self.check_open()?;
        let (mut batch, order) = reads.into_batch();
        let looks_only = self.purpose == Purpose::SnapshotRead;
        for read in batch.iter_mut().flat_map(|(_, reads)| reads).filter(|_| !looks_only) {
            if let Read::Scan { track, .. } | Read::ScanRows { track, .. } = read {
                *track = true;
            }
        }
        let options =
            self.snapshot.as_ref().map_or(ReadOptions::new(), |snapshot| ReadOptions::new().at(snapshot.id()));
        let replies = self.shared.read_as(&batch, options).await.inspect_err(|error| {
            if error.is_conflict() {
                self.state().conflict.get_or_insert_with(|| "what it reads, again and again".to_owned());
            }
        })?;
        self.state().visited += replies.iter().flat_map(|reply| &reply.replies).map(visited_by).sum::<u64>();
        self.record(|own| {
            for ((partition, reads), reply) in batch.into_iter().zip(&replies) {
                if looks_only {
                    own.look(partition, reply);
                } else {
                    own.record(partition, reads, reply)?;
                }
            }
            Ok(())
        })?;
        Ok(order.merge(replies))
    }

    /// How many records its reads have visited so far: rows, entries and claims.
    pub(crate) fn visited(&self) -> u64 {
        self.state().visited
    }

    /// Whether the session may go on.
    pub(crate) fn check_open(&self) -> Result<()> {
        let state = self.state();
        if state.ended {
            return Err(Kind::Finished.into());
        }
        match &state.conflict {
            Some(what) => Err(conflict(what.clone())),
            None => Ok(()),
        }
    }

    /// What the session knows of a row: as it wrote or read it.
    pub(crate) fn known(&self, table: TableId, key: &Bytes) -> Option<Option<Bytes>> {
        let state = self.state();
        match state.overlay.get(table, key) {
            Some(pending) => Some(pending.after.clone()),
            None => state.rows.get(&(table, key.clone())).cloned(),
        }
    }

    /// Keeps a row that was read for a later update of it.
    pub(crate) fn remember(&self, table: TableId, key: Bytes, body: Option<Bytes>) {
        if !self.options.read_only {
            self.state().rows.insert((table, key), body);
        }
    }

    /// Calls `find` with the buffered writes, which may look for rows by what these have in indexes.
    pub(crate) fn within_overlay<T>(&self, find: impl FnOnce(&mut Overlay) -> T) -> T {
        find(&mut self.state().overlay)
    }

    /// Whether anything was written.
    fn writes(&self) -> bool {
        !self.state().overlay.is_empty()
    }

    /// Calls `read` with the buffered writes.
    pub(crate) fn with_overlay<T>(&self, read: impl FnOnce(&Overlay) -> T) -> T {
        read(&self.state().overlay)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        f.debug_struct("Session")
            .field("conflict", &state.conflict)
            .field("ended", &state.ended)
            .finish_non_exhaustive()
    }
}

fn visited_by(reply: &Reply) -> u64 {
    match reply {
        Reply::Scanned(scanned) => scanned.transferred(),
        Reply::Record(_) | Reply::Claimed(_) => 1,
        _ => 0,
    }
}

fn conflict(what: String) -> Error {
    Kind::Conflict { attempts: 0, what }.into()
}

/// What was read and what is written, by partition, and what the checks of each part mean.
fn join(reads: &[PartReads], compiled: Vec<(Partition, Compiled)>) -> (Vec<Part>, Vec<Vec<Meaning>>) {
    let mut parts: Vec<Part> = reads
        .iter()
        .map(|part| Part {
            partition: part.partition,
            // A look at `seq` would not show that an undecided transaction was committed elsewhere.
            unchanged_since: part.unchanged_since().filter(|_| !part.met),
            reads: part.checks(),
            ..Part::default()
        })
        .collect();
    let mut meanings: Vec<Vec<Meaning>> = parts.iter().map(|_| Vec::new()).collect();
    for (partition, compiled) in compiled {
        let at = parts.iter().position(|part| part.partition == partition).unwrap_or_else(|| {
            parts.push(Part { partition, ..Part::default() });
            meanings.push(Vec::new());
            parts.len() - 1
        });
        if let (Some(part), Some(slot)) = (parts.get_mut(at), meanings.get_mut(at)) {
            part.checks = compiled.checks;
            part.effects = compiled.effects;
            *slot = compiled.meanings;
        }
    }
    (parts, meanings)
}

/// Another program has changed the schema since this handle was opened.
#[cold]
pub(crate) fn stale(schema: u32, oldest: u32) -> Error {
    Kind::Schema(format!(
        "the schema of the database has moved on to version {oldest}, and this handle knows version {schema}: it may read, \
         by the indexes that are still there, and not write any more. Open the database again, or start the program's newer build"
    ))
    .into()
}
