//! Numbers of sequences.

use std::collections::BTreeSet;

use rome_store::{SequenceId, StoreErrorKind, TableId};

use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

/// A sequence starts at 1, is independent of others, and gives each number once to clients that ask at the same time.
///
/// # Errors
/// When it does not hold.
pub async fn numbers_are_given_once(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    ensure_eq!(store.reserve(SequenceId::Keys(TableId(1)), 1).await?, 1, "the first number");
    ensure_eq!(store.reserve(SequenceId::Keys(TableId(2)), 4).await?, 1, "the first number of another sequence");
    ensure!(store.reserve(SequenceId::Keys(TableId(2)), 1).await? > 4, "a number of a block was given again");
    let askers = (1..=6_u32).map(|n| {
        let store = store.clone();
        async move {
            let mut blocks = Vec::new();
            for _ in 0..15 {
                blocks.push((store.reserve(SequenceId::Lanes, n).await.map_err(Violation::from)?, n));
                tokio::task::yield_now().await;
            }
            Ok(blocks)
        }
    });
    let mut given = BTreeSet::new();
    for (first, n) in together(askers.collect::<Vec<_>>()).await?.into_iter().flatten() {
        for number in first..first + u64::from(n) {
            ensure!(number > 0 && given.insert(number), "the number {number} was given twice, or is below 1");
        }
    }
    Ok(())
}

/// A raised sequence gives no number below the one that it was raised to, is never set back, and gives each number once also while others
/// raise it.
///
/// # Errors
/// When it does not hold.
pub async fn a_sequence_is_raised_and_never_set_back(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let keys = SequenceId::Keys(TableId(3));
    ensure_eq!(store.raise(keys, 0).await?, 1, "the next number of a new sequence");
    ensure_eq!(store.raise(keys, 31).await?, 31, "the next number of a raised sequence");
    ensure_eq!(store.reserve(keys, 5).await?, 31, "the first number of a raised sequence");
    for least in [0, 1, 9, 35, 36] {
        ensure_eq!(store.raise(keys, least).await?, 36, "a sequence that is there already");
    }
    // Decimal digits and doubles order these otherwise.
    let mut far = 1 << 40;
    for least in [100, 99_999, 100_000, far, (1 << 53) + 1, (1 << 53) + 2] {
        match store.raise(keys, least).await {
            // A store that has only the default of `raise` does not come further.
            Err(error) if least > far && error.kind() == StoreErrorKind::Overflow => break,
            raised => ensure_eq!(raised?, least, "the next number of a sequence that was raised far"),
        }
        far = far.max(least);
        ensure_eq!(store.reserve(keys, 1).await?, least, "a number of a sequence that was raised far");
    }
    let askers = (1..=6_u64).map(|n| {
        let store = store.clone();
        async move {
            let mut given = Vec::new();
            for round in 1..=10 {
                let least = far + 1 + round * n * 7;
                store.raise(keys, least).await.map_err(Violation::from)?;
                let number = store.reserve(keys, 1).await.map_err(Violation::from)?;
                given.push((least, number));
                tokio::task::yield_now().await;
            }
            Ok(given)
        }
    });
    let mut all = BTreeSet::new();
    for (least, number) in together(askers.collect::<Vec<_>>()).await?.into_iter().flatten() {
        ensure!(number >= least, "the number {number} is below {least}, to which the sequence was raised before");
        ensure!(all.insert(number), "the number {number} was given twice");
    }
    Ok(())
}
