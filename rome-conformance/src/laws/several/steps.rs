//! The table of `docs/design/several-partitions.md`: what each step does, whatever was recorded before it.

use bytes::Bytes;
use rome_store::{Applied, Check, CheckRef, Decision, Effect, MiniTx, Read, Reply, Step, TxId};

use crate::client::{Client, HOUR, PARTITION, ROWS, SUMS, delete, finished, prepared, pushed, put};
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

/// What a partition knows of a transaction and its lane when a step comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    AnEarlierOne,
    Prepared,
    /// The lane went on all the same, as after a failover that lost answers.
    PreparedAndALaterOne,
    ALaterOne,
    ALaterAbort,
    Done,
    Refused,
    Tombstone,
    RefusedPrepare,
    Committed,
    GivenUp,
    CommittedUnprepared,
    GivenUpUnprepared,
}

use Before::{
    ALaterAbort, ALaterOne, AnEarlierOne, Committed, CommittedUnprepared, Done, GivenUp, GivenUpUnprepared, Nothing,
    Prepared, PreparedAndALaterOne, Refused, RefusedPrepare, Tombstone,
};

const ALL: [Before; 14] = [
    Nothing,
    AnEarlierOne,
    Prepared,
    PreparedAndALaterOne,
    ALaterOne,
    ALaterAbort,
    Done,
    Refused,
    Tombstone,
    RefusedPrepare,
    Committed,
    GivenUp,
    CommittedUnprepared,
    GivenUpUnprepared,
];

impl Before {
    /// Whether a later transaction of the lane is on record.
    const fn is_late(self) -> bool {
        matches!(self, ALaterOne | ALaterAbort | PreparedAndALaterOne)
    }

    const fn is_fresh(self) -> bool {
        matches!(self, Nothing | AnEarlierOne | Prepared)
    }

    /// What the record says; nothing on a fresh or a late one.
    const fn recorded(self) -> Decision {
        if matches!(self, Done | Committed) { Decision::Committed } else { Decision::Aborted }
    }
}

/// What a step should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    Already(Decision),
    Undecided,
    /// What was answered when it was refused.
    TheRefusal,
}

/// One transaction that puts a row and counts, in a lane, at a row and with a counter of its own.
struct Case {
    client: Client,
    tx: MiniTx,
    key: Bytes,
}

impl Case {
    /// The case of this number, with what was before.
    async fn arrange(client: &Client, number: u64, before: Before) -> Verdict<Self> {
        let client = client.beside(number);
        let key = Bytes::from(number.to_be_bytes().to_vec());
        let in_the_way = Bytes::from([&key[..], b"in the way"].concat());
        let tx = MiniTx::one(TxId { lane: number, seq: 10 })
            .checks(vec![Check::Version { space: ROWS, key: in_the_way.clone(), expect: None }])
            .effects(vec![put(ROWS, key.clone(), "1"), Effect::Add { space: SUMS, key: key.clone(), delta: 1 }]);
        let other = |seq| MiniTx::one(tx.id).id(TxId { seq, ..tx.id });
        let refused = Applied::Conflict { check: CheckRef::Check(0) };
        let in_between = client.beside(number << 32);
        if matches!(before, Refused | RefusedPrepare) {
            in_between.write(vec![put(ROWS, in_the_way.clone(), "1")]).await?;
        }
        let steps = match before {
            Nothing => vec![],
            AnEarlierOne => vec![other(9)],
            Prepared => vec![prepared(&tx, HOUR)],
            PreparedAndALaterOne => vec![prepared(&tx, HOUR), other(11)],
            ALaterOne => vec![other(11)],
            ALaterAbort => vec![pushed(other(11).id, true)],
            Done | Refused => vec![tx.clone()],
            Tombstone => vec![pushed(tx.id, true)],
            RefusedPrepare => vec![prepared(&tx, HOUR)],
            Committed => vec![prepared(&tx, HOUR), finished(tx.id, Decision::Committed)],
            GivenUp => vec![prepared(&tx, HOUR), finished(tx.id, Decision::Aborted)],
            CommittedUnprepared => vec![finished(tx.id, Decision::Committed)],
            GivenUpUnprepared => vec![finished(tx.id, Decision::Aborted)],
        };
        for step in steps {
            let outcome = client.apply(step.clone()).await?;
            let expected = match before {
                Refused | RefusedPrepare => outcome == refused,
                ALaterAbort | Tombstone | CommittedUnprepared | GivenUpUnprepared => {
                    outcome == Applied::Already(Decision::Aborted)
                }
                _ => matches!(outcome, Applied::Done { .. }),
            };
            ensure!(expected, "{:?} was answered {outcome:?} on the way to {before:?}", step.step);
        }
        if matches!(before, Refused | RefusedPrepare) {
            in_between.write(vec![delete(ROWS, in_the_way)]).await?;
        }
        Ok(Self { client, tx, key })
    }

