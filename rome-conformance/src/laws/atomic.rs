//! S1 and S10: all or nothing, whoever looks and whoever goes away.

use std::pin::pin;
use std::sync::{Arc, Weak};

use futures::FutureExt;
use futures::future::BoxFuture;
use rome_store::{Applied, ApplyOptions, Decision, Durability, MiniTx, Read, Reply, Span};

use crate::client::{Client, INDEX, PARTITION, ROWS, SUMS, add, delete, entry, put, scan};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// **S1** While one client rewrites five rows, an index entry and a counter in each apply, others see them agree.
///
/// # Errors
/// When it does not hold.
pub async fn an_apply_is_seen_whole_or_not_at_all(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let (store, writing) = (client.store.clone(), Arc::new(()));
    let mut tasks: Vec<BoxFuture<'static, Verdict>> = Vec::new();
    for lane in 2..5 {
        tasks.push(reader(Client::new(store.clone(), lane), Arc::downgrade(&writing)).boxed());
    }
    tasks.push(writer(client, writing).boxed());
    together(tasks).await.map(|_| ())
}

async fn writer(client: Client, _writing: Arc<()>) -> Verdict {
    for round in 1..=60_u8 {
        let mut effects: Vec<_> = KEYS.iter().map(|key| put(ROWS, *key, vec![round])).collect();
        effects.push(add("rounds", 1));
        effects.push(delete(INDEX, entry(&[round - 1], b"a")));
        effects.push(put(INDEX, entry(&[round], b"a"), ""));
        client.write(effects).await?;
        // Now one turn and now two, so as not to be in step with the readers.
        for _ in 0..=round % 2 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

async fn reader(client: Client, writing: Weak<()>) -> Verdict {
    while writing.strong_count() > 0 {
        looks_whole(&client).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Reads rows, entry and counter in one read, and compares them.
async fn looks_whole(client: &Client) -> Verdict {
    let sum = Read::Get { space: SUMS, key: "rounds".into() };
    let reply = client.read(vec![scan(Span::all(ROWS)), sum, scan(Span::all(INDEX))]).await?;
    let [Reply::Scanned(rows), Reply::Record(sum), Reply::Scanned(entries)] = reply.replies.as_slice() else {
        return Err(Violation::new(format!("replies of the wrong kinds: {reply:?}")));
    };
    let round = sum.as_ref().and_then(|(_, sum)| sum.last().copied());
    let expected = if round.is_some() { KEYS.len() } else { 0 };
    ensure!(
        rows.len() == expected && rows.iter().all(|row| row.value.last().copied() == round),
        "rows and counter of one read disagree: {rows:?}, {sum:?}"
    );
    let entry = entries.iter().map(|entry| entry.key.first().copied()).collect::<Vec<_>>();
    ensure_eq!(entry, Vec::from_iter(round.map(Some)), "entries beside the rows of round {round:?}");
    Ok(())
}

/// **S10** An apply whose future is dropped, after any number of polls, has happened whole or not at all, and a repeat
/// of it settles which.
///
/// # Errors
/// When it does not hold.
pub async fn a_dropped_apply_is_whole_or_nothing(subject: &impl Subject) -> Verdict {
    for polls in 0..12 {
        let (_place, client) = Client::alone(subject).await?;
        let mut effects: Vec<_> = KEYS.iter().map(|key| put(ROWS, *key, "1")).collect();
        effects.push(add("n", 1));
        let tx = client.tx(effects);
        let finished = poll_and_drop(&client, tx.clone(), polls).await;
        for _ in 0..3 {
            let n = client.contents(ROWS).await?.len();
            ensure!(n == 0 || n == KEYS.len(), "{n} of {} rows after {polls} polls", KEYS.len());
            tokio::task::yield_now().await;
        }
        match client.apply(tx).await? {
            Applied::Already(Decision::Committed) => {}
            Applied::Done { .. } if !finished => {}
            other => ensure!(false, "the repeat of a dropped apply was answered {other:?} after {polls} polls"),
        }
        ensure_eq!(client.sum("n").await?, 1, "the counter after an apply dropped after {polls} polls and repeated");
        ensure_eq!(client.contents(ROWS).await?.len(), KEYS.len(), "rows after the repeat");
    }
    Ok(())
}

/// Says whether it finished before it was dropped.
async fn poll_and_drop(client: &Client, tx: MiniTx, polls: usize) -> bool {
    let mut applying = pin!(client.store.apply(vec![(PARTITION, tx)], ApplyOptions::new(Durability::default())));
    for _ in 0..polls {
        if futures::poll!(&mut applying).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}
