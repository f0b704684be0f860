//! S2 and S6: one order, consistent with real time, and numbered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use rome_store::{Applied, Check, Effect, Read, Reply, Span};

use crate::client::{Client, INDEX, ROWS, TABLE, delete, entry, put, records, scan};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

/// Rows by key.
type Contents = BTreeMap<Bytes, Bytes>;

/// What one client saw: effects by the `seq` after them, or contents by the `seq` they were read at.
enum Seen {
    Written(Vec<(u64, Vec<Effect>)>),
    Read(BTreeMap<u64, Contents>),
}

/// **S1, S2, S6** Several clients write, several read: the writes, in the order of their `seq`, explain every read; no
/// read and no write is ordered before what was answered when it began; equal `seq`s are equal contents; rows, the
/// index and the count of one read agree.
///
/// # Errors
/// When it does not hold.
pub async fn every_read_is_a_state_of_one_order(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let (newest, writing) = (Arc::new(AtomicU64::new(0)), Arc::new(()));
    let mut tasks: Vec<BoxFuture<'static, Verdict<Seen>>> = Vec::new();
    for lane in 1..4 {
        tasks.push(write(Client::new(store.clone(), lane), lane, newest.clone(), writing.clone()).boxed());
        tasks.push(read(Client::new(store.clone(), 10 + lane), newest.clone(), Arc::downgrade(&writing)).boxed());
    }
    drop(writing);
    let (mut states, mut writes) = (BTreeMap::new(), BTreeMap::new());
    for seen in together(tasks).await? {
        match seen {
            Seen::Written(written) => {
                for (seq, effects) in written {
                    ensure!(writes.insert(seq, effects).is_none(), "two writes were answered with seq {seq}");
                }
            }
            Seen::Read(read) => {
                for (seq, contents) in read {
                    let before = states.entry(seq).or_insert_with(|| contents.clone());
                    ensure!(*before == contents, "seq {seq} was read as {before:?} and as {contents:?}");
                }
            }
        }
    }
    explains(&writes, &states)
}

async fn write(client: Client, lane: u64, newest: Arc<AtomicU64>, _writing: Arc<()>) -> Verdict<Seen> {
    let mut written = Vec::new();
    for round in 0..40_u64 {
        let mut effects = Vec::new();
        for key in 0..5_u8 {
            // Any fixed choice will do, as long as the writers' choices differ and overlap.
            let choice = (round * 7 + lane * 13 + u64::from(key) * 5) % 8;
            let row = [b'a' + key];
            if choice < 4 {
                effects.push(put(ROWS, row.to_vec(), format!("{lane}.{round}")));
                effects.push(put(INDEX, entry(b"x", &row), ""));
            } else if choice == 4 {
                effects.push(delete(ROWS, row.to_vec()));
                effects.push(delete(INDEX, entry(b"x", &row)));
            }
        }
        effects.push(put(ROWS, "always", format!("{lane}.{round}")));
        effects.push(put(INDEX, entry(b"x", b"always"), ""));
        let before = newest.load(Ordering::SeqCst);
        let (_, seq) = client.write(effects.clone()).await?;
        ensure!(seq > before, "a write that began at seq {before} or later was answered with seq {seq}");
        newest.fetch_max(seq, Ordering::SeqCst);
        written.push((seq, effects));
        tokio::task::yield_now().await;
    }
    Ok(Seen::Written(written))
}

async fn read(client: Client, newest: Arc<AtomicU64>, writing: Weak<()>) -> Verdict<Seen> {
    let mut seen = BTreeMap::new();
    while writing.strong_count() > 0 {
        let before = newest.load(Ordering::SeqCst);
        let index = Span::all(INDEX);
        let rows = Read::ScanRows { index: index.clone(), table: TABLE, filter: None, want: None, track: false };
        let reply = client.read(vec![scan(Span::all(ROWS)), Read::count(index), rows]).await?;
        ensure!(reply.seq >= before, "a read that began at seq {before} or later saw seq {}", reply.seq);
        newest.fetch_max(reply.seq, Ordering::SeqCst);
        let [Reply::Scanned(rows), Reply::Count(counted), Reply::Scanned(indexed)] = reply.replies.as_slice() else {
            return Err(Violation::new(format!("replies of the wrong kinds: {reply:?}")));
        };
        let rows = records(rows);
        ensure!(rows == records(indexed), "one read saw the rows {rows:?} and, by index, {indexed:?}");
        ensure_eq!(counted.n, rows.len() as u64, "the count beside {rows:?}");
        let contents: Contents = rows.into_iter().collect();
        let earlier = seen.entry(reply.seq).or_insert_with(|| contents.clone());
        ensure!(*earlier == contents, "seq {} was read as {earlier:?} and as {contents:?}", reply.seq);
        tokio::task::yield_now().await;
    }
    Ok(Seen::Read(seen))
}

/// Replays the writes in the order of their `seq` and compares each state that was read.
fn explains(writes: &BTreeMap<u64, Vec<Effect>>, states: &BTreeMap<u64, Contents>) -> Verdict {
    let mut contents = Contents::new();
    let mut writes = writes.iter().peekable();
    for (seq, seen) in states {
        while let Some((_, effects)) = writes.next_if(|(at, _)| *at <= seq) {
            for effect in effects {
                match effect {
                    Effect::Put { space, key, value } if *space == ROWS => {
                        contents.insert(key.clone(), value.clone());
                    }
                    Effect::Delete { space, key } if *space == ROWS => {
                        contents.remove(key);
                    }
                    _ => {}
                }
            }
        }
        ensure_eq!(*seen, contents, "what was read at seq {seq}, against all writes up to it");
    }
    Ok(())
}

/// **S6** What has effects raises the `seq`, and the answer and the next read agree on it.
///
/// # Errors
/// When it does not hold.
pub async fn effects_raise_the_seq(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let mut last = client.seq().await?;
    let each = [
        put(ROWS, "a", "1"),
        put(ROWS, "a", "1"),
        delete(ROWS, "a"),
        put(INDEX, entry(b"x", b"a"), ""),
        crate::client::add("n", 1),
        Effect::RaiseGate { oldest: 1 },
    ];
    for effect in each {
        let what = format!("{effect:?}");
        let (_, seq) = client.write(vec![effect]).await?;
        ensure!(seq > last, "{what} left the seq at {seq}, it was {last}");
        ensure_eq!(client.seq().await?, seq, "the seq read after {what}");
        last = seq;
    }
    Ok(())
}

/// **S6** `unchanged_since` the present `seq` stands for the reads, any other number does not, and it never stands for
/// the checks.
///
/// # Errors
/// When it does not hold.
pub async fn an_unchanged_seq_stands_for_the_reads(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let (_, before) = client.write(vec![put(ROWS, "a", "1")]).await?;
    let (_, now) = client.write(vec![put(ROWS, "a", "2")]).await?;
    let fails = || vec![Check::Count { span: Span::all(ROWS), n: 99 }];
    for (unchanged_since, skipped) in [(Some(now), true), (Some(before), false), (Some(now + 1), false), (None, false)]
    {
        let outcome = client.apply(client.tx(vec![]).unchanged_since(unchanged_since).reads(fails())).await?;
        let done = matches!(outcome, Applied::Done { .. });
        ensure_eq!(done, skipped, "unchanged since {unchanged_since:?} at seq {now} was answered {outcome:?}");
        let outcome = client.apply(client.tx(vec![]).unchanged_since(unchanged_since).checks(fails())).await?;
        ensure!(matches!(outcome, Applied::Conflict { .. }), "a failing check was answered {outcome:?}");
    }
    Ok(())
}
