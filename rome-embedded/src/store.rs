//! The store: its life, its reads, and how its writes reach the commit thread.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use rome_store::{
    Applied, ApplyOptions, Capabilities, Consistency, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply,
    Scheme, SequenceId, Store, StoreError, StoreErrorKind, StoreFuture, StoreResult,
};
use tokio::sync::oneshot;

use crate::commit::{self, Committer};
use crate::draft;
use crate::engine::{Disk, Engine, io_error};
use crate::folder::Folder;
use crate::job::Job;
use crate::options::EmbeddedOptions;
use crate::request;
use crate::scan::Answering;
use crate::shared::{Shared, Snapshot};

/// A database in a folder of the local disk.
///
/// Dropping it commits what was asked for before, and closes the file.
///
/// Reads run on the calling thread and may read the disk there. They never wait for writes. A long one lets other tasks of
/// the thread run after each thousand members that it has visited.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    /// None only while it is dropped.
    jobs: Option<Sender<Job>>,
    committer: Option<JoinHandle<()>>,
    /// Given back after the commit thread has closed the file.
    folder: Option<Folder>,
}

impl EmbeddedStore {
    /// Opens the database in the folder `path`. What is missing of the folder and the database is made.
    ///
    /// Takes a few milliseconds, and longer where the file is verified as a whole: see
    /// [`EmbeddedOptions::verify`] and [`EmbeddedOptions::recovery`].
    ///
    /// # Errors
    /// [`StoreErrorKind::InUse`] if a store has the folder open, here or in another process;
    /// [`StoreErrorKind::Corrupt`] if the file in it is damaged; [`StoreErrorKind::Invalid`] if it is another program's or of another format; [`StoreErrorKind::Gone`] if there was a
    /// database in the folder and its file is not there any more; [`StoreErrorKind::Full`] or
    /// [`StoreErrorKind::Other`] if the disk cannot be used.
    ///
    /// # Examples
    /// ```
    /// use rome_embedded::{EmbeddedOptions, EmbeddedStore};
    ///
    /// let path = std::env::temp_dir().join(format!("rome-doc-open-{}", std::process::id()));
    /// let store = EmbeddedStore::open(&path, EmbeddedOptions::default())?;
    /// assert!(EmbeddedStore::open(&path, EmbeddedOptions::default()).is_err(), "one store at a time");
    /// # drop(store);
    /// # std::fs::remove_dir_all(&path).ok();
    /// # Ok::<(), rome_store::StoreError>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, options: EmbeddedOptions) -> StoreResult<Self> {
        let folder = Folder::take(path.as_ref())?;
        let (disk, engine) = folder.engine(&options)?;
        let path = folder.path().to_owned();
        Self::start(&path, disk, engine, options, Some(folder))
    }

    /// The scheme `embedded`: `embedded:PATH` is the database in a folder, with default options, and [`folder_of`](crate::folder_of) says which
    /// folder.
    #[must_use]
    pub fn scheme() -> Scheme {
        Scheme::new("embedded", "embedded:PATH", async |url: String| {
            Self::open(crate::url::folder_of(&url)?, EmbeddedOptions::default())
        })
    }

    /// Makes the file of the closed database in the folder `path` as small as it can be, and says whether it got
    /// smaller. Reads and writes most of the file.
    ///
    /// # Errors
    /// As [`open`](Self::open) does.
    #[allow(clippy::needless_pass_by_value, reason = "options are made in the call")]
    pub fn compact(path: impl AsRef<Path>, options: EmbeddedOptions) -> StoreResult<bool> {
        let folder = Folder::take(path.as_ref())?;
        let (_, mut engine) = folder.engine(&options)?;
        let smaller = engine.compact()?;
        engine.close()?;
        Ok(smaller)
    }

    /// The folder it is in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    pub(crate) fn start(
        path: &Path,
        disk: Disk,
        engine: Engine,
        options: EmbeddedOptions,
        folder: Option<Folder>,
    ) -> StoreResult<Self> {
        let snapshot = commit::load(&engine)?;
        let (state, retired) = (snapshot.state, Arc::clone(&snapshot.retired));
        tracing::debug!(path = %path.display(), seq = state.seq, "opened the store");
        let shared = Arc::new(Shared::new(path, snapshot));
        let (jobs, waiting) = channel();
        let committer = Committer::new(disk, engine, options, Arc::clone(&shared), state, retired);
        let committer = thread::Builder::new()
            .name("rome-commit".to_owned())
            .spawn(move || committer.run(&waiting))
            .map_err(|error| io_error(&error))?;
        Ok(Self { shared, jobs: Some(jobs), committer: Some(committer), folder })
    }

    fn send(&self, job: Job) -> StoreResult<()> {
        self.shared.check_writable()?;
        if let Some(folder) = &self.folder {
            folder.check_there()?;
        }
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(self.ended()) }
    }

    /// Has the file opened again if the disk has failed, so that the next call may succeed.
    fn mend_after(&self, error: &StoreError) {
        if matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Other)
            && let Some(jobs) = &self.jobs
        {
            // If the thread is gone, the callers learn it from their next write.
            drop(jobs.send(Job::Mend));
        }
    }

    fn ended(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Unavailable,
            format!("the commit thread of the store in {} ended; reopen the store", self.shared.path.display()),
        )
    }

    /// Answers minitransactions without effects from the newest snapshot, which needs no commit. None if the commit
    /// thread has to, because what they were validated against must first be on disk.
    fn validate_only(&self, txs: &[MiniTx], durability: Durability) -> StoreResult<Option<Vec<Applied>>> {
        if !txs.iter().all(|tx| tx.effects.is_empty()) {
            return Ok(None);
        }
        let snapshot = self.shared.snapshot()?;
        if durability != Durability::Memory && !snapshot.on_disk {
            return Ok(None);
        }
        let applied = txs.iter().map(|tx| self.validate_one(&snapshot, tx)).collect::<StoreResult<_>>()?;
        Ok(Some(applied))
    }

    /// The state that is read.
    fn state_of(&self, options: ReadOptions) -> StoreResult<Arc<Snapshot>> {
        match options.consistency {
            Consistency::At(id) => self.shared.kept(id),
            _ => self.shared.snapshot(),
        }
    }

    /// Goes on with reads that have given way, slice by slice, and lets other tasks run in between. The state is not held
    /// meanwhile but kept, so that who has to close the file need not wait for the task to be run again.
    async fn read_slowly(
        &self,
        batch: &[(Partition, Vec<Read>)],
        options: ReadOptions,
        mut snapshot: Arc<Snapshot>,
        mut answers: Vec<ReadReply>,
        mut reading: Answering,
    ) -> StoreResult<Vec<ReadReply>> {
        let mut pin = self.shared.keep_for(&snapshot);
        loop {
            if let Some(kept) = &pin {
                drop(snapshot);
                tokio::task::yield_now().await;
                snapshot = match (self.shared.kept(kept.id()), options.consistency) {
                    (Ok(snapshot), _) => snapshot,
                    (Err(gone), Consistency::At(_)) => return Err(gone),
                    (Err(_), _) => {
                        // From the beginning, and at once.
                        (answers, reading, pin) = (Vec::with_capacity(batch.len()), Answering::new(), None);
                        self.shared.snapshot()?
                    }
                };
            }
            let is_done = read_on(&snapshot, batch, options, &mut answers, &mut reading);
            if is_done.inspect_err(|error| self.mend_after(error))? {
                return Ok(answers);
            }
        }
    }

    fn validate_one(&self, snapshot: &Snapshot, tx: &MiniTx) -> StoreResult<Applied> {
        if let Some(decided) = draft::recall(&snapshot.tables, &self.shared, tx.id)? {
            return Ok(decided);
        }
        let refused = draft::validate(&snapshot.tables, snapshot.state, tx)?;
        let answer = refused.unwrap_or(Applied::Done { seq: snapshot.state.seq });
        self.shared.lanes().record(tx.id, answer.clone());
        Ok(answer)
    }
}

