//! Minitransactions: one script call each, and what to do when its reply does not come.
//!
//! A lost reply leaves open whether the call was carried out, or is still on its way. The lane's record tells: it is in
//! the store before any reply is sent. If the transaction is not in it, the same step is sent again under its own id:
//! the script carries out one of the copies at most, whichever comes first (S4). When no answer is to be had within
//! the store's patience, the outcome is unknown, and the error says so.
//!
//! The steps for the partitions of one server go out as one pipeline, those for several servers at the same time.

mod job;
mod outcome;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use redis::Value;
use rome_store::{
    Applied, Certainty, Decision, Durability, Effect, MiniTx, Step, StoreError, StoreErrorKind, StoreResult, TxId,
};

use crate::partition_keys::PartitionKeys;
use crate::prepared;
use crate::reply::{decimal, unexpected};
use crate::route::{Confirm, Redirect, RetryCause, Round, Router, Sent};
use job::Job;
use outcome::Answer;

/// Of how many prepared transactions the effects are remembered.
const REMEMBERED: usize = 4096;

/// For how long to look for the server of one partition while others wait.
const SOON: Duration = Duration::from_secs(2);

/// Why there is a job at a position.
const OF_A_JOB: &str = "what is sent or read for a job carries the position of that job";

/// Applies minitransactions.
#[derive(Debug, Default)]
pub(crate) struct Applier {
    /// Effects of transactions that were prepared here, by partition and id, so that finishing them need not ask for them.
    prepared: Mutex<HashMap<Key, Arc<[Effect]>>>,
}

/// A partition and a transaction.
type Key = (u32, TxId);

impl Applier {
    pub(crate) async fn apply(
        &self,
        router: &Router,
        batch: Vec<(&PartitionKeys, MiniTx)>,
        durability: Durability,
    ) -> StoreResult<Vec<Applied>> {
        let confirm = match durability {
            Durability::Replicated(n) if n > 0 => Some(n),
            _ => None,
        };
        let mut patience = router.setup.patience();
        let mut jobs: Vec<Job<'_>> = batch.into_iter().map(|(partition, tx)| self.job(partition, tx)).collect();
        while let Err(error) = attempt(router, &mut jobs, confirm, patience.until).await {
            let is_lost = jobs.iter().any(|job| job.lost || matches!(job.answer, Some(Ok(_))));
            if error.kind() != StoreErrorKind::Unavailable || !patience.is_left(&router.setup, &error).await {
                return Err(if is_lost { error.with_unknown_outcome() } else { error });
            }
        }
        for job in &jobs {
            self.remember(job);
        }
        settle(jobs)
    }

    fn job<'p>(&self, partition: &'p PartitionKeys, tx: MiniTx) -> Job<'p> {
        let known = match tx.step {
            Step::Finish(Decision::Committed) => {
                self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(&(partition.number, tx.id)).cloned()
            }
            _ => None,
        };
        Job::new(partition, tx, known)
    }

    fn remember(&self, job: &Job<'_>) {
        if let Some(Ok(Applied::Done { seq })) = job.answer {
            job.partition.note_ready(job.effects());
            if job.tx.step == Step::One {
                job.partition.saved_look.wrote(seq);
            }
        }
        let key = (job.partition.number, job.tx.id);
        match (job.tx.step, &job.answer) {
            (Step::Prepare { .. }, Some(Ok(Applied::Done { .. }))) => {
                let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
                // Those that are never finished here are finished by others, who ask.
                if prepared.len() >= REMEMBERED {
                    prepared.clear();
                }
                prepared.insert(key, job.tx.effects.clone().into());
            }
            (Step::Finish(_), _) => {
                self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            }
            _ => {}
        }
    }
}

