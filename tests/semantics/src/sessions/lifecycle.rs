//! How a session begins, sees its own writes, and ends.

use rome_orm::prelude::*;

use super::{Dog, chipped, dog, laws};

laws! { [Dog]
    async fn nothing_is_seen_outside_before_the_commit_and_everything_after(db) {
        let s = db.session();
        let rex = s.insert(dog("Rex", 1)).await.unwrap();
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), None);
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
        s.commit().await.unwrap();
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex));
    }

    async fn a_session_that_is_rolled_back_or_dropped_leaves_nothing(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        for drop_it in [false, true] {
            let s = db.session();
            s.insert(dog("Max", 2)).await.unwrap();
            s.update(&Dog { age: Some(9), ..rex.clone() }).await.unwrap();
            s.query::<Dog>().filter(Dog::AGE.ge(2)).delete().await.unwrap();
            if drop_it { drop(s) } else { s.rollback() }
        }
        assert_eq!(db.query::<Dog>().all().await.unwrap(), std::slice::from_ref(&rex));
        db.delete(&rex).await.unwrap();
    }

    async fn a_query_in_a_session_commits_nothing(db) {
        // The first ROME flushed unchecked writes before each query.
        let s = db.session();
        s.insert(dog("Rex", 1)).await.unwrap();
        assert_eq!(s.query::<Dog>().filter(Dog::AGE.eq(1)).count().await.unwrap(), 1);
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
        drop(s);
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
    }

    async fn own_writes_are_seen_by_every_verb(db) {
        let rex = db.insert(Dog { tags: vec!["old".into()], ..chipped("Rex", 5) }).await.unwrap();
        let s = db.session();
        let max = s.insert(dog("Max", 4)).await.unwrap();
        let old = s.update(&Dog { age: Some(8), chip: Some(6), tags: vec!["new".into()], ..rex.clone() }).await.unwrap();
        assert_eq!(s.get::<Dog>(rex.id).await.unwrap(), Some(old.clone()));
        assert_eq!(s.get_many::<Dog>([max.id, rex.id]).await.unwrap(), [Some(max.clone()), Some(old.clone())]);
        assert_eq!(s.query::<Dog>().filter(Dog::CHIP.eq(6)).one().await.unwrap(), old);
        assert_eq!(s.query::<Dog>().filter(Dog::CHIP.eq(5)).count().await.unwrap(), 0);
        assert_eq!(s.query::<Dog>().filter(Dog::TAGS.contains("new")).keys().await.unwrap(), [rex.id]);
        assert!(!s.query::<Dog>().filter(Dog::TAGS.contains("old")).exists().await.unwrap());
        let by_age = s.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::AGE.asc());
        assert_eq!(by_age.clone().select(Dog::NAME).all().await.unwrap(), ["Max", "Rex"]);
        let page = by_age.clone().page(1).fetch().await.unwrap();
        assert_eq!(page.items, std::slice::from_ref(&max));
        assert_eq!(by_age.page(1).after(page.next).fetch().await.unwrap().items, [old]);
        s.delete(&max).await.unwrap();
        assert_eq!(s.get::<Dog>(max.id).await.unwrap(), None);
        assert_eq!(s.query::<Dog>().count().await.unwrap(), 1);
    }

    async fn a_failed_statement_leaves_no_trace_and_the_session_goes_on(db) {
        let rex = db.insert(chipped("Rex", 1)).await.unwrap();
        let s = db.session();
        let max = s.insert(chipped("Max", 2)).await.unwrap();
        // Half of the statement is fine; none of it may stay.
        let error = s.insert_many([chipped("Fine", 3), chipped("Twin", 1)]).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert!(s.update(&Dog { chip: Some(1), ..max.clone() }).await.unwrap_err().is_unique_violation());
        assert!(s.insert(Dog { id: rex.id, ..dog("Again", 1) }).await.unwrap_err().is_duplicate_key());
        assert!(s.update(&Dog { id: Id::new(999), ..dog("Nobody", 1) }).await.unwrap_err().is_not_found());
        assert_eq!(s.query::<Dog>().order_by(Dog::NAME.asc()).all().await.unwrap(), [max.clone(), rex.clone()]);
        // What the failed statement would have taken is free.
        let fine = s.insert(chipped("Fine", 3)).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().order_by(Dog::NAME.asc()).all().await.unwrap(), [fine, max, rex]);
    }

    async fn a_read_only_session_refuses_writes(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let s = db.session_with(TransactionOptions::new().read_only(true));
        for error in [
            s.insert(dog("Max", 1)).await.unwrap_err(),
            s.update(&rex).await.unwrap_err(),
            s.delete(&rex).await.unwrap_err(),
            s.query::<Dog>().delete().await.unwrap_err(),
            s.query::<Dog>().update(Dog::AGE.set(1)).await.unwrap_err(),
        ] {
            assert!(error.is_invalid() && error.to_string().contains("read-only"), "{error}");
        }
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().one().await.unwrap(), rex);
    }

    async fn an_insert_that_is_deleted_in_the_same_session_never_was(db) {
        let s = db.session();
        let rex = s.insert(chipped("Rex", 1)).await.unwrap();
        s.delete(&rex).await.unwrap();
        assert!(s.delete(&rex).await.unwrap_err().is_not_found());
        let max = s.insert(chipped("Max", 1)).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().all().await.unwrap(), [max]);
    }

    async fn statements_of_one_session_may_run_at_once(db) {
        let s = db.session();
        let many = futures::future::join_all((0..16).map(|n| s.insert(chipped("Rex", n)))).await;
        assert!(many.iter().all(Result::is_ok));
        assert_eq!(s.query::<Dog>().count().await.unwrap(), 16);
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 16);
    }

    async fn index_entries_of_old_values_are_removed(db) {
        // The first ROME never removed them.
        let rex = db.insert(Dog { tags: vec!["a".into(), "b".into()], ..dog("Rex", 1) }).await.unwrap();
        db.update(&Dog { age: Some(2), tags: vec!["b".into(), "c".into()], ..rex.clone() }).await.unwrap();
        let count = async |query: Query<'_, Dog>| query.count().await.unwrap();
        assert_eq!(count(db.query().filter(Dog::AGE.eq(1))).await, 0);
        assert_eq!(count(db.query().filter(Dog::TAGS.contains("a"))).await, 0);
        assert_eq!(count(db.query().filter(Dog::TAGS.contains("b"))).await, 1);
        db.delete(&rex).await.unwrap();
        assert_eq!(count(db.query().filter(Dog::AGE.ge(0))).await, 0);
        assert_eq!(count(db.query().filter(Dog::TAGS.contains("c"))).await, 0);
    }

    async fn null_is_not_zero(db) {
        // In the first ROME it was.
        db.insert(Dog { age: None, ..dog("Rex", 1) }).await.unwrap();
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(0)).count().await.unwrap(), 0);
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.lt(1)).count().await.unwrap(), 0);
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.ne(1)).count().await.unwrap(), 0);
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.is_null()).count().await.unwrap(), 1);
    }
}
