//! The records of prepared transactions, as the apply script keeps them (`script/locks.lua` says how).

use bytes::Bytes;
use redis::Value;
use rome_store::{Blocker, Effect, Partition, Read, Space, StoreResult, TxId, locks};

use crate::error;
use crate::layout::{self, Layout};
use crate::reply::unexpected;
use crate::script::names;

/// A transaction that is prepared and not decided.
#[derive(Debug)]
pub(crate) struct Prepared {
    primary: Partition,
    /// In milliseconds of the server's clock.
    lease_end: u64,
    /// What it will change.
    pub(crate) effects: Vec<Effect>,
}

/// The field of a prepared transaction in the partition's meta hash.
pub(crate) fn field(id: TxId) -> Vec<u8> {
    [b"x", &id.to_bytes()[..]].concat()
}

/// The ids in a partition's list of who is prepared.
pub(crate) fn ids(pending: &[u8]) -> Vec<TxId> {
    pending.as_chunks().0.iter().map(|id| TxId::from_bytes(*id)).collect()
}

/// The time that a server tells, in milliseconds.
pub(crate) fn time(reply: &Value) -> Option<u64> {
    let Value::Array(parts) = reply else { return None };
    let number = |at: usize| match parts.get(at) {
        Some(Value::BulkString(digits)) => std::str::from_utf8(digits).ok()?.parse::<u64>().ok(),
        _ => None,
    };
    Some(number(0)? * 1000 + number(1)? / 1000)
}

/// Those of the prepared transactions whose effects meet the reads, as of `now`.
pub(crate) fn blockers(prepared: &[(TxId, Prepared)], reads: &[Read], now: u64) -> Vec<Blocker> {
    let meets = |effects: &[Effect]| reads.iter().any(|read| locks::meets_read(effects, read));
    let met = prepared.iter().filter(|(_, prepared)| meets(&prepared.effects));
    met.map(|(id, prepared)| {
        let Prepared { primary, lease_end, .. } = *prepared;
        Blocker::new(*id, primary, now >= lease_end)
    })
    .collect()
}

/// A record.
pub(crate) fn decode(record: &[u8]) -> StoreResult<Prepared> {
    let damaged =
        || error::corrupt(format!("the record of a prepared transaction is damaged, of {} bytes", record.len()));
    parse(record).ok_or_else(damaged)
}

/// The records of these transactions, without those that were finished meanwhile.
pub(crate) fn decode_all(ids: Vec<TxId>, records: Value) -> StoreResult<Vec<(TxId, Prepared)>> {
    let Value::Array(records) = records else { return Err(unexpected(&records)) };
    let mut others = Vec::with_capacity(records.len());
    for (id, record) in ids.into_iter().zip(records) {
        match record {
            Value::Nil => {}
            Value::BulkString(record) => others.push((id, decode(&record)?)),
            other => return Err(unexpected(&other)),
        }
    }
    Ok(others)
}

fn parse(record: &[u8]) -> Option<Prepared> {
    let (primary, rest) = record.split_first_chunk::<4>()?;
    let (lease_end, rest) = rest.split_first_chunk::<8>()?;
    let (seq, rest) = rest.split_first()?;
    let mut rest = rest.get(usize::from(*seq)..)?;
    let mut effects = Vec::new();
    while let Some((op, after)) = rest.split_first() {
        let (length, after) = after.split_first_chunk::<2>()?;
        let (space, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (first, after) = string(after)?;
        let (second, after) = string(after)?;
        rest = after;
        if !matches!(*op, names::LOCK_RECORD | names::LOCK_SPAN) {
            effects.push(effect(*op, space, first, second)?);
        }
    }
    let primary = Partition(u32::from_be_bytes(*primary));
    Some(Prepared { primary, lease_end: u64::from_be_bytes(*lease_end), effects })
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// An effect, from what the program of `apply.lua` says of it.
fn effect(op: u8, space: &[u8], key: &[u8], value: &[u8]) -> Option<Effect> {
    if op == names::OP_RAISE_GATE {
        return Some(Effect::RaiseGate { oldest: std::str::from_utf8(key).ok()?.parse().ok()? });
    }
    let space: Space = Layout::space(space)?;
    if op == names::OP_RETIRE {
        return Some(Effect::Retire { space });
    }
    let key = Bytes::copy_from_slice(layout::original(key));
    Some(match op {
        names::OP_PUT_ENTRY => Effect::Put { space, key, value: Bytes::new() },
        names::OP_PUT => Effect::Put { space, key, value: Bytes::copy_from_slice(value) },
        // Its version comes first.
        names::OP_PUT_VERSIONED => Effect::Put { space, key, value: Bytes::copy_from_slice(value.get(TxId::LEN..)?) },
        names::OP_DELETE | names::OP_DELETE_ENTRY => Effect::Delete { space, key },
        names::OP_ADD | names::OP_ADD_VERSIONED => {
            Effect::Add { space, key, delta: i128::from_be_bytes(value.try_into().ok()?) }
        }
        _ => return None,
    })
}