impl Store for EmbeddedStore {
    fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let (mut answers, mut reading) = (Vec::with_capacity(batch.len()), Answering::new());
            let begun = self.state_of(options).and_then(|snapshot| {
                let is_done = read_on(&snapshot, batch, options, &mut answers, &mut reading)?;
                Ok((!is_done).then_some(snapshot))
            });
            match begun.inspect_err(|error| self.mend_after(error))? {
                None => Ok(answers),
                // In a box: most reads are short, and every future of a read would be as large.
                Some(snapshot) => Box::pin(self.read_slowly(batch, options, snapshot, answers, reading)).await,
            }
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            request::admit_durability(options.durability)?;
            let mut txs = Vec::with_capacity(batch.len());
            for (partition, tx) in batch {
                request::admit_partition(partition)?;
                request::admit(&tx, &self.shared.capabilities)?;
                txs.push(tx);
            }
            let validated = self.validate_only(&txs, options.durability);
            if let Some(applied) = validated.inspect_err(|error| self.mend_after(error))? {
                return Ok(applied);
            }
            let (answer, answered) = oneshot::channel();
            self.send(Job::Apply { txs, durability: options.durability, answer })?;
            answered.await.unwrap_or_else(|_| Err(self.ended().with_unknown_outcome()))
        })
    }

    fn snapshot(&self) -> Option<rome_store::Snapshot> {
        self.shared.keep()
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.send(Job::Reserve { sequence, n, least: 0, answer })?;
            answered.await.unwrap_or_else(|_| Err(self.ended().with_unknown_outcome()))
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.send(Job::Reserve { sequence, n: 0, least, answer })?;
            answered.await.unwrap_or_else(|_| Err(self.ended().with_unknown_outcome()))
        })
    }
}

/// Goes on with a batch of reads for one slice. Whether all are answered.
fn read_on(
    snapshot: &Snapshot,
    batch: &[(Partition, Vec<Read>)],
    options: ReadOptions,
    answers: &mut Vec<ReadReply>,
    reading: &mut Answering,
) -> StoreResult<bool> {
    for (partition, reads) in batch.iter().skip(answers.len()) {
        request::admit_partition(*partition)?;
        if !snapshot.retired.is_empty() && !options.retired {
            let retired = reads.iter().map(Read::space).find(|space| snapshot.retired.contains(space));
            if let Some(space) = retired {
                return Err(StoreError::retired(space));
            }
        }
        if !reading.go_on(&snapshot.tables, reads)? {
            return Ok(false);
        }
        answers.push(ReadReply::new(snapshot.state.seq, reading.take()));
    }
    Ok(true)
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        // The thread ends when it has served what was sent before.
        self.jobs = None;
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            tracing::error!(path = %self.shared.path.display(), "the commit thread panicked");
        }
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").field("path", &self.shared.path).finish_non_exhaustive()
    }
}
