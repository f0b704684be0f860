//! S7, S12 and S15: what is refused leaves nothing, and errors say what is known.

use bytes::Bytes;
use rome_store::{
    Applied, Certainty, Check, Effect, MiniTx, Read, ReadOptions, Span, Step, StoreErrorKind, StoreResult,
};

use crate::client::{Client, INDEX, PARTITION, ROWS, SUMS, add, delete, put, scan};
use crate::together::together;
use crate::verdict::{Violation, ensure, ensure_eq};
use crate::{Subject, Verdict};

/// **S7** Several clients write rows of their own: what was answered as done is there, what certainly failed or was
/// refused is not, and only of what is unknown may either be true. On a store that loses no answers this is easy; put
/// one under it that does.
///
/// # Errors
/// When it does not hold.
pub async fn outcomes_are_honest(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let writers = (1..5).map(|lane| {
        let client = Client::new(store.clone(), lane);
        async move {
            let mut answers = Vec::new();
            for n in 0..25 {
                let key = Bytes::from(format!("{lane}/{n}"));
                let expect = if n % 5 == 4 { Some(rome_store::TxId { lane: 99, seq: 99 }) } else { None };
                let check = Check::Version { space: ROWS, key: key.clone(), expect };
                let tx = client.tx(vec![put(ROWS, key.clone(), "1")]).checks(vec![check]);
                answers.push((key, client.try_apply(tx).await));
                tokio::task::yield_now().await;
            }
            Ok(answers)
        }
    });
    let answers = together(writers.collect::<Vec<_>>()).await?;
    let there: std::collections::BTreeSet<Bytes> =
        Client::new(store, 90).contents(ROWS).await?.into_iter().map(|(key, _)| key).collect();
    for (key, answer) in answers.into_iter().flatten() {
        let expected = match &answer {
            Ok(outcome) => matches!(outcome, Applied::Done { .. }),
            Err(error) if error.certainty() == Certainty::NotApplied => false,
            Err(_) => continue,
        };
        ensure_eq!(there.contains(&key), expected, "whether {key:?} is there after {answer:?}");
    }
    Ok(())
}

/// The rows and the counter before and after something that must be refused.
async fn is_refused(client: &Client, tx: MiniTx, kind: StoreErrorKind, what: &str) -> Verdict {
    let before = (client.contents(ROWS).await?, client.contents(SUMS).await?);
    let answer: StoreResult<Applied> = client.try_apply(tx).await;
    let Err(error) = answer else {
        ensure!(false, "{what} was answered {answer:?}");
        return Ok(());
    };
    ensure_eq!((error.kind(), error.certainty()), (kind, Certainty::NotApplied), "the error of {what}, {error},");
    ensure!(!error.to_string().is_empty(), "the error of {what} says nothing");
    let after = (client.contents(ROWS).await?, client.contents(SUMS).await?);
    ensure_eq!(after, before, "the contents after {what} was refused");
    Ok(())
}

/// **S7** A check that fails, whatever stands beside it, leaves all effects undone, also those that come first.
///
/// # Errors
/// When it does not hold.
pub async fn a_refusal_leaves_nothing(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let (id, _) = client.write(vec![put(ROWS, "a", "1"), add("n", 1)]).await?;
    let holds = Check::Version { space: ROWS, key: "a".into(), expect: Some(id) };
    let fails = Check::Version { space: ROWS, key: "a".into(), expect: None };
    for (reads, checks) in [
        (vec![fails.clone()], vec![]),
        (vec![], vec![fails.clone()]),
        (vec![holds.clone(), fails.clone()], vec![]),
        (vec![holds.clone()], vec![holds, fails]),
    ] {
        let effects = vec![delete(ROWS, "a"), put(ROWS, "b", "1"), add("n", 1)];
        let outcome = client.apply(client.tx(effects).reads(reads).checks(checks)).await?;
        ensure!(matches!(outcome, Applied::Conflict { .. }), "a failing check was answered {outcome:?}");
        ensure_eq!(client.contents(ROWS).await?, vec![("a".into(), "1".into())], "the rows after a conflict");
        ensure_eq!(client.sum("n").await?, 1, "the counter after a conflict");
    }
    Ok(())
}

