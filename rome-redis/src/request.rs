//! Refuses requests that this store cannot take, before anything is sent.

use rome_store::{
    Capabilities, Check, Durability, Effect, MiniTx, Partition, Space, Step, StoreError, StoreErrorKind, StoreResult,
};

use crate::error::invalid;
use crate::partition_keys::PartitionKeys;
use crate::script::program;

/// The most bytes of one request, below the server's limit for a client that has not been answered (1 GB).
const MOST_BYTES: usize = 512 << 20;

/// The most arguments of one request: 6.2 takes a few more, and closes the connection at what is above.
const MOST_ARGUMENTS: usize = 1_000_000;

/// The partition of this number.
pub(crate) fn admit_partition(partition_keys: &[PartitionKeys], partition: Partition) -> StoreResult<&PartitionKeys> {
    usize::try_from(partition.0).ok().and_then(|number| partition_keys.get(number)).ok_or_else(|| {
        let n = partition_keys.len();
        invalid(format!("there is no partition {}; the database has {n}, numbered from 0", partition.0))
    })
}

/// Whether a Redis can give this durability.
pub(crate) fn admit_durability(durability: Durability) -> StoreResult<()> {
    match durability {
        Durability::Memory | Durability::Local | Durability::Replicated(_) => Ok(()),
        other => Err(invalid(format!("Redis before 7.2 cannot wait for the disks of replicas, so not for {other:?}"))),
    }
}

/// Whether a minitransaction is within the limits and makes sense.
pub(crate) fn admit(tx: &MiniTx, limits: &Capabilities) -> StoreResult<()> {
    tx.check_known(limits.contract)?;
    let has_parts = !(tx.reads.is_empty() && tx.checks.is_empty() && tx.effects.is_empty());
    match tx.step {
        Step::One | Step::Prepare { .. } => {}
        Step::Push { .. } | Step::Finish(_) if !has_parts => {}
        Step::Push { .. } | Step::Finish(_) => {
            return Err(invalid(format!("a step {:?} has no checks and no effects of its own", tx.step)));
        }
        other => return Err(StoreError::unknown(&other)),
    }
    within("effects in a transaction", tx.effects.len(), limits.max_effects, "change fewer rows in one transaction")?;
    let mut bytes = 0;
    for effect in &tx.effects {
        match effect {
            Effect::Put { .. } | Effect::Delete { .. } | Effect::Add { .. } | Effect::RaiseGate { .. } => {}
            Effect::Retire { space } if space.is_of_index() => {}
            Effect::Retire { space } => {
                return Err(invalid(format!("{space:?} is no space of an index, and is not retired")));
            }
            other => return Err(StoreError::unknown(&other)),
        }
        if let Some((space, key)) = effect.target() {
            within("bytes in a key", key.len(), limits.max_key, "make it shorter")?;
            bytes += key.len();
            if let (Space::Index(_), Effect::Add { .. }) = (space, effect) {
                return Err(invalid(format!("entries of {space:?} are no counters")));
            }
        }
        if let Effect::Put { space, value, .. } = effect {
            within("bytes in a value", value.len(), limits.max_value, "make it shorter, or keep it elsewhere")?;
            bytes += value.len();
            if matches!(space, Space::Index(_)) && !value.is_empty() {
                return Err(invalid(format!("entries of {space:?} have no value")));
            }
        }
    }
    within("bytes in a transaction", bytes, MOST_BYTES, "change fewer rows in one transaction, or shorter ones")?;
    let arguments = tx.reads.iter().chain(&tx.checks).map(program::data_of).sum::<usize>();
    let most = MOST_ARGUMENTS - 2 * limits.max_effects;
    within("arguments of checks in a transaction", arguments, most, "read fewer rows and ranges in one transaction")?;
    for check in tx.reads.iter().chain(&tx.checks) {
        match check {
            Check::Version { space, .. } if !space.is_versioned() => {
                return Err(invalid(format!("records of {space:?} have no version to check")));
            }
            Check::Same { span, rows: Some(_), .. } if !matches!(span.space, Space::Index(_)) => {
                return Err(invalid(format!("rows are found through an index, not through {:?}", span.space)));
            }
            Check::Version { .. } | Check::Same { .. } | Check::Count { .. } => {}
            other => return Err(StoreError::unknown(&other)),
        }
    }
    Ok(())
}

fn within(what: &str, size: usize, limit: usize, advice: &str) -> StoreResult<()> {
    if size <= limit {
        return Ok(());
    }
    Err(StoreError::new(StoreErrorKind::Limit, format!("{size} {what} are too many: the limit is {limit}; {advice}")))
}
