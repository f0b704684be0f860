//! What the apply script answers.

use redis::Value;
use rome_store::{
    Applied, Blocker, CheckRef, Decision, Effect, MiniTx, Partition, Step, StoreError, StoreErrorKind, StoreResult,
    TxId,
};

use crate::error;
use crate::reply::{decimal, unexpected};

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is settled.
    Applied(Applied),
    /// Nothing was done: the partition has to be adopted for the server's process first.
    NotAdopted,
    /// Nothing was done: what is to be finished is prepared after all.
    Prepared,
    /// Nothing was done: it failed, and can tell why when it comes alone.
    Alone,
}

/// The answer to one call, which carried these effects.
pub(crate) fn of_reply(reply: &Value, tx: &MiniTx, effects: &[Effect]) -> StoreResult<Answer> {
    let Value::BulkString(bytes) = reply else { return Err(unexpected(reply)) };
    let rest = bytes.get(1..).unwrap_or_default();
    Ok(Answer::Applied(match bytes.first() {
        Some(b'A') => match (of_record(rest, reply)?, tx.step) {
            (Applied::Done { .. }, _) => Applied::Already(Decision::Committed),
            (_, Step::Push { .. } | Step::Finish(_)) => Applied::Already(Decision::Aborted),
            (refusal, _) => refusal,
        },
        Some(b'L') => match tx.step {
            Step::Finish(decision) => Applied::Already(decision),
            _ => Applied::Already(Decision::Aborted),
        },
        Some(b'U') => Applied::Undecided,
        Some(b'E') => return Ok(Answer::NotAdopted),
        Some(b'T') => return Ok(Answer::Prepared),
        Some(b'Z') => return Ok(Answer::Alone),
        Some(b'F') => Applied::Fenced,
        Some(b'G') => return Err(error::gone()),
        Some(b'Y') => return Err(error::corrupt("the `seq` of a partition is damaged: it is no number".to_owned())),
        Some(b'O') => {
            let message = format!("{} would overflow", effect(rest, effects));
            return Err(StoreError::new(StoreErrorKind::Overflow, message));
        }
        Some(b'N') => return Err(error::corrupt(format!("{} is no counter to add to", effect(rest, effects)))),
        Some(b'M') => {
            return Err(error::corrupt(format!("an entry of {} bytes leads to no record", rest.len())));
        }
        _ => of_record(bytes, reply)?,
    }))
}

/// What a lane's record says of `id`; none if the transaction has not come there.
pub(crate) fn of_lane(record: &Value, id: TxId) -> StoreResult<Option<Applied>> {
    let bytes = match record {
        Value::Nil => return Ok(None),
        Value::BulkString(bytes) => bytes,
        other => return Err(unexpected(other)),
    };
    let (number, outcome) = bytes.split_first_chunk::<8>().ok_or_else(|| unexpected(record))?;
    match u64::from_be_bytes(*number).cmp(&id.seq) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => of_record(outcome, record).map(Some),
        std::cmp::Ordering::Greater => Ok(Some(Applied::Already(Decision::Aborted))),
    }
}

/// A recorded outcome.
fn of_record(outcome: &[u8], reply: &Value) -> StoreResult<Applied> {
    let (kind, number) = outcome.split_first().ok_or_else(|| unexpected(reply))?;
    match kind {
        b'X' => return Ok(Applied::Already(Decision::Aborted)),
        b'B' => return blocked(number).ok_or_else(|| unexpected(reply)),
        _ => {}
    }
    let number: u64 = decimal(number).ok_or_else(|| unexpected(reply))?;
    let position = usize::try_from(number).unwrap_or(usize::MAX);
    Ok(match kind {
        b'D' => Applied::Done { seq: number },
        b'R' => Applied::Conflict { check: CheckRef::Read(position) },
        b'C' => Applied::Conflict { check: CheckRef::Check(position) },
        b'S' => Applied::StaleSchema { oldest: u32::try_from(number).unwrap_or(u32::MAX) },
        _ => return Err(unexpected(reply)),
    })
}

fn blocked(by: &[u8]) -> Option<Applied> {
    let (id, rest) = by.split_first_chunk::<{ TxId::LEN }>()?;
    let (primary, expired) = rest.split_first_chunk::<4>()?;
    let primary = Partition(u32::from_be_bytes(*primary));
    Some(Applied::Blocked { by: Blocker::new(TxId::from_bytes(*id), primary, expired == b"1") })
}

fn effect(position: &[u8], effects: &[Effect]) -> String {
    let effect = decimal(position)
        .and_then(|position| usize::try_from(position).ok())
        .and_then(|position| effects.get(position));
    match effect.and_then(Effect::target) {
        Some((space, key)) => format!("the counter {} of {space:?}", key.escape_ascii()),
        None => "a counter".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn a_seq_above_all_doubles_is_read_exactly() {
        let tx = MiniTx::one(TxId { lane: 1, seq: 1 });
        let done = of_reply(&reply("D9007199254740993"), &tx, &[]).unwrap();
        assert_eq!(done, Answer::Applied(Applied::Done { seq: 9_007_199_254_740_993 }));
    }

    #[test]
    fn a_lane_that_went_past_aborted_what_it_did_not_do() {
        let id = TxId { lane: 1, seq: u64::MAX - 1 };
        let record = |seq: u64| Value::BulkString([&seq.to_be_bytes()[..], b"D7"].concat());
        assert_eq!(of_lane(&record(u64::MAX - 2), id).unwrap(), None);
        assert_eq!(of_lane(&record(u64::MAX - 1), id).unwrap(), Some(Applied::Done { seq: 7 }));
        assert_eq!(of_lane(&record(u64::MAX), id).unwrap(), Some(Applied::Already(Decision::Aborted)));
        assert_eq!(of_lane(&Value::Nil, id).unwrap(), None);
    }

    #[test]
    fn what_was_decided_before_is_told_by_the_step() {
        let answer = |text: &str, step| {
            let tx = MiniTx::one(TxId { lane: 1, seq: 1 }).step(step);
            match of_reply(&reply(text), &tx, &[]).unwrap() {
                Answer::Applied(applied) => applied,
                other => panic!("{other:?}"),
            }
        };
        let finish = Step::Finish(Decision::Committed);
        assert_eq!(answer("L", finish), Applied::Already(Decision::Committed));
        assert_eq!(answer("L", Step::One), Applied::Already(Decision::Aborted));
        assert_eq!(answer("AD7", Step::Push { abort: true }), Applied::Already(Decision::Committed));
        assert_eq!(answer("AC7", Step::Push { abort: true }), Applied::Already(Decision::Aborted));
        assert_eq!(answer("AC7", Step::One), Applied::Conflict { check: CheckRef::Check(7) });
        let by = Blocker::new(TxId { lane: 0, seq: 5 }, Partition(3), true);
        let text = "B\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x031";
        assert_eq!(answer(text, Step::One), Applied::Blocked { by });
    }

    #[test]
    fn what_is_no_outcome_is_an_error() {
        let tx = MiniTx::one(TxId { lane: 1, seq: 1 });
        for text in ["", "D", "Y1", "Dx", "R-1", "B", "Bx"] {
            assert!(of_reply(&reply(text), &tx, &[]).is_err(), "{text}");
        }
    }
}
