//! Changes of the schema of a database that is in use: indexes that are built while others write, programs of two versions,
//! builds that are interrupted, and what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rome_orm::SchemaPolicy;
use rome_orm::change::{BuildOptions, ChangeKind, IndexState};
use rome_orm::prelude::*;
use rome_orm::store::Store;
use tokio::sync::Notify;

use crate::stores::places;

/// Entities of different times on one table, each in a module of its own.
macro_rules! version {
    ($name:ident $(#[$table:meta])* { $($(#[$meta:meta])* $field:ident: $ty:ty,)+ }) => {
        mod $name {
            use super::*;

            #[derive(Entity, Clone, Debug, PartialEq)]
            #[rome(table = "dogs")]
            $(#[$table])*
            pub struct Dog {
                $($(#[$meta])* pub $field: $ty,)+
            }

            pub async fn open(store: &Arc<dyn Store>, how: SchemaPolicy) -> rome_orm::Result<Database> {
                Database::builder().entity::<Dog>().schema_policy(how).open(store.clone()).await
            }

            #[allow(dead_code)]
            pub async fn plan(store: &Arc<dyn Store>) -> rome_orm::change::SchemaPlan {
                Database::builder().entity::<Dog>().plan(store.clone()).await.unwrap()
            }
        }
    };
}

version!(plain { #[rome(key)] id: u64, name: String, age: u32, tags: Vec<String>, });
version!(indexed #[rome(index(age, desc(name)), global_index(name))] {
    #[rome(key)] id: u64, name: String, age: u32, #[rome(index)] tags: Vec<String>,
});
version!(unique { #[rome(key)] id: u64, #[rome(unique)] name: String, age: u32, tags: Vec<String>, });

fn dog(id: u64) -> plain::Dog {
    let tags = (0..id % 4).map(|tag| format!("tag {tag}")).collect();
    plain::Dog { id, name: format!("dog {}", id % 13), age: u32::try_from(id % 7).unwrap(), tags }
}

async fn fill(store: &Arc<dyn Store>, n: u64) -> Database {
    let db = plain::open(store, SchemaPolicy::Apply).await.unwrap();
    db.insert_many((0..n).map(dog)).await.unwrap();
    db
}

const SMALL: BuildOptions = BuildOptions::new().batch(7);

/// Queries by each index give what a scan gives, and entries and rows agree.
async fn assert_right(db: &Database) {
    use indexed::Dog;
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty(), "{report}");
    let queries = [
        (Dog::AGE.eq(3), "by_age_name_desc"),
        (Dog::NAME.eq("dog 5"), "by_name"),
        (Dog::TAGS.contains("tag 1".to_owned()), "by_tags"),
    ];
    for (filter, index) in queries {
        let by_index =
            db.query::<Dog>().filter(filter.clone()).order_by(Dog::ID.asc()).use_index(index).all().await.unwrap();
        let by_scan = db.query::<Dog>().filter(filter).order_by(Dog::ID.asc()).ignore_indexes().all().await.unwrap();
        assert_eq!(by_index, by_scan, "{index}");
    }
}

#[tokio::test]
async fn new_indexes_are_built_over_the_rows_that_are_there() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 100).await;
        let plan = indexed::plan(&store).await;
        assert_eq!(plan.changes.iter().map(|change| change.kind).collect::<Vec<_>>(), [ChangeKind::Index; 3], "{plan}");
        assert!(plan.closes_to_older && plan.to_string().contains("`index(age, desc(name))`"), "{plan}");
        let db = indexed::open(&store, SchemaPolicy::Apply).await.unwrap();
        assert_right(&db).await;
        assert!(indexed::plan(&store).await.is_empty());
        let status = db.admin().status().await.unwrap();
        assert_eq!((status.tables[0].rows, status.tables[0].indexes.len()), (100, 3), "{status}");
    }
}

#[tokio::test]
async fn refusing_prints_the_plan_and_changes_nothing() {
    for place in places() {
        let store = place.open().await;
        let old = fill(&store, 3).await;
        let before = old.admin().status().await.unwrap();
        let refused = indexed::open(&store, SchemaPolicy::Deny).await.unwrap_err();
        assert!(refused.is_schema_mismatch(), "{refused}");
        for part in ["`by_tags`", "`by_name`", "`global_index(name)`", "Deny"] {
            assert!(refused.to_string().contains(part), "{refused} does not say {part}");
        }
        assert_eq!(old.admin().status().await.unwrap(), before);
        old.insert(dog(9)).await.unwrap();
        plain::open(&store, SchemaPolicy::Deny).await.unwrap();
    }
}

#[tokio::test]
async fn an_unbuilt_index_is_maintained_and_no_query_uses_it() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 20).await;
        use indexed::Dog;
        let db = indexed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let find = || db.query::<Dog>().filter(Dog::NAME.eq("dog 5"));
        assert!(find().explain().await.unwrap().is_full_scan());
        let refused = find().use_index("by_name").all().await.unwrap_err();
        assert!(refused.to_string().contains("not built yet"), "{refused}");
        db.insert(Dog { id: 500, name: "dog 5".into(), age: 3, tags: Vec::new() }).await.unwrap();
        assert_eq!(find().count().await.unwrap(), 3);
        // What is missing is no damage, and what writes have entered is right.
        assert!(db.admin().check().await.unwrap().findings.is_empty());
        let states = |status: rome_orm::change::DatabaseStatus| -> Vec<IndexState> {
            status.tables[0].indexes.iter().map(|index| index.state).collect()
        };
        assert_eq!(states(db.admin().status().await.unwrap()), [IndexState::WriteOnly; 3]);
        // Another handle builds, and this one finds out.
        let other = indexed::open(&store, SchemaPolicy::Defer).await.unwrap();
        assert_eq!(other.admin().build_indexes(&SMALL).await.unwrap().built.len(), 3);
        assert!(find().explain().await.unwrap().is_full_scan());
        assert!(db.admin().build_indexes(&SMALL).await.unwrap().built.is_empty());
        assert_right(&db).await;
        assert_eq!(states(db.admin().status().await.unwrap()), [IndexState::Readable; 3]);
    }
}

