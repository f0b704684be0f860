//! Tests the checks of a minitransaction against one state of the records.

use rome_store::{Check, CheckRef, MiniTx, StoreError, StoreErrorKind, StoreResult};

use crate::engine::{Outside, Tables, caught};
use crate::scan::{self, Keep, Purpose};

/// The first check that does not hold at partition sequence number `seq`, if there is one.
pub(crate) fn first_failed(tables: &impl Tables, seq: u64, tx: &MiniTx) -> StoreResult<Option<CheckRef>> {
    caught(|outside| {
        if tx.unchanged_since != Some(seq) {
            for (place, check) in tx.reads.iter().enumerate() {
                if !holds(tables, check, outside)? {
                    return Ok(Some(CheckRef::Read(place)));
                }
            }
        }
        for (place, check) in tx.checks.iter().enumerate() {
            if !holds(tables, check, outside)? {
                return Ok(Some(CheckRef::Check(place)));
            }
        }
        Ok(None)
    })
}

fn holds(tables: &impl Tables, check: &Check, outside: &Outside) -> StoreResult<bool> {
    match check {
        Check::Version { space, key, expect } => Ok(scan::version(tables, *space, key)? == *expect),
        Check::Same { span, rows, n, digest } => {
            let purpose = Purpose { keep: Keep::None, want: None, track: true, room: 0, outside };
            let now = match rows {
                Some(table) => scan::scan_rows(tables, span, *table, purpose)?,
                None => scan::scan(tables, span, purpose)?,
            };
            Ok(now.visited == *n && now.digest == *digest)
        }
        Check::Count { span, n } => Ok(scan::count(tables, span)? == *n),
        other => Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!("the embedded store does not know this kind of check: {other:?}"),
        )),
    }
}
