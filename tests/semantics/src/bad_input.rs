//! What users and the world get wrong: a clear error each, and nothing is lost.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use rome_orm::prelude::*;
use rome_orm::store::{
    Applied, ApplyOptions, Durability, Effect, MiniTx, Partition, Read, ReadOptions, Reply, SequenceId, Space, Span,
    Store, TableId, TxId,
};

use crate::sessions::laws;
use crate::stores::{open, places, places_of_one_partition};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(age))]
struct Dog {
    #[rome(key)]
    id: String,
    #[rome(index)]
    name: String,
    age: Option<i32>,
    #[rome(unique)]
    chip: Option<String>,
    tags: Vec<String>,
    good: bool,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Owner {
    #[rome(key)]
    id: u64,
    age: i32,
}

fn dog(id: &str, age: i32) -> Dog {
    Dog { id: id.into(), name: format!("dog {id}"), age: Some(age), ..Default::default() }
}

async fn pack(db: &Database) -> Vec<Dog> {
    db.insert_many((0..9).map(|n| dog(&n.to_string(), n))).await.unwrap()
}

async fn everything(db: &Database) -> Vec<Dog> {
    db.query::<Dog>().order_by(Dog::ID.asc()).all().await.unwrap()
}

/// Asserts that a message has all of these parts.
macro_rules! says {
    ($error:expr, $($part:expr),+) => {{
        let text = $error.to_string();
        $(assert!(text.contains($part), "{text} does not say {}", $part);)+
    }};
}

laws! { [Dog, Owner]
    async fn a_key_that_is_too_long_is_a_limit(db) {
        let dogs = pack(&db).await;
        let error = db.insert(dog(&"x".repeat(2000), 1)).await.unwrap_err();
        assert!(error.is_limit_exceeded());
        says!(error, "key", "`dogs`", "1024");
        let s = db.session();
        assert!(s.insert(dog(&"x".repeat(2000), 1)).await.unwrap_err().is_limit_exceeded());
        s.commit().await.unwrap();
        assert_eq!(db.get::<Dog>("x".repeat(2000)).await.unwrap(), None);
        assert_eq!(everything(&db).await, dogs);
    }

    async fn an_index_entry_that_is_too_long_is_a_limit_that_names_the_index(db) {
        let dogs = pack(&db).await;
        let error = db.update(&Dog { name: "x".repeat(2000), ..dogs[0].clone() }).await.unwrap_err();
        assert!(error.is_limit_exceeded());
        says!(error, "`by_name`", "`dogs`", "1024");
        let error = db.insert(Dog { chip: Some("x".repeat(2000)), ..dog("new", 1) }).await.unwrap_err();
        assert!(error.is_limit_exceeded());
        says!(error, "`unique_chip`", "`dogs`", "1024");
        let error = db.query::<Dog>().update(Dog::NAME.set("x".repeat(2000))).await.unwrap_err();
        assert!(error.is_limit_exceeded());
        assert_eq!(everything(&db).await, dogs);
        // Without an index a text may be long.
        db.update(&Dog { tags: vec!["x".repeat(5000)], ..dogs[0].clone() }).await.unwrap();
    }

    async fn an_unknown_column_is_told_with_the_nearest_name(_db) {
        let error = Dog::column("nmae").unwrap_err();
        assert!(error.is_invalid());
        says!(error, "`dogs`", "`nmae`", "`name`");
        let error = Dog::column("something else").unwrap_err();
        assert!(error.is_invalid() && !error.to_string().contains("did you mean"), "{error}");
    }

    async fn a_run_time_value_of_another_type_is_told_with_its_column(_db) {
        for error in [
            Dog::column("age").unwrap().eq("three").unwrap_err(),
            Dog::column("age").unwrap().parse("three").unwrap_err(),
            Dog::column("age").unwrap().ge(1_i64 << 40).unwrap_err(),
            Dog::column("age").unwrap().is_in([Value::Int(1), Value::Bool(true)]).unwrap_err(),
            Dog::column("age").unwrap().like("3%").unwrap_err(),
            Dog::column("age").unwrap().contains("3").unwrap_err(),
            Dog::column("age").unwrap().set(1.5).unwrap_err(),
        ] {
            assert!(error.is_invalid(), "{error}");
            says!(error, "`age`", "`dogs`");
        }
        for error in [
            Dog::column("tags").unwrap().contains(3).unwrap_err(),
            Dog::column("tags").unwrap().asc().unwrap_err(),
            Dog::column("tags").unwrap().lt(Value::List(Vec::new())).unwrap_err(),
        ] {
            assert!(error.is_invalid(), "{error}");
            says!(error, "`tags`", "`dogs`");
        }
        let error = Dog::column("good").unwrap().set(Value::Null).unwrap_err();
        assert!(error.is_invalid());
        says!(error, "`good`", "`dogs`", "NULL");
    }

    async fn a_marker_that_does_not_fit_its_order_is_told_with_the_column(db) {
        let dogs = pack(&db).await;
        let (age, name, good) = (Dog::column("age").unwrap(), Dog::column("name").unwrap(), Dog::column("good").unwrap());
        let order = || vec![age.desc().unwrap(), name.asc().unwrap()];
        let told = [
            (Condition::after_values(order(), [3]), "`name` has none"),
            (Condition::after_values(order(), [Value::Int(3), "Rex".into(), 4.into()]), "2 columns, its marker more values"),
            (Condition::after_values(order(), [Value::Int(3), 4.into()]), "`name`"),
            (Condition::after_values(order(), [Value::Int(1 << 40), "Rex".into()]), "`age`"),
            (Condition::at_or_after_values(vec![good.asc().unwrap()], [Value::Null]), "NULL for `good`"),
            (Condition::after_values(Vec::<Order<Dog>>::new(), [3]), "at least one column"),
        ];
        for (made, part) in told {
            let error = made.unwrap_err();
            assert!(error.is_invalid(), "{error}");
            says!(error, "`dogs`", part);
        }
        let after = Condition::after_values(order(), [Value::Int(3), "dog 3".into()]).unwrap();
        let behind = db.query::<Dog>().filter(after).order_by(order());
        assert!(behind.explain().await.unwrap().to_string().contains("by_age"));
        assert_eq!(behind.all().await.unwrap(), [dogs[2].clone(), dogs[1].clone(), dogs[0].clone()]);
        // A marker is no cursor, and shows in the text of the query.
        let shown = db.query::<Dog>().filter(Condition::after((Dog::AGE.desc(), Dog::ID.asc()), (3, "3"))).ignore_indexes();
        says!(shown.explain().await.unwrap(), "(age desc, id) after (3, '3')");
    }

    async fn null_cannot_be_calculated_into_a_column_that_has_none(db) {
        db.insert(Owner { id: 1, age: 5 }).await.unwrap();
        let error = db.query::<Owner>().update(Owner::AGE.set(Owner::AGE / 0)).await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        says!(error, "`age`", "`owner`");
        assert_eq!(db.get::<Owner>(1).await.unwrap().unwrap().age, 5);
    }

    async fn the_key_cannot_be_updated(db) {
        let dogs = pack(&db).await;
        let error = db.query::<Dog>().update(Dog::ID.set("other")).await.unwrap_err();
        assert!(error.is_invalid());
        says!(error, "`id`", "`dogs`", "key");
        assert_eq!(everything(&db).await, dogs);
    }

    async fn an_overflow_of_one_row_changes_none(db) {
        let mut dogs = pack(&db).await;
        dogs[7].age = Some(i32::MAX);
        db.update(&dogs[7]).await.unwrap();
        let error = db.query::<Dog>().update(Dog::AGE.set(Dog::AGE + 1)).await.unwrap_err();
        assert!(error.is_overflow() && !error.is_corrupt(), "{error}");
        says!(error, "`age`", "`dogs`", "2147483648");
        assert_eq!(everything(&db).await, dogs);
        let s = db.session();
        assert!(s.query::<Dog>().update(Dog::AGE.set(Dog::AGE * 2)).await.unwrap_err().is_overflow());
        assert_eq!(s.query::<Dog>().filter(Dog::AGE.eq(3)).count().await.unwrap(), 1);
        s.commit().await.unwrap();
        assert_eq!(everything(&db).await, dogs);
    }

    async fn a_filter_that_overflows_is_no_damage(db) {
        db.insert(Owner { id: u64::MAX, age: 1 }).await.unwrap();
        let huge = Owner::ID * u64::MAX * u64::MAX;
        for error in [
            db.query::<Owner>().filter(huge.clone().gt(1)).all().await.unwrap_err(),
            db.query::<Owner>().filter(huge.gt(1)).count().await.map(drop).unwrap_err(),
        ] {
            assert!(error.is_overflow() && !error.is_corrupt(), "{error}");
            says!(error, "`owner`");
        }
    }

    async fn a_scan_policy_denies_what_reads_the_whole_table(db) {
        pack(&db).await;
        let deny = || db.query::<Dog>().scan_policy(ScanPolicy::Deny);
        for error in [
            deny().all().await.unwrap_err(),
            deny().filter(Dog::GOOD.eq(true)).all().await.unwrap_err(),
            deny().filter(Dog::GOOD.eq(true)).limit(1).all().await.unwrap_err(),
            deny().filter(Dog::GOOD.eq(true)).delete().await.unwrap_err(),
            deny().order_by(Dog::GOOD.asc()).limit(1).all().await.unwrap_err(),
            deny().stream().try_collect::<Vec<_>>().await.unwrap_err(),
            deny().filter(Dog::GOOD.eq(true)).count().await.unwrap_err(),
        ] {
            assert!(error.is_scan_denied() && !error.is_invalid(), "{error}");
            says!(error, "`dogs`", "index");
        }
        says!(deny().filter(Dog::GOOD.eq(true)).all().await.unwrap_err(), "good = true");
        // An index, the key or a limit in an index's order is allowed.
        assert_eq!(deny().filter(Dog::AGE.ge(7)).count().await.unwrap(), 2);
        assert_eq!(deny().filter(Dog::ID.eq("3")).filter(Dog::GOOD.eq(false)).all().await.unwrap().len(), 1);
        assert_eq!(deny().order_by(Dog::AGE.desc()).limit(2).all().await.unwrap().len(), 2);
        assert_eq!(deny().page(2).fetch().await.unwrap().items.len(), 2);
        // Warnings let it run; a session's policy and a query's override the database's.
        assert_eq!(db.query::<Dog>().scan_policy(ScanPolicy::Warn).count().await.unwrap(), 9);
        let s = db.session_with(TransactionOptions::new().scan_policy(ScanPolicy::Deny));
        assert!(s.query::<Dog>().all().await.unwrap_err().is_scan_denied());
        assert_eq!(s.query::<Dog>().scan_policy(ScanPolicy::Allow).count().await.unwrap(), 9);
    }

    async fn a_query_in_pages_refuses_what_it_cannot_give(db) {
        pack(&db).await;
        for error in [
            db.query::<Dog>().page(0).fetch().await.map(drop).unwrap_err(),
            db.query::<Dog>().limit(5).page(2).fetch().await.map(drop).unwrap_err(),
            db.query::<Dog>().select(Dog::GOOD).distinct().page(2).fetch().await.map(drop).unwrap_err(),
            db.query::<Dog>().select(Dog::GOOD).distinct().stream().try_collect::<Vec<_>>().await.map(drop).unwrap_err(),
        ] {
            assert!(error.is_invalid() && !error.is_invalid_cursor(), "{error}");
        }
    }

    async fn an_index_that_is_not_there_or_cannot_serve_is_told(db) {
        let error = db.query::<Dog>().use_index("by_nmae").all().await.unwrap_err();
        assert!(error.is_invalid());
        says!(error, "`by_nmae`", "`dogs`");
        let error = db.query::<Dog>().use_index("unique_chip").all().await.unwrap_err();
        assert!(error.is_invalid());
        says!(error, "`unique_chip`", "`dogs`", "cannot serve");
    }

    async fn one_of_several_and_one_of_none_are_told_apart(db) {
        assert!(db.query::<Dog>().one().await.unwrap_err().is_not_found());
        pack(&db).await;
        let error = db.query::<Dog>().one().await.unwrap_err();
        assert!(error.is_not_unique() && !error.is_not_found());
        says!(error, "`dogs`");
    }
}

#[tokio::test]
async fn an_entity_that_was_not_named_is_a_mismatch_that_says_what_to_add() {
    for place in places() {
        let db = open!(place, [Owner]);
        let s = db.session();
        for error in [
            db.insert(dog("1", 1)).await.unwrap_err(),
            db.get::<Dog>("1").await.unwrap_err(),
            db.query::<Dog>().all().await.unwrap_err(),
            db.query::<Dog>().explain().await.map(drop).unwrap_err(),
            s.query::<Dog>().delete().await.unwrap_err(),
        ] {
            assert!(error.is_schema_mismatch(), "{error}");
            says!(error, "`Dog`", ".entity::<Dog>()");
        }
    }
}

#[tokio::test]
async fn an_unknown_url_is_told() {
    for url in ["redis2://x", "", "memory:x", "embedded:", "dogs"] {
        let error = Database::builder().entity::<Dog>().open(url).await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(error.to_string().contains("memory:") || error.to_string().contains("embedded:"), "{error}");
    }
}

/// Makes an apply of these effects, past ROME.
async fn force(store: &Arc<dyn Store>, effects: Vec<Effect>) {
    let lane = store.reserve(SequenceId::Lanes, 1).await.unwrap();
    let tx = MiniTx::one(TxId { lane, seq: 1 }).effects(effects);
    let applied = store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Local)).await.unwrap();
    assert!(matches!(applied[0], Applied::Done { .. }), "{applied:?}");
}

