//! Reads cost what they give: rows visited and calls made follow the rows that are taken, not the number of partitions, the size
//! of the table or what a filter leaves out elsewhere.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use rome_core::store::Store;
use rome_core::store::memory::MemoryStore;
use rome_core::testkit::{Call, Recorder};
use rome_orm::metrics::{Cost, Measure};
use rome_orm::prelude::*;

use crate::stores::places;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "small", global_index(far))]
struct Small {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    k: u64,
    far: u64,
    plain: u64,
    text: String,
    #[rome(soft_delete)]
    deleted_at: Option<DateTime<Utc>>,
}

fn small(id: u64) -> Small {
    Small { id, k: id % 100, far: id % 10, plain: id, ..Default::default() }
}

async fn fill(db: &Database, rows: std::ops::Range<u64>) {
    for first in rows.clone().step_by(1000) {
        db.insert_many((first..rows.end.min(first + 1000)).map(small)).await.unwrap();
    }
    settle(db).await;
}

/// Sees to it that what was committed is finished in all partitions, so that reads meet nobody.
async fn settle(db: &Database) {
    let finished = async || db.query::<Small>().with_deleted().all().measured().await.1.applies == 0;
    while !finished().await {}
}

/// Its name, its partitions, and the place that holds it.
type Named = (String, u64, Arc<dyn Store>, Option<crate::stores::Place>);

/// Stores of each kind, and memory in many partitions.
async fn stores() -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    for place in places() {
        let store = place.open().await;
        all.push((place.name.to_owned(), store.capabilities().partitions.into(), store, Some(place)));
    }
    for n in [16, 64] {
        all.push((format!("memory in {n}"), n.into(), Arc::new(MemoryStore::with_partitions(n)), None));
    }
    all
}

async fn open(store: Arc<dyn Store>) -> Database {
    Database::builder().entity::<Small>().open(store).await.unwrap()
}

async fn taken(query: rome_orm::query::Query<'_, Small>) -> (Vec<u64>, Cost) {
    let (rows, cost) = query.stream().map_ok(|row| row.id).try_collect::<Vec<u64>>().measured().await;
    (rows.unwrap(), cost)
}