/// Inserts, updates and deletes until told to stop; says how many writes there were.
async fn write(db: Database, client: u64, stop: Arc<AtomicU64>) -> u64 {
    use indexed::Dog;
    let mut n = 0;
    while stop.load(Ordering::SeqCst) == 0 || n < 50 {
        n += 1;
        let id = (client * 7919 + n * 104_729) % 300;
        let name = format!("dog {}", (n + client) % 13);
        let result = match n % 5 {
            0 => db.delete_by_key::<Dog>(id).await.map(|_| ()),
            1 => db.query::<Dog>().filter(Dog::ID.eq(id)).update(Dog::AGE.set((Dog::AGE + 1) % 7)).await.map(|_| ()),
            2 => {
                db.transaction(async move |s| {
                    for id in [id, id + 1] {
                        let tags = vec![format!("tag {}", n % 4), "tag 1".into()];
                        s.upsert(Dog { id, name: format!("dog {}", n % 13), age: 3, tags }).await?;
                    }
                    Ok(())
                })
                .await
            }
            _ => db.upsert(Dog { id, name, age: u32::try_from(n % 7).unwrap(), tags: Vec::new() }).await.map(|_| ()),
        };
        if let Err(error) = result {
            assert!(error.is_conflict(), "{error}");
        }
        tokio::task::yield_now().await;
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_built_while_others_write_is_right() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 300).await;
        let db = indexed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let stop = Arc::new(AtomicU64::new(0));
        let mut writers = Vec::new();
        for client in 0..3 {
            // Each with a handle of its own, one of an older build that was opened again.
            let handle = indexed::open(&store, SchemaPolicy::Defer).await.unwrap();
            writers.push(tokio::spawn(write(handle, client, stop.clone())));
        }
        let report = db.admin().build_indexes(&SMALL).await.unwrap();
        stop.store(1, Ordering::SeqCst);
        for writer in writers {
            assert!(writer.await.unwrap() >= 50);
        }
        assert_eq!(report.built.len(), 3, "{report:?}");
        assert_right(&db).await;
    }
}

