//! S8 for what is prepared: a partition that comes back knows what it has promised.

use rome_store::{Applied, Blocker, Check, Decision, Span};

use crate::client::{AWAY, Client, HOUR, PARTITION, ROWS, add, finished, prepared, pushed, put, scan};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

/// **S8** If the store is persistent, then after it was dropped and opened again, twice: what is prepared is still named and locked, and can be
/// finished; what was finished, refused or aborted by a `Push` is still on record. On other stores there is nothing to show.
///
/// # Errors
/// When it does not hold.
pub async fn what_is_prepared_outlives_the_store(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let capabilities = store.capabilities();
    if !capabilities.persistent || capabilities.partitions == 1 {
        return Ok(());
    }
    let client = Client::new(store, 1).at(AWAY);
    client.write(vec![put(ROWS, "read", "1")]).await?;
    let none = Check::Version { space: ROWS, key: "none".into(), expect: None };
    let open = client.tx(vec![put(ROWS, "a", "1"), add("n", 1)]).checks(vec![none.clone()]);
    let [done, given_up, refused, pusher, pushed_at] = [2, 3, 4, 5, 6].map(|lane| client.beside(lane));
    client.prepare(&open).await?;
    let committed = done.tx(vec![put(ROWS, "b", "1"), add("m", 1)]);
    done.prepare(&committed).await?;
    done.finish(&committed, Decision::Committed).await?;
    let aborted = given_up.tx(vec![put(ROWS, "c", "1"), add("m", 1)]);
    given_up.prepare(&aborted).await?;
    given_up.finish(&aborted, Decision::Aborted).await?;
    let fails = Check::Count { span: Span::all(ROWS), n: 99 };
    let conflicts = refused.tx(vec![put(ROWS, "d", "1")]).checks(vec![fails]);
    let conflict = refused.apply(prepared(&conflicts, HOUR)).await?;
    let late = pushed_at.tx(vec![put(ROWS, "e", "1")]);
    pusher.at(PARTITION).apply(pushed(late.id, true)).await?;
    let seq = client.seq().await?;
    drop((client, done, given_up, refused, pusher, pushed_at));

    for time in 1..=2 {
        let client = Client::new(subject.open(&place).await?, 100 + time).at(AWAY);
        ensure!(client.seq().await? >= seq, "the seq went back after opening again");
        let blocker = Blocker::new(open.id, PARTITION, false);
        let reply = client.read(vec![scan(Span::all(ROWS))]).await?;
        ensure_eq!(reply.blockers, vec![blocker], "the blockers after opening again, time {time}");
        for write in [put(ROWS, "a", "2"), put(ROWS, "none", "2")] {
            let what = format!("{write:?} after opening again");
            ensure_eq!(client.apply(client.tx(vec![write])).await?, Applied::Blocked { by: blocker }, "{what}");
        }
        for (tx, known) in [(&committed, Decision::Committed), (&aborted, Decision::Aborted)] {
            let what = format!("of what was {known:?}, after opening again");
            ensure_eq!(client.apply(prepared(tx, HOUR)).await?, Applied::Already(known), "a Prepare {what}");
            ensure_eq!(client.apply(finished(tx.id, known)).await?, Applied::Already(known), "a Finish {what}");
        }
        ensure_eq!(client.apply(prepared(&conflicts, HOUR)).await?, conflict, "what was refused");
        let home = client.at(PARTITION);
        let outcome = home.apply(late.clone()).await?;
        ensure_eq!(outcome, Applied::Already(Decision::Aborted), "a One whose abort was pushed before opening again");
        ensure_eq!((client.sum("n").await?, client.sum("m").await?), (0, 1), "the counters after opening again");
    }
    let client = Client::new(subject.open(&place).await?, 200).at(AWAY);
    client.finish(&open, Decision::Committed).await?;
    ensure_eq!(client.sum("n").await?, 1, "the counter after what was prepared before opening again");
    ensure_eq!(client.get(ROWS, "a").await?, Some((open.id, "1".into())), "the row that was prepared");
    Ok(())
}
