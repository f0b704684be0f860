//! S1, S4, S8 across a restart.

use std::collections::BTreeSet;

use rome_store::{Applied, Decision, Effect, SequenceId};

use crate::client::{Client, INDEX, ROWS, SUMS, add, delete, entry, put};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

/// **S8** If the store is persistent, then after it was dropped and opened again: the acknowledged contents are there, the
/// `seq` has not gone back, a committed transaction is still known as that, the gate stands, and no number of a sequence is given
/// again. On other stores there is nothing to show.
///
/// # Errors
/// When it does not hold.
pub async fn acknowledged_writes_outlive_the_store(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    if !store.capabilities().persistent {
        return Ok(());
    }
    let client = Client::new(store, 1);
    let mut numbers = BTreeSet::new();
    for round in 0..3_u8 {
        let row = vec![b'a' + round];
        client.write(vec![put(ROWS, row.clone(), "1"), put(INDEX, entry(b"x", &row), "")]).await?;
    }
    client.write(vec![delete(ROWS, "a"), delete(INDEX, entry(b"x", b"a")), Effect::RaiseGate { oldest: 4 }]).await?;
    numbers.extend(block(&client, 3).await?);
    let last = client.tx(vec![add("n", 1), put(ROWS, "z", "1")]);
    ensure!(matches!(client.apply(last.clone()).await?, Applied::Done { .. }), "the last write was refused");
    let late = last.clone().id(rome_store::TxId { seq: 1, ..last.id });
    let before = (all(&client).await?, client.seq().await?);
    drop(client);

    for time in 1..=2 {
        let client = Client::new(subject.open(&place).await?, 100 + time);
        let (contents, seq) = (all(&client).await?, client.seq().await?);
        ensure_eq!(contents, before.0, "the contents after opening again, time {time}");
        ensure!(seq >= before.1, "the seq went back from {} to {seq}", before.1);
        ensure_eq!(client.apply(last.clone()).await?, Applied::Already(Decision::Committed), "a repeat after opening");
        let outcome = client.apply(late.clone()).await?;
        ensure!(matches!(outcome, Applied::Already(_)), "a late one after opening was answered {outcome:?}");
        let stale = client.apply(client.tx(vec![]).schema(3)).await?;
        ensure_eq!(stale, Applied::StaleSchema { oldest: 4 }, "the gate after opening");
        for number in block(&client, 2).await? {
            ensure!(numbers.insert(number), "the number {number} was given again after opening");
        }
        ensure_eq!(client.sum("n").await?, 1, "the counter after repeats");
    }
    Ok(())
}

async fn block(client: &Client, n: u32) -> Verdict<std::ops::Range<u64>> {
    let first = client.store.reserve(SequenceId::Lanes, n).await?;
    Ok(first..first + u64::from(n))
}

async fn all(client: &Client) -> Verdict<Vec<(bytes::Bytes, bytes::Bytes)>> {
    let mut all = Vec::new();
    for space in [ROWS, INDEX, SUMS] {
        all.extend(client.contents(space).await?);
    }
    Ok(all)
}
