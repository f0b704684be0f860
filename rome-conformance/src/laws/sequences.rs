//! Numbers of sequences.

use std::collections::BTreeSet;

use rome_core::store::{SequenceId, TableId};

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