/// One round of asking and sending, for those that have no answer; an error says why one still has none.
async fn attempt(router: &Router, jobs: &mut [Job<'_>], confirm: Option<u8>, until: Instant) -> StoreResult<()> {
    // With replicas the record would not be enough: they have to confirm it, so the script writes it again.
    if confirm.is_none() && jobs.iter().any(Job::wants_its_record) {
        Box::pin(ask(router, jobs, until)).await?;
    }
    if jobs.iter().any(Job::wants_effects) {
        Box::pin(look(router, jobs, until)).await?;
    }
    let mut conns = Vec::with_capacity(jobs.len());
    let mut causes = Vec::new();
    // One partition that cannot be reached must not keep the others waiting for as long as there is patience.
    let soon = if jobs.len() > 1 { until.min(Instant::now() + SOON) } else { until };
    for (at, job) in jobs.iter_mut().enumerate().filter(|(_, job)| job.answer.is_none()) {
        match router.conn(job.partition, job.detour.take().as_deref(), soon).await {
            Ok(conn) => conns.push((at, conn)),
            Err(error) if error.kind() == StoreErrorKind::Unavailable => causes.push(RetryCause::Again(error)),
            Err(error) => return Err(error),
        }
    }
    let mut round = Round::default();
    for (at, conn) in conns {
        let job = jobs.get(at).expect(OF_A_JOB);
        round.add_step(conn, job.partition, at, job.step(confirm.is_some()), job.is_small());
    }
    let confirm = confirm.map(|n| Confirm { n, until });
    // In two parts: the allocator takes a lock for what is above a kilobyte.
    let sent = Box::pin(round.send(router, confirm.as_ref())).await;
    causes.extend(take_all(jobs, sent));
    if causes.is_empty() { Ok(()) } else { Box::pin(router.act_on_all(causes)).await }
}

/// Gives each its reply; returns why others did not come.
fn take_all<'p>(jobs: &mut [Job<'p>], sent: Vec<Sent>) -> Vec<RetryCause<'p>> {
    let mut causes = Vec::new();
    for Sent { conn, parts, error } in sent {
        for (at, replies) in parts {
            let job = jobs.get_mut(at).expect(OF_A_JOB);
            let Some(reply) = replies.first() else {
                job.lost |= error.as_ref().is_some_and(|error| error.certainty() == Certainty::Unknown);
                continue;
            };
            if let Some(repeat) = take(job, reply, conn.node.address()) {
                if matches!(repeat, Repeat::NotAdopted) {
                    conn.node.note_adopted(job.partition.number, None);
                }
                causes.push(repeat.into_cause(job.partition));
            }
        }
        causes.extend(error.map(RetryCause::Lost));
    }
    causes
}

/// Why a call is made again although it was answered.
enum Repeat {
    Redirected(Redirect),
    NotAdopted,
    Prepared,
    Alone,
}

impl Repeat {
    fn into_cause(self, partition: &PartitionKeys) -> RetryCause<'_> {
        let message = match self {
            Self::Redirected(redirect) => return RetryCause::Refused(partition, redirect),
            Self::NotAdopted => "the partition changes from one Redis server to another again and again",
            Self::Prepared => "the transaction to finish is prepared and finished again and again",
            Self::Alone => "the step fails together with others, and not by itself",
        };
        RetryCause::Again(StoreError::new(StoreErrorKind::Unavailable, message))
    }
}

/// Takes the reply to a call.
fn take(job: &mut Job<'_>, reply: &Value, node: &str) -> Option<Repeat> {
    if let Some(redirect) = Redirect::of(reply, node) {
        if let Redirect::Ask(node) = &redirect {
            job.detour = Some(node.clone());
        }
        // It may be for keys of the others in its call that this one is not served here.
        job.alone |= matches!(reply, Value::ServerError(error) if matches!(error.code(), "TRYAGAIN" | "ASK"));
        return Some(Repeat::Redirected(redirect));
    }
    match outcome::of_reply(reply, &job.tx, job.effects()) {
        Ok(Answer::NotAdopted) => return Some(Repeat::NotAdopted),
        Ok(Answer::Prepared) => {
            job.forget_effects();
            return Some(Repeat::Prepared);
        }
        Ok(Answer::Alone) => {
            job.alone = true;
            return Some(Repeat::Alone);
        }
        // The outcome that a repeat was answered with: it was this very call that committed, its first reply was lost.
        Ok(Answer::Applied(Applied::Already(Decision::Committed))) if job.lost && job.tx.step == Step::One => {
            job.answer = Some(known(reply));
        }
        Ok(Answer::Applied(applied)) => job.answer = Some(Ok(applied)),
        Err(error) => job.answer = Some(Err(error)),
    }
    None
}