#[tokio::test]
async fn a_build_that_was_stopped_goes_on_where_it_was() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 200).await;
        let db = indexed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let (tell, stop) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let progress = {
            let (tell, stop) = (tell.clone(), stop.clone());
            move |progress: &rome_orm::change::BuildProgress| {
                stop.store(progress.rows, Ordering::SeqCst);
                if progress.rows > 50 {
                    tell.notify_one();
                }
            }
        };
        let options = SMALL.pause(Duration::from_millis(1)).on_progress(progress);
        tokio::select! {
            biased;
            () = tell.notified() => {}
            done = db.admin().build_indexes(&options) => panic!("it ended: {done:?}"),
        }
        let entered = stop.load(Ordering::SeqCst);
        drop(db);
        let total = Arc::new(AtomicU64::new(0));
        let builder = Database::builder().entity::<indexed::Dog>();
        // The first index is done in the rest of its rows, the others in all.
        let db = builder.schema_policy(SchemaPolicy::Defer).open(store.clone()).await.unwrap();
        let first = Arc::new(AtomicU64::new(u64::MAX));
        let progress = {
            let (first, total) = (first.clone(), total.clone());
            move |progress: &rome_orm::change::BuildProgress| {
                first.fetch_min(progress.of, Ordering::SeqCst);
                total.fetch_max(progress.rows, Ordering::SeqCst);
            }
        };
        let options = SMALL.on_progress(progress);
        let report = db.admin().build_indexes(&options).await.unwrap();
        assert_eq!(report.built.len(), 3);
        assert!(first.load(Ordering::SeqCst) <= 200 - entered, "{} rows were left", first.load(Ordering::SeqCst));
        assert_eq!(total.load(Ordering::SeqCst), 200);
        assert_right(&db).await;
    }
}

#[tokio::test]
async fn an_older_handle_may_read_and_not_write_until_it_is_opened_again() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = fill(&store, 30).await;
        let new = indexed::open(&store, SchemaPolicy::Defer).await.unwrap();
        let refused = old.insert(dog(100)).await.unwrap_err();
        assert!(refused.is_schema_mismatch() && refused.to_string().contains("may read"), "{refused}");
        let session = old.session();
        session.delete(&dog(1)).await.unwrap();
        assert!(session.commit().await.unwrap_err().is_schema_mismatch());
        assert_eq!(old.query::<plain::Dog>().count().await.unwrap(), 30);
        // The older build, opened again, maintains what it does not declare.
        let plan = plain::plan(&store).await;
        assert!(plan.is_empty() && plan.kept.len() == 3, "{plan}");
        let again = plain::open(&store, SchemaPolicy::Apply).await.unwrap();
        again.insert(dog(100)).await.unwrap();
        again.update(&plain::Dog { name: "dog 5".into(), ..dog(2) }).await.unwrap();
        new.admin().build_indexes(&SMALL).await.unwrap();
        again.delete(&dog(7)).await.unwrap();
        again.insert(dog(101)).await.unwrap();
        assert_right(&new).await;
        assert!(again.query::<plain::Dog>().use_index("by_name").all().await.is_err());
    }
}

