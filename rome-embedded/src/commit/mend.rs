//! Going on after a disk that failed or was full.
//!
//! The engine gives up its file after a failed call, so it is opened again, as after a crash. What it holds then is what
//! the failed group came to: all of it or nothing. Commits that were acknowledged in memory are repeated. If the disk does
//! not take that, the same bytes are opened with all writes kept in memory, for the readers, and each further request
//! tries the disk again.

use std::sync::Arc;

use rome_store::{Certainty, Space, StoreError, StoreErrorKind, StoreResult};

use super::{Committer, load, refuse_all};
use crate::draft::{Draft, damaged, repeat};
use crate::engine::{Ending, Engine, io_error};
use crate::job::Job;
use crate::shared::{Snapshot, State};

/// The room that a commit of a full disk has to find before it is tried, beside twice its own bytes.
const ROOM: usize = 64 << 10;

/// An engine that was opened again.
struct Reopened {
    engine: Engine,
    /// The state that its file was in.
    found: State,
    /// The state after the commits in memory were repeated.
    now: State,
    /// The spaces that are retired then.
    retired: Arc<[Space]>,
}

impl Committer {
    /// Makes sure that the disk may be written, or says why not.
    pub(super) fn ensure_writable(&mut self, group: &[Job]) -> StoreResult<()> {
        self.shared.check_writable()?;
        if self.engine.is_none() || self.trouble.is_some() || self.wary {
            let wanted = group.iter().map(Job::bytes).sum::<usize>();
            let room = self.disk.check_room(ROOM + 2 * wanted.saturating_add(self.kept_bytes));
            room.map_err(|error| refusal(&io_error(&error), Certainty::NotApplied))?;
        }
        let failed = self.disk.has_failed() && group.iter().any(|job| matches!(job, Job::Mend));
        if self.engine.is_none() || self.trouble.is_some() || failed {
            self.reopen();
            self.shared.check_writable()?;
        }
        self.trouble.as_ref().map_or(Ok(()), |trouble| Err(refusal(trouble, Certainty::NotApplied)))
    }

    /// Opens the engine again after it failed with `error`, and answers the group by what the file holds.
    pub(super) fn mend(&mut self, mut draft: Draft, error: &StoreError) {
        if error.kind() == StoreErrorKind::Corrupt {
            self.shared.fail(error);
            self.in_memory = 0;
            return refuse_all(draft, error);
        }
        // It reads the old file.
        draft.before = None;
        self.wary |= error.kind() == StoreErrorKind::Full;
        let may_be_there = error.certainty() == Certainty::Unknown && draft.state.seq != draft.began.seq;
        let expected = may_be_there.then_some(draft.state);
        tracing::warn!(path = %self.shared.path.display(), %error, "a commit failed; opening the file again");
        let is_there = self.reopen_expecting(expected);
        match (is_there, &self.trouble) {
            (Some(true), None) => self.finish(draft, None),
            (Some(false), _) => refuse_all(draft, &refusal(error, Certainty::NotApplied)),
            (Some(true), Some(_)) => refuse_all(draft, &refusal(error, Certainty::Unknown)),
            (None, _) => refuse_all(draft, &refusal(error, error.certainty())),
        }
    }

    fn reopen(&mut self) {
        self.reopen_expecting(None);
    }

    /// Opens the engine again, for writing or only for reading. Says whether the file is in the state `expected`, which is
    /// the one after a commit whose end is not known; `None` if it cannot be read.
    fn reopen_expecting(&mut self, expected: Option<State>) -> Option<bool> {
        let shared = Arc::clone(&self.shared);
        let mut is_there = None;
        shared.renew(|| {
            self.engine = None;
            let reopened = match self.try_reopen(expected, Engine::reopen) {
                Ok(reopened) => {
                    self.trouble = None;
                    self.in_memory = 0;
                    self.kept.clear();
                    self.kept_bytes = 0;
                    Ok(reopened)
                }
                Err(error) => {
                    self.wary |= error.kind() == StoreErrorKind::Full;
                    self.trouble = Some(error);
                    self.try_reopen(expected, Engine::view)
                }
            };
            let Reopened { engine, found, now, retired } = match reopened {
                Ok(reopened) => reopened,
                Err(error) => {
                    if error.kind() == StoreErrorKind::Corrupt {
                        shared.fail(&error);
                    }
                    tracing::error!(path = %shared.path.display(), %error, "the file cannot be opened again");
                    return None;
                }
            };
            let is_expected = expected.is_some_and(|expected| found.seq == expected.seq);
            is_there = Some(is_expected);
            self.state = now;
            self.retired = Arc::clone(&retired);
            let on_disk = self.trouble.is_none();
            let tables = engine.snapshot().ok().flatten();
            self.engine = Some(engine);
            Some(Snapshot { tables: tables?, state: now, retired, on_disk })
        });
        is_there
    }

    fn try_reopen(
        &self,
        expected: Option<State>,
        open: impl FnOnce(&crate::engine::Disk, &crate::options::EmbeddedOptions) -> StoreResult<Engine>,
    ) -> StoreResult<Reopened> {
        let engine = open(&self.disk, &self.options)?;
        let Snapshot { state: found, retired, .. } = load(&engine)?;
        let mut now = found;
        let lost = self.kept.iter().filter(|(seq, _)| *seq > found.seq).map(|(_, tx)| tx);
        if found.seq < self.state.seq {
            now = self.state;
            if lost.clone().count() as u64 != self.state.seq - found.seq {
                return Err(damaged("commits that were on disk are gone"));
            }
            engine.write(|tables| {
                repeat(tables, lost, now, &retired)?;
                Ok(Ending::Commit { on_disk: true, result: () })
            })?;
        } else if found.seq > self.state.seq && expected.is_none_or(|expected| found.seq != expected.seq) {
            return Err(damaged("it holds commits of another store"));
        }
        let retired = if found.seq < now.seq { load(&engine)?.retired } else { retired };
        Ok(Reopened { engine, found, now, retired })
    }
}

/// What callers are told of a write that the disk did not take.
fn refusal(error: &StoreError, certainty: Certainty) -> StoreError {
    let full = error.kind() == StoreErrorKind::Full;
    let what = match (full, certainty) {
        (true, Certainty::NotApplied) => "the disk is full, and nothing was written; make room and try again",
        (true, Certainty::Unknown) => "the disk is full, and it is not known whether this was written; make room",
        (false, Certainty::NotApplied) => "the disk failed, and nothing was written; try again",
        (false, Certainty::Unknown) => "the disk failed, and it is not known whether this was written",
    };
    let kind = if full { StoreErrorKind::Full } else { StoreErrorKind::Unavailable };
    let refusal = StoreError::new(kind, what).with_source(error.to_string());
    match certainty {
        Certainty::NotApplied => refusal,
        Certainty::Unknown => refusal.with_unknown_outcome(),
    }
}
