//! Numbers for rows whose key begins with their image.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use rome_orm::prelude::*;

/// Bits below the milliseconds: for rows of the same moment, and so that two services hardly ever give the same number.
const LOW: u32 = 22;
/// 2020-01-01, so that the numbers stay below 2^63 for longer than anybody needs.
const EPOCH: i64 = 1_577_836_800_000;

/// A number that rises with time, in this service strictly. Made without asking the store, as Twitter's Snowflake does it:
/// milliseconds, then bits that begin anywhere. Two services can give one number at the same moment; where that matters
/// a key or a unique index says so, and the call fails as for any taken value.
pub(in crate::db) fn serial<E>() -> Id<E> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let millis = u64::try_from(Utc::now().timestamp_millis() - EPOCH).unwrap_or_default();
    // Half of the low bits are drawn, so that the other half has room for the rows of one moment.
    let (_, low) = uuid::Uuid::new_v4().as_u64_pair();
    let fresh = (millis << LOW) | (low & ((1 << (LOW - 1)) - 1));
    let next = |last: u64| fresh.max(last + 1);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last))).unwrap_or_default();
    Id::new(next(last))
}

#[cfg(test)]
mod tests {
    use super::serial;
    use crate::db::ImageTag;

    #[test]
    fn numbers_rise_and_fit_a_signed_integer() {
        let numbers: Vec<u64> = (0..10_000).map(|_| *serial::<ImageTag>().value()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert!(numbers.iter().all(|number| i64::try_from(*number).is_ok()));
    }
}
