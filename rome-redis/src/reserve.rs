//! Numbers of sequences: blocks of them, by one script call on partition 0.

use redis::Value;
use rome_store::{SequenceId, StoreError, StoreErrorKind, StoreResult};

use crate::error;
use crate::layout::sequence_field;
use crate::partition_keys::PartitionKeys;
use crate::reply::{decimal, unexpected};
use crate::route::{Redirect, Round, Router};

/// Takes `n` numbers of a sequence, none of them below `least`; gives the first of them.
pub(crate) async fn numbers(
    router: &Router,
    zero: &PartitionKeys,
    sequence: SequenceId,
    n: u32,
    least: u64,
) -> StoreResult<u64> {
    let last = least.saturating_sub(1);
    if i64::try_from(last).is_err() {
        let message = format!("the sequence {sequence:?} cannot be raised to {least}");
        return Err(StoreError::new(StoreErrorKind::Overflow, message));
    }
    let (setup, layout) = (&router.setup, &zero.layout);
    let mut patience = setup.patience();
    let mut detour: Option<String> = None;
    let reply = loop {
        let conn = router.conn(zero, detour.take().as_deref(), patience.until).await?;
        let mut call = setup.scripts.reserve.call([&*layout.meta, &*layout.sequences].into_iter());
        call.arg(setup.owner(conn.live.run())).arg(sequence_field(sequence)).arg(n).arg(last);
        let (mut round, node) = (Round::default(), conn.node.clone());
        round.add(conn, zero, 0, |pipeline| {
            pipeline.add_command(call);
            true
        });
        let sent = round.send(router, None).await.pop();
        let Some(mut sent) = sent else { return Err(error::gone()) };
        let reply = sent.parts.pop().and_then(|(_, mut replies)| replies.pop());
        let error = match (reply, sent.error) {
            // A block whose reply was lost is skipped.
            (_, Some(error)) => {
                router.refresh().await;
                error
            }
            (Some(reply), None) => match Redirect::of(&reply, node.address()) {
                Some(redirect) => {
                    if let Redirect::Ask(node) = &redirect {
                        detour = Some(node.clone());
                    }
                    router.act_on(zero, redirect).await
                }
                None if is_not_adopted(&reply) => {
                    node.note_adopted(zero.number, None);
                    let message = "the partition changes from one Redis server to another again and again";
                    StoreError::new(StoreErrorKind::Unavailable, message)
                }
                None => break reply,
            },
            (None, None) => return Err(unexpected(&Value::Nil)),
        };
        if error.kind() != StoreErrorKind::Unavailable || !patience.is_left(setup, &error).await {
            return Err(error);
        }
    };
    let Value::BulkString(answer) = &reply else { return Err(unexpected(&reply)) };
    match answer.split_first() {
        Some((b'D', last)) => {
            let last = decimal(last).ok_or_else(|| unexpected(&reply))?;
            let before = last.checked_sub(u64::from(n)).ok_or_else(|| unexpected(&reply))?;
            Ok(before.saturating_add(1))
        }
        Some((b'O', _)) => {
            let message = format!("the sequence {sequence:?} is used up");
            Err(StoreError::new(StoreErrorKind::Overflow, message))
        }
        _ => Err(error::gone()),
    }
}

fn is_not_adopted(reply: &Value) -> bool {
    matches!(reply, Value::BulkString(answer) if answer == b"E")
}