#[tokio::test]
async fn duplicates_of_a_unique_index_are_listed_and_nothing_is_lost() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let db = plain::open(&store, SchemaPolicy::Apply).await.unwrap();
        let named = |id, name: &str| plain::Dog { id, name: name.into(), age: 1, tags: Vec::new() };
        db.insert_many([named(1, "Rex"), named(2, "Ida"), named(3, "Rex"), named(4, "Max"), named(5, "Rex")])
            .await
            .unwrap();
        let refused = unique::open(&store, SchemaPolicy::Apply).await.unwrap_err();
        assert!(refused.is_schema_mismatch(), "{refused}");
        for part in ["'Rex'", "`unique_name`", "`dogs`", "Defer", "nothing was changed"] {
            assert!(refused.to_string().contains(part), "{refused} does not say {part}");
        }
        let db = unique::open(&store, SchemaPolicy::Defer).await.unwrap();
        let report = db.admin().build_indexes(&SMALL).await.unwrap();
        assert_eq!((report.built.len(), report.duplicates.len()), (0, 2), "{report:?}");
        assert_eq!(db.query::<unique::Dog>().count().await.unwrap(), 5);
        // What gives a duplicate up leaves the value to the row that has it.
        let of_two = |report: &rome_orm::change::BuildReport| {
            let duplicate = &report.duplicates[0];
            (duplicate.key.parse::<u64>().unwrap(), duplicate.held_by.parse::<u64>().unwrap())
        };
        let (loser, holder) = of_two(&report);
        let row = db.get::<unique::Dog>(loser).await.unwrap().unwrap();
        db.update(&unique::Dog { name: "Rex the second".into(), ..row }).await.unwrap();
        let another = || unique::Dog { id: 9, name: "Rex".into(), age: 1, tags: Vec::new() };
        assert!(db.insert(another()).await.unwrap_err().is_unique_violation());
        let report = db.admin().build_indexes(&SMALL).await.unwrap();
        assert_eq!(report.duplicates.len(), 1, "{report:?}");
        // The one that has the value goes, in a session, and the build gives it to the other.
        db.transaction(async move |s| s.delete_by_key::<unique::Dog>(holder).await).await.unwrap();
        let report = db.admin().build_indexes(&SMALL).await.unwrap();
        assert_eq!((report.built.len(), report.duplicates.len()), (1, 0), "{report:?}");
        assert!(db.insert(another()).await.unwrap_err().is_unique_violation());
        assert!(db.admin().check().await.unwrap().findings.is_empty());
        assert_eq!(db.query::<unique::Dog>().count().await.unwrap(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unique_index_that_is_built_while_others_swap_values_is_right() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let db = plain::open(&store, SchemaPolicy::Apply).await.unwrap();
        let named = |id: u64| plain::Dog { id, name: format!("name {id}"), age: 1, tags: Vec::new() };
        db.insert_many((0..120).map(named)).await.unwrap();
        let db = unique::open(&store, SchemaPolicy::Defer).await.unwrap();
        let stop = Arc::new(AtomicU64::new(0));
        let swap = |client: u64| {
            let (db, stop) = (db.clone(), stop.clone());
            async move {
                let mut n = 0;
                while stop.load(Ordering::SeqCst) == 0 || n < 30 {
                    n += 1;
                    let (a, b) = ((client * 31 + n * 17) % 120, (client * 57 + n * 29) % 120);
                    if a == b {
                        continue;
                    }
                    let swapped = db
                        .transaction(async move |s| {
                            let mut first = s.get::<unique::Dog>(a).await?.ok_or_not_found()?;
                            let mut second = s.get::<unique::Dog>(b).await?.ok_or_not_found()?;
                            std::mem::swap(&mut first.name, &mut second.name);
                            s.update_many(&[first, second]).await
                        })
                        .await;
                    if let Err(error) = swapped {
                        assert!(error.is_conflict(), "{error}");
                    }
                }
            }
        };
        let writers = [tokio::spawn(swap(1)), tokio::spawn(swap(2))];
        let report = db.admin().build_indexes(&SMALL.batch(3)).await.unwrap();
        stop.store(1, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!((report.built.len(), report.duplicates.len()), (1, 0), "{report:?}");
        let report = db.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "{report}");
        assert_eq!(report.entries, 120);
    }
}

#[tokio::test]
async fn a_dropped_index_leaves_nothing_and_closes_to_those_who_use_it() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 50).await;
        let old = indexed::open(&store, SchemaPolicy::Apply).await.unwrap();
        let entries = old.admin().check().await.unwrap().entries;
        let removed = old.admin().drop_index("dogs", "by_name").await.unwrap();
        assert_eq!(removed, 50);
        assert!(old.admin().drop_index("dogs", "by_name").await.unwrap_err().is_invalid());
        assert!(
            old.insert(indexed::Dog { id: 99, name: "x".into(), age: 1, tags: vec![] })
                .await
                .unwrap_err()
                .is_schema_mismatch()
        );
        let plain = plain::open(&store, SchemaPolicy::ApplyAndDrop).await.unwrap();
        let report = plain.admin().check().await.unwrap();
        assert!(report.findings.is_empty() && report.entries == 0, "{report}");
        assert!(plain.admin().status().await.unwrap().former.is_empty());
        plain.insert(dog(99)).await.unwrap();
        // Declared once more it is another index, and built anew.
        let db = indexed::open(&store, SchemaPolicy::Apply).await.unwrap();
        assert!(db.admin().check().await.unwrap().entries > entries);
        assert_right(&db).await;
    }
}

