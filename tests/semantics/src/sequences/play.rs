//! Plays statements on a database beside the model: after a statement that is refused, everything is as it was.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use rome_core::testkit::{Fault, Faults};
use rome_orm::prelude::*;

use super::statement::{Choices, Statement};
use super::view::{Place, view};
use super::world::Model;

/// What is done to a statement from outside.
enum Harm {
    Nothing,
    /// The n-th read of the store fails.
    ReadFails(u8),
    /// The commit does not reach the store.
    CommitFails,
    /// Its future is dropped after this many polls.
    Dropped(u8),
}

/// Polls a future so many times at most.
async fn polled<T>(times: u8, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Plays what the bytes say; gives what each statement answered. With a store that fails on purpose, it does.
pub async fn play(db: &Database, faults: Option<&Faults>, bytes: &[u8]) -> Vec<String> {
    let mut choices = Choices::new(bytes);
    let mut committed = Model::default();
    let mut answers = Vec::new();
    while !choices.is_empty() {
        let in_session = choices.below(2) == 1;
        let statements = if in_session { 1 + choices.below(6) } else { 1 };
        let session = db.session();
        let mut model = committed.clone();
        for _ in 0..statements {
            let place = if in_session { Place::Session(&session) } else { Place::Database(db) };
            let statement = Statement::draw(&mut choices, &model);
            let harm = match faults.map(|_| choices.below(8)) {
                Some(0) => Harm::ReadFails(choices.below(4)),
                Some(1) if !in_session => Harm::CommitFails,
                Some(2 | 3) if in_session => Harm::Dropped(choices.below(24)),
                _ => Harm::Nothing,
            };
            let result = suffer(statement.run(place), &harm, faults).await;
            let after = view(place).await;
            match &result {
                None | Some(Err(_)) => assert_eq!(after, model, "{statement:?} was refused: {result:?}"),
                Some(Ok(())) => {
                    statement.clone().apply(&mut model);
                    model.lines = after.lines.clone();
                    assert_eq!(after, model, "{statement:?}");
                    model.assert_sound();
                }
            }
            answers.push(format!(
                "{statement:?}: {}",
                match &result {
                    None => "dropped".to_owned(),
                    Some(Ok(())) => "ok".to_owned(),
                    Some(Err(error)) => error.to_string(),
                }
            ));
        }
        match (in_session, choices.below(4)) {
            (true, 0) => session.rollback(),
            (true, _) => {
                session.commit().await.unwrap();
                committed = model;
            }
            (false, _) => committed = model,
        }
        assert_eq!(view(Place::Database(db)).await, committed);
    }
    let report = db.admin().check().await.unwrap();
    assert!(report.is_clean(), "{report}");
    answers
}

/// Runs a statement, with what is done to it.
async fn suffer(
    statement: impl Future<Output = rome_orm::Result<()>>,
    harm: &Harm,
    faults: Option<&Faults>,
) -> Option<rome_orm::Result<()>> {
    let Some(faults) = faults else { return Some(statement.await) };
    match harm {
        Harm::Nothing => {}
        Harm::ReadFails(n) => faults.fail_read(usize::from(*n)),
        Harm::CommitFails => faults.fail_apply(0, Fault::Refused),
        Harm::Dropped(polls) => return polled(*polls, statement).await,
    }
    let result = statement.await;
    faults.clear();
    Some(result)
}
