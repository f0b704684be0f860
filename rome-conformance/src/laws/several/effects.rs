//! What is carried out in the end is what was prepared, and nothing that should have been refused gets prepared.

use bytes::Bytes;
use rome_store::{
    Applied, Certainty, Check, CheckRef, Decision, Effect, MiniTx, Read, Reply, Space, StoreErrorKind, TxId,
};

use crate::client::{CLAIMS, Client, HOUR, INDEX, ROWS, SUMS, add, delete, entry, finished, holds, prepared, put};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

const SPACES: [Space; 5] = [ROWS, INDEX, CLAIMS, SUMS, Space::Meta];

/// Everything, with versions.
async fn everything(client: &Client) -> Verdict<Vec<(Bytes, TxId, Bytes)>> {
    let mut all = Vec::new();
    for space in SPACES {
        let scanned = client.scan(crate::client::scan(rome_store::Span::all(space))).await?;
        let bytes = Bytes::copy_from_slice;
        all.extend(scanned.iter().map(|record| (bytes(record.key), record.version, bytes(record.value))));
    }
    Ok(all)
}

/// **S1** `Finish` carries out exactly the effects that were prepared, in their order, with the id of the transaction as the version, as `One` would
/// have; or nothing at all, if that is the decision.
///
/// # Errors
/// When it does not hold.
pub async fn finish_does_what_was_prepared(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let (prepares, does) = (client, Client::alone(subject).await?);
    let setup = vec![put(ROWS, "a", "1"), put(ROWS, "b", "1"), put(INDEX, entry(b"x", b"a"), ""), add("n", 5)];
    let effects = vec![
        put(ROWS, "a", "2"),
        delete(ROWS, "b"),
        put(ROWS, "c", "3"),
        delete(ROWS, "c"),
        put(ROWS, "c", "4"),
        delete(INDEX, entry(b"x", b"a")),
        put(INDEX, entry(b"y", b"a"), ""),
        put(CLAIMS, "k", "a"),
        put(Space::Meta, "m", "1"),
        delete(Space::Meta, "none"),
        add("n", -7),
        add("n", 1),
        add("fresh", i128::MAX),
    ];
    let does = does.1;
    for client in [&prepares, &does] {
        client.write(setup.clone()).await?;
    }
    let before = everything(&prepares).await?;
    let given_up = prepares.tx(effects.clone());
    prepares.prepare(&given_up).await?;
    prepares.finish(&given_up, Decision::Aborted).await?;
    ensure_eq!(everything(&prepares).await?, before, "all that is there after Finish(Aborted)");

    let tx = prepares.tx(effects);
    prepares.prepare(&tx).await?;
    prepares.finish(&tx, Decision::Committed).await?;
    does.apply(tx.clone()).await?;
    ensure_eq!(everything(&prepares).await?, everything(&does).await?, "all that is there after Finish(Committed)");
    let row = prepares.get(ROWS, "c").await?;
    ensure_eq!(row, Some((tx.id, "4".into())), "the row that was put, removed and put again");
    ensure_eq!(prepares.sum("n").await?, -1, "the counter");
    Ok(())
}

/// **S12** What a sum comes to is settled by `Prepare`: an overflow is refused then and leaves no lock and no record, so that another try of
/// the same transaction may go on; and nobody can change the counter before `Finish`.
///
/// # Errors
/// When it does not hold.
pub async fn sums_are_settled_when_prepared(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let other = client.beside(2);
    client.write(vec![add("high", i128::MAX - 1)]).await?;
    let over = client.tx(vec![put(ROWS, "a", "1"), add("high", 1), add("high", 1)]);
    for _ in 0..2 {
        refused(&client, prepared(&over, HOUR), StoreErrorKind::Overflow, "a sum that overflows").await?;
    }
    other.write(vec![put(ROWS, "a", "2"), add("high", -1)]).await?;
    client.prepare(&over).await?;
    ensure_eq!(client.sum("high").await?, i128::MAX - 2, "a counter to which an addition is prepared");
    let outcome = other.apply(other.tx(vec![add("high", 1)])).await?;
    ensure!(matches!(outcome, Applied::Blocked { .. }), "an addition beside a prepared one was answered {outcome:?}");
    client.finish(&over, Decision::Committed).await?;
    ensure_eq!(client.sum("high").await?, i128::MAX, "a counter after what was prepared");
    Ok(())
}

async fn refused(client: &Client, tx: MiniTx, kind: StoreErrorKind, what: &str) -> Verdict {
    let before = (everything(client).await?, client.seq().await?);
    match client.try_apply(tx).await {
        Err(error) => {
            ensure_eq!((error.kind(), error.certainty()), (kind, Certainty::NotApplied), "the error of {what}")
        }
        Ok(outcome) => return Err(Violation::new(format!("{what} was prepared: {outcome:?}"))),
    }
    ensure_eq!((everything(client).await?, client.seq().await?), before, "what is there, and the seq, after {what}");
    let all = SPACES.map(|space| crate::client::scan(rome_store::Span::all(space)));
    ensure_eq!(client.read(all.to_vec()).await?.blockers, vec![], "the blockers after {what} was refused");
    Ok(())
}

