//! Compare-and-set of one row: all conditions hold and it is changed, or the error says which one does not.

use std::sync::Arc;

use futures::future::{join, join_all};
use rome_core::store::memory::MemoryStore;
use rome_core::testkit::Faults;
use rome_orm::prelude::*;

use super::{Dog, chipped, dog, laws};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "jobs")]
struct Job {
    #[rome(key)]
    id: u32,
    status: String,
    taken_by: Option<u32>,
    #[rome(version)]
    version: u64,
    #[rome(soft_delete)]
    deleted_at: Option<DateTime<Utc>>,
    #[rome(has_many(job_id))]
    steps: Many<Step>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "steps")]
struct Step {
    #[rome(key)]
    id: u32,
    #[rome(references = Job)]
    job_id: u32,
    open: bool,
}

fn job(id: u32) -> Job {
    Job { id, status: "queued".into(), ..Default::default() }
}

laws! { [Dog]
    async fn a_row_is_changed_where_all_conditions_hold_and_only_there(db) {
        let rex = db.insert(chipped("Rex", 7)).await.unwrap();
        let changes = (Dog::AGE.set(Dog::AGE + 1), Dog::CITY.set("Nice"));
        let after = db.update_if::<Dog>(rex.id, (Dog::AGE.lt(5), Dog::NAME.eq("Rex")), changes.clone()).await.unwrap();
        assert_eq!(after, Dog { age: Some(2), city: "Nice".into(), ..rex.clone() });
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(after.clone()));
        let conditions = (Dog::AGE.lt(5), Dog::NAME.eq("Ida"), Dog::CITY.eq("Lyon"));
        let error = db.update_if::<Dog>(rex.id, conditions, changes).await.unwrap_err();
        assert!(error.is_condition_failed() && !error.is_not_found() && !error.is_conflict(), "{error}");
        assert_eq!((error.failed_condition(), error.table()), (Some(1), Some("dogs")));
        assert_eq!(
            error.to_string(),
            format!("the row {} of table `dogs` was not updated: condition 2 of 3 does not hold: name = 'Ida'; name is 'Rex'", rex.id)
        );
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(after));
    }

    async fn an_unknown_condition_does_not_hold(db) {
        let rex = db.insert(Dog { age: None, ..dog("Rex", 1) }).await.unwrap();
        for condition in [Dog::AGE.gt(3), !Dog::AGE.gt(3)] {
            let error = db.update_if::<Dog>(rex.id, condition, Dog::AGE.set(4)).await.unwrap_err();
            assert!(error.is_condition_failed() && error.to_string().ends_with("; age is NULL"), "{error}");
        }
    }

    async fn a_row_that_is_not_there_is_not_found(db) {
        let error = db.update_if::<Dog>(Id::new(99), Dog::AGE.lt(3), Dog::AGE.set(4)).await.unwrap_err();
        assert!(error.is_not_found() && !error.is_condition_failed(), "{error}");
    }

    async fn constraints_and_types_are_tested_as_by_an_update(db) {
        let rex = db.insert(chipped("Rex", 7)).await.unwrap();
        db.insert(chipped("Ida", 8)).await.unwrap();
        let always = || Vec::<Condition<Dog>>::new();
        assert!(db.update_if::<Dog>(rex.id, always(), Dog::CHIP.set(8)).await.unwrap_err().is_unique_violation());
        assert!(db.update_if::<Dog>(rex.id, always(), Dog::AGE.set(Dog::AGE - 5)).await.unwrap_err().is_overflow());
        assert!(db.update_if::<Dog>(rex.id, always(), Dog::ID.set(Id::new(9))).await.unwrap_err().is_invalid());
        let s = db.session();
        assert!(s.update_if::<Dog>(rex.id, always(), Dog::CHIP.set(8)).await.unwrap_err().is_unique_violation());
        s.update_if::<Dog>(rex.id, always(), Dog::CHIP.set(9)).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap().unwrap().chip, Some(9));
    }

    async fn of_64_contenders_one_wins(db) {
        let id = db.insert(dog("Rex", 0)).await.unwrap().id;
        let contenders = (1..=64_u32).map(|n| {
            let db = db.clone();
            tokio::spawn(async move { db.update_if::<Dog>(id, Dog::AGE.eq(0), Dog::AGE.set(n)).await })
        });
        let results: Vec<_> = join_all(contenders).await.into_iter().map(Result::unwrap).collect();
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|lost| lost.as_ref().unwrap_err().is_condition_failed()));
        assert_eq!(db.get::<Dog>(id).await.unwrap(), won.into_iter().next().unwrap().ok());
    }

    async fn a_lost_race_is_no_conflict_while_the_conditions_hold(db) {
        let id = db.insert(dog("Rex", 0)).await.unwrap().id;
        let contenders = (0..16).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.update_if::<Dog>(id, Dog::AGE.lt(10), Dog::AGE.set(Dog::AGE + 1)).await })
        });
        let results: Vec<_> = join_all(contenders).await.into_iter().map(Result::unwrap).collect();
        let lost: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        assert!(lost.len() == 6 && lost.iter().all(|error| error.is_condition_failed()), "{lost:?}");
        assert_eq!(db.get::<Dog>(id).await.unwrap().unwrap().age, Some(10));
    }

    async fn a_session_tests_what_it_has_written_and_commits_only_what_still_holds(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let s = db.session();
        s.update(&Dog { age: Some(5), ..rex.clone() }).await.unwrap();
        assert_eq!(s.update_if::<Dog>(rex.id, Dog::AGE.eq(5), Dog::AGE.set(6)).await.unwrap().age, Some(6));
        assert!(s.update_if::<Dog>(rex.id, Dog::AGE.eq(5), Dog::AGE.set(7)).await.unwrap_err().is_condition_failed());
        s.commit().await.unwrap();
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap().unwrap().age, Some(6));
        let s = db.session();
        s.update_if::<Dog>(rex.id, Dog::AGE.eq(6), Dog::NAME.set("Ida")).await.unwrap();
        db.update_if::<Dog>(rex.id, Dog::AGE.eq(6), Dog::AGE.set(8)).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap().unwrap().name, "Rex");
    }
}

