//! All of it together: transactions that are made of reads, checks and effects are strictly serializable.

use std::sync::Arc;

use bytes::Bytes;
use rome_store::{Applied, Certainty, Check, Effect, Read, Reply, Scanned, Span, StoreResult};

use crate::client::{Client, INDEX, PARTITION, ROWS, TABLE, entry, put};
use crate::history::{Anomaly, Level, Log, Op, Outcome, Running, check};
use crate::together::together;
use crate::verdict::ensure;
use crate::{Subject, Verdict};

/// The first half of the lists are one row each, the others are the rows that a prefix of an index finds.
const LISTS: u64 = 6;
const CLIENTS: u64 = 8;
const EACH: u64 = 20;

/// **S1–S7** Clients run transactions on a few lists, kept in single rows and as rows found by an index: they read one list after
/// the other, append to some, and apply all of it with checks of what they read. The history is strictly serializable.
///
/// # Errors
/// When it does not hold.
pub async fn transactions_are_strictly_serializable(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let log = Arc::new(Log::new());
    let clients = (0..CLIENTS).map(|n| run(Client::new(store.clone(), n + 1), n, log.clone()));
    together(clients.collect::<Vec<_>>()).await?;
    // What was appended last is seen by nobody yet. A lost request may be the reason that this takes some tries.
    let last = Client::new(store, CLIENTS + 1);
    let mut finished = false;
    for _ in 0..10 {
        let mut transaction = Transaction::new(log.begin());
        let mut read = true;
        for list in 0..LISTS {
            read &= transaction.read(&last, list).await.is_ok();
        }
        finished = read && transaction.commit(&last).await == Outcome::Committed;
        if finished {
            break;
        }
    }
    ensure!(finished, "a transaction that runs alone and only reads does not commit");
    let history = Arc::into_inner(log).map(Log::finish).unwrap_or_default();
    let committed = history.iter().filter(|one| one.outcome == Outcome::Committed).count();
    ensure!(committed >= 10, "only {committed} of {} transactions committed", history.len());
    let anomalies: Vec<String> = check(&history, Level::StrictSerializable).iter().map(Anomaly::to_string).collect();
    ensure!(anomalies.is_empty(), "{} transactions are not strictly serializable: {anomalies:#?}", history.len());
    Ok(())
}

async fn run(client: Client, n: u64, log: Arc<Log>) -> Verdict {
    for round in 0..EACH {
        let mut transaction = Transaction::new(log.begin());
        let mut possible = true;
        // Two or three neighbouring lists; any fixed choice will do, as long as the clients' choices differ.
        let (first, choice) = (n * 3 + round * 5, n * 7 + round);
        for step in 0..2 + choice % 2 {
            let list = (first + step) % LISTS;
            let done = if (choice + step) % 3 == 0 {
                transaction.read(&client, list).await
            } else {
                transaction.append(&client, list, n * 1000 + round).await
            };
            possible &= done.is_ok();
            for _ in 0..=(choice + step) % 3 {
                tokio::task::yield_now().await;
            }
        }
        if possible {
            transaction.commit(&client).await;
        } else {
            transaction.running.ended(Outcome::Aborted);
        }
    }
    Ok(())
}

/// A unit of work as a session has it, as small as possible.
struct Transaction<'l> {
    running: Running<'l>,
    reads: Vec<Check>,
    effects: Vec<Effect>,
    seqs: Vec<u64>,
}

impl<'l> Transaction<'l> {
    const fn new(running: Running<'l>) -> Self {
        Self { running, reads: Vec::new(), effects: Vec::new(), seqs: Vec::new() }
    }

    async fn read(&mut self, client: &Client, list: u64) -> StoreResult<()> {
        let values = if list < LISTS / 2 {
            self.row(client, list).await?
        } else {
            let scanned = self.members(client, Span::prefix(INDEX, byte(list))).await?;
            scanned.iter().map(|row| number(row.value)).collect()
        };
        self.running.did(Op::Read { key: list, list: values });
        Ok(())
    }

    async fn append(&mut self, client: &Client, list: u64, value: u64) -> StoreResult<()> {
        if list < LISTS / 2 {
            let mut values = self.row(client, list).await?;
            self.running.did(Op::Read { key: list, list: values.clone() });
            values.push(value);
            let row: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
            self.effects.push(put(ROWS, byte(list), row));
        } else {
            let last = Span::prefix(INDEX, byte(list)).reversed(true).limited(Some(1));
            let scanned = self.members(client, last).await?;
            let place = scanned.iter().next().map_or(0, |row| row.key.get(1).map_or(0, |place| place + 1));
            let prefix = [&byte(list)[..], &[place]].concat();
            let key = [&prefix[..], &value.to_be_bytes()[..]].concat();
            self.effects.push(put(INDEX, entry(&prefix, &key), ""));
            self.effects.push(put(ROWS, key, value.to_be_bytes().to_vec()));
        }
        self.running.did(Op::Append { key: list, value });
        Ok(())
    }

    /// A list that is one row.
    async fn row(&mut self, client: &Client, list: u64) -> StoreResult<Vec<u64>> {
        let key = byte(list);
        let reply = self.ask(client, Read::Get { space: ROWS, key: key.clone() }).await?;
        let record = if let Some(Reply::Record(record)) = reply { record } else { None };
        let expect = record.as_ref().map(|(version, _)| *version);
        self.reads.push(Check::Version { space: ROWS, key, expect });
        Ok(record.iter().flat_map(|(_, values)| values.chunks_exact(8).map(number)).collect())
    }

    /// The rows that an index finds.
    async fn members(&mut self, client: &Client, index: Span) -> StoreResult<Scanned> {
        let read = Read::ScanRows { index: index.clone(), table: TABLE, filter: None, want: None, track: true };
        let scanned = match self.ask(client, read).await? {
            Some(Reply::Scanned(scanned)) => scanned,
            _ => Scanned::default(),
        };
        let span = scanned.stopped_at.as_ref().map_or(index.clone(), |last| index.cut_at(last));
        let (n, digest) = (scanned.visited, scanned.digest.clone());
        self.reads.push(Check::Same { span, rows: Some(TABLE), n, digest });
        Ok(scanned)
    }

    async fn ask(&mut self, client: &Client, read: Read) -> StoreResult<Option<Reply>> {
        let mut replies = client.store.read(&[(PARTITION, vec![read])], Default::default()).await?;
        let reply = replies.pop();
        self.seqs.extend(reply.as_ref().map(|reply| reply.seq));
        Ok(reply.and_then(|mut reply| reply.replies.pop()))
    }

    async fn commit(self, client: &Client) -> Outcome {
        let first = self.seqs.first().copied();
        let unchanged_since = first.filter(|first| self.seqs.iter().all(|seq| seq == first));
        let tx = client.tx(self.effects).unchanged_since(unchanged_since).reads(self.reads);
        let outcome = match client.try_apply(tx).await {
            Ok(Applied::Done { .. }) => Outcome::Committed,
            Ok(_) => Outcome::Aborted,
            Err(error) if error.certainty() == Certainty::NotApplied => Outcome::Aborted,
            Err(_) => Outcome::Unknown,
        };
        self.running.ended(outcome);
        outcome
    }
}

/// The list as the first byte of keys.
fn byte(list: u64) -> Bytes {
    Bytes::from(vec![u8::try_from(list).expect("there are few lists")])
}

/// Not a valid number of the workload if the row is damaged.
fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(u64::MAX, u64::from_be_bytes)
}
