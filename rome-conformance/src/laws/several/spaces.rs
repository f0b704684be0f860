//! Partitions have nothing to do with each other.

use rome_store::{
    Applied, ApplyOptions, Check, Decision, Durability, Effect, MiniTx, Partition, Read, ReadOptions, Span,
    StoreErrorKind, TxId,
};

use crate::client::{CLAIMS, Client, HOUR, INDEX, PARTITION, ROWS, SUMS, add, entry, finished, prepared, put, scan};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

/// **S2** The same keys hold other values in each partition, with other versions, counters, gates and records of lanes; a check sees its own
/// partition only. One batch of reads and one of applies reach them all, and are answered in the order asked.
///
/// # Errors
/// When it does not hold.
pub async fn partitions_are_spaces_of_their_own(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let n = client.store.capabilities().partitions;
    // The last first: the order of a batch is not that of the partitions.
    let partitions: Vec<Partition> = (0..n).rev().map(Partition).collect();
    let id = client.tx(vec![]).id;
    let own = |partition: Partition| {
        let value = partition.0.to_be_bytes().to_vec();
        let entry = put(INDEX, entry(&value, b"k"), "");
        let effects = vec![put(ROWS, "k", value.clone()), entry, put(CLAIMS, "k", value), add("n", partition.0.into())];
        let checks = vec![Check::Version { space: ROWS, key: "k".into(), expect: None }];
        MiniTx::one(id).checks(checks).effects(effects)
    };
    // One id on all of them: each has a record of the lane.
    let batch: Vec<_> = partitions.iter().map(|partition| (*partition, own(*partition))).collect();
    for time in 1..=2 {
        let outcomes = client.store.apply(batch.clone(), ApplyOptions::new(Durability::default())).await?;
        ensure_eq!(outcomes.len(), partitions.len(), "the number of outcomes");
        for outcome in outcomes {
            let expected = match time {
                1 => matches!(outcome, Applied::Done { .. }),
                _ => outcome == Applied::Already(Decision::Committed),
            };
            ensure!(expected, "one of a batch on all partitions was answered {outcome:?}, time {time}");
        }
    }
    let before = contents(&client, &partitions).await?;
    for (partition, contents) in partitions.iter().zip(&before) {
        let value = partition.0.to_be_bytes().to_vec();
        ensure_eq!(contents.0, vec![("k".into(), value.into())], "the rows of {partition:?}");
        ensure_eq!(contents.1, i128::from(partition.0), "the counter of {partition:?}");
    }
    // What happens on one is not seen on the others.
    let busy = client.at(PARTITION).beside(2);
    let tx = busy.tx(vec![put(ROWS, "k", "x"), add("n", 1)]);
    busy.prepare(&tx).await?;
    busy.finish(&tx, Decision::Committed).await?;
    busy.write(vec![Effect::RaiseGate { oldest: 9 }]).await?;
    let after = contents(&client, &partitions).await?;
    for ((partition, before), after) in partitions.iter().zip(before).zip(after) {
        ensure_eq!(after == before, *partition != PARTITION, "whether {partition:?} is as it was");
        let stale = client.beside(3).tx(vec![]).schema(8);
        let outcome = client.at(*partition).apply(stale).await?;
        let is_done = matches!(outcome, Applied::Done { .. });
        ensure_eq!(is_done, *partition != PARTITION, "whether an older schema may write on {partition:?}: {outcome:?}");
    }
    Ok(())
}

type Contents = (Vec<(bytes::Bytes, bytes::Bytes)>, i128, u64);

async fn contents(client: &Client, partitions: &[Partition]) -> Verdict<Vec<Contents>> {
    let reads = || [ROWS, CLAIMS, INDEX, SUMS].map(|space| scan(Span::all(space))).to_vec();
    let batch: Vec<_> = partitions.iter().map(|partition| (*partition, reads())).collect();
    let replies = client.store.read(&batch, ReadOptions::new()).await?;
    ensure_eq!(replies.len(), partitions.len(), "the number of replies");
    let mut contents = Vec::new();
    for (partition, reply) in partitions.iter().zip(replies) {
        let alone = client.at(*partition).read(reads()).await?;
        let digestless = |reply: &rome_store::ReadReply| format!("{:?}", reply.replies);
        ensure_eq!(digestless(&reply), digestless(&alone), "{partition:?} in a batch, and alone");
        let client = client.at(*partition);
        contents.push((client.contents(ROWS).await?, client.sum("n").await?, reply.seq));
    }
    Ok(contents)
}

/// A store with one partition refuses the steps of transactions over several, as invalid and with no effect, or does them; and a partition that is not
/// there is refused by every store.
///
/// # Errors
/// When it does not hold.
pub async fn what_is_not_there_is_refused(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let n = client.store.capabilities().partitions;
    let nowhere = client.at(Partition(n));
    let is_invalid = |what: &str, error: &rome_store::StoreError| {
        ensure_eq!(error.kind(), StoreErrorKind::Invalid, "the kind of the error of {what}, {error}");
        Ok(())
    };
    let tx = client.tx(vec![put(ROWS, "a", "1")]);
    match nowhere.try_apply(tx.clone()).await {
        Err(error) => is_invalid("a write on a partition that is not there", &error)?,
        Ok(outcome) => return Err(Violation::new(format!("a partition that is not there answered {outcome:?}"))),
    }
    match client.store.read(&[(Partition(n), vec![scan(Span::all(ROWS))])], ReadOptions::new()).await {
        Err(error) => is_invalid("a read of a partition that is not there", &error)?,
        Ok(reply) => return Err(Violation::new(format!("a partition that is not there answered {reply:?}"))),
    }
    let with_parts = finished(TxId { lane: 50, seq: 1 }, Decision::Committed).effects(vec![put(ROWS, "a", "1")]);
    match client.try_apply(with_parts).await {
        Err(error) => is_invalid("a Finish with effects", &error)?,
        Ok(outcome) => return Err(Violation::new(format!("a Finish with effects was answered {outcome:?}"))),
    }
    if n == 1 {
        match client.try_apply(prepared(&tx, HOUR)).await {
            Err(error) => is_invalid("a Prepare on a store with one partition", &error)?,
            Ok(Applied::Done { .. }) => client.finish(&tx, Decision::Aborted).await.map(|_| ())?,
            Ok(outcome) => return Err(Violation::new(format!("a Prepare was answered {outcome:?}"))),
        }
    }
    ensure_eq!(client.contents(ROWS).await?, vec![], "the rows after all that was refused");
    let reply = client.read(vec![Read::count(Span::all(ROWS))]).await?;
    ensure_eq!(reply.blockers, vec![], "the blockers after all that was refused");
    Ok(())
}