#[tokio::test]
async fn of_two_statements_of_one_session_at_once_one_wins() {
    let store = Faults::new(Arc::new(MemoryStore::new()));
    store.yield_around_calls();
    let db = Database::builder().entity::<Dog>().open(Arc::new(store)).await.unwrap();
    let id = db.insert(dog("Rex", 0)).await.unwrap().id;
    let s = db.session();
    // Both have read the row before one of them writes it.
    let take = |n: u32| s.update_if::<Dog>(id, Dog::AGE.eq(0), Dog::AGE.set(n));
    let (one, other) = join(take(1), take(2)).await;
    assert_eq!(one.unwrap().age, Some(1));
    assert!(other.unwrap_err().is_condition_failed());
    s.commit().await.unwrap();
}

laws! { [Job, Step]
    async fn a_condition_may_ask_other_entities(db) {
        db.insert(job(1)).await.unwrap();
        db.insert_many([Step { id: 1, job_id: 1, open: true }, Step { id: 2, job_id: 1, open: false }]).await.unwrap();
        let done = || Job::STEPS.none(Step::OPEN.eq(true));
        let conditions = (Job::STATUS.eq("queued"), done());
        let error = db.update_if::<Job>(1, conditions, Job::STATUS.set("done")).await.unwrap_err();
        assert_eq!(error.failed_condition(), Some(1), "{error}");
        db.update(&Step { id: 1, job_id: 1, open: false }).await.unwrap();
        assert_eq!(db.update_if::<Job>(1, done(), Job::STATUS.set("done")).await.unwrap().status, "done");
    }

    async fn the_version_rises_and_a_softly_deleted_row_is_not_found(db) {
        let old = db.insert(job(1)).await.unwrap();
        let taken = db.update_if::<Job>(1, Job::TAKEN_BY.is_null(), Job::TAKEN_BY.set(Some(7))).await.unwrap();
        assert_eq!((taken.version, taken.taken_by), (2, Some(7)));
        assert!(db.update(&old).await.unwrap_err().is_stale());
        db.delete(&taken).await.unwrap();
        let error = db.update_if::<Job>(1, Job::STATUS.eq("queued"), Job::STATUS.set("done")).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
    }
}
