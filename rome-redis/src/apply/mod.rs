//! Minitransactions: one script call each, and what to do when its reply does not come.
//!
//! A lost reply leaves open whether the call was carried out, or is still on its way. The lane's record tells: it is in
//! the store before any reply is sent. If the transaction is not in it, the same transaction is sent again under its own id:
//! the script carries out one of the copies at most, whichever comes first (S4). When no answer is to be had within
//! the store's patience, the outcome is unknown, and the error says so.

pub(crate) mod encode;
pub(crate) mod outcome;

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use redis::{Cmd, Pipeline, Value};
use rome_core::store::{Applied, Durability, Effect, MiniTx, Space, StoreError, StoreErrorKind, StoreResult};

use crate::link::{Link, Live};
use crate::replicas::Replicas;
use crate::together::{self, Looks};

/// The most effects of commits that others wait for.
const FEW: usize = 64;

/// Applies minitransactions.
#[derive(Debug, Default)]
pub(crate) struct Applier {
    /// Spaces whose keys have their sentinels.
    ready: RwLock<HashSet<Space>>,
    replicas: Replicas,
}

impl Applier {
    pub(crate) async fn apply(&self, link: &Link, txs: &[MiniTx], durability: Durability) -> StoreResult<Vec<Applied>> {
        let confirm = match durability {
            Durability::Replicated(n) if n > 0 => Some(n),
            _ => None,
        };
        let mut patience = link.patience();
        let mut answers: Vec<Option<StoreResult<Applied>>> = txs.iter().map(|_| None).collect();
        let mut lost = false;
        loop {
            let sent = self.attempt(link, txs, &mut answers, confirm, patience.until, lost).await;
            match sent {
                Ok(()) => break,
                Err(error) if !lost && error.certainty() == rome_core::store::Certainty::NotApplied => {
                    return Err(error);
                }
                Err(error) if !is_worth_another_try(&error) || !patience.is_left() => {
                    return Err(error.with_unknown_outcome());
                }
                Err(_) => lost = true,
            }
        }
        self.note_sentinels(txs, &answers);
        settle(answers, lost)
    }

    /// One round of asking and sending, for those that have no answer.
    async fn attempt(
        &self,
        link: &Link,
        txs: &[MiniTx],
        answers: &mut [Option<StoreResult<Applied>>],
        confirm: Option<u8>,
        until: Instant,
        lost: bool,
    ) -> StoreResult<()> {
        let mut calls = Vec::with_capacity(txs.len());
        let mut places = Vec::new();
        let mut replies;
        if let Some(n) = confirm {
            let taken = self.replicas.take(link, until).await?;
            self.add_calls(link, txs, answers, &mut calls, &mut places, true);
            calls.push(wait(n, link));
            let mut pipeline = redis::pipe();
            add_all(&mut pipeline, calls);
            replies = link.call(&taken.live, &pipeline).await.inspect_err(|_| self.replicas.close())?;
            self.replicas.give_back(taken);
            are_enough(replies.pop().as_ref(), n)?;
        } else {
            let live = link.live(until).await?;
            // With replicas the record would not be enough: they have to confirm it, so the script writes it again.
            if lost {
                ask(link, &live, txs, answers).await?;
            }
            self.add_calls(link, txs, answers, &mut calls, &mut places, false);
            if places.is_empty() {
                return Ok(());
            }
            let is_small = txs.iter().map(|tx| tx.effects.len()).sum::<usize>() <= FEW;
            let add = |pipeline: &mut Pipeline| add_all(pipeline, calls);
            replies = if is_small {
                link.commits.send(link, &live, Looks::None, add).await?.replies
            } else {
                together::alone(link, &live, Looks::None, add).await?.replies
            };
        }
        for (at, reply) in places.into_iter().zip(replies) {
            if let (Some(answer), Some(tx)) = (answers.get_mut(at), txs.get(at)) {
                let outcome = outcome::of_reply(&reply, tx);
                if let Ok(Applied::Done { seq }) = outcome {
                    link.quiet.wrote(seq);
                }
                *answer = Some(match outcome {
                    Ok(Applied::Already(rome_core::store::Decision::Committed)) if lost => known(&reply),
                    other => other,
                });
            }
        }
        Ok(())
    }

