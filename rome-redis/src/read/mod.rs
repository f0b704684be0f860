//! Reads: pipelines of plain commands, in as few rounds as their shapes need.
//!
//! Each read is a [`Task`] that asks for something in each round until it is done; a scan of rows asks for the ordered
//! keys first and for the records behind them in the next round. All tasks of a call share the pipelines of its rounds.
//!
//! The commands of a pipeline are not atomic together: others may write between them. So the partition's `seq` is
//! read as the first command of the first round and as the last command of each. It only rises, and every write raises it:
//! if the last is equal to the first, nothing was written in between and everything was read from one state, the state of that
//! `seq`. Small reads of several tasks that come together share the looks ([`crate::together`]); while nobody writes, the
//! one before them is saved ([`quiet`]). If it is not, the whole call is answered once more, by one script. Trying the pipelines again would cost the same
//! rounds and lose again where the partition is that busy.

mod quiet;
mod scan;
mod script;
mod task;

use redis::{Pipeline, Value};
use rome_core::store::{Read, ReadReply, StoreErrorKind, StoreResult};

use crate::apply::outcome::decimal;
use crate::error;
use crate::link::{Link, Live};
use crate::together::{self, Looks};
use task::Task;

pub(crate) use quiet::Quiet;

/// Answers reads from one state. A lost connection is made again and the reads with it, as long as there is patience.
pub(crate) async fn read(link: &Link, reads: &[Read]) -> StoreResult<ReadReply> {
    let mut patience = link.patience();
    loop {
        let live = link.live(patience.until).await?;
        match once(link, &live, reads).await {
            Err(error) if error.kind() == StoreErrorKind::Unavailable && patience.is_left() => {
                tracing::debug!(%error, "reads are tried again");
            }
            other => return other,
        }
    }
}

async fn once(link: &Link, live: &Live, reads: &[Read]) -> StoreResult<ReadReply> {
    let mut tasks = task::plan(link, reads)?;
    if !link.options.always_by_script
        && let Some(seq) = by_rounds(link, live, &mut tasks).await?
    {
        return Ok(ReadReply { seq, replies: task::replies(tasks, reads.len())?, blockers: Vec::new() });
    }
    tracing::debug!("the partition changed while it was read; a script reads it");
    script::read(link, live, reads).await
}

/// Runs the tasks to their ends, if nothing is written meanwhile; then it returns the `seq` of what they read.
async fn by_rounds(link: &Link, live: &Live, tasks: &mut [Task]) -> StoreResult<Option<u64>> {
    // Reads nothing? Then its `seq` has to be looked at.
    let mut first = if tasks.is_empty() { None } else { link.quiet.seq() };
    for rounds in 0_u32.. {
        // Without tasks the `seq` is all there is to read.
        if tasks.iter().all(Task::is_done) && (first.is_some() || !tasks.is_empty()) {
            tracing::trace!(tasks = tasks.len(), rounds, seq = first, "read");
            return Ok(first);
        }
        let mut asked = Vec::with_capacity(tasks.len());
        let ask = |round: &mut Pipeline| asked.extend(tasks.iter().map(|task| task.ask(round)));
        let looks = if first.is_some() { Looks::After } else { Looks::BeforeAndAfter };
        let answer = if tasks.iter().all(Task::is_small) {
            link.reads.send(link, live, looks, ask).await?
        } else {
            together::alone(link, live, looks, ask).await?
        };
        let before = match first {
            Some(first) => first,
            None => seq(&answer.before.unwrap_or_default())?,
        };
        // Before the replies are looked at: parts of two states may look like damage.
        let after = seq(&answer.after.unwrap_or_default())?;
        link.quiet.saw(after);
        if before != after {
            return Ok(None);
        }
        first = Some(after);
        let mut replies = answer.replies.into_iter();
        for (task, n) in tasks.iter_mut().zip(asked) {
            task.take(replies.by_ref().take(n).collect())?;
        }
    }
    Ok(first)
}

fn next(replies: &mut impl Iterator<Item = Value>) -> StoreResult<Value> {
    replies.next().ok_or_else(|| error::unexpected(&Value::Nil))
}

fn seq(reply: &Value) -> StoreResult<u64> {
    match reply {
        Value::BulkString(digits) => decimal(digits).ok_or_else(|| error::unexpected(reply)),
        Value::Nil => Err(error::gone()),
        other => Err(error::unexpected(other)),
    }
}
