//! Refuses requests that this store cannot take, before anything else is done with them.

use rome_store::{
    Capabilities, Check, Durability, Effect, MiniTx, Partition, Space, Step, StoreError, StoreErrorKind, StoreResult,
};

/// Whether the partition is the one there is.
pub(crate) fn admit_partition(partition: Partition) -> StoreResult<()> {
    if partition == Partition(0) {
        return Ok(());
    }
    Err(invalid(format!("the embedded store has one partition, number 0, and was asked for number {}", partition.0)))
}

/// Whether a disk alone can give this durability.
pub(crate) fn admit_durability(durability: Durability) -> StoreResult<()> {
    match durability {
        Durability::Memory | Durability::Local => Ok(()),
        other => Err(invalid(format!("the embedded store has no replicas, so it cannot give {other:?}"))),
    }
}

/// Whether a minitransaction is within the limits and makes sense with one partition.
pub(crate) fn admit(tx: &MiniTx, limits: &Capabilities) -> StoreResult<()> {
    tx.check_known(limits.contract)?;
    if tx.step != Step::One {
        return Err(invalid(format!(
            "the embedded store has one partition, so a transaction is one step; {:?} belongs to stores with several",
            tx.step
        )));
    }
    within("effects in a transaction", tx.effects.len(), limits.max_effects, "change fewer rows in one transaction")?;
    for effect in &tx.effects {
        if let Some((_, key)) = effect.target() {
            within("bytes in a key", key.len(), limits.max_key, "make it shorter")?;
        }
        if let Effect::Retire { space } = effect
            && !space.is_of_index()
        {
            return Err(invalid(format!("{space:?} is no space of an index, and is not retired")));
        }
        if let Effect::Put { value, .. } = effect {
            within("bytes in a value", value.len(), limits.max_value, "make it shorter, or keep it elsewhere")?;
        }
    }
    for check in tx.reads.iter().chain(&tx.checks) {
        match check {
            Check::Version { space, .. } if !space.is_versioned() => {
                return Err(invalid(format!("records of {space:?} have no version to check")));
            }
            Check::Same { span, rows: Some(_), .. } if !matches!(span.space, Space::Index(_)) => {
                return Err(invalid(format!("rows are found through an index, not through {:?}", span.space)));
            }
            _ => {}
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

fn invalid(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}
