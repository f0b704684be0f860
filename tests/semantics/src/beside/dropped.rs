//! Nobody reads by an index that was dropped, or by one that was taken back.

use super::*;
use crate::stores::places;

build!(with {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs", index(age), global_index(kind), count(by = kind), sum(age, by = kind))]
    pub struct Dog { #[rome(key)] pub id: u64, #[rome(unique)] pub name: String, pub age: u32, pub kind: String }
} opens Dog);
build!(without {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, pub age: u32, pub kind: String }
} opens Dog);

const N: u64 = 100;

async fn fill(store: &Arc<dyn Store>) -> Database {
    let db = with::open(store).await.unwrap();
    let dog = |id: u64| with::Dog {
        id,
        name: format!("dog {id}"),
        age: u32::try_from(id % 7).unwrap(),
        kind: format!("kind {}", id % 3),
    };
    db.insert_many((0..N).map(dog)).await.unwrap();
    db
}

#[track_caller]
fn assert_gone<T: std::fmt::Debug>(read: rome_orm::Result<T>, what: &str) {
    let error = read.expect_err(what);
    assert!(error.is_schema_mismatch(), "{what}: {error}");
    assert_says(&error, &["was dropped", "open the database again"]);
}

/// Each kind of read by each kind of index says that it is gone.
async fn assert_all_gone(db: &Database) {
    use with::Dog;
    let by_age = || db.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age");
    assert_gone(by_age().all().await, "rows by an index");
    assert_gone(by_age().count().await, "a count by an index");
    assert_gone(by_age().first().await, "the first by an index");
    assert_gone(by_age().exists().await, "whether there is any, by an index");
    assert_gone(by_age().keys().await, "keys by an index");
    assert_gone(by_age().page(10).fetch().await, "a page by an index");
    assert_gone(
        db.query::<Dog>().order_by(Dog::AGE.asc()).limit(5).use_index("by_age").all().await,
        "an order by an index",
    );
    let by_kind = || db.query::<Dog>().filter(Dog::KIND.eq("kind 1")).use_index("by_kind");
    assert_gone(by_kind().all().await, "rows by a global index");
    assert_gone(by_kind().count().await, "a count by a global index");
    assert_gone(db.query::<Dog>().filter(Dog::NAME.eq("dog 3")).all().await, "a unique lookup");
    assert_gone(db.query::<Dog>().filter(Dog::NAME.eq("dog 3")).count().await, "a count by a unique value");
    assert_gone(db.query::<Dog>().group_by(Dog::KIND).select((Dog::KIND, count())).all().await, "kept counts");
    assert_gone(db.query::<Dog>().group_by(Dog::KIND).select((Dog::KIND, sum(Dog::AGE))).all().await, "kept sums");
    let reading = TransactionOptions::new().read_only(true);
    let in_one = db
        .transaction_with(reading, async |s| s.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age").count().await);
    assert_gone(in_one.await, "a count in a read-only transaction");
    let session = db.session();
    assert_gone(session.query::<Dog>().filter(Dog::NAME.eq("dog 3")).all().await, "a unique lookup in a session");
    // What needs none of them goes on.
    assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(3)).ignore_indexes().count().await.unwrap(), 14);
    assert_eq!(db.get::<Dog>(3).await.unwrap().unwrap().name, "dog 3");
    assert!(db.insert(Dog { id: 500, ..Dog::default() }).await.unwrap_err().is_schema_mismatch());
}

#[tokio::test]
async fn who_has_a_dropped_index_open_is_told_in_the_same_read() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = fill(&store).await;
        let dropping = without::open_as(&store, SchemaPolicy::ApplyAndDrop).await.unwrap();
        assert_all_gone(&old).await;
        // Rows that come and go afterwards leave and take no entries.
        dropping.delete_by_key::<without::Dog>(99).await.unwrap();
        dropping.insert(without::Dog { id: 99, name: "dog 99".into(), age: 1, kind: "kind 0".into() }).await.unwrap();
        assert_all_gone(&old).await;
        // Opened again it has them, as others.
        let again = with::open(&store).await.unwrap();
        use with::Dog;
        assert_eq!(again.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age").count().await.unwrap(), 14);
        assert_all_gone(&old).await;
        assert_clean(&store).await;
    }
}

#[tokio::test]
async fn one_index_that_is_dropped_takes_no_other_with_it() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = fill(&store).await;
        let reading = old.session_with(TransactionOptions::new().read_only(true));
        use with::Dog;
        let by_age = || reading.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age");
        assert_eq!(by_age().count().await.unwrap(), 14);
        let other = with::open(&store).await.unwrap();
        assert_eq!(other.admin().drop_index("dogs", "by_age").await.unwrap(), N);
        // Also in a transaction that has begun before, and by the handle that dropped it.
        assert_gone(by_age().all().await, "rows in a session that was open");
        for db in [&old, &other] {
            assert_gone(db.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age").all().await, "rows");
            assert_eq!(db.query::<Dog>().filter(Dog::NAME.eq("dog 3")).count().await.unwrap(), 1);
            assert_eq!(
                db.query::<Dog>().filter(Dog::KIND.eq("kind 1")).use_index("by_kind").count().await.unwrap(),
                33
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_while_an_index_is_dropped_sees_all_of_it_or_is_told() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = fill(&store).await;
        let reads = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let reader = {
            let (db, reads) = (old.clone(), reads.clone());
            tokio::spawn(async move {
                use with::Dog;
                loop {
                    let by_age = || db.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age");
                    let (count, rows) = (by_age().count().await, by_age().all().await);
                    reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    for n in [count, rows.map(|rows| rows.len() as u64)] {
                        match n {
                            Ok(n) => assert_eq!(n, 14),
                            Err(error) if error.is_conflict() => {}
                            Err(error) => return assert!(error.is_schema_mismatch(), "{error}"),
                        }
                    }
                    tokio::task::yield_now().await;
                }
            })
        };
        while reads.load(std::sync::atomic::Ordering::SeqCst) < 3 && !reader.is_finished() {
            tokio::task::yield_now().await;
        }
        without::open_as(&store, SchemaPolicy::ApplyAndDrop).await.unwrap();
        reader.await.unwrap();
    }
}