/// **S12** What is over a limit is refused when it is prepared, and leaves no lock and no record.
///
/// # Errors
/// When it does not hold.
pub async fn what_is_over_a_limit_is_not_prepared(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let limits = client.store.capabilities().clone();
    let long = |n| Bytes::from(vec![b'k'; n]);
    let over = [
        ("a put of a key that is too long", vec![put(ROWS, long(limits.max_key + 1), "1")]),
        (
            "an addition to a key that is too long",
            vec![Effect::Add { space: SUMS, key: long(limits.max_key + 1), delta: 1 }],
        ),
        ("a value that is too long", vec![put(ROWS, "v", long(limits.max_value + 1))]),
        ("too many effects", vec![delete(ROWS, "none"); limits.max_effects + 1]),
    ];
    let id = client.tx(vec![]).id;
    for (what, effects) in over {
        let effects = [vec![put(ROWS, "before", "1")], effects].concat();
        refused(&client, prepared(&MiniTx::one(id).effects(effects), HOUR), StoreErrorKind::Limit, what).await?;
    }
    let longest = MiniTx::one(id).effects(vec![put(ROWS, long(limits.max_key), "1")]);
    client.prepare(&longest).await?;
    client.finish(&longest, Decision::Committed).await?;
    ensure_eq!(everything(&client).await?.len(), 1, "records after one with the longest key");
    Ok(())
}

/// **S3, S11** `Prepare` tests the gate, the reads and the checks as `One` does, names the first that fails, locks nothing then, and
/// is refused ever after.
///
/// # Errors
/// When it does not hold.
pub async fn prepare_tests_what_one_tests(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let (id, seq) = client.write(vec![put(ROWS, "a", "1"), Effect::RaiseGate { oldest: 3 }]).await?;
    let is_there = || Check::Version { space: ROWS, key: "a".into(), expect: Some(id) };
    let is_absent = || Check::Version { space: ROWS, key: "a".into(), expect: None };
    let tx = || client.tx(vec![put(ROWS, "b", "1"), add("n", 1)]).schema(3);
    let conflict = |check| Some(Applied::Conflict { check });
    let stale = tx().schema(2).reads(vec![is_absent()]);
    let cases = [
        (stale, Some(Applied::StaleSchema { oldest: 3 })),
        (tx().reads(vec![is_there(), is_absent()]), conflict(CheckRef::Read(1))),
        (tx().checks(vec![holds(), is_absent()]), conflict(CheckRef::Check(1))),
        (tx().reads(vec![is_absent()]).checks(vec![is_absent()]), conflict(CheckRef::Read(0))),
        (tx().unchanged_since(Some(seq)).checks(vec![is_absent()]), conflict(CheckRef::Check(0))),
        (tx().unchanged_since(Some(seq + 1)).reads(vec![is_absent()]), conflict(CheckRef::Read(0))),
        (tx().unchanged_since(Some(seq)).reads(vec![is_absent()]), None),
    ];
    for (tx, refusal) in cases {
        let what = format!("{:?} and {:?}, unchanged since {:?}", tx.reads, tx.checks, tx.unchanged_since);
        let outcome = client.apply(prepared(&tx, HOUR)).await?;
        let Some(refusal) = refusal else {
            ensure!(matches!(outcome, Applied::Done { .. }), "{what} was answered {outcome:?}");
            continue;
        };
        ensure_eq!(outcome, refusal, "the answer to {what}");
        ensure_eq!(client.apply(prepared(&tx, HOUR)).await?, refusal, "the repeat of {what}");
        let reply = client.read(vec![Read::Get { space: ROWS, key: "b".into() }]).await?;
        ensure_eq!((reply.replies, reply.blockers), (vec![Reply::Record(None)], vec![]), "the row after {what}");
        let finished = client.apply(finished(tx.id, Decision::Committed)).await?;
        ensure_eq!(finished, Applied::Already(Decision::Aborted), "the answer to Finish after {what}");
    }
    Ok(())
}

/// **S6** A `Prepare` with effects raises the `seq`, and `Finish` raises it once more when it carries them out; a `Prepare` without effects and one that is
/// repeated leave it.
///
/// # Errors
/// When it does not hold.
pub async fn prepare_with_effects_raises_the_seq(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let (_, before) = client.write(vec![put(ROWS, "a", "1")]).await?;
    let check = client.tx(vec![]).checks(vec![holds()]);
    ensure_eq!(client.prepare(&check).await?, before, "the seq answered to a Prepare without effects");
    ensure_eq!(client.seq().await?, before, "the seq after a Prepare without effects");
    client.finish(&check, Decision::Aborted).await?;
    ensure_eq!(client.seq().await?, before, "the seq after it was given up");
    let effects = [put(ROWS, "a", "1"), delete(ROWS, "none"), put(INDEX, entry(b"x", b"a"), ""), add("n", 1)];
    let mut last = before;
    for (effect, decision) in
        effects.into_iter().flat_map(|one| [(one.clone(), Decision::Aborted), (one, Decision::Committed)])
    {
        let what = format!("{effect:?}");
        let tx = client.tx(vec![effect]);
        let seq = client.prepare(&tx).await?;
        ensure!(seq > last, "a Prepare of {what} left the seq at {seq}, it was {last}");
        ensure_eq!(client.seq().await?, seq, "the seq read after a Prepare of {what}");
        client.prepare(&tx).await?;
        ensure_eq!(client.seq().await?, seq, "the seq after a repeated Prepare of {what}");
        let finished = client.finish(&tx, decision).await?;
        ensure_eq!(client.seq().await?, finished, "the seq read after Finish({decision:?}) of {what}");
        let is_raised = if decision == Decision::Committed { finished > seq } else { finished == seq };
        ensure!(is_raised, "Finish({decision:?}) of {what} left the seq at {finished}, it was {seq}");
        last = finished;
    }
    Ok(())
}