    async fn send(&self, step: Step) -> Verdict<Applied> {
        self.client
            .apply(match step {
                Step::One | Step::Prepare { .. } => self.tx.clone().step(step),
                _ => MiniTx::one(self.tx.id).step(step),
            })
            .await
    }

    /// How often it was counted, and who wrote the row.
    async fn effects(&self) -> Verdict<(i128, Option<TxId>)> {
        let row = Read::Get { space: ROWS, key: self.key.clone() };
        let sum = Read::Get { space: SUMS, key: self.key.clone() };
        let reply = self.client.read(vec![row, sum]).await?;
        let [Reply::Record(row), Reply::Record(sum)] = reply.replies.as_slice() else {
            return Err(Violation::new(format!("replies of the wrong kinds: {reply:?}")));
        };
        let sum = sum.as_ref().map_or(Some(0), |(_, sum)| sum.as_ref().try_into().ok().map(i128::from_be_bytes));
        let sum = sum.ok_or_else(|| Violation::new("the counter is none"))?;
        Ok((sum, row.as_ref().map(|(version, _)| *version)))
    }

    /// Whether the row is locked.
    async fn is_locked(&self, asker: &Client) -> Verdict<bool> {
        let check = Check::Version { space: ROWS, key: self.key.clone(), expect: None };
        match asker.apply(asker.tx(vec![]).checks(vec![check])).await? {
            Applied::Blocked { by } => {
                ensure_eq!(by.id, self.tx.id, "who locks a row of its own");
                Ok(true)
            }
            Applied::Done { .. } | Applied::Conflict { .. } => Ok(false),
            other => Err(Violation::new(format!("a check was answered {other:?}"))),
        }
    }
}

/// Sends a step, twice, to a partition in each state, and looks at what it answers and what it leaves.
async fn row<S: Subject>(subject: &S, steps: &[Step], expected: impl Fn(Before, Step) -> Answer) -> Verdict {
    let Some((_place, client)) = Client::away(subject).await? else { return Ok(()) };
    let mut number = 1;
    for (before, step) in ALL.into_iter().flat_map(|before| steps.iter().map(move |step| (before, *step))) {
        // A transaction is not prepared where it is carried out.
        if before == Prepared && step == Step::One {
            continue;
        }
        number += 1;
        let case = Case::arrange(&client, number, before).await?;
        let answer = expected(before, step);
        check(&case, before, step, answer).await?;
    }
    Ok(())
}

