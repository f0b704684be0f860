//! S4: the same transaction again, late or at the same time.

use rome_store::{Applied, Check, CheckRef, Decision, Effect, MiniTx, TxId};

use crate::client::{Client, ROWS, add, delete, holds, put};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

/// **S4** A repeat has no effect, whatever happened in between: one that was applied is answered as committed, one that
/// was refused with the same refusal, even if nothing forbids it any more.
///
/// # Errors
/// When it does not hold.
pub async fn a_repeat_has_no_effect_and_gives_the_recorded_outcome(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let other = Client::new(client.store.clone(), 2);
    let absent = Check::Version { space: ROWS, key: "a".into(), expect: None };
    let applied = client.tx(vec![put(ROWS, "a", "1"), add("n", 1)]).checks(vec![absent.clone()]);
    ensure!(matches!(client.apply(applied.clone()).await?, Applied::Done { .. }), "the first time was refused");
    ensure_eq!(client.apply(applied.clone()).await?, Applied::Already(Decision::Committed), "the repeat");
    other.write(vec![delete(ROWS, "a")]).await?;
    ensure_eq!(client.apply(applied).await?, Applied::Already(Decision::Committed), "a repeat after another write");
    ensure_eq!(client.get(ROWS, "a").await?, None, "the row after the repeat");

    other.write(vec![put(ROWS, "a", "2")]).await?;
    let refused = client.tx(vec![put(ROWS, "a", "3"), add("n", 1)]).checks(vec![holds(), absent]);
    let conflict = Applied::Conflict { check: CheckRef::Check(1) };
    ensure_eq!(client.apply(refused.clone()).await?, conflict, "the answer to a failing check");
    other.write(vec![delete(ROWS, "a")]).await?;
    ensure_eq!(client.apply(refused).await?, conflict, "its repeat when the check would hold");

    other.write(vec![Effect::RaiseGate { oldest: 1 }]).await?;
    let stale = client.tx(vec![add("n", 1)]).schema(0);
    for time in ["first", "second"] {
        ensure_eq!(client.apply(stale.clone()).await?, Applied::StaleSchema { oldest: 1 }, "the {time} answer");
    }
    ensure_eq!(client.sum("n").await?, 1, "the counter after all repeats");
    Ok(())
}

/// **S4** A transaction that arrives after a later one of its lane has no effect and is answered as aborted; other
/// lanes do not matter.
///
/// # Errors
/// When it does not hold.
pub async fn a_late_transaction_is_aborted(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let at = |lane, seq| MiniTx::one(TxId { lane, seq }).effects(vec![add("n", 1)]);
    ensure!(matches!(client.apply(at(5, 10)).await?, Applied::Done { .. }), "the later one was refused");
    for time in ["first", "second"] {
        ensure_eq!(client.apply(at(5, 9)).await?, Applied::Already(Decision::Aborted), "the late one, {time} time");
    }
    ensure_eq!(client.apply(at(5, 10)).await?, Applied::Already(Decision::Committed), "the later one again");
    ensure!(matches!(client.apply(at(6, 9)).await?, Applied::Done { .. }), "another lane was refused");
    ensure!(matches!(client.apply(at(5, 11)).await?, Applied::Done { .. }), "the next one was refused");
    ensure_eq!(client.sum("n").await?, 3, "the counter");
    Ok(())
}

/// **S4** Of copies of a transaction that arrive at the same time exactly one is applied, and all are answered as
/// committed.
///
/// # Errors
/// When it does not hold.
pub async fn one_of_many_simultaneous_copies_is_applied(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    for round in 1..=10 {
        let tx = client.tx(vec![add("n", 1)]);
        let copies = (0..6).map(|_| {
            let (client, tx) = (Client::new(client.store.clone(), 1), tx.clone());
            async move { client.apply(tx).await }
        });
        let outcomes = together(copies.collect::<Vec<_>>()).await?;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Applied::Done { .. })).count();
        let already = outcomes.iter().filter(|outcome| **outcome == Applied::Already(Decision::Committed)).count();
        ensure!(done == 1 && already == 5, "six copies of one transaction were answered {outcomes:?}");
        ensure_eq!(client.sum("n").await?, round, "the counter after six copies in each of {round} rounds");
    }
    Ok(())
}
