//! S13: spaces that are retired.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rome_store::{
    Decision, Effect, IndexId, Partition, Read, ReadOptions, ReadReply, Reply, Space, Span, StoreErrorKind, StoreResult,
};

use crate::client::{CLAIMS, Client, INDEX, PARTITION, ROWS, SUMS, TABLE, add, delete, entry, put, scan};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

/// An index without any entry.
const EMPTY: Space = Space::Index(IndexId(81));

fn retire(space: Space) -> Effect {
    Effect::Retire { space }
}

/// Reads of each kind that look into a space of an index.
fn reads_of(space: Space) -> Vec<Read> {
    let get = |key: &'static str| Read::Get { space, key: key.into() };
    let mut reads = vec![get("n"), get("absent"), scan(Span::all(space)), Read::count(Span::all(space))];
    match space {
        Space::Index(_) => {
            reads[0] = Read::Get { space, key: entry(b"x", b"a") };
            let index = Span::all(space);
            reads.push(Read::ScanRows { index, table: TABLE, filter: None, want: None, track: true });
        }
        Space::Unique(index) => reads.push(Read::GetClaimed { index, columns: "c".into(), table: TABLE }),
        _ => {}
    }
    reads
}

async fn read(client: &Client, at: Partition, reads: Vec<Read>, how: ReadOptions) -> StoreResult<Vec<ReadReply>> {
    client.store.read(&[(at, reads)], how).await
}

/// Whether each kind of read of a space is refused, alone and with others, strict and untracked.
async fn is_refused(client: &Client, space: Space, when: &str) -> Verdict {
    for one in reads_of(space) {
        for how in [ReadOptions::new(), ReadOptions::new().tracked(false)] {
            let rows = Read::Get { space: ROWS, key: "a".into() };
            for reads in [vec![one.clone()], vec![rows, one.clone()], vec![one.clone(), one.clone()]] {
                match read(client, PARTITION, reads.clone(), how).await {
                    Err(error) if error.kind() == StoreErrorKind::Retired => {
                        ensure_eq!(error.retired_space(), Some(space), "what is retired {when}, by {reads:?}");
                    }
                    other => return Err(Violation::new(format!("{when}, {how:?} {reads:?} was answered {other:?}"))),
                }
            }
        }
    }
    Ok(())
}

/// Whether each kind of read of a space is answered.
async fn is_answered(client: &Client, space: Space, when: &str) -> Verdict {
    for one in reads_of(space) {
        for how in [ReadOptions::new(), ReadOptions::new().tracked(false), ReadOptions::new().retired(true)] {
            let answer = read(client, PARTITION, vec![one.clone()], how).await;
            ensure!(answer.is_ok(), "{when}, {how:?} {one:?} was answered {answer:?}");
        }
    }
    Ok(())
}

async fn fill(client: &Client) -> Verdict {
    let effects = vec![put(ROWS, "a", "1"), put(INDEX, entry(b"x", b"a"), ""), put(CLAIMS, "c", "a"), add("n", 1)];
    client.write(effects).await.map(|_| ())
}

/// **S13** A space that is retired is not read any more, by no kind of read, by nobody, also when it is empty, when there are entries
/// without their rows, and after the store was opened again; other spaces are read as before. Who removes what is left reads it
/// with [`ReadOptions::retired`].
///
/// # Errors
/// When it does not hold.
pub async fn what_is_retired_is_not_read(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let client = Client::new(subject.open(&place).await?, 1);
    fill(&client).await?;
    let spaces = [SUMS, EMPTY, CLAIMS, INDEX];
    for (nth, space) in spaces.iter().enumerate() {
        is_answered(&client, *space, "before it is retired").await?;
        client.write(vec![retire(*space)]).await?;
        for known in spaces.get(..=nth).unwrap_or_default() {
            is_refused(&client, *known, "after it was retired").await?;
        }
    }
    let live = Space::Index(IndexId(82));
    is_answered(&client, live, "beside what is retired").await?;
    ensure_eq!(client.contents(ROWS).await?.len(), 1, "the rows beside what is retired");
    // An entry and a claim without their row are no damage there.
    client.write(vec![delete(ROWS, "a"), retire(INDEX)]).await?;
    for space in spaces {
        is_refused(&client, space, "after its row was deleted").await?;
    }
    let left = read(&client, PARTITION, vec![scan(Span::all(INDEX))], ReadOptions::new().retired(true)).await?.pop();
    match left.and_then(|mut reply| reply.replies.pop()) {
        Some(Reply::Scanned(scanned)) => ensure_eq!(scanned.len(), 1, "what is left of the index"),
        other => return Err(Violation::new(format!("a scan of what is retired was answered {other:?}"))),
    }
    let persistent = client.store.capabilities().persistent;
    let mut other = client.beside(2);
    if persistent {
        drop(client);
        other = Client::new(
            {
                drop(other);
                subject.open(&place).await?
            },
            2,
        );
    }
    // One that knows nothing of it removes what is left.
    other.write(vec![delete(INDEX, entry(b"x", b"a")), delete(CLAIMS, "c"), delete(SUMS, "n")]).await?;
    for space in spaces {
        is_refused(&other, space, "after all was removed from it").await?;
    }
    is_answered(&other, live, "after all").await
}