async fn stored_dogs(store: &Arc<dyn Store>) -> Vec<(Bytes, Bytes)> {
    let scan = Read::Scan { span: Span::all(Space::Rows(TableId(1))), filter: None, want: None, track: false };
    let replies = store.read(&[(Partition(0), vec![scan])], ReadOptions::new()).await.unwrap();
    let Reply::Scanned(scanned) = &replies[0].replies[0] else { panic!("no scan") };
    (0..scanned.len()).map(|at| (scanned.shared_key(at).unwrap(), scanned.shared_value(at).unwrap())).collect()
}

#[tokio::test]
async fn a_stored_row_that_cannot_be_read_is_corrupt_and_the_others_are_fine() {
    for place in places_of_one_partition() {
        let store = place.open().await;
        let db = Database::builder().entity::<Dog>().open(store.clone()).await.unwrap();
        let dogs = pack(&db).await;
        let rows = stored_dogs(&store).await;
        assert_eq!(rows.len(), 9);
        let (key, value) = rows[4].clone();
        let mut cut: Vec<Vec<u8>> = (0..value.len()).map(|to| value[..to].to_vec()).collect();
        cut.push(vec![0xFF; 40]);
        cut.push([&[9], &value[1..]].concat());
        for garbage in cut {
            let put = Effect::Put { space: Space::Rows(TableId(1)), key: key.clone(), value: garbage.clone().into() };
            force(&store, vec![put]).await;
            let s = db.session();
            for error in [
                db.get::<Dog>("4").await.unwrap_err(),
                db.query::<Dog>().all().await.unwrap_err(),
                db.query::<Dog>().ignore_indexes().filter(Dog::GOOD.eq(false)).count().await.map(drop).unwrap_err(),
                db.query::<Dog>().filter(Dog::AGE.between(3, 5)).all().await.unwrap_err(),
                db.query::<Dog>().order_by(Dog::GOOD.asc()).all().await.unwrap_err(),
                db.query::<Dog>().stream().try_collect::<Vec<_>>().await.unwrap_err(),
                s.get::<Dog>("4").await.unwrap_err(),
                db.query::<Dog>().update(Dog::GOOD.set(true)).await.unwrap_err(),
            ] {
                assert!(error.is_corrupt() && !error.is_invalid(), "{garbage:?}: {error}");
                says!(error, "`dogs`", "4");
            }
            assert_eq!(db.get::<Dog>("5").await.unwrap().as_ref(), Some(&dogs[5]));
            assert_eq!(db.query::<Dog>().filter(Dog::AGE.lt(4)).all().await.unwrap(), dogs[..4]);
        }
        force(&store, vec![Effect::Put { space: Space::Rows(TableId(1)), key, value }]).await;
        assert_eq!(everything(&db).await, dogs);
    }
}

