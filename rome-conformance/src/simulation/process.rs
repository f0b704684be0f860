//! What a process of the application sees of the store.
//!
//! Each process has a [`Process`] of its own; its database handles are opened over it. A process that is killed gets no
//! answer any more, and sends nothing: whatever work it still has stands still for ever. What it has sent goes its way.
//!
//! A lost reply is treated as the Redis store does: the same request is sent again for a while, and then the outcome is
//! unknown.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use rome_store::{
    Applied, ApplyOptions, Capabilities, Certainty, Decision, Durability, MiniTx, Partition, Read, ReadOptions,
    ReadReply, SequenceId, Step, Store, StoreError, StoreErrorKind, StoreFuture, StoreResult, TxId,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep_until, timeout};

use super::plan::RESPONSE_TIMEOUT;
use super::server::Answer;
use super::world::World;

tokio::task_local! {
    /// Which client of its process runs; none in the background.
    pub(super) static CLIENT: u32;
}

/// Which client runs, for the trace.
pub(super) fn client() -> String {
    CLIENT.try_with(|client| client.to_string()).unwrap_or_else(|_| "-".to_owned())
}

pub(super) struct Process {
    world: Arc<World>,
    /// Which process, and which of its lives.
    name: String,
    capabilities: Capabilities,
    is_dead: AtomicBool,
    stands_until: Mutex<Instant>,
    /// Whole transactions that were sent before, and where.
    sent: Mutex<BTreeSet<(Partition, TxId)>>,
}

impl Process {
    pub(super) fn new(world: Arc<World>, name: String) -> Arc<Self> {
        let mut capabilities = Capabilities::new(1, "simulated", Durability::Memory, false);
        capabilities.partitions = world.plan.partitions;
        Arc::new(Self {
            world,
            name,
            capabilities,
            is_dead: AtomicBool::new(false),
            stands_until: Mutex::new(Instant::now()),
            sent: Mutex::default(),
        })
    }

    /// From now on nothing of it goes on that needs the store.
    pub(super) fn kill(&self) {
        self.world.say(format_args!("{} is killed", self.name));
        self.is_dead.store(true, Ordering::SeqCst);
    }

    /// Who asks, for the trace.
    fn asker(&self) -> String {
        format!("{}/{}", self.name, client())
    }

