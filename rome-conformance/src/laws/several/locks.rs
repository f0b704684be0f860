//! What is prepared stands in the way of others, and of nobody else.

use std::ops::Bound::{Excluded, Included};

use rome_store::{Applied, Blocker, Check, Decision, Effect, IndexId, MiniTx, Read, Space, Span, TableId, TxId};

use crate::client::{
    CLAIMS, Client, HOUR, INDEX, PARTITION, ROWS, SUMS, TABLE, add, delete, entry, prepared, put, scan,
};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

/// Sends it as `One` and as `Prepare`, which is given up again, and says whether it stood in the way of both; others of
/// the lane are not affected. It is a violation if another than `by` stands in the way, or only one of both is answered so.
async fn is_blocked(client: &Client, by: TxId, tx: &MiniTx, what: &str) -> Verdict<bool> {
    let blocked = Applied::Blocked { by: Blocker::new(by, PARTITION, false) };
    let mut answers = Vec::new();
    for prepare in [true, false] {
        let mut tx = tx.clone().id(client.tx(vec![]).id);
        if prepare {
            tx = prepared(&tx, HOUR);
        }
        let outcome = client.apply(tx.clone()).await?;
        let is_expected = matches!(outcome, Applied::Done { .. }) || outcome == blocked;
        ensure!(is_expected, "{what}, as {:?}, was answered {outcome:?}; {by} is prepared", tx.step);
        if prepare && outcome != blocked {
            client.finish(&tx, Decision::Aborted).await?;
        }
        if outcome == blocked {
            ensure_eq!(client.apply(tx).await?, blocked, "the repeat of {what}");
        }
        answers.push(outcome == blocked);
    }
    ensure_eq!(answers[0], answers[1], "whether {what} is blocked, as One and as Prepare");
    Ok(answers[0])
}

/// Both decisions: either unlocks.
async fn finish(client: &Client, tx: &MiniTx, nth: usize) -> Verdict {
    let decision = if nth.is_multiple_of(2) { Decision::Committed } else { Decision::Aborted };
    client.finish(tx, decision).await.map(|_| ())
}

/// **S2** The effects of a prepared transaction are closed to all writers of the same records until it is finished, to nobody
/// else, and on no other partition. Who was refused stays refused.
///
/// # Errors
/// When it does not hold.
pub async fn prepared_effects_are_closed_to_writers(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let other = client.beside(2);
    let rows_elsewhere = Space::Rows(TableId(TABLE.0 + 1));
    let mine = [put(ROWS, "k", "1"), delete(ROWS, "k"), put(CLAIMS, "k", "r"), delete(INDEX, "k"), add("k", 1)];
    for (nth, mine) in mine.into_iter().chain([put(Space::Meta, "k", "1")]).enumerate() {
        let target = mine.target().map(|(space, _)| space).unwrap_or(ROWS);
        let tx = client.tx(vec![mine.clone()]);
        client.prepare(&tx).await?;
        for space in [ROWS, rows_elsewhere, CLAIMS, INDEX, SUMS, Space::Meta] {
            for (key, meets) in [("k", space == target), ("k\0", false), ("j", false)] {
                let add = Effect::Add { space: SUMS, key: key.into(), delta: 1 };
                let theirs = match space {
                    SUMS => add,
                    INDEX => put(space, key, ""),
                    _ => put(space, key, "2"),
                };
                for theirs in [theirs, delete(space, key)] {
                    let what = format!("{theirs:?} beside the prepared {mine:?}");
                    let theirs = other.tx(vec![]).effects(vec![put(ROWS, "first", "1"), theirs]);
                    ensure_eq!(is_blocked(&other, tx.id, &theirs, &what).await?, meets, "whether {what} is blocked");
                }
            }
        }
        let away = client.at(PARTITION).beside(50 + nth as u64);
        away.write(vec![mine.clone()]).await?;
        finish(&client, &tx, nth).await?;
        other.write(vec![mine, delete(target, "k")]).await?;
    }
    Ok(())
}

/// A table with rows and an index, and who asks for what.
async fn fill(client: &Client) -> Verdict<TxId> {
    let row = |key: &'static str| [put(ROWS, key, "1"), put(INDEX, entry(key.as_bytes(), key.as_bytes()), "")];
    let effects = ["a", "b", "c", "d"].into_iter().flat_map(row);
    let (id, _) = client.write(effects.chain([put(CLAIMS, "c", "c")]).collect()).await?;
    Ok(id)
}