/// **S13** Only spaces of indexes are retired.
///
/// # Errors
/// When it does not hold.
pub async fn rows_are_not_retired(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    fill(&client).await?;
    for space in [ROWS, Space::Meta] {
        let refused = client.try_apply(client.tx(vec![put(ROWS, "b", "1"), retire(space)])).await;
        let kind = refused.as_ref().err().map(rome_store::StoreError::kind);
        ensure_eq!(kind, Some(StoreErrorKind::Invalid), "the answer to retiring {space:?}, which was {refused:?}");
    }
    ensure_eq!(client.contents(ROWS).await?.len(), 1, "the rows after it");
    Ok(())
}

/// **S13** While a space is retired and then emptied, others read it: each answer is all of it or the refusal.
///
/// # Errors
/// When it does not hold.
pub async fn who_reads_while_it_is_retired_reads_all_or_nothing(subject: &impl Subject) -> Verdict {
    const ENTRIES: u8 = 8;
    const READERS: u64 = 2;
    let (_place, client) = Client::alone(subject).await?;
    let entries = || (0..ENTRIES).map(|n| entry(b"x", &[n + 1]));
    client.write(entries().map(|key| put(INDEX, key, "")).collect()).await?;
    let (stop, reading) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let readers = [ReadOptions::new(), ReadOptions::new().tracked(false)].map(|how| {
        let (client, stop, reading) = (client.beside(9), stop.clone(), reading.clone());
        async move {
            let (count, all) = (Read::count(Span::all(INDEX)), scan(Span::all(INDEX)));
            let mut answers = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                for read in [&count, &all] {
                    let n = match client.store.read(&[(PARTITION, vec![read.clone()])], how).await {
                        Err(error) if error.kind() == StoreErrorKind::Retired => continue,
                        answer => match answer?.pop().and_then(|mut reply| reply.replies.pop()) {
                            Some(Reply::Count(counted)) => counted.n,
                            Some(Reply::Scanned(scanned)) => scanned.len() as u64,
                            other => return Err(Violation::new(format!("a read was answered {other:?}"))),
                        },
                    };
                    ensure_eq!(n, u64::from(ENTRIES), "the entries that {how:?} {read:?} showed");
                    answers += 1;
                }
                if answers == 2 {
                    reading.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    });
    let readers = tokio::spawn(together(readers.into_iter().collect::<Vec<_>>()));
    while reading.load(Ordering::SeqCst) < READERS && !readers.is_finished() {
        client.write(vec![put(ROWS, "b", "1")]).await?;
        tokio::task::yield_now().await;
    }
    client.write(vec![retire(INDEX)]).await?;
    for key in entries() {
        client.write(vec![delete(INDEX, key)]).await?;
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    readers.await.map_err(|panic| Violation::new(panic.to_string()))??;
    Ok(())
}

/// **S13** A prepared transaction that retires a space is named to who reads it, and to nobody else; it takes effect when it is
/// finished.
///
/// # Errors
/// When it does not hold.
pub async fn a_prepared_retirement_is_named_to_readers(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    fill(&client).await?;
    let by = |reply: &ReadReply| reply.blockers.iter().map(|blocker| blocker.id).collect::<Vec<_>>();
    for (nth, (decision, space)) in
        [(Decision::Aborted, INDEX), (Decision::Committed, INDEX), (Decision::Committed, CLAIMS)]
            .into_iter()
            .enumerate()
    {
        let tx = client.tx(vec![retire(space)]);
        client.prepare(&tx).await?;
        for read in reads_of(space) {
            ensure_eq!(by(&client.read(vec![read.clone()]).await?), [tx.id], "who is in the way of {read:?}");
        }
        for read in [Read::Get { space: ROWS, key: "a".into() }, Read::count(Span::all(SUMS))] {
            ensure_eq!(by(&client.read(vec![read.clone()]).await?), [], "who is in the way of {read:?}");
        }
        if decision == Decision::Committed {
            client.at(PARTITION).beside(70 + nth as u64).write(vec![put(ROWS, "p", "1")]).await?;
        }
        client.finish(&tx, decision).await?;
        let after = client.store.read(&[(crate::client::AWAY, reads_of(space))], ReadOptions::new()).await;
        let retired = matches!(&after, Err(error) if error.retired_space() == Some(space));
        ensure_eq!(
            retired,
            decision == Decision::Committed,
            "whether {space:?} is retired after {decision:?}: {after:?}"
        );
    }
    Ok(())
}