version!(with_default { #[rome(key)] id: u64, name: String, age: u32, tags: Vec<String>, #[rome(default = "red", index)] collar: String, });
version!(other_default {
    #[rome(key)] id: u64, name: String, age: u32, tags: Vec<String>, #[rome(default = "blue", index)] collar: String,
    #[rome(default = Some(1))] rank: Option<u8>,
});

#[tokio::test]
async fn a_default_that_changes_leaves_rows_that_were_there_as_they_were() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(&store, 10).await;
        with_default::open(&store, SchemaPolicy::Apply).await.unwrap();
        use other_default::Dog;
        let db = other_default::open(&store, SchemaPolicy::Apply).await.unwrap();
        let red = || db.query::<Dog>().filter(Dog::COLLAR.eq("red"));
        assert_eq!(red().use_index("by_collar").count().await.unwrap(), 10);
        assert_eq!(red().ignore_indexes().filter(Dog::RANK.eq(1)).count().await.unwrap(), 10);
        assert!(db.admin().check().await.unwrap().findings.is_empty());
    }
}

version!(with_age { #[rome(key)] id: u64, name: String, #[rome(index)] age: u32, tags: Vec<String>, });
version!(with_wide_age { #[rome(key)] id: u128, name: String, #[rome(index)] age: u64, tags: Vec<String>, });
version!(with_text_age { #[rome(key)] id: u64, name: String, #[rome(index)] age: String, tags: Vec<String>, });

#[tokio::test]
async fn integers_in_keys_and_indexes_may_widen() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 20).await;
        with_age::open(&store, SchemaPolicy::Apply).await.unwrap();
        let plan = with_wide_age::plan(&store).await;
        assert_eq!(plan.changes.len(), 2, "{plan}");
        use with_wide_age::Dog;
        let db = with_wide_age::open(&store, SchemaPolicy::Apply).await.unwrap();
        db.insert(Dog { id: u128::MAX, name: "x".into(), age: 3, tags: Vec::new() }).await.unwrap();
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age").count().await.unwrap(), 4);
        assert_eq!(db.get::<Dog>(7).await.unwrap().unwrap().name, "dog 7");
        let report = db.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "{report}");
    }
}

#[tokio::test]
async fn another_type_of_an_indexed_column_is_refused_with_the_way_to_it() {
    for place in places() {
        let store = place.open().await;
        fill(&store, 2).await;
        let db = with_age::open(&store, SchemaPolicy::Apply).await.unwrap();
        let refused = with_text_age::open(&store, SchemaPolicy::ApplyAndDrop).await.unwrap_err();
        for part in ["`age` of `dogs` is text, stored is u32", "add a new column and copy the values", "`by_age`"] {
            assert!(refused.to_string().contains(part), "{refused} does not say {part}");
        }
        db.insert(with_age::Dog { id: 9, name: "x".into(), age: 1, tags: Vec::new() }).await.unwrap();
    }
}

#[tokio::test]
async fn the_stored_catalog_alone_serves_to_check_and_to_finish_a_build() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let stored = |store: &Arc<dyn Store>| Database::builder().stored_tables().open(store.clone());
        let none = stored(&store).await.unwrap_err();
        assert!(none.to_string().contains("no catalog"), "{none}");
        fill(&store, 60).await;
        with_default::open(&store, SchemaPolicy::Defer).await.unwrap();
        let tool = stored(&store).await.unwrap();
        assert_eq!(
            tool.admin().build_indexes(&SMALL).await.unwrap().built,
            [("dogs".to_owned(), "by_collar".to_owned())]
        );
        let report = tool.admin().check().await.unwrap();
        assert!(report.findings.is_empty() && report.rows == 60 && report.entries == 60, "{report}");
    }
}
