//! Strict serializability: what a session has read still holds when it commits.

use rome_orm::prelude::*;

use super::{Dog, dog, laws};

laws! { [Dog]
    async fn a_lost_update_is_a_conflict(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let (a, b) = (db.session(), db.session());
        for s in [&a, &b] {
            let mut mine = s.get::<Dog>(rex.id).await.unwrap().unwrap();
            mine.age = mine.age.map(|age| age + 1);
            s.update(&mine).await.unwrap();
        }
        a.commit().await.unwrap();
        let error = b.commit().await.unwrap_err();
        assert!(error.is_conflict() && error.to_string().contains("dogs"), "{error}");
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap().unwrap().age, Some(2));
    }

    async fn no_increment_of_16_tasks_is_lost(db) {
        let rex = db.insert(dog("Rex", 0)).await.unwrap();
        let tasks: Vec<_> = (0..16).map(|_| {
            let (db, id) = (db.clone(), rex.id);
            tokio::spawn(async move {
                for _ in 0..5 {
                    db.transaction(async move |s| {
                        let mut dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
                        dog.age = dog.age.map(|age| age + 1);
                        s.update(&dog).await
                    }).await.unwrap();
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap().unwrap().age, Some(80));
    }

    async fn write_skew_is_a_conflict(db) {
        // One of two dogs has to stay at home; each session sees the other one there and sends its own away.
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let max = db.insert(dog("Max", 1)).await.unwrap();
        let (a, b) = (db.session(), db.session());
        for (s, mine) in [(&a, &rex), (&b, &max)] {
            assert_eq!(s.query::<Dog>().filter(Dog::CITY.eq("Lyon")).count().await.unwrap(), 2);
            s.update(&Dog { city: "Nice".into(), ..mine.clone() }).await.unwrap();
        }
        a.commit().await.unwrap();
        assert!(b.commit().await.unwrap_err().is_conflict());
        assert_eq!(db.query::<Dog>().filter(Dog::CITY.eq("Lyon")).count().await.unwrap(), 1);
    }

    async fn write_skew_over_single_rows_is_a_conflict(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let max = db.insert(dog("Max", 1)).await.unwrap();
        let (a, b) = (db.session(), db.session());
        for (s, read, write) in [(&a, &rex, &max), (&b, &max, &rex)] {
            s.get::<Dog>(read.id).await.unwrap();
            s.update(&Dog { age: Some(9), ..write.clone() }).await.unwrap();
        }
        a.commit().await.unwrap();
        assert!(b.commit().await.unwrap_err().is_conflict());
    }

    async fn a_row_that_was_not_there_and_is_inserted_is_a_conflict(db) {
        let s = db.session();
        assert_eq!(s.get::<Dog>(Id::new(7)).await.unwrap(), None);
        s.insert(dog("Witness", 1)).await.unwrap();
        db.insert(Dog { id: Id::new(7), ..dog("Rex", 1) }).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_phantom_in_a_range_is_a_conflict(db) {
        db.insert(dog("Rex", 5)).await.unwrap();
        let s = db.session();
        assert_eq!(s.query::<Dog>().filter(Dog::AGE.between(3, 8)).all().await.unwrap().len(), 1);
        s.insert(dog("Witness", 50)).await.unwrap();
        db.insert(dog("Phantom", 7)).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_row_that_moves_into_a_range_is_a_conflict(db) {
        let rex = db.insert(dog("Rex", 50)).await.unwrap();
        let s = db.session();
        assert_eq!(s.query::<Dog>().filter(Dog::AGE.lt(10)).keys().await.unwrap(), []);
        s.insert(dog("Witness", 60)).await.unwrap();
        db.update(&Dog { age: Some(4), ..rex }).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_phantom_in_a_count_is_a_conflict(db) {
        let s = db.session();
        assert_eq!(s.query::<Dog>().filter(Dog::AGE.eq(3)).count().await.unwrap(), 0);
        s.insert(dog("Witness", 60)).await.unwrap();
        db.insert(dog("Phantom", 3)).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_phantom_in_an_empty_result_is_a_conflict(db) {
        let s = db.session();
        assert!(!s.query::<Dog>().filter(Dog::CITY.eq("Paris")).exists().await.unwrap());
        s.insert(dog("Witness", 60)).await.unwrap();
        db.insert(Dog { city: "Paris".into(), ..dog("Phantom", 3) }).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_phantom_in_an_empty_table_is_a_conflict(db) {
        let s = db.session();
        assert_eq!(s.query::<Dog>().all().await.unwrap(), []);
        s.insert(dog("Witness", 60)).await.unwrap();
        db.insert(dog("Phantom", 3)).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_phantom_before_the_end_of_a_limited_query_is_a_conflict(db) {
        db.insert_many([dog("B", 5), dog("C", 6), dog("D", 7)]).await.unwrap();
        let s = db.session();
        assert_eq!(s.query::<Dog>().order_by(Dog::AGE.asc()).limit(2).all().await.unwrap().len(), 2);
        s.insert(dog("Witness", 60)).await.unwrap();
        db.insert(dog("A", 4)).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn what_changes_after_the_end_of_a_limited_query_is_no_conflict(db) {
        let dogs = db.insert_many((1..50).map(|age| dog("Rex", age))).await.unwrap();
        let s = db.session();
        let query = s.query::<Dog>().order_by(Dog::AGE.asc()).limit(2);
        assert_eq!(query.all().await.unwrap(), dogs[..2]);
        assert!(!query.explain().await.unwrap().sorts_in_memory());
        s.insert(dog("Witness", 60)).await.unwrap();
        db.update(&Dog { age: Some(49), ..dogs[40].clone() }).await.unwrap();
        s.commit().await.unwrap();
    }

    async fn changes_elsewhere_are_no_conflict(db) {
        let rex = db.insert(dog("Rex", 5)).await.unwrap();
        let max = db.insert(dog("Max", 50)).await.unwrap();
        let s = db.session();
        s.get::<Dog>(rex.id).await.unwrap();
        assert_eq!(s.query::<Dog>().filter(Dog::AGE.between(3, 8)).count().await.unwrap(), 1);
        s.insert(dog("Witness", 60)).await.unwrap();
        db.update(&Dog { name: "Maximilian".into(), ..max }).await.unwrap();
        s.commit().await.unwrap();
    }

    async fn a_read_only_session_sees_one_state_or_a_conflict(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let max = db.insert(dog("Max", 1)).await.unwrap();
        let s = db.session_with(TransactionOptions::new().read_only(true));
        s.get::<Dog>(rex.id).await.unwrap();
        db.update_many(&[Dog { age: Some(2), ..rex.clone() }, Dog { age: Some(2), ..max.clone() }]).await.unwrap();
        s.get::<Dog>(max.id).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
        // As a transaction it is repeated until all reads are of one state.
        let mut runs = 0;
        let count = std::sync::atomic::AtomicU32::new(0);
        let (ages, counted) = (&std::sync::Mutex::new(Vec::new()), &count);
        let other = &db;
        let (rex, max) = (&rex, &max);
        db.transaction_with(TransactionOptions::new().read_only(true), async move |s| {
            let first = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
            if counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                let third = |dog: &Dog| Dog { age: Some(3), ..dog.clone() };
                other.update_many(&[third(rex), third(max)]).await?;
            }
            let second = s.get::<Dog>(max.id).await?.ok_or_not_found()?;
            *ages.lock().unwrap() = vec![first.age, second.age];
            Ok(())
        }).await.unwrap();
        runs += count.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!((runs, ages.lock().unwrap().clone()), (2, vec![Some(3), Some(3)]));
    }

    async fn a_row_that_changed_between_two_reads_of_it_is_a_conflict_at_once(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let s = db.session();
        s.get::<Dog>(rex.id).await.unwrap();
        db.update(&Dog { age: Some(2), ..rex.clone() }).await.unwrap();
        // The session has the row already: it reads the same again, and by a query it would read another.
        assert_eq!(s.get::<Dog>(rex.id).await.unwrap(), Some(rex.clone()));
        let by_key = s.query::<Dog>().filter(Dog::ID.eq(rex.id));
        assert!(by_key.all().await.unwrap_err().is_conflict());
        // It is lost from then on.
        assert!(s.query::<Dog>().all().await.unwrap_err().is_conflict());
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_row_that_is_deleted_and_inserted_again_is_not_the_row_that_was_read(db) {
        // The first ROME reset the version counter of a deleted row.
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        let s = db.session();
        s.get::<Dog>(rex.id).await.unwrap();
        s.insert(dog("Witness", 60)).await.unwrap();
        db.delete(&rex).await.unwrap();
        db.insert(rex.clone()).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn a_unique_lookup_of_a_free_value_that_is_then_taken_is_a_conflict(db) {
        let s = db.session();
        let query = s.query::<Dog>().filter(Dog::CHIP.eq(7));
        assert!(query.explain().await.unwrap().to_string().contains("unique index"));
        assert_eq!(query.first().await.unwrap(), None);
        s.insert(dog("Witness", 60)).await.unwrap();
        db.insert(Dog { chip: Some(7), ..dog("Phantom", 1) }).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }

    async fn an_update_by_a_query_of_many_tasks_loses_nothing(db) {
        db.insert(dog("Rex", 0)).await.unwrap();
        let tasks: Vec<_> = (0..8).map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    while let Err(error) = db.query::<Dog>().update(Dog::AGE.set(Dog::AGE + 1)).await {
                        assert!(error.is_conflict(), "{error}");
                    }
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(db.query::<Dog>().one().await.unwrap().age, Some(40));
    }
}
