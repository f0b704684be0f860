//! Unique values and keys, under any concurrency.

use rome_orm::prelude::*;

use super::{Dog, chipped, dog, laws};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(unique(owner, name))]
struct Pet {
    #[rome(key)]
    id: u32,
    owner: Option<u32>,
    name: String,
}

fn pet(id: u32, owner: Option<u32>, name: &str) -> Pet {
    Pet { id, owner, name: name.into() }
}

laws! { [Dog, Pet]
    async fn of_16_tasks_that_insert_one_unique_value_one_wins(db) {
        let tasks: Vec<_> = (0..16).map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                if n % 2 == 0 {
                    db.insert(chipped("Rex", 7)).await.map(drop)
                } else {
                    db.transaction(async |s| s.insert(chipped("Rex", 7)).await.map(drop)).await
                }
            })
        }).collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => won += 1,
                Err(error) => assert!(error.is_unique_violation(), "{error}"),
            }
        }
        assert_eq!(won, 1);
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 1);
    }

    async fn of_16_tasks_that_update_to_one_unique_value_one_wins(db) {
        let dogs = db.insert_many((0..16).map(|n| chipped("Rex", n))).await.unwrap();
        let tasks: Vec<_> = dogs.into_iter().map(|dog| {
            let db = db.clone();
            tokio::spawn(async move { db.update(&Dog { chip: Some(99), ..dog }).await })
        }).collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert!(error.is_unique_violation(), "{error}"),
            }
        }
        assert_eq!(won, 1);
    }

    async fn of_16_tasks_that_insert_one_key_one_wins(db) {
        let tasks: Vec<_> = (0..16).map(|n| {
            let db = db.clone();
            tokio::spawn(async move { db.insert(pet(1, Some(n), "Rex")).await })
        }).collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert!(error.is_duplicate_key(), "{error}"),
            }
        }
        assert_eq!(won, 1);
    }

    async fn a_violation_says_what_is_taken(db) {
        db.insert(chipped("Rex", 7)).await.unwrap();
        let error = db.insert(chipped("Max", 7)).await.unwrap_err();
        let text = error.to_string();
        assert!(error.is_unique_violation() && !error.is_duplicate_key() && !error.is_conflict(), "{text}");
        assert!(text.contains("`dogs`") && text.contains("chip = 7"), "{text}");
        assert_eq!((error.table(), error.violated_index()), (Some("dogs"), Some("unique_chip")));
        db.insert(pet(1, Some(3), "Rex")).await.unwrap();
        let text = db.insert(pet(2, Some(3), "Rex")).await.unwrap_err().to_string();
        assert!(text.contains("(owner, name) = (3, 'Rex')"), "{text}");
        let error = db.insert(pet(1, None, "Max")).await.unwrap_err();
        assert!(error.is_duplicate_key() && error.to_string().contains("`pet`") && error.to_string().contains('1'), "{error}");
    }

    async fn unique_ignores_null(db) {
        db.insert_many([dog("Rex", 1), dog("Max", 1)]).await.unwrap();
        db.insert_many([pet(1, None, "Rex"), pet(2, None, "Rex"), pet(3, Some(1), "Rex")]).await.unwrap();
        assert!(db.insert(pet(4, Some(1), "Rex")).await.unwrap_err().is_unique_violation());
        db.insert(pet(4, Some(2), "Rex")).await.unwrap();
    }

    async fn two_unique_values_are_swapped_in_one_statement(db) {
        let a = db.insert(chipped("A", 1)).await.unwrap();
        let b = db.insert(chipped("B", 2)).await.unwrap();
        let swapped = [Dog { chip: Some(2), ..a.clone() }, Dog { chip: Some(1), ..b.clone() }];
        db.update_many(&swapped).await.unwrap();
        assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(1)).one().await.unwrap().name, "B");
        // And back, in a session.
        let s = db.session();
        s.update_many(&[a, b]).await.unwrap();
        assert_eq!(s.query::<Dog>().filter(Dog::CHIP.eq(1)).one().await.unwrap().name, "A");
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(2)).one().await.unwrap().name, "B");
        assert!(db.insert(chipped("C", 1)).await.unwrap_err().is_unique_violation());
    }

    async fn two_unique_values_are_swapped_by_three_statements(db) {
        let a = db.insert(chipped("A", 1)).await.unwrap();
        let b = db.insert(chipped("B", 2)).await.unwrap();
        let s = db.session();
        s.update(&Dog { chip: None, ..a.clone() }).await.unwrap();
        s.update(&Dog { chip: Some(1), ..b }).await.unwrap();
        s.update(&Dog { chip: Some(2), ..a }).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(1)).one().await.unwrap().name, "B");
        assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(2)).one().await.unwrap().name, "A");
    }

    async fn all_unique_values_are_moved_by_one_statement(db) {
        db.insert_many((0..10).map(|n| chipped("Rex", n))).await.unwrap();
        assert_eq!(db.query::<Dog>().update(Dog::CHIP.set(Dog::CHIP + 1)).await.unwrap(), 10);
        let s = db.session();
        assert_eq!(s.query::<Dog>().update(Dog::CHIP.set(Dog::CHIP - 1)).await.unwrap(), 10);
        assert_eq!(s.query::<Dog>().update(Dog::CHIP.set(Dog::CHIP + 2)).await.unwrap(), 10);
        s.commit().await.unwrap();
        for n in 0..12 {
            let found = db.query::<Dog>().filter(Dog::CHIP.eq(n)).count().await.unwrap();
            assert_eq!(found, u64::from(n >= 2), "{n}");
        }
        assert!(db.query::<Dog>().update(Dog::CHIP.set(5)).await.unwrap_err().is_unique_violation());
        assert!(db.insert(chipped("Max", 11)).await.unwrap_err().is_unique_violation());
        db.insert(chipped("Max", 1)).await.unwrap();
    }

    async fn a_value_that_was_moved_onto_is_taken_for_the_rest_of_the_session(db) {
        db.insert_many([chipped("A", 1), chipped("B", 2)]).await.unwrap();
        let s = db.session();
        s.query::<Dog>().update(Dog::CHIP.set(Dog::CHIP + 1)).await.unwrap();
        let error = s.insert(chipped("C", 2)).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        s.insert(chipped("C", 1)).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().order_by(Dog::CHIP.asc()).select(Dog::NAME).all().await.unwrap(), ["C", "A", "B"]);
    }

    async fn a_unique_value_is_free_after_its_row_is_deleted_in_the_session(db) {
        let rex = db.insert(chipped("Rex", 7)).await.unwrap();
        let s = db.session();
        s.delete(&rex).await.unwrap();
        let max = s.insert(chipped("Max", 7)).await.unwrap();
        assert_eq!(s.query::<Dog>().filter(Dog::CHIP.eq(7)).one().await.unwrap(), max);
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().all().await.unwrap(), [max]);
    }

    async fn a_unique_value_is_free_after_its_row_is_deleted(db) {
        let rex = db.insert(chipped("Rex", 7)).await.unwrap();
        db.delete(&rex).await.unwrap();
        db.insert(chipped("Max", 7)).await.unwrap();
    }

    async fn rows_of_one_statement_cannot_share_a_unique_value(db) {
        assert!(db.insert_many([chipped("A", 1), chipped("B", 1)]).await.unwrap_err().is_unique_violation());
        assert!(db.insert_many([pet(1, None, "A"), pet(1, None, "B")]).await.unwrap_err().is_duplicate_key());
        assert_eq!(db.query::<Dog>().count().await.unwrap() + db.query::<Pet>().count().await.unwrap(), 0);
    }

    async fn a_commit_that_meets_a_taken_value_says_so_or_is_a_conflict(db) {
        let s = db.session();
        s.insert(chipped("Rex", 7)).await.unwrap();
        db.insert(chipped("Max", 7)).await.unwrap();
        let error = s.commit().await.unwrap_err();
        assert!(error.is_unique_violation() || error.is_conflict(), "{error}");
        // A transaction runs again, and its body meets the violation itself.
        let error = db.transaction(async |s| s.insert(chipped("Rex", 7)).await).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 1);
    }

    async fn an_upsert_replaces_by_key_and_respects_other_unique_values(db) {
        db.upsert(pet(1, Some(1), "Rex")).await.unwrap();
        db.upsert(pet(1, Some(2), "Max")).await.unwrap();
        assert_eq!(db.query::<Pet>().all().await.unwrap(), [pet(1, Some(2), "Max")]);
        assert!(db.upsert(pet(2, Some(2), "Max")).await.unwrap_err().is_unique_violation());
        db.upsert_many([pet(1, Some(1), "Rex"), pet(2, Some(2), "Max")]).await.unwrap();
        assert_eq!(db.query::<Pet>().count().await.unwrap(), 2);
    }
}
