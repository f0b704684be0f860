//! Folds the effects of a minitransaction into one final write for each record, so that all that can fail has failed
//! before the first write, and the writes go through each table in order.

use rome_store::{Effect, MiniTx, Space, StoreError, StoreErrorKind, StoreResult, TxId};

use crate::engine::{Records, Tables, Writing, caught};
use crate::layout;
use crate::place::Place;

/// The writes of one minitransaction, in the order of tables and keys, each key once.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    id: TxId,
    writes: Vec<Write<'a>>,
    /// The schema gate that it raises to, if it does.
    pub(crate) gate: Option<u32>,
    /// The spaces that it retires.
    pub(crate) retired: Vec<Space>,
}

#[derive(Debug)]
struct Write<'a> {
    space: Space,
    key: &'a [u8],
    becomes: Becomes<'a>,
}

/// What a record is after a minitransaction.
#[derive(Debug, Clone, Copy)]
enum Becomes<'a> {
    Value(&'a [u8]),
    Sum(i128),
    Gone,
}

impl<'a> Plan<'a> {
    /// What the effects of `tx` come to over the present records.
    ///
    /// # Errors
    /// When a counter would overflow or a record is damaged.
    pub(crate) fn new(tables: &impl Tables, tx: &'a MiniTx) -> StoreResult<Self> {
        let gate = tx.effects.iter().filter_map(|effect| match effect {
            Effect::RaiseGate { oldest } => Some(*oldest),
            _ => None,
        });
        let gate = gate.max();
        let retired = tx.effects.iter().filter_map(|effect| match effect {
            Effect::Retire { space } => Some(*space),
            _ => None,
        });
        let retired = retired.collect();
        let keyed = tx.effects.iter().filter_map(|effect| effect.target().map(|target| (target, effect)));
        let mut keyed: Vec<((Space, &'a [u8]), &'a Effect)> =
            keyed.map(|((space, key), effect)| ((space, key.as_ref()), effect)).collect();
        // Stable: effects on the same record keep their order.
        keyed.sort_by_key(|(target, _)| *target);

        let mut writes: Vec<Write<'a>> = Vec::with_capacity(keyed.len());
        caught(|_| {
            for ((space, key), effect) in keyed {
                let earlier = writes.pop_if(|last| last.key == key && last.space == space);
                let becomes = fold(tables, space, key, earlier.map(|earlier| earlier.becomes), effect)?;
                writes.push(Write { space, key, becomes });
            }
            Ok(())
        })?;
        Ok(Self { id: tx.id, writes, gate, retired })
    }

    /// Does the writes. An error may leave some of them done, so the whole write transaction has to be dropped.
    pub(crate) fn write(&self, tables: &mut Writing<'_>) -> StoreResult<()> {
        let mut stored = Vec::new();
        for run in self.writes.chunk_by(|a, b| a.space == b.space) {
            let Some(Write { space, .. }) = run.first() else { continue };
            let place = Place::from(*space);
            let version = space.is_versioned().then_some(self.id);
            let mut table = tables.writable(place)?;
            for Write { key, becomes, .. } in run {
                match becomes {
                    Becomes::Value(value) => layout::seal(&mut stored, place, key, version, value),
                    Becomes::Sum(sum) => layout::seal(&mut stored, place, key, version, &sum.to_be_bytes()),
                    Becomes::Gone => {
                        table.delete(key)?;
                        continue;
                    }
                }
                table.put(key, &stored)?;
            }
        }
        Ok(())
    }
}

/// What a record is after one more effect. `earlier` is what the effects before it in the same minitransaction made of
/// it, if there were any.
fn fold<'a>(
    tables: &impl Tables,
    space: Space,
    key: &[u8],
    earlier: Option<Becomes<'a>>,
    effect: &'a Effect,
) -> StoreResult<Becomes<'a>> {
    match effect {
        Effect::Put { value, .. } => Ok(Becomes::Value(value)),
        Effect::Delete { .. } | Effect::RaiseGate { .. } | Effect::Retire { .. } => Ok(Becomes::Gone),
        Effect::Add { delta, .. } => {
            let present = match earlier {
                Some(Becomes::Value(value)) => counter(space, value)?,
                Some(Becomes::Sum(sum)) => sum,
                Some(Becomes::Gone) => 0,
                None => stored_counter(tables, space, key)?,
            };
            let sum = present.checked_add(*delta).ok_or_else(|| {
                StoreError::new(
                    StoreErrorKind::Overflow,
                    format!("a counter of {space:?} at {present} cannot take {delta} more: it would overflow"),
                )
            })?;
            Ok(Becomes::Sum(sum))
        }
        other => Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("the embedded store does not know this kind of effect: {other:?}"),
        )),
    }
}

fn stored_counter(tables: &impl Tables, space: Space, key: &[u8]) -> StoreResult<i128> {
    let Some(table) = tables.table(space.into())? else { return Ok(0) };
    let present = table.get(key, |stored| counter(space, layout::unseal_in(space, key, stored)?.1))?;
    Ok(present.transpose()?.unwrap_or(0))
}

fn counter(space: Space, value: &[u8]) -> StoreResult<i128> {
    <[u8; 16]>::try_from(value).map(i128::from_be_bytes).map_err(|_| {
        StoreError::new(
            StoreErrorKind::Corrupt,
            format!("a record of {space:?} has {} bytes, so it is no counter to add to", value.len()),
        )
    })
}