/// **S12** A counter that would overflow, upwards or downwards, at once or by a sum of additions, refuses everything.
///
/// # Errors
/// When it does not hold.
pub async fn an_overflow_leaves_nothing(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    client.write(vec![put(ROWS, "a", "1"), add("high", i128::MAX - 1), add("low", i128::MIN)]).await?;
    for overflows in [vec![add("high", 2)], vec![add("low", -1)], vec![add("high", 1), add("high", 1)]] {
        let mut effects = vec![delete(ROWS, "a"), put(ROWS, "b", "1"), add("other", 1)];
        effects.extend(overflows);
        is_refused(&client, client.tx(effects), StoreErrorKind::Overflow, "an overflow").await?;
    }
    client.write(vec![add("high", 1), add("high", -1), add("low", 1)]).await?;
    ensure_eq!(client.sum("high").await?, i128::MAX - 1, "a counter at its top");
    ensure_eq!(client.sum("low").await?, i128::MIN + 1, "a counter at its bottom");
    client.write(vec![delete(SUMS, "high"), add("high", -3)]).await?;
    ensure_eq!(client.sum("high").await?, -3, "a counter that was removed starts at zero");
    Ok(())
}

/// **S12** A key, a value, a number of effects over the limit is refused as such, and what comes before it is not
/// applied either; a key at the limit is taken.
///
/// # Errors
/// When it does not hold.
pub async fn what_is_over_a_limit_is_refused(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let limits = client.store.capabilities().clone();
    let long = |n| Bytes::from(vec![b'k'; n]);
    client.write(vec![put(ROWS, long(limits.max_key), "1")]).await?;
    ensure_eq!(client.contents(ROWS).await?.len(), 1, "rows after one with the longest key");
    let over = [
        ("a put of a key that is too long", put(ROWS, long(limits.max_key + 1), "1")),
        ("an addition to a key that is too long", Effect::Add { space: SUMS, key: long(limits.max_key + 1), delta: 1 }),
        ("a value that is too long", put(ROWS, "v", long(limits.max_value + 1))),
    ];
    for (what, effect) in over {
        let effects = vec![put(ROWS, "before", "1"), effect, put(ROWS, "after", "1")];
        is_refused(&client, client.tx(effects), StoreErrorKind::Limit, what).await?;
    }
    let many = vec![delete(ROWS, "none"); limits.max_effects + 1];
    is_refused(&client, client.tx(many), StoreErrorKind::Limit, "too many effects").await
}

/// **S15** What only a later contract has is refused, alone and beside what is known. An unknown check that passed would
/// be a lost update.
///
/// # Errors
/// When it does not hold.
pub async fn what_is_not_known_is_refused(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let (id, _) = client.write(vec![put(ROWS, "a", "1")]).await?;
    let holds = Check::Version { space: ROWS, key: "a".into(), expect: Some(id) };
    let effects = || vec![put(ROWS, "b", "1"), add("n", 1)];
    let later = || Check::Later(ROWS);
    let seq = Some(client.seq().await?);
    for (what, tx) in [
        ("an unknown read", client.tx(effects()).reads(vec![holds.clone(), later()])),
        ("an unknown read of an unchanged state", client.tx(effects()).reads(vec![later()]).unchanged_since(seq)),
        ("an unknown check", client.tx(effects()).checks(vec![later(), holds.clone()])),
        ("an unknown check without effects", client.tx(vec![]).checks(vec![later()])),
        ("an unknown effect", client.tx([effects(), vec![Effect::Later]].concat())),
        ("an unknown effect alone", client.tx(vec![Effect::Later])),
        ("an unknown step", client.tx(effects()).step(Step::Later)),
        ("an unknown step of nothing", client.tx(vec![]).step(Step::Later)),
    ] {
        is_refused(&client, tx.clone(), StoreErrorKind::Invalid, what).await?;
        let known = MiniTx::one(tx.id).effects(vec![add("known", 1)]);
        ensure!(
            matches!(client.apply(known).await?, Applied::Done { .. }),
            "{what} has left a trace of its transaction"
        );
    }
    let get = || Read::Get { space: ROWS, key: "a".into() };
    for (what, reads) in [
        ("an unknown read", vec![Read::Later(ROWS)]),
        ("an unknown read among others", vec![get(), Read::Later(ROWS), get()]),
        ("an unknown read behind a scan", vec![scan(Span::all(ROWS)), Read::Later(INDEX)]),
    ] {
        for options in [ReadOptions::new(), ReadOptions::new().tracked(false)] {
            let answer = client.store.read(&[(PARTITION, reads.clone())], options).await;
            let Err(error) = answer else { return Err(Violation::new(format!("{what} was answered {answer:?}"))) };
            ensure_eq!(error.kind(), StoreErrorKind::Invalid, "the error of {what}, {error},");
        }
    }
    Ok(())
}
