//! Builds of aggregate indexes over rows that are there, while others write: each row is counted once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rome_orm::SchemaPolicy;
use rome_orm::change::{BuildOptions, IndexState};
use rome_orm::prelude::*;
use rome_orm::store::Store;

use crate::queries::random::Random;
use crate::stores::places;

macro_rules! version {
    ($name:ident $(#[$table:meta])*) => {
        mod $name {
            use super::*;

            #[derive(Entity, Clone, Debug, PartialEq)]
            #[rome(table = "files")]
            $(#[$table])*
            pub struct File {
                #[rome(key)]
                pub id: u64,
                pub owner: u32,
                pub size: Option<u32>,
            }

            pub async fn open(store: &Arc<dyn Store>, how: SchemaPolicy) -> rome_orm::Result<Database> {
                Database::builder().entity::<File>().schema_policy(how).open(store.clone()).await
            }
        }
    };
}

version!(plain);
version!(summed #[rome(sum(size, by = owner), count)]);
version!(other #[rome(sum(size, name = "sum_size_by_owner"), count)]);

use summed::File;

const SMALL: BuildOptions = BuildOptions::new().batch(7);

fn size(id: u64) -> Option<u32> {
    u32::try_from(id % 11).ok().filter(|size| *size > 0)
}

async fn fill(store: &Arc<dyn Store>, n: u64) {
    let db = plain::open(store, SchemaPolicy::Apply).await.unwrap();
    let file = |id| plain::File { id, owner: u32::try_from(id % 5).unwrap(), size: size(id) };
    db.insert_many((0..n).map(file)).await.unwrap();
}

/// The counters are what the rows add up to, by a look at all rows and by the check.
async fn assert_right(db: &Database, on: &str) {
    let groups = db.query::<File>().group_by(File::OWNER).select((File::OWNER, count(), sum(File::SIZE)));
    assert_eq!(groups.explain().await.unwrap().index(), Some("sum_size_by_owner"), "on {on}");
    let scanned = db.query::<File>().ignore_indexes().group_by(File::OWNER);
    let scanned = scanned.select((File::OWNER, count(), sum(File::SIZE)));
    assert_eq!(groups.all().await.unwrap(), scanned.all().await.unwrap(), "on {on}");
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty(), "on {on}: {report}");
}

#[tokio::test]
async fn a_new_aggregate_index_counts_the_rows_that_are_there() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 200).await;
        let plan = Database::builder().entity::<File>().plan(store.clone()).await.unwrap();
        assert!(
            plan.to_string().contains("aggregate index `sum_size_by_owner` of `files` is new: `sum(size, by = owner)`")
        );
        let db = summed::open(&store, SchemaPolicy::Apply).await.unwrap();
        assert_right(&db, place.name).await;
    }
}

#[tokio::test]
async fn until_it_is_built_nothing_is_answered_from_it() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 50).await;
        let db = summed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let groups = || db.query::<File>().group_by(File::OWNER).select((File::OWNER, count()));
        assert_eq!(groups().explain().await.unwrap().index(), None);
        assert_eq!(db.query::<File>().count().await.unwrap(), 50);
        assert!(db.admin().status().await.unwrap().to_string().contains("sum(size, by = owner), not built yet"));
        assert!(db.admin().check().await.unwrap().findings.is_empty());
        // Another handle builds it; this one goes on as it is, and finds out when it is told to build.
        let other = summed::open(&store, SchemaPolicy::Apply).await.unwrap();
        db.insert(File { id: 1000, owner: 1, size: Some(3) }).await.unwrap();
        db.delete_by_key::<File>(7).await.unwrap();
        assert_right(&other, place.name).await;
        assert!(db.admin().build_indexes(&SMALL).await.unwrap().built.is_empty());
        assert_right(&db, place.name).await;
        let stored = db.admin().status().await.unwrap();
        assert!(stored.tables[0].aggregates.iter().all(|aggregate| aggregate.state == IndexState::Readable));
    }
}

