//! What readers see of a transaction that is prepared: nothing but its name.

use std::ops::Bound::{Excluded, Included};
use std::time::Duration;

use rome_store::{Applied, Blocker, Check, Decision, Effect, IndexId, Read, Reply, Space, Span, TableId, TxId};

use crate::client::{
    CLAIMS, Client, HOUR, INDEX, NO_TIME, PARTITION, ROWS, SUMS, TABLE, add, delete, entry, prepared, put, scan,
};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

const KINDS: usize = 9;

/// Reads of each kind, and their names.
fn reads() -> [(&'static str, Read); KINDS] {
    let span = |space| Span::between(space, Included("b".into()), Excluded("d".into()));
    let Space::Unique(index) = CLAIMS else { unreachable!("claims lie in a unique index") };
    let rows = Read::ScanRows { index: span(INDEX), table: TABLE, filter: None, want: None, track: true };
    // A limit or a number of wanted members does not matter: it would be another read without the transaction.
    let backwards = span(ROWS).reversed(true).limited(Some(1));
    [
        ("a get of a row", Read::Get { space: ROWS, key: "b".into() }),
        ("a get of a sum", Read::Get { space: SUMS, key: "n".into() }),
        ("a get by a claim", Read::GetClaimed { index, columns: "c".into(), table: TABLE }),
        ("a scan of rows", scan(span(ROWS))),
        ("a scan with a limit", scan(backwards)),
        ("a scan of entries", Read::Scan { span: span(INDEX), filter: None, want: Some(1), track: false }),
        ("a scan of rows by entries", rows),
        ("a count of rows", Read::count(span(ROWS))),
        ("a count of entries", Read::count(span(INDEX))),
    ]
}

/// Effects, and which of the [`reads`] they meet.
fn writes() -> [(Effect, [bool; KINDS]); 9] {
    let elsewhere = Space::Rows(TableId(TABLE.0 + 1));
    [
        (put(ROWS, "b", "2"), [true, false, true, true, true, false, true, true, false]),
        (delete(ROWS, "c"), [false, false, true, true, true, false, true, true, false]),
        (put(ROWS, "bb", "2"), [false, false, true, true, true, false, true, true, false]),
        (put(ROWS, "d", "2"), [false, false, true, false, false, false, true, false, false]),
        (put(elsewhere, "b", "2"), [false; KINDS]),
        (add("n", 1), [false, true, false, false, false, false, false, false, false]),
        (delete(CLAIMS, "c"), [false, false, true, false, false, false, false, false, false]),
        (put(INDEX, entry(b"bb", b"b"), ""), [false, false, false, false, false, true, true, false, true]),
        (put(INDEX, entry(b"d", b"b"), ""), [false; KINDS]),
    ]
}

async fn fill(client: &Client) -> Verdict {
    let row = |key: &'static str| [put(ROWS, key, "1"), put(INDEX, entry(key.as_bytes(), key.as_bytes()), "")];
    let effects = ["a", "b", "c", "d"].into_iter().flat_map(row);
    client.write(effects.chain([put(CLAIMS, "c", "c"), add("n", 1)]).collect()).await.map(|_| ())
}

/// All kinds of reads, in one.
async fn look(client: &Client) -> Verdict<(Vec<Reply>, Vec<Blocker>)> {
    let mut reply = client.read(reads().map(|(_, read)| read).to_vec()).await?;
    reply.blockers.sort_by_key(|blocker| blocker.id);
    Ok((reply.replies, reply.blockers))
}

const fn blocker(id: TxId) -> Blocker {
    Blocker::new(id, PARTITION, false)
}

/// **S2** Reads of all kinds show the state without what is prepared, until it is committed.
///
/// # Errors
/// When it does not hold.
pub async fn what_is_prepared_is_not_seen(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    fill(&client).await?;
    let (before, _) = look(&client).await?;
    let effects: Vec<_> =
        writes().map(|(write, _)| write).into_iter().filter(|write| *write != delete(ROWS, "c")).collect();
    for decision in [Decision::Aborted, Decision::Committed] {
        let tx = client.tx(effects.clone());
        client.prepare(&tx).await?;
        for (at, (what, _)) in reads().into_iter().enumerate() {
            ensure_eq!(look(&client).await?.0[at], before[at], "{what} beside a prepared transaction");
        }
        client.finish(&tx, decision).await?;
        let (after, _) = look(&client).await?;
        ensure_eq!(after != before, decision == Decision::Committed, "whether the reads see what was {decision:?}");
    }
    Ok(())
}

/// **S2** A read names every prepared transaction whose effects meet it, each kind of read by what it covers, with its primary,
/// and nobody else: not what is prepared elsewhere, only checked, refused or finished.
///
/// # Errors
/// When it does not hold.
pub async fn reads_name_who_is_in_their_way(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    fill(&client).await?;
    for (nth, (write, meets)) in writes().into_iter().enumerate() {
        let tx = client.tx(vec![write.clone()]);
        client.prepare(&tx).await?;
        for ((what, read), meets) in reads().into_iter().zip(meets) {
            let expected = Vec::from_iter(meets.then_some(blocker(tx.id)));
            let reply = client.read(vec![read.clone()]).await?;
            ensure_eq!(reply.blockers, expected, "the blockers of {what} beside the prepared {write:?}");
            let reply = client.at(PARTITION).read(vec![scan(Span::all(ROWS))]).await?;
            ensure_eq!(reply.blockers, vec![], "the blockers on another partition");
        }
        let refused = client.tx(vec![]).checks(vec![Check::Count { span: Span::all(SUMS), n: 99 }]);
        let decision = if nth % 2 == 0 { Decision::Aborted } else { Decision::Committed };
        client.finish(&tx, decision).await?;
        let outcome = client.apply(prepared(&refused.effects(vec![write]), HOUR)).await?;
        ensure!(matches!(outcome, Applied::Conflict { .. }), "a check that fails was answered {outcome:?}");
        ensure_eq!(client.read(vec![scan(Span::all(ROWS))]).await?.blockers, vec![], "the blockers after {decision:?}");
        client.write(vec![put(ROWS, "c", "1"), put(CLAIMS, "c", "c")]).await?;
    }
    Ok(())
}

/// **S2** Several transactions that are prepared are named all, each once; one that only checked is never named, and a read of
/// nothing names nobody.
///
/// # Errors
/// When it does not hold.
pub async fn reads_name_all_who_are_in_their_way(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    fill(&client).await?;
    let span = Span::all(Space::Index(IndexId(99)));
    let check = client.beside(2).tx(vec![]).reads(vec![Check::Count { span, n: 0 }]);
    client.prepare(&check).await?;
    let mut expected = Vec::new();
    for (lane, key) in [(3, "b"), (4, "bb"), (5, "bbb")] {
        let tx = client.beside(lane).tx(vec![put(ROWS, key, "2"), put(INDEX, entry(key.as_bytes(), b"b"), "")]);
        client.prepare(&tx).await?;
        expected.push(blocker(tx.id));
    }
    ensure_eq!(look(&client).await?.1, expected, "the blockers of all reads beside three transactions");
    ensure_eq!(client.read(vec![]).await?.blockers, vec![], "the blockers of no reads");
    let last = expected.split_off(2);
    let narrow = Span::between(ROWS, Excluded("bb".into()), Excluded("c".into()));
    ensure_eq!(
        client.read(vec![Read::count(narrow)]).await?.blockers,
        last,
        "the blockers of a read of what one writes"
    );
    Ok(())
}

/// A blocker is said to be expired when its lease is over, in reads and in refusals, and not before; asking does not end it.
///
/// # Errors
/// When it does not hold.
pub async fn a_blocker_expires_with_its_lease(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    for (nth, lease) in [HOUR, NO_TIME, 20].into_iter().enumerate() {
        let key = ["a", "b", "c"][nth];
        let tx = client.beside(10 + nth as u64).tx(vec![put(ROWS, key, "1")]);
        let outcome = client.apply(prepared(&tx, lease)).await?;
        ensure!(matches!(outcome, Applied::Done { .. }), "a Prepare for {lease} ms was answered {outcome:?}");
        let expected = blocker(tx.id).expired(lease != HOUR);
        let mut named = named(&client, key).await?;
        for _ in 0..1000 {
            // The short lease ends at some time.
            if named == [expected; 2] {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            named = self::named(&client, key).await?;
        }
        ensure_eq!(named, [expected; 2], "who blocks a read and a write, prepared for {lease} ms");
        // It is still prepared.
        client.finish(&tx, Decision::Committed).await?;
        ensure!(client.get(ROWS, key).await?.is_some(), "what was prepared for {lease} ms was not carried out");
    }
    Ok(())
}

/// The blocker of a read and of a write.
async fn named(client: &Client, key: &'static str) -> Verdict<[Blocker; 2]> {
    let blockers = client.read(vec![Read::Get { space: ROWS, key: key.into() }]).await?.blockers;
    ensure_eq!(blockers.len(), 1, "the number of blockers of a read of one row that is prepared");
    match client.apply(client.tx(vec![delete(ROWS, key)])).await? {
        Applied::Blocked { by } => Ok([blockers[0], by]),
        other => Err(crate::Violation::new(format!("a write of a row that is prepared was answered {other:?}"))),
    }
}
