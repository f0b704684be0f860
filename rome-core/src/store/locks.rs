//! Which transactions stand in each other's way.
//!
//! A transaction that is prepared and not decided locks the targets of its effects against everyone, and what it
//! checked against writers. Both are tested here, for stores that keep prepared transactions as they came.
//!
//! Which rows the entries of an index span point at is not known without looking, so a check or a read of rows through
//! an index covers every row of their table.

use bytes::Bytes;

use super::{Check, Effect, MiniTx, Read, Space};

/// Whether `tx` may not go on while `prepared`, another transaction, is undecided.
#[must_use]
pub fn meets(tx: &MiniTx, prepared: &MiniTx) -> bool {
    let writes = |effects: &[Effect], checks: &[Check]| {
        effects.iter().any(|effect| checks.iter().any(|check| writes_checked(effect, check)))
    };
    // The gate is what everyone checks, and what is retired with it nobody writes any more.
    let is_of_all = |effect: &Effect| matches!(effect, Effect::RaiseGate { .. } | Effect::Retire { .. });
    let raises_gate = |effects: &[Effect]| effects.iter().any(is_of_all);
    raises_gate(&tx.effects)
        || raises_gate(&prepared.effects)
        || writes(&prepared.effects, &tx.reads)
        || writes(&prepared.effects, &tx.checks)
        || writes(&tx.effects, &prepared.reads)
        || writes(&tx.effects, &prepared.checks)
        || tx.effects.iter().any(|mine| prepared.effects.iter().any(|its| is_same_target(mine, its)))
}

/// Whether one of these effects would change the reply to a read.
#[must_use]
pub fn meets_read(effects: &[Effect], read: &Read) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Retire { space } => read.space() == *space,
        effect => effect.target().is_some_and(|target| is_read(target, read)),
    })
}

fn is_same_target(a: &Effect, b: &Effect) -> bool {
    a.target().is_some_and(|target| b.target() == Some(target))
}

fn writes_checked(effect: &Effect, check: &Check) -> bool {
    let Some((space, key)) = effect.target() else { return false };
    match check {
        Check::Version { space: checked, key: record, .. } => *checked == space && record == key,
        Check::Same { span, rows, .. } => {
            (span.space == space && span.contains(key)) || rows.is_some_and(|table| space == Space::Rows(table))
        }
        Check::Count { span, .. } => span.space == space && span.contains(key),
    }
}

fn is_read((space, key): (Space, &Bytes), read: &Read) -> bool {
    match read {
        Read::Get { space: asked, key: record } => *asked == space && record == key,
        Read::GetClaimed { index, columns, table } => {
            (space == Space::Unique(*index) && columns == key) || space == Space::Rows(*table)
        }
        Read::Scan { span, .. } | Read::Count { span, .. } => span.space == space && span.contains(key),
        Read::ScanRows { index, table, .. } => {
            (index.space == space && index.contains(key)) || space == Space::Rows(*table)
        }
    }
}
