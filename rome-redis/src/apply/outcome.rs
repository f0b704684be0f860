//! What the apply script answers.

use redis::Value;
use rome_core::store::{Applied, CheckRef, Decision, Effect, MiniTx, StoreError, StoreErrorKind, StoreResult, TxId};

use crate::error;

/// The answer to one call.
pub(crate) fn of_reply(reply: &Value, tx: &MiniTx) -> StoreResult<Applied> {
    let Value::BulkString(bytes) = reply else { return Err(error::unexpected(reply)) };
    let rest = bytes.get(1..).unwrap_or_default();
    Ok(match bytes.first() {
        Some(b'A') => match of_record(rest, reply)? {
            Applied::Done { .. } => Applied::Already(Decision::Committed),
            refusal => refusal,
        },
        Some(b'L') => Applied::Already(Decision::Aborted),
        Some(b'F') => Applied::Fenced,
        Some(b'G') => return Err(error::gone()),
        Some(b'O') => {
            let message = format!("{} would overflow", effect(rest, tx));
            return Err(StoreError::new(StoreErrorKind::Overflow, message));
        }
        Some(b'N') => return Err(error::corrupt(format!("{} is no counter to add to", effect(rest, tx)))),
        Some(b'M') => {
            return Err(error::corrupt(format!("the entry {} leads to no record", rest.escape_ascii())));
        }
        _ => of_record(bytes, reply)?,
    })
}

/// What a lane's record says of `id`; none if the transaction has not come there.
pub(crate) fn of_lane(record: &Value, id: TxId) -> StoreResult<Option<Applied>> {
    let bytes = match record {
        Value::Nil => return Ok(None),
        Value::BulkString(bytes) => bytes,
        other => return Err(error::unexpected(other)),
    };
    let (number, outcome) = bytes.split_first_chunk::<8>().ok_or_else(|| error::unexpected(record))?;
    match u64::from_be_bytes(*number).cmp(&id.seq) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => of_record(outcome, record).map(Some),
        std::cmp::Ordering::Greater => Ok(Some(Applied::Already(Decision::Aborted))),
    }
}

/// A recorded outcome.
fn of_record(outcome: &[u8], reply: &Value) -> StoreResult<Applied> {
    let (kind, number) = outcome.split_first().ok_or_else(|| error::unexpected(reply))?;
    let number: u64 = decimal(number).ok_or_else(|| error::unexpected(reply))?;
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    Ok(match kind {
        b'D' => Applied::Done { seq: number },
        b'R' => Applied::Conflict { check: CheckRef::Read(place) },
        b'C' => Applied::Conflict { check: CheckRef::Check(place) },
        b'S' => Applied::StaleSchema { oldest: u32::try_from(number).unwrap_or(u32::MAX) },
        _ => return Err(error::unexpected(reply)),
    })
}

fn effect(place: &[u8], tx: &MiniTx) -> String {
    let effect = decimal(place).and_then(|place| usize::try_from(place).ok()).and_then(|place| tx.effects.get(place));
    match effect.and_then(Effect::target) {
        Some((space, key)) => format!("the counter {} of {space:?}", key.escape_ascii()),
        None => "a counter".to_owned(),
    }
}

/// A number in decimal digits.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
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
        let done = of_reply(&reply("D9007199254740993"), &tx).unwrap();
        assert_eq!(done, Applied::Done { seq: 9_007_199_254_740_993 });
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
    fn what_is_no_outcome_is_an_error() {
        let tx = MiniTx::one(TxId { lane: 1, seq: 1 });
        for text in ["", "D", "X1", "Dx", "R-1"] {
            assert!(of_reply(&reply(text), &tx).is_err(), "{text}");
        }
    }
}