    /// Adds the calls of those that have no answer, and their places.
    fn add_calls(
        &self,
        link: &Link,
        txs: &[MiniTx],
        answers: &[Option<StoreResult<Applied>>],
        calls: &mut Vec<Cmd>,
        places: &mut Vec<usize>,
        always_write: bool,
    ) {
        for (at, (tx, answer)) in txs.iter().zip(answers).enumerate() {
            if answer.is_none() {
                calls.push(self.encode(link, tx, always_write));
                places.push(at);
            }
        }
    }

    fn encode(&self, link: &Link, tx: &MiniTx, always_write: bool) -> Cmd {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        encode::encode(
            &link.scripts.apply,
            &link.layout,
            link.database(),
            tx,
            |space| ready.contains(&space),
            always_write,
        )
    }

    fn note_sentinels(&self, txs: &[MiniTx], answers: &[Option<StoreResult<Applied>>]) {
        for (tx, answer) in txs.iter().zip(answers) {
            let Some(Ok(Applied::Done { .. })) = answer else { continue };
            let spaces = || tx.effects.iter().filter_map(Effect::target).map(|(space, _)| space);
            let all_ready = {
                let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
                spaces().all(|space| ready.contains(&space))
            };
            if !all_ready {
                self.ready.write().unwrap_or_else(PoisonError::into_inner).extend(spaces());
            }
        }
    }
}

/// Fills in the answers that the lanes' records have.
async fn ask(
    link: &Link,
    live: &Live,
    txs: &[MiniTx],
    answers: &mut [Option<StoreResult<Applied>>],
) -> StoreResult<()> {
    let mut ask = redis::pipe();
    for tx in txs {
        ask.cmd("HGET").arg(&link.layout.meta).arg(&tx.id.lane.to_be_bytes()[..]);
    }
    for ((tx, answer), record) in txs.iter().zip(answers).zip(link.send(live, &ask).await?) {
        if let Some(applied) = outcome::of_lane(&record, tx.id)? {
            tracing::info!(id = %tx.id, ?applied, "a lost reply was recovered");
            *answer = Some(Ok(applied));
        }
    }
    Ok(())
}

/// The outcome that a repeat was answered with: it was this very call that committed, its first reply was lost.
fn known(reply: &Value) -> StoreResult<Applied> {
    let seq = match reply {
        Value::BulkString(bytes) => bytes.get(2..).and_then(outcome::decimal),
        _ => None,
    };
    seq.map(|seq| Applied::Done { seq }).ok_or_else(|| crate::error::unexpected(reply))
}

fn add_all(pipeline: &mut Pipeline, calls: Vec<Cmd>) {
    for call in calls {
        pipeline.add_command(call);
    }
}

fn wait(n: u8, link: &Link) -> Cmd {
    let mut wait = redis::cmd("WAIT");
    wait.arg(n).arg(u64::try_from(link.options.replica_timeout.as_millis()).unwrap_or(u64::MAX));
    wait
}

fn are_enough(confirmed: Option<&Value>, n: u8) -> StoreResult<()> {
    let confirmed = match confirmed {
        Some(Value::Int(confirmed)) => *confirmed,
        other => return Err(crate::error::unexpected(other.unwrap_or(&Value::Nil)).with_unknown_outcome()),
    };
    if confirmed >= i64::from(n) {
        return Ok(());
    }
    let message = format!("{confirmed} of {n} replicas confirmed in time; it may be applied at the primary alone");
    Err(StoreError::new(StoreErrorKind::Unavailable, message).with_unknown_outcome())
}

/// Whether the connection was at fault, and not what was asked.
fn is_worth_another_try(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::Unavailable
}

fn settle(answers: Vec<Option<StoreResult<Applied>>>, lost: bool) -> StoreResult<Vec<Applied>> {
    let any_applied = answers.iter().any(|answer| matches!(answer, Some(Ok(_))));
    let answers = answers.into_iter().map(|answer| answer.expect("each was answered, or the call ended in an error"));
    answers
        .collect::<StoreResult<_>>()
        // A first copy may still be on its way, or the answers of others in the batch get lost with this error.
        .map_err(|error| if lost || any_applied { error.with_unknown_outcome() } else { error })
}
