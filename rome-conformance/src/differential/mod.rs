//! Random calls on a store, every answer compared with that of the in-memory store.
//!
//! What a store makes up for itself is not compared but carried: each side's digests go back to the side that gave
//! them, and a `seq` is named by how many states ago it was.
//!
//! On several partitions the lanes run transactions over some of them, step by step, and mostly go on when one is finished
//! wherever it is prepared. Steps come in any order, too early, late and again. Leases are over at once, or never.

mod lanes;
mod plan;
mod sides;

use crate::verdict::for_all;
use crate::{Subject, Verdict};

/// Random reads, minitransactions, steps of transactions over several partitions, repeats, late ones and reservations are
/// answered as the in-memory store does, and leave the same contents.
///
/// # Errors
/// When they are not.
pub async fn random_calls_answer_as_the_specification_does(subject: &impl Subject) -> Verdict {
    for_all(60, proptest::collection::vec(plan::call(), 1..60), async |calls| {
        let place = subject.place();
        let mut sides = sides::Sides::new(subject.open(&place).await?);
        for (at, call) in calls.into_iter().enumerate() {
            let what = format!("call {at}, {call:?}");
            sides.make(call).await.map_err(|violation| crate::Violation::new(format!("{what}: {violation}")))?;
        }
        sides.compare_contents().await
    })
    .await
}