#[tokio::test]
async fn a_stream_reads_each_row_once_on_any_number_of_partitions() {
    for (name, partitions, store, _place) in stores().await {
        let db = open(store).await;
        for rows in [1_000, 3_000] {
            fill(&db, db.query::<Small>().count().await.unwrap()..rows).await;
            let orders = [
                ("by key", db.query::<Small>().with_deleted()),
                ("by an index", db.query::<Small>().with_deleted().order_by(Small::K.asc())),
                ("down an index", db.query::<Small>().with_deleted().order_by((Small::K.desc(), Small::ID.desc()))),
                ("by a global index", db.query::<Small>().with_deleted().order_by(Small::FAR.asc())),
            ];
            for (what, query) in orders {
                let mut expected = query.clone().all().await.unwrap();
                let (ids, cost) = taken(query).await;
                if what == "by key" {
                    expected.sort_by_key(|row| row.id);
                }
                assert!(ids == expected.iter().map(|row| row.id).collect::<Vec<_>>(), "{name}, {what}: another order");
                // What is read besides: the last row of each partition.
                assert!(cost.rows_read <= rows + partitions, "{name}, {what}, {rows} rows: {cost}");
                let chunks = rows / 256 + 2;
                // There the next rows lie together in one partition, and entries, rows and a look at both are a call each.
                let each = if what == "by a global index" && partitions > 1 { 6 } else { 1 };
                assert!(cost.reads <= each * (chunks + chunks / 4), "{name}, {what}, {rows} rows: {cost}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_not_read_to_its_end_reads_one_chunk() {
    for (name, partitions, store, _place) in stores().await {
        let db = open(store).await;
        fill(&db, 0..3_000).await;
        let (first, cost) =
            async { db.query::<Small>().with_deleted().stream().boxed().try_next().await }.measured().await;
        assert_eq!(first.unwrap().unwrap().id, 0, "{name}");
        assert!(cost.reads == 1 && cost.rows_read <= 2 * 256 + 6 * partitions, "{name}: {cost}");
    }
}

#[tokio::test]
async fn a_page_reads_in_proportion_to_what_it_gives() {
    for (name, partitions, store, _place) in stores().await {
        let db = open(store).await;
        for rows in [1_000, 4_000] {
            fill(&db, db.query::<Small>().count().await.unwrap()..rows).await;
            for size in [1, 25, 200] {
                let query = db.query::<Small>().with_deleted().order_by(Small::K.asc()).page(size);
                query.fetch().await.unwrap();
                let (page, cost) = query.fetch().measured().await;
                assert_eq!(page.unwrap().items.len(), size as usize, "{name}");
                let most = 2 * u64::from(size) + if partitions == 1 { 2 } else { 6 * partitions };
                assert!(cost.rows_read <= most, "{name}, a page of {size} of {rows}: {cost}");
                let (first, cost) = db.query::<Small>().with_deleted().limit(size.into()).all().measured().await;
                assert_eq!(first.unwrap().len(), size as usize, "{name}");
                assert!(cost.rows_read <= most, "{name}, {size} of {rows} in any order: {cost}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_tested_on_rows_is_read_in_proportion_to_what_passes() {
    for (name, partitions, store, _place) in stores().await {
        let db = open(store).await;
        for rows in [2_000_u64, 4_000] {
            fill(&db, db.query::<Small>().with_deleted().count().await.unwrap()..rows).await;
            // One row in ten is softly deleted.
            for id in (0..60).step_by(10) {
                db.delete_by_key::<Small>(id).await.unwrap();
            }
            settle(&db).await;
            let (page, cost) = db.query::<Small>().order_by(Small::ID.asc()).page(50).fetch().measured().await;
            assert_eq!(page.unwrap().items.len(), 50, "{name}");
            assert!(cost.rows_read <= 2 * 60 + 8 * partitions, "{name}, a page of the living of {rows}: {cost}");
            let (ids, cost) = taken(db.query::<Small>()).await;
            assert_eq!(ids.len() as u64, rows - 6, "{name}");
            assert!(cost.rows_read <= rows + partitions, "{name}, the living of {rows}: {cost}");
            // One row in fifty passes.
            let rare = db.query::<Small>().filter((Small::PLAIN % 50).eq(49));
            let (first, cost) = async { rare.clone().stream().boxed().try_next().await }.measured().await;
            assert_eq!(first.unwrap().unwrap().id, 49, "{name}");
            assert!(cost.rows_read <= 8 * 256 + 20 * partitions, "{name}, the first that passes of {rows}: {cost}");
            let (ids, cost) = taken(rare).await;
            assert_eq!(ids, (0..rows / 50).map(|n| n * 50 + 49).collect::<Vec<_>>(), "{name}");
            assert!(cost.rows_read <= rows + partitions, "{name}, all that pass of {rows}: {cost}");
        }
    }
}

#[tokio::test]
async fn a_list_of_more_values_than_rows_is_a_scan() {
    for (name, partitions, store, _place) in stores().await {
        let recorder = Arc::new(Recorder::new(store));
        let db = open(recorder.clone()).await;
        fill(&db, 0..1_000).await;
        let list: Vec<u64> = (0..20_000).map(|n| n * 2).collect();
        for (what, condition, expected) in [
            ("an index", Small::K.is_in(list.clone()), 500),
            ("the key", Small::ID.is_in(list.clone()), 500),
            ("the key, a few", Small::ID.is_in([2, 4, 20_000]), 2),
            ("not in", !Small::ID.not_in(list.clone()), 500),
        ] {
            let query = db.query::<Small>().with_deleted().filter(condition);
            for _ in 0..2 {
                recorder.clear();
                assert_eq!(query.all().await.unwrap().len(), expected, "{name}, {what}");
                assert_eq!(query.count().await.unwrap(), expected as u64, "{name}, {what}");
                let top = query.clone().order_by(Small::ID.desc()).limit(1).select(Small::ID).all().await.unwrap();
                assert_eq!(top, [expected as u64 * 2 - if expected == 2 { 0 } else { 2 }], "{name}, {what}");
            }
            let calls = recorder.calls();
            let asked = calls.iter().map(|call| match call {
                Call::Read { kinds, .. } => kinds.len() as u64,
                _ => 0,
            });
            let asked: u64 = asked.sum();
            assert!(asked <= 9 * partitions.max(3), "{name}, {what}: {asked} reads");
        }
    }
}

#[tokio::test]
async fn chunks_are_bounded_in_bytes() {
    for (name, partitions, store, _place) in stores().await {
        let db = open(store).await;
        let text = "x".repeat(200_000);
        for id in 0..40 {
            db.insert(Small { id, text: text.clone(), ..Default::default() }).await.unwrap();
        }
        settle(&db).await;
        let (first, cost) = async { db.query::<Small>().stream().boxed().try_next().await }.measured().await;
        assert_eq!(first.unwrap().unwrap().id, 0, "{name}");
        // A megabyte and one row of each partition, its last one besides.
        assert!(cost.rows_read <= 6 + 2 * partitions, "{name}: {cost}");
        let (ids, cost) = taken(db.query::<Small>()).await;
        assert_eq!(ids, (0..40).collect::<Vec<_>>(), "{name}");
        assert!(cost.rows_read <= 40 + partitions, "{name}: {cost}");
    }
}