    /// Passes when the process neither stands still nor is dead.
    async fn proceed(&self) {
        if self.world.befalls(self.world.plan.pauses) {
            let pause = self.world.random().pick([10, 200, 2_000, 20_000]);
            let pause = Duration::from_millis(self.world.random().between(1, pause));
            self.world.say(format_args!("{} stands still for {} ms", self.name, pause.as_millis()));
            self.world.count(|figures| figures.pauses += 1);
            *self.stands_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + pause;
        }
        loop {
            if self.is_dead.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let until = *self.stands_until.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// How long a call goes on trying after a loss.
    fn patience(&self) -> Duration {
        let random = self.world.random();
        let most = random.pick([0, 200, 2_000]);
        Duration::from_millis(random.between(0, most))
    }

    /// Asks a partition until there is an answer, or patience is at its end; and whether it was asked more than once.
    async fn ask<T, H, Handled>(&self, server: usize, handle: H) -> Option<(T, bool)>
    where
        T: Send + 'static,
        H: Fn(Arc<World>) -> Handled + Clone + Send + 'static,
        Handled: Future<Output = Option<Answer<T>>> + Send,
    {
        let (sender, mut replies) = unbounded_channel();
        let mut until = None;
        loop {
            self.proceed().await;
            self.world.send(server, handle.clone(), &sender);
            if let Ok(Some(answer)) = timeout(RESPONSE_TIMEOUT, replies.recv()).await {
                self.proceed().await;
                return Some((answer, until.is_some()));
            }
            let until = *until.get_or_insert_with(|| Instant::now() + self.patience());
            if Instant::now() >= until {
                return None;
            }
            self.world.count(|figures| figures.resent += 1);
        }
    }

    async fn apply_one(&self, partition: Partition, tx: MiniTx) -> StoreResult<Applied> {
        let (id, step, at) = (tx.id, tx.step, partition.0 as usize);
        let name = self.asker();
        let digest = super::trace::digest_of(&tx);
        let handle = move |world: Arc<World>| {
            let (tx, name) = (tx.clone(), name.clone());
            async move {
                let answer = world.servers.get(at)?.apply(tx).await?;
                world.say(format_args!("{name} {at} {id} {step:?} {digest:08x}: {}", shown(&answer.value)));
                note(&world, step, &answer.value);
                Some(answer)
            }
        };
        let first_call =
            step == Step::One && self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert((partition, id));
        let Some((answer, again)) = self.ask(at, handle).await else {
            self.world.say(format_args!("{} {at} {id} {step:?}: no answer", self.asker()));
            return Err(no_answer(at).with_unknown_outcome());
        };
        match answer {
            Ok(answer) if self.world.plan.says_already => Ok(answer),
            // It was this call that committed, and an earlier answer to it got lost.
            Ok(Applied::Already(Decision::Committed)) if first_call => {
                let seq = self.world.servers.get(at).and_then(|server| server.done(id));
                Ok(seq.map_or(Applied::Already(Decision::Committed), |seq| Applied::Done { seq }))
            }
            Err(error) if again => Err(error.with_unknown_outcome()),
            other => other,
        }
    }

    fn server_of(&self, partition: Partition) -> StoreResult<usize> {
        let at = partition.0 as usize;
        if at < self.world.servers.len() {
            return Ok(at);
        }
        Err(StoreError::new(StoreErrorKind::Invalid, format!("there is no partition {at}")))
    }
}

impl Store for Process {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn read<'a>(&'a self, batch: &'a [(Partition, Vec<Read>)], _: ReadOptions) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            self.proceed().await;
            let mut calls = Vec::new();
            for (partition, reads) in batch {
                let (at, reads, name) = (self.server_of(*partition)?, reads.clone(), self.asker());
                let handle = move |world: Arc<World>| {
                    let (reads, name) = (reads.clone(), name.clone());
                    async move {
                        let answer = world.servers.get(at)?.read(reads).await?;
                        if let Ok(reply) = &answer.value {
                            let (seq, replies) = (reply.seq, reply.replies.len());
                            let blockers = reply.blockers.iter().map(|blocker| blocker.id).collect::<Vec<_>>();
                            world.say(format_args!("{name} {at} {replies} reads: {seq} {blockers:?}"));
                        }
                        Some(answer)
                    }
                };
                calls.push(async move {
                    match self.ask(at, handle).await {
                        Some((answer, _)) => answer,
                        None => Err(no_answer(at)),
                    }
                });
            }
            join_all(calls).await.into_iter().collect()
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, _: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            self.proceed().await;
            for (partition, tx) in &batch {
                self.server_of(*partition)?;
                if let Step::Prepare { lease, .. } = tx.step {
                    self.world.note_lease(lease);
                }
            }
            if self.world.befalls(self.world.plan.refusals) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "the connection is refused"));
            }
            let is_several = batch.len() > 1;
            let calls = batch.into_iter().map(|(partition, tx)| self.apply_one(partition, tx));
            let answers: StoreResult<Vec<Applied>> = join_all(calls).await.into_iter().collect();
            // What became of the others gets lost with the error of one.
            answers.map_err(|error| if is_several { error.with_unknown_outcome() } else { error })
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            self.proceed().await;
            let name = self.asker();
            let handle = move |world: Arc<World>| {
                let name = name.clone();
                async move {
                    let answer = world.servers.first()?.reserve(sequence, n)?;
                    world.say(format_args!("{name} reserves {n} of {sequence:?}"));
                    Some(answer)
                }
            };
            match self.ask(0, handle).await {
                Some((answer, _)) => answer,
                None => Err(no_answer(0)),
            }
        })
    }
}

fn no_answer(partition: usize) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, format!("partition {partition} does not answer"))
}

/// Counts what a partition answered.
fn note(world: &World, step: Step, answer: &StoreResult<Applied>) {
    world.count(|figures| {
        match answer {
            Ok(Applied::Conflict { .. }) => figures.conflicts += 1,
            Ok(Applied::Blocked { .. }) => figures.blocked += 1,
            Ok(Applied::Done { .. }) if matches!(step, Step::Prepare { .. }) => figures.prepared += 1,
            _ => {}
        }
        if let Step::Push { abort } = step {
            figures.pushes += 1;
            figures.tombstones += u64::from(abort && matches!(answer, Ok(Applied::Already(Decision::Aborted))));
        }
    });
}

fn shown(answer: &StoreResult<Applied>) -> Shown<'_> {
    Shown(answer)
}

/// An answer in a trace, shorter than its `Debug`.
struct Shown<'a>(&'a StoreResult<Applied>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(Applied::Done { seq }) => write!(f, "done, {seq}"),
            Ok(Applied::Blocked { by }) => write!(f, "blocked by {} of {}, {}", by.id, by.primary.0, by.expired),
            Ok(other) => write!(f, "{other:?}"),
            Err(error) => write!(f, "{error} ({})", error.certainty() == Certainty::Unknown),
        }
    }
}