/// Checks that hold, and of each, which of the [`writes`] it is about.
async fn checks(client: &Client, id: TxId) -> Verdict<Vec<(Check, [bool; WRITES])>> {
    let span = |space| Span::between(space, Included("b".into()), Excluded("d".into()));
    let version = |space, key: &'static str, expect| Check::Version { space, key: key.into(), expect };
    let mut checks = vec![
        (version(ROWS, "b", Some(id)), [true, false, false, false, false, false, false]),
        (version(ROWS, "bb", None), [false, true, false, false, false, false, false]),
        (version(CLAIMS, "c", Some(id)), [false, false, false, false, false, false, true]),
        (Check::Count { span: span(ROWS), n: 2 }, [true, true, true, false, false, false, false]),
        (Check::Count { span: span(INDEX), n: 2 }, [false, false, false, false, true, false, false]),
    ];
    let rows = Read::ScanRows { index: span(INDEX), table: TABLE, filter: None, want: None, track: true };
    // Rows through an index: it cannot be known which rows the entries point at.
    for (space, through, read, about) in [
        (ROWS, None, scan(span(ROWS)), [true, true, true, false, false, false, false]),
        (INDEX, None, scan(span(INDEX)), [false, false, false, false, true, false, false]),
        (INDEX, Some(TABLE), rows, [true, true, true, true, true, false, false]),
    ] {
        let scanned = client.scan(read).await?;
        let check = Check::Same { span: span(space), rows: through, n: scanned.visited, digest: scanned.digest };
        checks.push((check, about));
    }
    Ok(checks)
}

const WRITES: usize = 7;

fn writes() -> [Effect; WRITES] {
    [
        put(ROWS, "b", "2"),
        put(ROWS, "bb", "2"),
        delete(ROWS, "c"),
        put(ROWS, "d", "2"),
        put(INDEX, entry(b"bb", b"b"), ""),
        put(INDEX, entry(b"d", b"x"), ""),
        delete(CLAIMS, "c"),
    ]
}

/// **S2** What a prepared transaction is going to write, others cannot check, whatever kind of check covers it: a record, a span that it lies
/// in, the rows of its table through an index. Checks that do not cover it are tested as always.
///
/// # Errors
/// When it does not hold.
pub async fn prepared_effects_are_closed_to_who_checks_them(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let (id, other) = (fill(&client).await?, client.beside(2));
    for (at, write) in writes().into_iter().enumerate() {
        let tx = client.tx(vec![write.clone()]);
        client.prepare(&tx).await?;
        for (check, about) in checks(&client, id).await? {
            let what = format!("{check:?} beside the prepared {write:?}");
            for (reads, checks) in [(vec![check.clone()], vec![]), (vec![], vec![check.clone()])] {
                let theirs = other.tx(vec![]).reads(reads).checks(checks);
                let blocked = is_blocked(&other, tx.id, &theirs, &what).await?;
                ensure_eq!(blocked, about[at], "whether {what} is blocked");
            }
        }
        client.finish(&tx, Decision::Aborted).await?;
    }
    Ok(())
}

/// **S2** What a prepared transaction has checked is closed to writers until it is finished, also where there is nothing yet:
/// phantoms. It stays open to others that check the same.
///
/// # Errors
/// When it does not hold.
pub async fn what_was_checked_is_closed_to_writers(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let (id, other) = (fill(&client).await?, client.beside(2));
    let all = checks(&client, id).await?;
    for (nth, (check, about)) in all.iter().enumerate() {
        for (reads, checks) in [(vec![check.clone()], vec![]), (vec![], vec![check.clone()])] {
            let tx = client.tx(vec![]).reads(reads).checks(checks);
            client.prepare(&tx).await?;
            for (write, blocks) in writes().into_iter().zip(about) {
                let what = format!("{write:?} beside the prepared {check:?}");
                // Where nothing forbids it, the write shall fail for a reason of its own and change nothing.
                let fails = Check::Count { span: Span::all(ROWS), n: 99 };
                let theirs = other.tx(vec![]).effects(vec![write]).checks(vec![fails]);
                let outcome = other.apply(prepared(&theirs, HOUR)).await?;
                let blocked = Applied::Blocked { by: Blocker::new(tx.id, PARTITION, false) };
                ensure_eq!(outcome == blocked, *blocks, "whether {what} is blocked; it was answered {outcome:?}");
                let again = other.apply(theirs.id(other.tx(vec![]).id)).await?;
                ensure_eq!(again, outcome, "{what}, as One");
            }
            for (theirs, _) in &all {
                let theirs = other.tx(vec![]).reads(vec![theirs.clone()]);
                let blocked = is_blocked(&other, tx.id, &theirs, "a check").await?;
                ensure!(!blocked, "{:?} is blocked by the prepared {check:?}", theirs.reads);
            }
            finish(&client, &tx, nth).await?;
        }
        // All of it is open again. These two leave everything as it was.
        let unlocked = [put(INDEX, entry(b"b", b"b"), ""), put(INDEX, entry(b"c", b"c"), "")];
        other.write(unlocked.to_vec()).await?;
    }
    Ok(())
}

