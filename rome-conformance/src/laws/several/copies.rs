//! S1, S4 and S10 for the steps of a transaction: copies of them that arrive at the same time, in any order, or never.

use std::pin::pin;

use futures::FutureExt;
use futures::future::BoxFuture;
use rome_store::{Applied, ApplyOptions, Decision, Durability, MiniTx, Read, Span};

use crate::client::{AWAY, Client, HOUR, PARTITION, ROWS, add, finished, prepared, pushed, put, scan};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict};

const COPIES: usize = 5;
const ROUNDS: usize = 10;

/// Sends all of these at the same time; the answers by the place of what was sent.
async fn at_once(client: &Client, txs: Vec<MiniTx>) -> Verdict<Vec<Applied>> {
    let sent = txs.into_iter().enumerate().map(|(at, tx)| {
        let client = client.beside(0);
        let turns = at % 3;
        async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            Ok((at, client.apply(tx).await?))
        }
        .boxed()
    });
    let mut answers = together(sent.collect::<Vec<BoxFuture<'static, Verdict<_>>>>()).await?;
    answers.sort_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

fn count(answers: &[Applied], is_it: impl Fn(&Applied) -> bool) -> usize {
    answers.iter().filter(|answer| is_it(answer)).count()
}

/// **S4** Of copies of a `Prepare` that arrive at the same time all are answered as done, and it is prepared once; of copies of a
/// `Finish` one is answered as done and carries it out.
///
/// # Errors
/// When it does not hold.
pub async fn copies_of_a_step_do_it_once(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let mut sum = 0;
    for round in 0..ROUNDS {
        let tx = client.tx(vec![put(ROWS, "a", "1"), add("n", 1)]);
        let answers = at_once(&client, vec![prepared(&tx, HOUR); COPIES]).await?;
        let all = answers.iter().all(|answer| matches!(answer, Applied::Done { .. }) && *answer == answers[0]);
        ensure!(all, "{COPIES} copies of one Prepare were answered {answers:?}");
        let blockers = client.read(vec![scan(Span::all(ROWS))]).await?.blockers.len();
        ensure_eq!(blockers, 1, "how many are prepared after {COPIES} copies of one Prepare");

        let decision = if round % 3 == 2 { Decision::Aborted } else { Decision::Committed };
        sum += i128::from(decision == Decision::Committed);
        let answers = at_once(&client, vec![finished(tx.id, decision); COPIES]).await?;
        let done = count(&answers, |answer| matches!(answer, Applied::Done { .. }));
        let already = count(&answers, |answer| *answer == Applied::Already(decision));
        ensure!(
            done == 1 && already == COPIES - 1,
            "{COPIES} copies of Finish({decision:?}) were answered {answers:?}"
        );
        ensure_eq!(client.sum("n").await?, sum, "the counter after {round} rounds and copies of Finish({decision:?})");
    }
    Ok(())
}

/// **S2, S4** Where `One` and `Push` with an abort arrive at a primary at the same time, one comes first, and all are answered by it.
///
/// # Errors
/// When it does not hold.
pub async fn one_and_push_agree_on_the_outcome(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let client = client.at(PARTITION);
    let mut sum = 0;
    for round in 0..3 * ROUNDS {
        let tx = client.tx(vec![add("n", 1)]);
        let mut steps = vec![pushed(tx.id, true), tx.clone(), pushed(tx.id, true), tx.clone(), pushed(tx.id, true)];
        steps.rotate_left(round % COPIES);
        let answers = at_once(&client, steps).await?;
        let done = count(&answers, |answer| matches!(answer, Applied::Done { .. }));
        let decision = if done == 1 { Decision::Committed } else { Decision::Aborted };
        let already = count(&answers, |answer| *answer == Applied::Already(decision));
        ensure!(done <= 1 && done + already == COPIES, "One and Push at the same time were answered {answers:?}");
        sum += done as i128;
        ensure_eq!(client.sum("n").await?, sum, "the counter after One and Push at the same time");
        ensure_eq!(client.apply(tx).await?, Applied::Already(decision), "One again");
    }
    Ok(())
}

/// **S4** However copies of `Prepare` and of `Finish` mix, in the end nothing is locked, and what was to be given up has not happened.
///
/// # Errors
/// When it does not hold.
pub async fn nothing_stays_locked_after_finish(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    for round in 0..3 * ROUNDS {
        let tx = client.tx(vec![put(ROWS, "a", "1"), add("n", 1)]);
        let (prepare, finish) = (prepared(&tx, HOUR), finished(tx.id, Decision::Aborted));
        let mut steps = vec![prepare.clone(), finish.clone(), prepare.clone(), finish.clone(), prepare];
        steps.rotate_left(round % COPIES);
        let answers = at_once(&client, steps).await?;
        ensure_eq!(client.apply(finish).await?, Applied::Already(Decision::Aborted), "Finish after {answers:?}");
        ensure_eq!(client.apply(prepared(&tx, HOUR)).await?, Applied::Already(Decision::Aborted), "a late Prepare");
        let reply = client.read(vec![scan(Span::all(ROWS))]).await?;
        ensure_eq!(reply.blockers, vec![], "the blockers after {answers:?}");
        ensure_eq!(client.sum("n").await?, 0, "the counter after {answers:?}");
    }
    Ok(())
}

/// **S4** Copies of all steps of former transactions of a lane that arrive after it has gone on have no effect, on each partition.
///
/// # Errors
/// When it does not hold.
pub async fn late_steps_have_no_effect(subject: &impl Subject) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let home = client.at(PARTITION);
    let mut former = Vec::new();
    let mut sum = 0;
    for round in 0..4_u8 {
        let at_home = client.tx(vec![add("n", 1)]);
        let away = at_home.clone().effects(vec![put(ROWS, "a", vec![round]), add("n", 1)]);
        client.prepare(&away).await?;
        let commits = round % 2 == 0;
        let decision = if commits { Decision::Committed } else { Decision::Aborted };
        let last = if commits { at_home.clone() } else { pushed(at_home.id, true) };
        home.apply(last).await?;
        client.finish(&away, decision).await?;
        sum += i128::from(commits);
        former.push((at_home, away, decision));
        for (at_home, away, decision) in &former {
            let is_last = at_home.id == former[former.len() - 1].0.id;
            let known = if is_last { *decision } else { Decision::Aborted };
            let late = [(&client, prepared(away, HOUR), known), (&home, at_home.clone(), known)];
            let pushes = [(&home, pushed(away.id, true), known), (&home, pushed(away.id, false), known)];
            let finish = [(&client, finished(away.id, *decision), *decision)];
            for (client, late, known) in late.into_iter().chain(pushes).chain(finish) {
                let what = format!("a late {:?} of {}", late.step, late.id);
                ensure_eq!(client.apply(late).await?, Applied::Already(known), "{what}");
                ensure_eq!((home.sum("n").await?, client.sum("n").await?), (sum, sum), "the counters after {what}");
            }
            ensure_eq!(client.read(vec![scan(Span::all(ROWS))]).await?.blockers, vec![], "who is prepared");
        }
    }
    Ok(())
}

