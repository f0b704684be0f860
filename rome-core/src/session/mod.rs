//! Sessions: units of work.
//!
//! A session records what it reads and buffers what it writes. Its commit sends both to the store as one
//! minitransaction, which applies the writes if everything that was read still holds (optimistic concurrency control
//! with backward validation, after Kung and Robinson, 1981; ranges are validated too, so phantoms are conflicts).
//! Nothing is locked while a session is open.

mod body;
mod keys;
mod lanes;
mod options;
mod overlay;
mod reads;
mod retry;
pub(crate) mod verbs;
mod write;

pub use body::{Repeatable, TxBody};
pub use options::TransactionOptions;

pub(crate) use keys::CounterKeys;
pub(crate) use lanes::Lanes;
pub(crate) use overlay::{Overlay, Pending};
pub(crate) use retry::{run, write_once};
pub(crate) use write::{Write, Written};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reads::Reads;

use crate::database::Shared;
use crate::error::{Error, Kind, Result};
use crate::store::{Applied, Certainty, Check, CheckRef, Consistency, MiniTx, Partition, Read, Reply, Space, TableId};

/// A unit of work: its writes happen together at [`commit`](Self::commit) or not at all, and only if all that it read is
/// one consistent state.
///
/// All verbs take `&self`, so several can run at once. Dropping a session rolls it back. Begin one with
/// [`Database::session`](crate::Database::session), or let
/// [`Database::transaction`](crate::Database::transaction) begin, commit and retry.
///
/// ```
/// # use rome::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome::Result<()> {
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
    state: Mutex<State>,
    /// Held by the statement that writes.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    reads: Reads,
    /// Stored columns of rows that were read, so that an update need not read them again; none: there is no row.
    rows: HashMap<(TableId, Bytes), Option<Bytes>>,
    overlay: Overlay,
    /// What another transaction changed under this one.
    conflict: Option<String>,
    ended: bool,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, options: TransactionOptions) -> Self {
        Self { shared, options, state: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all writes happen, atomically and serializably. Costs one round trip; none if nothing was written and
    /// everything was read in one.
    ///
    /// # Errors
    /// [`is_conflict`](Error::is_conflict) when another transaction changed what this one read: nothing was written, and
    /// the whole session may be tried again. [`is_unique_violation`](Error::is_unique_violation) when a constraint is
    /// violated. [`is_outcome_unknown`](Error::is_outcome_unknown) when the store was lost while it committed.
    pub async fn commit(self) -> Result<()> {
        self.end(true).await
    }

    /// Forgets all writes; dropping the session does the same.
    pub fn rollback(self) {}

    /// Ends the session: commits it, or, if its body failed, only checks that the body failed on a consistent view.
    pub(crate) async fn end(&self, commit: bool) -> Result<()> {
        let (reads, unchanged_since, compiled) = {
            let mut state = self.state();
            if state.ended {
                return Err(Kind::Finished.into());
            }
            state.ended = true;
            if let Some(what) = state.conflict.take() {
                return Err(Kind::Conflict { attempts: 0, what }.into());
            }
            let write = commit && !state.overlay.is_empty();
            if !write && state.reads.saw_one_state() {
                return Ok(());
            }
            let compiled = if write { state.overlay.compile()? } else { overlay::Compiled::default() };
            (state.reads.checks(), state.reads.unchanged_since(), compiled)
        };
        let durability = self.options.durability.unwrap_or(self.shared.durability);
        let (lane, id) = self.shared.lanes.take(&*self.shared.store).await?;
        let minitx = MiniTx {
            schema: self.shared.schema,
            unchanged_since,
            reads,
            checks: compiled.checks,
            effects: compiled.effects,
            ..MiniTx::one(id)
        };
        let applied = self.shared.apply(vec![(Partition(0), minitx)], durability).await;
        if !matches!(&applied, Err(error) if error.certainty() == Certainty::Unknown) {
            self.shared.lanes.give_back(lane);
        }
        match applied?.into_iter().next() {
            Some(Applied::Done { .. }) => Ok(()),
            Some(Applied::Conflict { check, .. }) => Err(self.explain(check, compiled.meanings)),
            Some(Applied::StaleSchema { oldest }) => Err(Kind::Schema(format!(
                "the schema of the database has moved on to version {oldest}, this program has {}; start its newer build",
                self.shared.schema
            ))
            .into()),
            other => Err(Error::invalid(format!("the store answered a commit with {other:?}"))),
        }
    }

    /// What a failed check means.
    fn explain(&self, check: CheckRef, mut meanings: Vec<overlay::Meaning>) -> Error {
        let what = match check {
            CheckRef::Check(at) if at < meanings.len() => return meanings.swap_remove(at).into_error(),
            CheckRef::Check(_) => None,
            CheckRef::Read(at) => self.state().reads.checks().get(at).and_then(space_of),
        };
        let what = what.map_or_else(|| "what it read".to_owned(), |space| self.shared.catalog.name_space(space));
        Kind::Conflict { attempts: 0, what }.into()
    }

    /// Reads, and records what was read.
    pub(crate) async fn read(&self, mut reads: Vec<Read>) -> Result<Vec<Reply>> {
        self.check_open()?;
        for read in &mut reads {
            if let Read::Scan { track, .. } | Read::ScanRows { track, .. } = read {
                *track = true;
            }
        }
        let mut batch = [(Partition(0), reads)];
        let reply = self.shared.read(&batch, Consistency::Strict).await?;
        let [(_, reads)] = &mut batch;
        let mut state = self.state();
        if let Err(space) = state.reads.record(std::mem::take(reads), &reply) {
            let what = self.shared.catalog.name_space(space);
            state.conflict = Some(what.clone());
            return Err(Kind::Conflict { attempts: 0, what }.into());
        }
        Ok(reply.replies)
    }

    /// Whether the session may go on.
    pub(crate) fn check_open(&self) -> Result<()> {
        let state = self.state();
        if state.ended {
            return Err(Kind::Finished.into());
        }
        match &state.conflict {
            Some(what) => Err(Kind::Conflict { attempts: 0, what: what.clone() }.into()),
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

fn space_of(check: &Check) -> Option<Space> {
    match check {
        Check::Version { space, .. } => Some(*space),
        Check::Same { span, .. } | Check::Count { span, .. } => Some(span.space),
    }
}