/// One random write of a row, also of one that is there already.
async fn write(db: &Database, random: &mut Random) -> rome_orm::Result<()> {
    let id = random.below(260);
    let file = File { id, owner: u32::try_from(random.below(6)).unwrap(), size: size(random.next()) };
    match random.below(4) {
        0 => db.delete_by_key::<File>(id).await.map(drop),
        1 => db.query::<File>().filter(File::ID.eq(id)).update((File::SIZE.set(file.size),)).await.map(drop),
        _ => db.upsert(file).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rows_that_are_written_during_a_build_are_counted_once() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 200).await;
        let db = summed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let writers: Vec<_> = (0..3)
            .map(|seed| {
                let (db, over, written) = (db.clone(), over.clone(), written.clone());
                tokio::spawn(async move {
                    let mut random = Random::new(seed);
                    while !over.load(Ordering::Relaxed) {
                        match write(&db, &mut random).await {
                            Ok(()) => drop(written.fetch_add(1, Ordering::Relaxed)),
                            Err(error) => assert!(error.is_conflict(), "{error}"),
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        while written.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        // Two at once: neither counts what the other one has counted.
        let second = summed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let slow = SMALL.pause(Duration::from_micros(300));
        let before = written.load(Ordering::Relaxed);
        let (first, second) = tokio::join!(db.admin().build_indexes(&slow), second.admin().build_indexes(&slow));
        first.unwrap();
        second.unwrap();
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(written.load(Ordering::Relaxed) > before, "on {}: nobody wrote", place.name);
        assert_right(&db, place.name).await;
    }
}

#[tokio::test]
async fn a_build_that_is_interrupted_goes_on_where_it_was() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 100).await;
        let db = summed::open(&store, SchemaPolicy::Defer).await.unwrap();
        // Dropped in the middle, again and again, with writes in between.
        let mut random = Random::new(5);
        let counted = Arc::new(AtomicU64::new(0));
        for _ in 0..4 {
            let stop = Arc::new(tokio::sync::Notify::new());
            let (told, notify) = (counted.clone(), stop.clone());
            let progress = move |progress: &rome_orm::change::BuildProgress| {
                told.fetch_max(progress.rows, Ordering::Relaxed);
                notify.notify_one();
            };
            let options = BuildOptions::new().batch(5).pause(Duration::from_millis(1)).on_progress(progress);
            tokio::select! {
                _ = db.admin().build_indexes(&options) => {}
                () = stop.notified() => {}
            }
            for _ in 0..10 {
                write(&db, &mut random).await.unwrap();
            }
        }
        assert!(counted.load(Ordering::Relaxed) > 0);
        db.admin().build_indexes(&SMALL).await.unwrap();
        assert_right(&db, place.name).await;
    }
}

#[tokio::test]
async fn programs_that_do_not_know_it_may_only_read() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 10).await;
        let old = plain::open(&store, SchemaPolicy::Apply).await.unwrap();
        let db = summed::open(&store, SchemaPolicy::Apply).await.unwrap();
        let file = plain::File { id: 99, owner: 1, size: Some(1) };
        assert!(old.insert(file.clone()).await.unwrap_err().is_schema_mismatch(), "on {}", place.name);
        // Opened again it keeps what it does not declare.
        let old = plain::open(&store, SchemaPolicy::Apply).await.unwrap();
        old.insert(file).await.unwrap();
        assert_right(&db, place.name).await;
    }
}

#[tokio::test]
async fn one_that_is_no_longer_declared_is_dropped_on_request() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 10).await;
        drop(summed::open(&store, SchemaPolicy::Apply).await.unwrap());
        let plan = Database::builder().entity::<plain::File>().plan(store.clone()).await.unwrap();
        assert!(
            plan.to_string().contains("aggregate index `count` of `files` is stored and no longer declared"),
            "{plan}"
        );
        let db = plain::open(&store, SchemaPolicy::ApplyAndDrop).await.unwrap();
        assert!(db.admin().status().await.unwrap().tables[0].aggregates.is_empty());
        db.insert(plain::File { id: 99, owner: 1, size: Some(1) }).await.unwrap();
        // Declared again it gets a number of its own, and counts anew.
        let db = summed::open(&store, SchemaPolicy::Apply).await.unwrap();
        assert_right(&db, place.name).await;
        assert!(db.admin().drop_index("files", "count").await.unwrap() > 0);
        assert!(db.admin().status().await.unwrap().former.is_empty());
    }
}

#[tokio::test]
async fn another_one_under_its_name_is_refused() {
    for place in places() {
        let store = place.open().await;
        drop(summed::open(&store, SchemaPolicy::Apply).await.unwrap());
        let error = other::open(&store, SchemaPolicy::Apply).await.unwrap_err();
        assert!(error.is_schema_mismatch(), "{error}");
        let expected = "aggregate index `sum_size_by_owner` of `files` is `sum(size)`, and the stored one is \
                        `sum(size, by = owner)`: give it another name";
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// A row whose column is too long for a group, written before there were groups.
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "notes")]
struct Note {
    #[rome(key)]
    id: u32,
    text: String,
}

mod grouped {
    use rome_orm::prelude::*;

    /// The same in groups.
    #[derive(Entity, Clone, Debug, PartialEq)]
    #[rome(table = "notes", count(by = text))]
    pub struct Note {
        #[rome(key)]
        pub id: u32,
        pub text: String,
    }
}

#[tokio::test]
async fn a_row_that_is_too_long_for_a_group_can_be_shortened_and_deleted() {
    for place in places() {
        let store = place.open().await;
        let old = Database::builder().entity::<Note>().open(store.clone()).await.unwrap();
        old.insert_many((1..=2).map(|id| Note { id, text: "long ".repeat(500) })).await.unwrap();
        let deferred = Database::builder().entity::<grouped::Note>().schema_policy(SchemaPolicy::Defer);
        let db = deferred.open(store.clone()).await.unwrap();
        let error = db.admin().build_indexes(&SMALL).await.unwrap_err();
        assert!(error.to_string().contains("shorten the value"), "on {}: {error}", place.name);
        let too_long = db.get::<grouped::Note>(1).await.unwrap().unwrap();
        assert!(db.update(&too_long).await.is_err(), "on {}", place.name);
        db.update(&grouped::Note { id: 1, text: "short".into() }).await.unwrap();
        assert!(db.delete_by_key::<grouped::Note>(2).await.unwrap(), "on {}", place.name);
        db.admin().build_indexes(&SMALL).await.unwrap();
        let by_text = db.query::<grouped::Note>().group_by(grouped::Note::TEXT).select((grouped::Note::TEXT, count()));
        assert_eq!(by_text.explain().await.unwrap().index(), Some("count_by_text"), "on {}", place.name);
        assert_eq!(by_text.all().await.unwrap(), [("short".to_owned(), 1)], "on {}", place.name);
        assert!(db.admin().check().await.unwrap().findings.is_empty(), "on {}", place.name);
    }
}
