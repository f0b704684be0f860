//! Pairs of rows of which one has to stay.

use rome_core::{Database, OrNotFound};
use rome_derive::Entity;

use super::{at_last, options};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

const PAIRS: u64 = 12;
const ROUNDS: u64 = 3;

/// Somebody who is on call or not; both of a pair may lie in different partitions.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "doctors")]
struct Doctor {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    pair: u64,
    on_call: bool,
}

/// Both of each pair go off call at the same time, each only if the other is on call: by looking at the other's row, or by a query over
/// the pair. One of them always stays. A check of rows that one does not write is what prevents it: write skew.
///
/// # Errors
/// When it is not so.
pub async fn one_of_each_pair_stays(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let db = Database::builder().entity::<Doctor>().open(subject.open(&place).await?).await?;
    let doctor = |id| Doctor { id, pair: id / 2, on_call: true };
    for round in 0..ROUNDS {
        at_last(async || db.upsert_many((0..2 * PAIRS).map(doctor)).await).await?;
        let both = (0..2 * PAIRS).map(|id| {
            let db = db.clone();
            let by_query = (id / 2 + round) % 2 == 0;
            async move { Ok((id, leave(&db, id, by_query).await)) }
        });
        let answers = together(both.collect::<Vec<_>>()).await?;
        let doctors = at_last(async || db.query::<Doctor>().all().await).await?;
        ensure_eq!(doctors.len() as u64, 2 * PAIRS, "the number of doctors");
        for pair in 0..PAIRS {
            let on_call = doctors.iter().filter(|doctor| doctor.pair == pair && doctor.on_call).count();
            ensure!(on_call > 0, "nobody of pair {pair} is on call in round {round}: {answers:?}");
        }
        for (id, answer) in &answers {
            let is_on_call = doctors.iter().any(|doctor| doctor.id == *id && doctor.on_call);
            match answer {
                Ok(left) => ensure_eq!(is_on_call, !left, "whether {id} is on call, who was answered {left}"),
                Err(error) => ensure!(is_on_call || error.is_outcome_unknown(), "{id} left and was told: {error}"),
            }
        }
    }
    Ok(())
}

/// Says whether the doctor left.
async fn leave(db: &Database, id: u64, by_query: bool) -> rome_core::Result<bool> {
    db.transaction_with(options(), async move |s| {
        let on_call = if by_query {
            s.query::<Doctor>().filter(Doctor::PAIR.eq(id / 2)).filter(Doctor::ON_CALL.eq(true)).count().await?
        } else {
            1 + u64::from(s.get::<Doctor>(id ^ 1).await?.ok_or_not_found()?.on_call)
        };
        if on_call < 2 {
            return Ok(false);
        }
        let mut own = s.get::<Doctor>(id).await?.ok_or_not_found()?;
        own.on_call = false;
        s.update(&own).await?;
        Ok(true)
    })
    .await
}
