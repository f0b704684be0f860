//! An open that is refused has changed nothing, for nobody.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rome_orm::change::BuildOptions;

use super::*;
use crate::stores::places;

build!(plain {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, pub kind: String }
} opens Dog);
build!(unique {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "cats")]
    pub struct Cat { #[rome(key)] pub id: u64 }

    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs", index(kind), count(by = kind))]
    pub struct Dog {
        #[rome(key)] pub id: u64, #[rome(unique)] pub name: String, pub kind: String,
        #[rome(default = 7_u32, unique)] pub chip: u32, pub note: Option<String>,
    }
} opens Dog, Cat);
build!(named_once {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, #[rome(unique)] pub name: String, pub kind: String }
} opens Dog);
build!(by_kind {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, #[rome(index)] pub kind: String }
} opens Dog);
build!(referencing {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "kinds")]
    pub struct Kind { #[rome(key)] pub name: String }

    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, #[rome(references = Kind)] pub kind: String }
} opens Dog, Kind);

fn dog(id: u64, name: &str) -> plain::Dog {
    plain::Dog { id, name: name.into(), kind: "pug".into() }
}

/// Nothing of the refused one is there: the same catalog, the handles of before write, and what would break it may be written.
async fn assert_untouched(store: &Arc<dyn Store>, old: &Database, before: &[(Partition, Bytes, String, Bytes)]) {
    assert_eq!(catalog(store).await, before, "a refused open has changed the catalog");
    old.insert(dog(90, "Rex")).await.unwrap();
    old.delete_by_key::<plain::Dog>(90).await.unwrap();
    let again = plain::open_as(store, SchemaPolicy::Deny).await.unwrap();
    again.insert(dog(91, "Rex")).await.unwrap();
    again.delete_by_key::<plain::Dog>(91).await.unwrap();
    assert_clean(store).await;
}

#[tokio::test]
async fn duplicates_refuse_an_open_before_anything_is_changed_and_the_plan_lists_them() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = plain::open(&store).await.unwrap();
        old.insert_many((1..60).map(|id| dog(id, &format!("dog {id}")))).await.unwrap();
        old.insert_many([dog(70, "dog 3"), dog(71, "dog 5")]).await.unwrap();
        let before = catalog(&store).await;
        for how in [SchemaPolicy::Apply, SchemaPolicy::ApplyAndDrop] {
            let refused = unique::open_as(&store, how).await.unwrap_err();
            assert!(refused.is_schema_mismatch(), "{refused}");
            assert_says(&refused, &["nothing was changed", "Defer"]);
            assert_untouched(&store, &old, &before).await;
        }
        let refused = named_once::open(&store).await.unwrap_err();
        assert_says(&refused, &["'dog 3'", "3 and 70", "'dog 5'", "5 and 71", "`unique_name`", "`dogs`"]);
        let plan = named_once::plan(&store).await;
        assert_eq!(plan.refused.len(), 2, "{plan}");
        assert!(plan.to_string().contains("'dog 3'"), "{plan}");
        assert!(
            named_once::builder()
                .schema_policy(SchemaPolicy::Defer)
                .plan(store.clone())
                .await
                .unwrap()
                .refused
                .is_empty()
        );
        assert_untouched(&store, &old, &before).await;
        // With the rows mended it is what it says.
        old.delete_by_key::<plain::Dog>(70).await.unwrap();
        old.delete_by_key::<plain::Dog>(71).await.unwrap();
        assert!(named_once::plan(&store).await.refused.is_empty());
        let new = named_once::open(&store).await.unwrap();
        let twin = named_once::Dog { id: 70, name: "dog 3".into(), kind: String::new() };
        assert!(new.insert(twin).await.unwrap_err().is_unique_violation());
        assert_clean(&store).await;
    }
}

#[tokio::test]
async fn a_row_that_an_index_cannot_take_refuses_an_open_before_anything_is_changed() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = plain::open(&store).await.unwrap();
        old.insert(plain::Dog { kind: "x".repeat(5000), ..dog(1, "Rex") }).await.unwrap();
        let before = catalog(&store).await;
        let refused = by_kind::open(&store).await.unwrap_err();
        assert!(refused.is_limit_exceeded(), "{refused}");
        let plan = by_kind::plan(&store).await;
        assert!(plan.refused.iter().any(|line| line.contains("`by_kind`")), "{plan}");
        assert_untouched(&store, &old, &before).await;
    }
}

#[tokio::test]
async fn a_new_foreign_key_over_rows_refuses_an_open_before_anything_is_changed() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = plain::open(&store).await.unwrap();
        old.insert_many((1..9).map(|id| dog(id, "x"))).await.unwrap();
        let before = catalog(&store).await;
        let refused = referencing::open(&store).await.unwrap_err();
        assert_says(&refused, &["is new, and the table has rows"]);
        let plan = referencing::plan(&store).await;
        assert_eq!(plan.refused.len(), 1, "{plan}");
        assert_untouched(&store, &old, &before).await;
    }
}

/// The build is stopped in its middle; meanwhile a build that does not declare the index writes a row that it will meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_meets_duplicates_while_it_is_built_is_taken_back() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = plain::open(&store).await.unwrap();
        old.insert_many((0..60).map(|id| dog(id, &format!("dog {id}")))).await.unwrap();
        let (reached, wait) = (Arc::new(tokio::sync::Notify::new()), Mutex::new(None));
        let (go, gone_on) = std::sync::mpsc::channel::<()>();
        *wait.lock().unwrap() = Some(gone_on);
        let first = AtomicBool::new(true);
        let progress = {
            let reached = reached.clone();
            move |_: &rome_orm::change::BuildProgress| {
                if first.swap(false, Ordering::SeqCst) {
                    reached.notify_one();
                    let gone_on = wait.lock().unwrap().take().unwrap();
                    tokio::task::block_in_place(|| gone_on.recv().unwrap());
                }
            }
        };
        let options = BuildOptions::new().batch(5).on_progress(progress);
        let opening = tokio::spawn(named_once::builder().build_options(options).open(store.clone()));
        reached.notified().await;
        let beside = plain::open(&store).await.unwrap();
        // Each name twice: one of the two is still to be entered, wherever the build is.
        let twins = (0..60).map(|id| dog(100 + id, &format!("dog {id}")));
        let mut written = 0;
        for twin in twins {
            written += u64::from(beside.insert(twin).await.is_ok());
        }
        assert!(written > 0, "every row was entered already");
        go.send(()).unwrap();
        let refused = opening.await.unwrap().unwrap_err();
        assert!(refused.is_schema_mismatch(), "{refused}");
        assert_says(&refused, &["taken back", "`unique_name`"]);
        // No index, no constraint, no entries; who is opened now is as before.
        let status = beside.admin().status().await.unwrap();
        assert!(status.tables[0].indexes.is_empty() && status.former.is_empty(), "{status}");
        let again = plain::open_as(&store, SchemaPolicy::Deny).await.unwrap();
        again.insert(dog(200, "dog 3")).await.unwrap();
        again.insert(dog(201, "dog 3")).await.unwrap();
        assert_eq!(again.query::<plain::Dog>().count().await.unwrap(), 62 + written);
        assert_clean(&store).await;
    }
}