async fn check(case: &Case, before: Before, step: Step, answer: Answer) -> Verdict {
    let what = format!("{step:?} after {before:?}");
    let is_prepare = matches!(step, Step::Prepare { .. });
    let carried_out = answer == Answer::Done && matches!(step, Step::One | Step::Finish(Decision::Committed));
    let is_there = carried_out || matches!(before, Done | Committed);
    let is_finish = matches!(step, Step::Finish(_));
    let is_locked = is_prepare && before.is_fresh()
        || before == Prepared && step == (Step::Push { abort: false })
        || before == PreparedAndALaterOne && !is_finish;
    let ended = if is_there { Decision::Committed } else { Decision::Aborted };
    let asker = case.client.beside(case.tx.id.lane << 16);
    for time in ["the first", "the second"] {
        let outcome = case.send(step).await?;
        let again = time == "the second" && answer == Answer::Done && !is_prepare;
        let as_expected = match (if again { Answer::Already(ended) } else { answer }, &outcome) {
            (Answer::Done, Applied::Done { .. })
            | (Answer::Undecided, Applied::Undecided)
            | (Answer::TheRefusal, Applied::Conflict { check: CheckRef::Check(0) }) => true,
            (Answer::Already(decision), Applied::Already(answered)) => decision == *answered,
            _ => false,
        };
        ensure!(as_expected, "{what}, {time} time, was answered {outcome:?}, expected {answer:?}");
        let effects = if is_there { (1, Some(case.tx.id)) } else { (0, None) };
        ensure_eq!(case.effects().await?, effects, "the counter and the version of the row after {what}, {time} time");
        ensure_eq!(case.is_locked(&asker).await?, is_locked, "whether the row is locked after {what}, {time} time");
    }
    if is_locked {
        return Ok(());
    }
    // What is on record now, for those who ask.
    let nothing = before.is_fresh() && step == (Step::Push { abort: false });
    let record = match before {
        _ if nothing => Applied::Undecided,
        _ if before.is_late() => Applied::Already(Decision::Aborted),
        _ => Applied::Already(ended),
    };
    ensure_eq!(case.send(Step::Push { abort: false }).await?, record, "the answer to a Push after {what}");
    // And for those who come late with its parts; they are refused unless nothing is.
    for late in [Step::Prepare { primary: PARTITION, lease: HOUR }, Step::One] {
        if nothing {
            continue;
        }
        let outcome = case.send(late).await?;
        let is_refused = !matches!(outcome, Applied::Done { .. } | Applied::Undecided);
        ensure!(is_refused, "{late:?}, late after {what}, was answered {outcome:?}");
        let effects = if is_there { (1, Some(case.tx.id)) } else { (0, None) };
        ensure_eq!(case.effects().await?, effects, "the counter and the version of the row after a late {late:?}");
    }
    Ok(())
}

/// **S4** `One` is carried out if its lane has not come to it before, and its outcome is recorded; otherwise it is answered with
/// what is on record, and with an abort if that is of a later transaction.
///
/// # Errors
/// When it does not hold.
pub async fn one_is_carried_out_where_nothing_is_on_record(subject: &impl Subject) -> Verdict {
    row(subject, &[Step::One], |before, _| match before {
        _ if before.is_fresh() => Answer::Done,
        Refused | RefusedPrepare => Answer::TheRefusal,
        _ => Answer::Already(before.recorded()),
    })
    .await
}

/// **S4** `Prepare` locks, as often as it is sent, if its lane has not come to it before; otherwise it is answered with what is on
/// record, locks nothing, and is refused if that is of a later transaction.
///
/// # Errors
/// When it does not hold.
pub async fn prepare_locks_where_nothing_is_on_record(subject: &impl Subject) -> Verdict {
    row(subject, &[Step::Prepare { primary: PARTITION, lease: HOUR }], |before, _| match before {
        _ if before.is_fresh() => Answer::Done,
        Refused | RefusedPrepare => Answer::TheRefusal,
        _ => Answer::Already(before.recorded()),
    })
    .await
}

/// **S4** `Push` answers what is on record, with an abort if that is of a later transaction. Where nothing is, one that aborts
/// records that, so that a late part of the transaction is refused, and unlocks what is prepared; one that does not leaves
/// everything as it is.
///
/// # Errors
/// When it does not hold.
pub async fn push_answers_the_outcome_or_aborts(subject: &impl Subject) -> Verdict {
    row(subject, &[Step::Push { abort: true }, Step::Push { abort: false }], |before, step| match before {
        _ if before.is_fresh() && step == (Step::Push { abort: false }) => Answer::Undecided,
        _ => Answer::Already(before.recorded()),
    })
    .await
}

/// **S4** `Finish` carries out its decision where the transaction is prepared and unlocks it, once, whatever is on record, which stays if
/// it is of a later transaction. Where it is not prepared, and nothing is on record, it records an abort; otherwise it answers what is on record, and agrees if that is of a later transaction.
///
/// # Errors
/// When it does not hold.
pub async fn finish_ends_what_is_prepared(subject: &impl Subject) -> Verdict {
    let both = [Step::Finish(Decision::Committed), Step::Finish(Decision::Aborted)];
    row(subject, &both, |before, step| match (before, step) {
        (Prepared | PreparedAndALaterOne, _) => Answer::Done,
        (_, Step::Finish(decision)) if before.is_late() => Answer::Already(decision),
        _ => Answer::Already(before.recorded()),
    })
    .await
}
