//! The commit thread: takes all requests that are waiting, validates each in order against the open write transaction,
//! applies the survivors, commits once, and then answers all of them (group commit).
//!
//! While the disk syncs, the next requests queue up and become the next group. A failed engine takes the whole group
//! with it; then the file is opened again, which tells what of the group is on disk ([`mend`]).

mod mend;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::draft::{Draft, copy, damaged, read_own};
use crate::engine::{Disk, Ending, Engine};
use crate::job::Job;
use crate::layout;
use crate::options::EmbeddedOptions;
use crate::shared::{Shared, Snapshot, State};
use rome_store::{Durability, Effect, MiniTx, Space, StoreError, StoreErrorKind, StoreResult};

/// The most requests in one group; bounds how long the first of them waits for the others.
const GROUP: usize = 4096;
/// How long commits in memory wait for more before they are brought to the disk.
const SETTLE: Duration = Duration::from_millis(200);
/// The most commits in memory before one goes to the disk, which lets the engine use their old pages again.
const MOST_IN_MEMORY: u32 = 1024;
/// The most bytes of commits in memory before one goes to the disk.
const MOST_KEPT: usize = 32 << 20;
/// How long commits in memory wait before the disk, which refused them, is tried again.
const SETTLE_AGAIN: Duration = Duration::from_secs(5);

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

/// The commit thread's own state.
pub(crate) struct Committer {
    disk: Disk,
    options: EmbeddedOptions,
    /// None only while it cannot be opened.
    engine: Option<Engine>,
    shared: Arc<Shared>,
    state: State,
    retired: Arc<[Space]>,
    /// Commits that are in memory only.
    in_memory: u32,
    /// The minitransactions of those commits, each with the `seq` that it led to.
    kept: Vec<(u64, MiniTx)>,
    /// How many bytes they hold.
    kept_bytes: usize,
    /// Why the disk is only read, if it is.
    trouble: Option<StoreError>,
    /// Whether the disk was full and no commit has reached it since.
    wary: bool,
}

impl Committer {
    pub(crate) fn new(
        disk: Disk,
        engine: Engine,
        options: EmbeddedOptions,
        shared: Arc<Shared>,
        state: State,
        retired: Arc<[Space]>,
    ) -> Self {
        Self {
            disk,
            options,
            engine: Some(engine),
            shared,
            state,
            retired,
            in_memory: 0,
            kept: Vec::new(),
            kept_bytes: 0,
            trouble: None,
            wary: false,
        }
    }

    /// Serves requests until no one can send any more, then closes the file.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = if self.in_memory > 0 {
                jobs.recv_timeout(if self.trouble.is_some() { SETTLE_AGAIN } else { SETTLE })
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
        let path = self.shared.path.display();
        if self.in_memory > 0 {
            tracing::error!(%path, commits = self.in_memory, "closing the store: commits in memory did not reach the disk");
        }
        self.shared.publish(None);
        self.shared.give_up_kept();
        if let Some(Err(error)) = self.engine.map(Engine::close) {
            tracing::warn!(%path, %error, "closing the store failed");
        }
    }

    /// Serves a group; an empty one only brings to disk what is in memory.
    fn commit(&mut self, group: Vec<Job>) {
        let size = group.len();
        let mut draft = Draft::new(None, self.state, size);
        if let Err(stopped) = self.ensure_writable(&group) {
            draft.refuse(group);
            return refuse_all(draft, &stopped);
        }
        draft.before = self.shared.snapshot().ok();
        match self.write(group, &mut draft) {
            Ok(on_disk) => {
                tracing::trace!(size, seq = draft.state.seq, on_disk, "committed a group");
                self.finish(draft, on_disk);
            }
            Err(error) => self.mend(draft, &error),
        }
    }

    /// Runs a group in one write transaction. Returns whether that was brought to disk; none if there was nothing to
    /// commit.
    fn write(&self, group: Vec<Job>, draft: &mut Draft) -> StoreResult<Option<bool>> {
        let engine = self.engine.as_ref().ok_or_else(|| damaged("it is not open"))?;
        let wants_disk = group.is_empty() || group.iter().any(Job::wants_disk);
        let lags = wants_disk && self.in_memory > 0;
        let on_disk = wants_disk || self.in_memory >= MOST_IN_MEMORY || self.kept_bytes >= MOST_KEPT;
        draft.applied = (!on_disk).then(Vec::new);
        // The engine's invariants do not hold on damaged files, and a panic must not leave callers without an answer.
        let run = AssertUnwindSafe(|| {
            engine.write(|tables| {
                for job in group {
                    draft.run(tables, &self.shared, job);
                }
                if let Some(error) = draft.fatal.take() {
                    return Err(error);
                }
                // A request that changes nothing still needs on disk what it was validated against.
                if !(draft.dirty || lags) {
                    return Ok(Ending::Abort(None));
                }
                draft.write_state(tables)?;
                draft.write_retired(tables, &self.retired)?;
                Ok(Ending::Commit { on_disk, result: Some(on_disk) })
            })
        });
        catch_unwind(run).unwrap_or_else(|_| {
            let error = StoreError::new(StoreErrorKind::Corrupt, "the engine failed on what it found in the file");
            Err(error.with_unknown_outcome())
        })
    }

    /// Makes a group visible, and then answers it.
    fn finish(&mut self, mut draft: Draft, committed: Option<bool>) {
        self.state = draft.state;
        if !draft.retired.is_empty() {
            self.retired = self.retired.iter().copied().chain(draft.retired).collect();
        }
        self.shared.lanes().extend(draft.lanes);
        if let Some(on_disk) = committed {
            if on_disk {
                self.on_disk();
            } else {
                self.in_memory += 1;
                for (seq, tx) in draft.applied.take().into_iter().flatten() {
                    self.kept_bytes += bytes_of(&tx);
                    self.kept.push((seq, tx));
                }
            }
            match self.engine.as_ref().map_or(Ok(None), Engine::snapshot) {
                Ok(Some(tables)) => {
                    let retired = Arc::clone(&self.retired);
                    self.shared.publish(Some(Snapshot { tables, state: self.state, retired, on_disk }));
                }
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

    /// All commits are on disk now.
    fn on_disk(&mut self) {
        (self.in_memory, self.kept_bytes, self.wary) = (0, 0, false);
        self.kept.clear();
    }
}

/// How many bytes a minitransaction would write.
fn bytes_of(tx: &MiniTx) -> usize {
    let bytes = tx.effects.iter().map(|effect| match effect {
        Effect::Put { key, value, .. } => key.len() + value.len(),
        effect => effect.target().map_or(0, |(_, key)| key.len()),
    });
    bytes.sum()
}

fn refuse_all(draft: Draft, error: &StoreError) {
    for answer in draft.answers {
        answer.give_instead(copy(error));
    }
}

impl Job {
    fn wants_disk(&self) -> bool {
        match self {
            Self::Apply { durability, .. } => *durability != Durability::Memory,
            Self::Reserve { .. } => true,
            Self::Mend => false,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Apply { txs, .. } => txs.iter().map(bytes_of).sum(),
            Self::Reserve { .. } | Self::Mend => 0,
        }
    }
}