#[tokio::test]
async fn a_stored_value_of_another_type_is_told_with_its_column() {
    for place in places_of_one_partition() {
        let store = place.open().await;
        let db = Database::builder().entity::<Dog>().open(store.clone()).await.unwrap();
        let mut dogs = pack(&db).await;
        let (key, value) = stored_dogs(&store).await[8].clone();
        // The last byte is the bool.
        let mut wrong = value.to_vec();
        *wrong.last_mut().unwrap() = 7;
        force(&store, vec![Effect::Put { space: Space::Rows(TableId(1)), key, value: wrong.into() }]).await;
        let error = db.get::<Dog>("8").await.unwrap_err();
        assert!(error.is_corrupt());
        says!(error, "`good`", "`dogs`", "8");
        dogs.pop();
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.lt(8)).order_by(Dog::AGE.asc()).all().await.unwrap(), dogs);
    }
}

#[tokio::test]
async fn a_catalog_that_cannot_be_read_is_told_at_open() {
    for place in places() {
        let store = place.open().await;
        drop(Database::builder().entity::<Dog>().open(store.clone()).await.unwrap());
        let put =
            Effect::Put { space: Space::Meta, key: Bytes::from_static(b"catalog"), value: Bytes::from_static(b"{") };
        force(&store, vec![put]).await;
        let error = Database::builder().entity::<Dog>().open(store).await.unwrap_err();
        assert!(error.is_schema_mismatch() || error.is_corrupt(), "{error}");
        says!(error, "catalog");
    }
}