fn known(reply: &Value) -> StoreResult<Applied> {
    let seq = match reply {
        Value::BulkString(bytes) => bytes.get(2..).and_then(decimal),
        _ => None,
    };
    seq.map(|seq| Applied::Done { seq }).ok_or_else(|| unexpected(reply))
}

/// Fills in the answers that the lanes' records have, for those whose replies were lost.
async fn ask(router: &Router, jobs: &mut [Job<'_>], until: Instant) -> StoreResult<()> {
    let wanting = jobs.iter().enumerate().filter(|(_, job)| job.wants_its_record());
    let lanes = wanting.map(|(at, job)| (at, job.tx.id.lane.to_be_bytes().to_vec())).collect();
    for (at, record) in fields(router, jobs, lanes, until).await? {
        let job = jobs.get_mut(at).expect(OF_A_JOB);
        if let Some(applied) = outcome::of_lane(&record, job.tx.id)? {
            tracing::info!(id = %job.tx.id, ?applied, "a lost reply was recovered");
            job.answer = Some(Ok(applied));
        }
    }
    Ok(())
}

/// Fills in the effects of transactions that are to be finished and were prepared elsewhere.
async fn look(router: &Router, jobs: &mut [Job<'_>], until: Instant) -> StoreResult<()> {
    let wanting = jobs.iter().enumerate().filter(|(_, job)| job.wants_effects());
    let ids = wanting.map(|(at, job)| (at, prepared::field(job.tx.id))).collect();
    for (at, record) in fields(router, jobs, ids, until).await? {
        let job = jobs.get_mut(at).expect(OF_A_JOB);
        job.found = match record {
            Value::Nil => None,
            Value::BulkString(record) => Some(prepared::decode(&record)?.effects.into()),
            other => return Err(unexpected(&other)),
        };
        job.looked = true;
    }
    Ok(())
}

/// Fields of the meta hashes of these jobs' partitions.
async fn fields(
    router: &Router,
    jobs: &mut [Job<'_>],
    wanted: Vec<(usize, Vec<u8>)>,
    until: Instant,
) -> StoreResult<Vec<(usize, Value)>> {
    let mut round = Round::default();
    for (at, field) in wanted {
        let job = jobs.get(at).expect(OF_A_JOB);
        let conn = router.conn(job.partition, job.detour.as_deref(), until).await?;
        round.add(conn, job.partition, at, |pipeline| {
            pipeline.cmd("HGET").arg(&job.partition.layout.meta).arg(field);
            true
        });
    }
    let (mut found, mut causes) = (Vec::new(), Vec::new());
    for Sent { conn, parts, error } in round.send(router, None).await {
        for (at, replies) in parts {
            let job = jobs.get_mut(at).expect(OF_A_JOB);
            // Replies are missing where they were lost, which `error` says.
            let Some(reply) = replies.into_iter().next() else { continue };
            match Redirect::of(&reply, conn.node.address()) {
                None => found.push((at, reply)),
                Some(redirect) => {
                    if let Redirect::Ask(node) = &redirect {
                        job.detour = Some(node.clone());
                    }
                    causes.push(RetryCause::Refused(job.partition, redirect));
                }
            }
        }
        causes.extend(error.map(RetryCause::Lost));
    }
    router.act_on_all(causes).await?;
    Ok(found)
}

fn settle(jobs: Vec<Job<'_>>) -> StoreResult<Vec<Applied>> {
    let any_applied = jobs.iter().any(|job| job.lost || matches!(job.answer, Some(Ok(_))));
    let mut applied = Vec::with_capacity(jobs.len());
    for job in jobs {
        match job.answer.expect("each was answered, or the call ended in an error") {
            Ok(answer) => applied.push(answer),
            // A first copy may still be on its way, or the answers of others in the batch get lost with this error.
            Err(error) if any_applied => return Err(error.with_unknown_outcome()),
            Err(error) => return Err(error),
        }
    }
    Ok(applied)
}
