//! Refuses requests that this store cannot take, before anything is sent.

use rome_core::store::{
    Capabilities, Check, Durability, Effect, MiniTx, Partition, Space, Step, StoreError, StoreErrorKind, StoreResult,
};

use crate::apply::encode;

/// The most bytes of one request, below the server's limit for a client that has not been answered (1 GB).
const MOST_BYTES: usize = 512 << 20;

/// The most arguments of one request: 6.2 takes a few more, and closes the connection at what is above.
const MOST_ARGUMENTS: usize = 1_000_000;

/// Whether the partition is the one there is.
pub(crate) fn admit_partition(partition: Partition) -> StoreResult<()> {
    if partition == Partition(0) {
        return Ok(());
    }
    Err(invalid(format!("a single Redis has one partition, number 0, and was asked for number {}", partition.0)))
}

/// Whether a Redis can give this durability.
pub(crate) fn admit_durability(durability: Durability) -> StoreResult<()> {
    match durability {
        Durability::Memory | Durability::Local | Durability::Replicated(_) => Ok(()),
        other => Err(invalid(format!("Redis before 7.2 cannot wait for the disks of replicas, so not for {other:?}"))),
    }
}

/// Whether a minitransaction is within the limits and makes sense with one partition.
pub(crate) fn admit(tx: &MiniTx, limits: &Capabilities) -> StoreResult<()> {
    if tx.step != Step::One {
        return Err(invalid(format!(
            "a single Redis has one partition, so a transaction is one step; {:?} belongs to stores with several",
            tx.step
        )));
    }
    within("effects in a transaction", tx.effects.len(), limits.max_effects)?;
    let mut bytes = 0;
    for effect in &tx.effects {
        let (Effect::Put { .. } | Effect::Delete { .. } | Effect::Add { .. } | Effect::RaiseGate { .. }) = effect
        else {
            return Err(invalid(format!("the Redis store does not know this kind of effect: {effect:?}")));
        };
        if let Some((space, key)) = effect.target() {
            within("bytes in a key", key.len(), limits.max_key)?;
            bytes += key.len();
            if let (Space::Index(_), Effect::Add { .. }) = (space, effect) {
                return Err(invalid(format!("entries of {space:?} are no counters")));
            }
        }
        if let Effect::Put { space, value, .. } = effect {
            within("bytes in a value", value.len(), limits.max_value)?;
            bytes += value.len();
            if matches!(space, Space::Index(_)) && !value.is_empty() {
                return Err(invalid(format!("entries of {space:?} have no value")));
            }
        }
    }
    within("bytes in a transaction", bytes, MOST_BYTES)?;
    let arguments = tx.reads.iter().chain(&tx.checks).map(encode::data_of).sum::<usize>();
    within("arguments of checks in a transaction", arguments, MOST_ARGUMENTS - 2 * limits.max_effects)?;
    for check in tx.reads.iter().chain(&tx.checks) {
        match check {
            Check::Version { space, .. } if !space.is_versioned() => {
                return Err(invalid(format!("records of {space:?} have no version to check")));
            }
            Check::Same { span, rows: Some(_), .. } if !matches!(span.space, Space::Index(_)) => {
                return Err(invalid(format!("rows are found through an index, not through {:?}", span.space)));
            }
            Check::Version { .. } | Check::Same { .. } | Check::Count { .. } => {}
            other => return Err(invalid(format!("the Redis store does not know this kind of check: {other:?}"))),
        }
    }
    Ok(())
}

fn within(what: &str, size: usize, limit: usize) -> StoreResult<()> {
    if size <= limit {
        return Ok(());
    }
    Err(StoreError::new(StoreErrorKind::Limit, format!("{size} {what} are too many: the limit is {limit}")))
}

pub(crate) fn invalid(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}