/// **S10** A `Prepare` and a `Finish` whose futures are dropped, after any number of polls, have happened or not, and a repeat settles
/// which.
///
/// # Errors
/// When it does not hold.
pub async fn a_dropped_step_is_whole_or_nothing(subject: &impl Subject) -> Verdict {
    for polls in 0..8 {
        let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
        let tx = client.tx(vec![put(ROWS, "a", "1"), put(ROWS, "b", "1"), add("n", 1)]);
        poll_and_drop(&client, prepared(&tx, HOUR), polls).await;
        let row = |key: &'static str| Read::Get { space: ROWS, key: key.into() };
        let one = client.read(vec![row("a"), row("b")]).await?.blockers.len();
        let prepared = client.prepare(&tx).await;
        ensure!(prepared.is_ok(), "the repeat of a Prepare, dropped after {polls} polls, fails: {prepared:?}, {one}");
        for key in ["a", "b"] {
            ensure_eq!(client.read(vec![row(key)]).await?.blockers.len(), 1, "the blockers of {key} after the repeat");
        }
        poll_and_drop(&client, finished(tx.id, Decision::Committed), polls).await;
        for _ in 0..3 {
            let n = client.contents(ROWS).await?.len();
            ensure!(n == 0 || n == 2, "{n} of 2 rows after a Finish that was dropped after {polls} polls");
            tokio::task::yield_now().await;
        }
        let outcome = client.apply(finished(tx.id, Decision::Committed)).await?;
        let is_settled = matches!(outcome, Applied::Done { .. } | Applied::Already(Decision::Committed));
        ensure!(is_settled, "the repeat of a Finish that was dropped after {polls} polls was answered {outcome:?}");
        ensure_eq!(client.sum("n").await?, 1, "the counter after the repeat");
        ensure_eq!(client.contents(ROWS).await?.len(), 2, "the rows after the repeat");
    }
    Ok(())
}

async fn poll_and_drop(client: &Client, tx: MiniTx, polls: usize) {
    let mut applying = pin!(client.store.apply(vec![(AWAY, tx)], ApplyOptions::new(Durability::default())));
    for _ in 0..polls {
        if futures::poll!(&mut applying).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}