/// The query of the cursor tests.
fn oldest(db: &Database) -> Query<'_, Dog> {
    db.query::<Dog>().filter(Dog::AGE.ge(1)).order_by(Dog::AGE.desc())
}

fn ages(page: &Page<Dog>) -> Vec<i32> {
    page.items.iter().filter_map(|dog| dog.age).collect()
}

#[tokio::test]
async fn a_cursor_goes_on_after_its_row_is_deleted_and_after_a_reopen() {
    for place in places() {
        let db = open!(place, [Dog]);
        let dogs = pack(&db).await;
        let first = oldest(&db).page(3).fetch().await.unwrap();
        assert_eq!(ages(&first), [8, 7, 6]);
        db.delete(&dogs[6]).await.unwrap();
        db.insert(dog("between", 6)).await.unwrap();
        drop(db);
        let db = open!(place, [Dog]);
        let text = first.next.unwrap().to_string();
        // The new row comes before the deleted one: its key is greater, and the order is descending.
        let second = oldest(&db).page(3).after(&text).fetch().await.unwrap();
        assert_eq!(ages(&second), [5, 4, 3]);
        let third = oldest(&db).page(3).after(second.next).fetch().await.unwrap();
        assert_eq!((ages(&third), third.next), (vec![2, 1], None));
    }
}

