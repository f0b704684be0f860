//! Transactions are repeated after conflicts, within bounds, and their errors are honest.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rome_orm::prelude::*;

use super::{Dog, chipped, dog, laws};

/// Adds a year to a dog, outside of the transaction under test.
async fn meddle(db: &Database, id: Id<Dog>) -> rome_orm::Result<()> {
    db.query::<Dog>().filter(Dog::ID.eq(id)).update(Dog::AGE.set(Dog::AGE + 1)).await.map(drop)
}

#[derive(Debug)]
enum Refusal {
    TooOld(u32),
    Rome(rome_orm::Error),
}

impl From<rome_orm::Error> for Refusal {
    fn from(error: rome_orm::Error) -> Self {
        Self::Rome(error)
    }
}

laws! { [Dog]
    async fn a_conflict_is_retried_until_it_is_gone(db) {
        let id = db.insert(dog("Rex", 1)).await.unwrap().id;
        let runs = AtomicU32::new(0);
        let (db, runs) = (&db, &runs);
        let age = db.transaction(async move |s| {
            let mut dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
            if runs.fetch_add(1, Ordering::SeqCst) < 3 {
                meddle(db, id).await?;
            }
            dog.age = dog.age.map(|age| age + 10);
            Ok(s.update(&dog).await?.age)
        }).await.unwrap();
        assert_eq!((age, runs.load(Ordering::SeqCst)), (Some(14), 4));
        assert_eq!(db.get::<Dog>(id).await.unwrap().unwrap().age, Some(14));
    }

    async fn attempts_are_bounded_and_the_error_says_how_many_and_what_blocked(db) {
        // The first ROME tried for ever.
        let id = db.insert(dog("Rex", 1)).await.unwrap().id;
        let runs = AtomicU32::new(0);
        let (db, runs) = (&db, &runs);
        let error = db.transaction_with(TransactionOptions::new().max_attempts(3), async move |s| {
            runs.fetch_add(1, Ordering::SeqCst);
            let dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
            meddle(db, id).await?;
            s.update(&dog).await.map(drop)
        }).await.unwrap_err();
        assert!(error.is_conflict(), "{error}");
        assert_eq!((error.attempts(), runs.load(Ordering::SeqCst)), (Some(3), 3));
        let text = error.to_string();
        assert!(text.contains("3 attempts") && text.contains("`dogs`"), "{text}");
        assert_eq!(db.get::<Dog>(id).await.unwrap().unwrap().age, Some(4));
    }

    async fn a_deadline_ends_the_attempts(db) {
        let id = db.insert(dog("Rex", 1)).await.unwrap().id;
        let runs = AtomicU32::new(0);
        let (db, runs) = (&db, &runs);
        let options = TransactionOptions::new().retry_for(Duration::ZERO);
        let error = db.transaction_with(options, async move |s| {
            runs.fetch_add(1, Ordering::SeqCst);
            let dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
            meddle(db, id).await?;
            s.update(&dog).await.map(drop)
        }).await.unwrap_err();
        assert!(error.is_conflict());
        assert_eq!((error.attempts(), runs.load(Ordering::SeqCst)), (Some(1), 1));
    }

    async fn a_transaction_may_end_with_an_error_of_its_own_and_then_changes_nothing(db) {
        let id = db.insert(dog("Rex", 30)).await.unwrap().id;
        let refused = db.try_transaction(async move |s| {
            let mut dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
            dog.age = dog.age.map(|age| age + 1);
            s.update(&dog).await?;
            match dog.age {
                Some(age) if age > 30 => Err(Refusal::TooOld(age)),
                _ => Ok(()),
            }
        }).await;
        assert!(matches!(refused, Err(Refusal::TooOld(31))), "{refused:?}");
        assert_eq!(db.get::<Dog>(id).await.unwrap().unwrap().age, Some(30));
        let missing = db.try_transaction(async |s| {
            s.get::<Dog>(Id::new(99)).await?.ok_or_not_found()?;
            Ok::<_, Refusal>(())
        }).await;
        assert!(matches!(missing, Err(Refusal::Rome(error)) if error.is_not_found()));
    }

    async fn an_error_of_the_body_that_saw_no_consistent_state_is_not_told_but_repeated(db) {
        // Both dogs always have the same age; a body that sees two ages saw two states.
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let max = db.insert(dog("Max", 1)).await.unwrap();
        let runs = AtomicU32::new(0);
        let (db, runs, rex, max) = (&db, &runs, &rex, &max);
        let age = db.try_transaction(async move |s| {
            let first = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                db.query::<Dog>().update(Dog::AGE.set(5)).await?;
            }
            let second = s.get::<Dog>(max.id).await?.ok_or_not_found()?;
            if first.age == second.age { Ok(first.age) } else { Err(Refusal::TooOld(0)) }
        }).await.unwrap();
        assert_eq!((age, runs.load(Ordering::SeqCst)), (Some(5), 2));
    }

    async fn a_conflict_that_the_body_swallows_is_retried(db) {
        let id = db.insert(dog("Rex", 1)).await.unwrap().id;
        let runs = AtomicU32::new(0);
        let (db, runs) = (&db, &runs);
        db.transaction(async move |s| {
            s.get::<Dog>(id).await?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                meddle(db, id).await?;
            }
            // The error of this read is a conflict, and the body ignores it.
            let again = s.get::<Dog>(id).await;
            s.insert(dog(if again.is_ok() { "fine" } else { "swallowed" }, 9)).await.ok();
            Ok(())
        }).await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(9)).select(Dog::NAME).all().await.unwrap(), ["fine"]);
    }

    async fn a_violated_constraint_is_not_retried(db) {
        db.insert(chipped("Rex", 1)).await.unwrap();
        let runs = AtomicU32::new(0);
        let counted = &runs;
        let error = db.transaction(async move |s| {
            counted.fetch_add(1, Ordering::SeqCst);
            s.insert(chipped("Max", 1)).await
        }).await.unwrap_err();
        assert!(error.is_unique_violation());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    async fn an_explicit_session_says_conflict_once_and_can_be_begun_again(db) {
        let id = db.insert(dog("Rex", 1)).await.unwrap().id;
        let s = db.session();
        let rex = s.get::<Dog>(id).await.unwrap().unwrap();
        meddle(&db, id).await.unwrap();
        s.update(&rex).await.unwrap();
        let error = s.commit().await.unwrap_err();
        assert!(error.is_conflict() && error.to_string().contains("try the whole session again"), "{error}");
        let s = db.session();
        let rex = s.get::<Dog>(id).await.unwrap().unwrap();
        s.update(&rex).await.unwrap();
        s.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_transaction_in_the_body_of_one_whose_turn_it_is_does_not_wait_for_it() {
    let db = &Database::builder().entity::<Dog>().open("memory:").await.unwrap();
    let (outer, inner) = (db.insert(dog("Rex", 1)).await.unwrap().id, db.insert(dog("Ida", 1)).await.unwrap().id);
    let runs = &AtomicU32::new(0);
    let both = db.transaction(async move |s| {
        let mut rex = s.get::<Dog>(outer).await?.ok_or_not_found()?;
        if runs.fetch_add(1, Ordering::SeqCst) < 6 {
            meddle(db, outer).await?;
        }
        let runs = &AtomicU32::new(0);
        db.transaction(async move |t| {
            let mut ida = t.get::<Dog>(inner).await?.ok_or_not_found()?;
            if runs.fetch_add(1, Ordering::SeqCst) < 6 {
                meddle(db, inner).await?;
            }
            ida.age = Some(100);
            t.update(&ida).await
        })
        .await?;
        rex.age = Some(100);
        s.update(&rex).await
    });
    // It would wait for ten seconds, each time; what it does takes milliseconds.
    tokio::time::timeout(Duration::from_secs(8), both).await.expect("nobody waits for itself").unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 7);
}
