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
//! cost the same rounds and lose again where the partition is that busy. While nobody writes, the look before is saved
//! ([`saved_look`](crate::saved_look)).
//! Where one command is the whole read, and nobody asks for the `seq`, so are both ([`plain`]).
//!
//! A look also shows which spaces are retired. Those have no sentinels any more, so that what does without looks looks after all.

mod answer;
mod look;
mod plain;
mod reading;
mod rounds;
mod scan;
mod script;
mod task;
mod tracked;

use redis::Value;
use rome_store::{Read, ReadOptions, ReadReply, StoreErrorKind, StoreResult};

use crate::partition_keys::PartitionKeys;
use crate::route::{PartitionConn, Redirect, RetryCause, Round, Router, Sent};
use reading::{Progress, Reading};

pub(crate) use tracked::{counts_as_scans, scans_as_counts};

/// Answers lists of reads, those of one partition from one state of it. A lost connection is made again and the reads with
/// it, as long as there is patience.
pub(crate) async fn read(
    router: &Router,
    batch: &[(&PartitionKeys, &[Read])],
    options: ReadOptions,
) -> StoreResult<Vec<ReadReply>> {
    let mut readings: Vec<Reading<'_>> = Vec::with_capacity(batch.len());
    for (at, (partition, reads)) in batch.iter().enumerate() {
        match readings.iter_mut().find(|reading| reading.partition.number == partition.number) {
            Some(reading) => reading.join(at, reads),
            None => readings.push(Reading::new(&router.setup, partition, at, reads, options)),
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
        let conn = router.conn(reading.partition, reading.detour.as_deref(), until).await?;
        let partition = reading.partition;
        let mut planned = Ok(());
        round.add(conn, partition, at, |pipeline| {
            planned = reading.ask(&router.setup, pipeline);
            reading.is_small()
        });
        planned?;
    }
    let sent = round.send(router, None).await;
    let mut causes = Vec::new();
    let taken = take(readings, sent, &mut causes);
    let acted = if causes.is_empty() { Ok(()) } else { Box::pin(router.act_on_all(causes)).await };
    taken.and(acted)
}

/// Gives each its replies; adds why others did not come.
fn take<'r>(readings: &mut [Reading<'r>], sent: Vec<Sent>, causes: &mut Vec<RetryCause<'r>>) -> StoreResult<()> {
    for Sent { conn, parts, error } in sent {
        log_transferred(&conn, &parts);
        for (at, replies) in parts {
            let reading = readings.get_mut(at).expect("what was sent carries the position of its reading");
            if error.is_some() {
                reading.begin_again();
                continue;
            }
            match replies.iter().find_map(|reply| Redirect::of(reply, conn.node.address())) {
                None => {
                    if let Progress::Changed = reading.take(replies)? {
                        tracing::debug!("the partition changed while it was read; a script reads it");
                    }
                }
                Some(redirect) => {
                    reading.begin_again();
                    // Of the keys some are here and some are there: only a script sees all of them, or none.
                    reading.detour = match &redirect {
                        Redirect::Ask(node) => {
                            reading.by_script();
                            Some(node.clone())
                        }
                        _ => None,
                    };
                    causes.push(RetryCause::Refused(reading.partition, redirect));
                }
            }
        }
        causes.extend(error.map(RetryCause::Lost));
    }
    Ok(())
}

/// Logs what a server has sent, if anybody listens: adding it up costs a walk through all replies.
fn log_transferred(conn: &PartitionConn, parts: &[(usize, Vec<Value>)]) {
    if !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    let (mut values, mut bytes) = (0, 0);
    let mut rest: Vec<&Value> = parts.iter().flat_map(|(_, replies)| replies).collect();
    let replies = rest.len();
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(parts) => rest.extend(parts),
            Value::BulkString(string) => {
                values += 1;
                bytes += string.len();
            }
            _ => values += 1,
        }
    }
    tracing::trace!(address = conn.node.address(), replies, values, bytes, "a round of reads was answered");
}