#[tokio::test]
async fn a_cursor_of_another_query_or_another_database_is_refused() {
    let mut earlier: Option<Cursor> = None;
    for place in places() {
        let db = open!(place, [Dog, Owner]);
        pack(&db).await;
        db.insert_many((0..5).map(|id| Owner { id, age: 1 })).await.unwrap();
        let cursor = oldest(&db).page(3).fetch().await.unwrap().next.unwrap();
        let query = db.query::<Dog>();
        let mut refused = vec![
            query
                .clone()
                .filter(Dog::AGE.ge(2))
                .order_by(Dog::AGE.desc())
                .page(3)
                .after(&cursor)
                .fetch()
                .await
                .map(drop),
            query
                .clone()
                .filter(Dog::AGE.ge(1))
                .order_by(Dog::AGE.asc())
                .page(3)
                .after(&cursor)
                .fetch()
                .await
                .map(drop),
            query
                .clone()
                .filter(Dog::AGE.ge(1))
                .order_by(Dog::NAME.desc())
                .page(3)
                .after(&cursor)
                .fetch()
                .await
                .map(drop),
            query
                .clone()
                .filter(Dog::AGE.ge(1))
                .order_by(Dog::AGE.desc().nulls_first())
                .page(3)
                .after(&cursor)
                .fetch()
                .await
                .map(drop),
            query.order_by(Dog::AGE.desc()).page(3).after(&cursor).fetch().await.map(drop),
            oldest(&db).with_deleted().page(3).after(&cursor).fetch().await.map(drop),
            db.query::<Owner>()
                .filter(Owner::AGE.ge(1))
                .order_by(Owner::AGE.desc())
                .page(3)
                .after(&cursor)
                .fetch()
                .await
                .map(drop),
        ];
        if let Some(earlier) = earlier {
            refused.push(oldest(&db).page(3).after(earlier).fetch().await.map(drop));
        }
        for (at, refused) in refused.into_iter().enumerate() {
            let error = refused.expect_err(&format!("the {at}th query took the cursor"));
            assert!(error.is_invalid_cursor() && error.is_invalid(), "{error}");
        }
        // Another size is no other query.
        assert_eq!(ages(&oldest(&db).page(1).after(&cursor).fetch().await.unwrap()), [5]);
        earlier = Some(cursor);
    }
}

#[tokio::test]
async fn a_cursor_that_was_changed_anywhere_is_refused() {
    for place in places() {
        let db = open!(place, [Dog]);
        pack(&db).await;
        let cursor = oldest(&db).page(3).fetch().await.unwrap().next.unwrap().to_string();
        let mut changed: Vec<String> = (0..cursor.len()).map(|to| cursor[..to].to_owned()).collect();
        for at in 0..cursor.len() {
            for by in ["A", "B", "z", "-", "=", "é", ""] {
                changed.push(format!("{}{by}{}", &cursor[..at], &cursor[at + 1..]));
            }
        }
        changed.extend([format!("{cursor}A"), format!("{cursor}="), format!(" {cursor}"), cursor.repeat(2)]);
        for text in changed.iter().filter(|text| **text != cursor) {
            let error = oldest(&db).page(3).after(text).fetch().await.expect_err(text);
            assert!(error.is_invalid_cursor(), "{text}: {error}");
        }
        assert_eq!(ages(&oldest(&db).page(3).after(&cursor).fetch().await.unwrap()), [5, 4, 3]);
    }
}
