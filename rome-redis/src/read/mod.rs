//! Reads: pipelines of plain commands, in as few rounds as their shapes need.
//!
//! Each read is a [`Task`](task::Task) that asks for something in each round until it is done; a scan of rows asks for the
//! ordered keys first and for the records behind them in the next round. All tasks of a call share the pipelines of its rounds,
//! one for each server.
//!
//! The commands of a pipeline are not atomic together: others may write between them. So the partition's `seq` is
//! read as the first command of the first round and as the last command of each. It only rises, and every write raises it:
//! if the last is equal to the first, nothing was written in between and everything was read from one state, the state of that
//! `seq`. If it is not, everything of that partition is answered once more, by one script. Trying the pipelines again would
//! cost the same rounds and lose again where the partition is that busy. While nobody writes, the look before is saved ([`quiet`]).
//! Where one command is the whole read, and nobody asks for the `seq`, so are both ([`plain`]).
//!
//! A look also shows which spaces are retired. Those have no sentinels any more, so that what does without looks looks after all.

mod plain;
mod quiet;
mod reading;
mod rounds;
mod scan;
mod script;
mod sizes;
mod task;
mod tracked;

use redis::Value;
use rome_core::store::{Consistency, Read, ReadReply, StoreError, StoreErrorKind, StoreResult, TxId};

use crate::apply::outcome::decimal;
use crate::error;
use crate::layout;
use crate::place::Place;
use crate::route::{Lesson, Passing, Round, Router, Sent};
use reading::{Progress, Reading};

pub(crate) use quiet::Quiet;
pub(crate) use sizes::Sizes;
pub(crate) use tracked::{counts_as_scans, scans_as_counts};

/// Answers lists of reads, those of one partition from one state of it. A lost connection is made again and the reads with
/// it, as long as there is patience.
pub(crate) async fn read(
    router: &Router,
    batch: &[(&Place, &[Read])],
    consistency: Consistency,
) -> StoreResult<Vec<ReadReply>> {
    let mut readings: Vec<Reading<'_>> = Vec::with_capacity(batch.len());
    for (at, (place, reads)) in batch.iter().enumerate() {
        match readings.iter_mut().find(|reading| reading.place.number == place.number) {
            Some(reading) => reading.join(at, reads),
            None => readings.push(Reading::new(&router.setup, place, at, reads, consistency)),
        }
    }
    let mut patience = router.setup.patience();
    while readings.iter().any(|reading| !reading.is_done()) {
        if let Err(error) = attempt(router, &mut readings, patience.until).await {
            if error.kind() != StoreErrorKind::Unavailable || !patience.is_left(&router.setup, &error).await {
                return Err(error);
            }
            tracing::debug!(%error, "reads are tried again");
        }
    }
    let mut replies: Vec<ReadReply> = batch.iter().map(|_| reading::empty()).collect();
    for reading in readings {
        reading.finish(&mut replies);
    }
    Ok(replies)
}

/// One round for those that are not done. An error says why one has to begin again.
async fn attempt(router: &Router, readings: &mut [Reading<'_>], until: tokio::time::Instant) -> StoreResult<()> {
    let mut round = Round::default();
    for (at, reading) in readings.iter_mut().enumerate().filter(|(_, reading)| !reading.is_done()) {
        let seat = router.seat(reading.place, reading.detour.as_deref(), until).await?;
        let place = reading.place;
        let mut planned = Ok(());
        round.add(seat, place, at, |pipeline| {
            planned = reading.ask(&router.setup, pipeline);
            reading.is_small()
        });
        planned?;
    }
    let sent = round.send(router, None).await;
    let mut lessons = Vec::new();
    let taken = take(readings, sent, &mut lessons);
    let learned = if lessons.is_empty() { Ok(()) } else { Box::pin(router.learn_all(lessons)).await };
    taken.and(learned)
}

/// Gives each its replies; adds what there is to learn from those that did not come.
fn take<'r>(readings: &mut [Reading<'r>], sent: Vec<Sent>, lessons: &mut Vec<Lesson<'r>>) -> StoreResult<()> {
    for Sent { seat, parts, error } in sent {
        for (at, replies) in parts {
            let Some(reading) = readings.get_mut(at) else { continue };
            if error.is_some() {
                reading.begin_again();
                continue;
            }
            match replies.iter().find_map(|reply| Passing::of(reply, &seat.link.address)) {
                None => {
                    if let Progress::Changed = reading.take(replies)? {
                        tracing::debug!("the partition changed while it was read; a script reads it");
                    }
                }
                Some(passing) => {
                    reading.begin_again();
                    // Of the keys some are here and some are there: only a script sees all of them, or none.
                    reading.detour = match &passing {
                        Passing::Ask(node) => {
                            reading.by_script();
                            Some(node.clone())
                        }
                        _ => None,
                    };
                    lessons.push(Lesson::Refused(reading.place, passing));
                }
            }
        }
        lessons.extend(error.map(Lesson::Lost));
    }
    Ok(())
}

fn next(replies: &mut impl Iterator<Item = Value>) -> StoreResult<Value> {
    replies.next().ok_or_else(|| error::unexpected(&Value::Nil))
}

/// What a look at a partition shows: its `seq`, who is prepared, and what is retired.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    seq: u64,
    pending: Vec<u8>,
    gone: Vec<u8>,
}

impl Look {
    /// Refuses reads of what is retired.
    fn admit(&self, reads: &[Read]) -> StoreResult<()> {
        match reads.iter().map(Read::space).find(|space| layout::is_retired(&self.gone, *space)) {
            Some(space) if !self.gone.is_empty() => Err(StoreError::retired(space)),
            _ => Ok(()),
        }
    }
}

fn look(reply: Value) -> StoreResult<Look> {
    let Value::Array(mut parts) = reply else { return Err(error::unexpected(&reply)) };
    match (parts.pop(), parts.pop(), parts.pop()) {
        (_, _, Some(Value::Nil)) => Err(error::gone()),
        (gone, pending, Some(seq)) => {
            let digits = match &seq {
                Value::BulkString(digits) => decimal(digits),
                _ => None,
            };
            let seq = digits.ok_or_else(|| error::unexpected(&seq))?;
            let bytes = |part| match part {
                Some(Value::BulkString(bytes)) => bytes,
                _ => Vec::new(),
            };
            let pending = bytes(pending);
            if pending.len() % TxId::LEN != 0 {
                let message = format!("the list of prepared transactions is damaged: it has {} bytes", pending.len());
                return Err(error::corrupt(message));
            }
            Ok(Look { seq, pending, gone: bytes(gone) })
        }
        _ => Err(error::unexpected(&Value::Nil)),
    }
}
