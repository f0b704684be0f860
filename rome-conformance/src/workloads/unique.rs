//! A race for unique values.

use rome_core::Database;
use rome_core::model::Id;
use rome_derive::Entity;

use super::TASKS;
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

const ROUNDS: u64 = 8;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "seats")]
struct Seat {
    #[rome(key, auto)]
    id: Id<Seat>,
    #[rome(unique)]
    number: u64,
    holder: u64,
}

/// All tasks insert a row with the same unique value, round after round: one gets it, the others are told that it is taken;
/// and when its row goes, it is free again.
///
/// # Errors
/// When it is not so.
pub async fn a_unique_value_is_taken_once(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let db = Database::builder().entity::<Seat>().open(subject.open(&place).await?).await?;
    for number in 0..ROUNDS {
        // The same seat twice: it is free again after the first time.
        let number = number / 2;
        let tasks = (0..TASKS).map(|holder| {
            let db = db.clone();
            async move { Ok((holder, db.insert(Seat { number, holder, ..Default::default() }).await)) }
        });
        let answers = together(tasks.collect::<Vec<_>>()).await?;
        let holders: Vec<u64> = seats(&db, number).await?.iter().map(|seat| seat.holder).collect();
        ensure!(holders.len() <= 1, "seat {number} is taken by {holders:?}");
        for (holder, answer) in &answers {
            match answer {
                Ok(_) => ensure_eq!(holders, vec![*holder], "who has seat {number}, which {holder} was given"),
                Err(error) if error.is_outcome_unknown() => {}
                Err(error) => {
                    ensure!(error.is_unique_violation() || error.is_unavailable(), "an insert failed: {error}");
                    ensure!(!holders.contains(holder), "{holder} has seat {number} and was told: {error}");
                    let free = holders.is_empty() && error.is_unique_violation();
                    ensure!(!free, "seat {number} is free, and {holder} was told: {error}");
                }
            }
        }
        for _ in 0..10 {
            let _ = db.query::<Seat>().filter(Seat::NUMBER.eq(number)).delete().await;
        }
        ensure!(seats(&db, number).await?.is_empty(), "seat {number} is still taken after its row was deleted");
    }
    Ok(())
}

/// Who has a seat; a lost request may be the reason that this takes some tries.
async fn seats(db: &Database, number: u64) -> Verdict<Vec<Seat>> {
    for _ in 0..10 {
        // Not by the unique index: it would not show a second one.
        if let Ok(seats) = db.query::<Seat>().filter(Seat::NUMBER.eq(number)).ignore_indexes().all().await {
            return Ok(seats);
        }
    }
    Err(Violation::new("a query fails every time"))
}
