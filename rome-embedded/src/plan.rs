//! Folds the effects of a minitransaction into one final write for each record, so that all that can fail has failed
//! before the first write, and the writes go through the tree in order.

use rome_core::store::{Effect, MiniTx, Space, StoreError, StoreErrorKind, StoreResult, TxId};

use crate::engine::{Records, WriteTable};
use crate::layout;

/// The writes of one minitransaction, in key order, each key once.
#[derive(Debug)]
pub(crate) struct Plan {
    writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The schema gate that it raises to, if it does.
    pub(crate) gate: Option<u32>,
}

impl Plan {
    /// What the effects of `tx` come to over the present records.
    ///
    /// # Errors
    /// When a counter would overflow or a record is damaged.
    pub(crate) fn new(records: &impl Records, tx: &MiniTx) -> StoreResult<Self> {
        let gate = tx.effects.iter().filter_map(|effect| match effect {
            Effect::RaiseGate { oldest } => Some(*oldest),
            _ => None,
        });
        let gate = gate.max();
        let mut keyed: Vec<(Vec<u8>, &Effect)> = tx
            .effects
            .iter()
            .filter_map(|effect| effect.target().map(|(space, key)| (layout::full_key(space, key), effect)))
            .collect();
        // Stable: effects on the same record keep their order.
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));

        let mut writes: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::with_capacity(keyed.len());
        for (key, effect) in keyed {
            let earlier = writes.pop_if(|(last, _)| *last == key).map(|(_, written)| written);
            let written = fold(records, tx.id, &key, earlier, effect)?;
            writes.push((key, written));
        }
        Ok(Self { writes, gate })
    }

    /// Does the writes. An error may leave some of them done, so the whole write transaction has to be dropped.
    pub(crate) fn write(&self, table: &mut WriteTable<'_>) -> StoreResult<()> {
        for (key, written) in &self.writes {
            match written {
                Some(stored) => table.put(key, stored)?,
                None => table.delete(key)?,
            }
        }
        Ok(())
    }
}

/// The stored form of a record after one more effect; none if it is gone. `earlier` is what the effects before it in
/// the same minitransaction made of it, if there were any.
fn fold(
    records: &impl Records,
    id: TxId,
    key: &[u8],
    earlier: Option<Option<Vec<u8>>>,
    effect: &Effect,
) -> StoreResult<Option<Vec<u8>>> {
    let mut stored = Vec::new();
    match effect {
        Effect::Put { space, value, .. } => layout::seal(&mut stored, key, space.is_versioned().then_some(id), value),
        Effect::Delete { .. } | Effect::RaiseGate { .. } => return Ok(None),
        Effect::Add { space, delta, .. } => {
            let present = match &earlier {
                Some(written) => written.as_deref().map(|stored| counter(*space, key, stored)).transpose()?,
                None => records.get(key, |stored| counter(*space, key, stored))?.transpose()?,
            };
            let present = present.unwrap_or(0);
            let sum = present.checked_add(*delta).ok_or_else(|| {
                StoreError::new(
                    StoreErrorKind::Overflow,
                    format!("a counter of {space:?} at {present} cannot take {delta} more: it would overflow"),
                )
            })?;
            layout::seal(&mut stored, key, space.is_versioned().then_some(id), &sum.to_be_bytes());
        }
        other => {
            return Err(StoreError::new(
                StoreErrorKind::Invalid,
                format!("the embedded store does not know this kind of effect: {other:?}"),
            ));
        }
    }
    Ok(Some(stored))
}

fn counter(space: Space, key: &[u8], stored: &[u8]) -> StoreResult<i128> {
    let (_, value) = layout::unseal_in(space, key, stored)?;
    <[u8; 16]>::try_from(value).map(i128::from_be_bytes).map_err(|_| {
        StoreError::new(
            StoreErrorKind::Corrupt,
            format!("a record of {space:?} has {} bytes, so it is no counter to add to", value.len()),
        )
    })
}