/// **S2, S6** An unchanged `seq` stands for the reads and not for the locks on what was read: not for those of others, and not for
/// those that the transaction gets itself.
///
/// # Errors
/// When it does not hold.
pub async fn an_unchanged_seq_opens_no_lock(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let (id, other) = (fill(&client).await?, client.beside(2));
    let read = vec![Check::Version { space: ROWS, key: "b".into(), expect: Some(id) }];
    let tx = client.tx(vec![put(ROWS, "b", "2")]);
    client.prepare(&tx).await?;
    let unchanged_since = Some(client.seq().await?);
    let theirs = other.tx(vec![put(ROWS, "mine", "1")]).unchanged_since(unchanged_since).reads(read.clone());
    let blocked = is_blocked(&other, tx.id, &theirs, "a read in an unchanged state").await?;
    ensure!(blocked, "what was read in an unchanged state is not tested for locks");
    client.finish(&tx, Decision::Aborted).await?;

    let unchanged_since = Some(client.seq().await?);
    let tx = client.tx(vec![]).unchanged_since(unchanged_since).reads(read);
    client.prepare(&tx).await?;
    let blocked = is_blocked(&other, tx.id, &other.tx(vec![put(ROWS, "b", "3")]), "a write of what was read").await?;
    ensure!(blocked, "what was read in an unchanged state is not locked");
    client.finish(&tx, Decision::Aborted).await.map(|_| ())
}

/// **S2** A transaction does not stand in its own way: it may write what it checks, and be prepared again.
///
/// # Errors
/// When it does not hold.
pub async fn own_locks_do_not_block(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let id = fill(&client).await?;
    for (check, _) in checks(&client, id).await? {
        let effects = writes().into_iter().chain([put(ROWS, "b", "3")]).collect();
        let tx = client.tx(effects).reads(vec![check.clone()]).checks(vec![check]);
        for _ in 0..2 {
            client.prepare(&tx).await?;
        }
        client.finish(&tx, Decision::Aborted).await?;
    }
    Ok(())
}

/// **S11** The gate is checked by everyone: it cannot be raised while anything at all is prepared, and while its raising is prepared,
/// everyone is in its way.
///
/// # Errors
/// When it does not hold.
pub async fn the_gate_meets_all_that_is_prepared(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let other = client.beside(2);
    let raise = || vec![Effect::RaiseGate { oldest: 1 }];
    let absent = Check::Count { span: Span::all(Space::Index(IndexId(77))), n: 0 };
    let nothing = client.tx(vec![]);
    let checks = client.tx(vec![]).checks(vec![absent.clone()]);
    let reads = client.tx(vec![]).reads(vec![absent]);
    let writes = client.tx(vec![put(ROWS, "a", "1")]);
    for (nth, any) in [nothing, checks, reads, writes].into_iter().enumerate() {
        client.prepare(&any).await?;
        let blocked = is_blocked(&other, any.id, &other.tx(raise()), "raising the gate").await?;
        ensure!(blocked, "the gate can be raised beside the prepared {any:?}");
        client.at(PARTITION).beside(60 + nth as u64).write(raise()).await?;
        finish(&client, &any, nth).await?;
    }
    let raising = client.tx(raise());
    client.prepare(&raising).await?;
    for theirs in [other.tx(vec![put(ROWS, "a", "1")]), other.tx(raise())] {
        let blocked = is_blocked(&other, raising.id, &theirs, "a write").await?;
        ensure!(blocked, "{:?} is not blocked by a gate that is about to be raised", theirs.effects);
    }
    client.finish(&raising, Decision::Committed).await?;
    let stale = other.apply(other.tx(vec![put(ROWS, "a", "1")]).schema(0)).await?;
    ensure_eq!(stale, Applied::StaleSchema { oldest: 1 }, "the answer to an older schema after the gate was raised");
    Ok(())
}
