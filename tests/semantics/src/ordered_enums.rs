//! Enums with `#[rome(order)]`: they compare, sort and are indexed by the declaration of their variants, and are stored so
//! that variants may be added at the end and nowhere else.

use std::sync::Arc;

use rome_orm::prelude::*;
use rome_orm::store::Store;

use crate::sessions::laws;
use crate::stores::places;

/// By label: high, low, medium, urgent.
#[derive(ColumnEnum, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[rome(order)]
enum Priority {
    #[default]
    Low,
    Medium,
    High,
    Urgent,
}

use Priority::{High, Low, Medium, Urgent};

const ALL: [Priority; 4] = [Low, Medium, High, Urgent];

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "tasks", count(by = priority))]
struct Task {
    #[rome(key)]
    id: u64,
    priority: Priority,
    was: Option<Priority>,
    marks: Vec<Priority>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "indexed", index(desc(priority), id), global_index(was))]
struct Indexed {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    priority: Priority,
    was: Option<Priority>,
    #[rome(index)]
    marks: Vec<Priority>,
}

/// One row for each priority, which is its key.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "levels")]
struct Level {
    #[rome(key)]
    priority: Priority,
    #[rome(unique)]
    next: Option<Priority>,
}

async fn fill(db: &Database) {
    let parts = |id: u64| {
        let at = |n: u64| ALL[usize::try_from(n % 4).unwrap()];
        (at(id * 7), (!id.is_multiple_of(5)).then(|| at(id / 2)), (0..id % 3).map(at).collect::<Vec<_>>())
    };
    let tasks = (0..23).map(|id| {
        let (priority, was, marks) = parts(id);
        Task { id, priority, was, marks }
    });
    db.insert_many(tasks).await.unwrap();
    let indexed = (0..23).map(|id| {
        let (priority, was, marks) = parts(id);
        Indexed { id, priority, was, marks }
    });
    db.insert_many(indexed).await.unwrap();
}

laws! { [Task, Indexed, Level]
    async fn variants_compare_as_they_are_declared(db) {
        fill(&db).await;
        let tasks = db.query::<Task>().order_by(Task::ID.asc()).all().await.unwrap();
        for limit in ALL {
            macro_rules! agree {
                ($op:ident, $rust:tt) => {{
                    let expected: Vec<u64> = tasks.iter().filter(|t| t.priority $rust limit).map(|t| t.id).collect();
                    let scanned = db.query::<Task>().filter(Task::PRIORITY.$op(limit)).order_by(Task::ID.asc());
                    assert_eq!(scanned.select(Task::ID).all().await.unwrap(), expected, "{limit:?}");
                    let found = db.query::<Indexed>().filter(Indexed::PRIORITY.$op(limit));
                    assert!(stringify!($op) == "ne" || !found.explain().await.unwrap().is_full_scan());
                    let mut found = found.select(Indexed::ID).all().await.unwrap();
                    found.sort_unstable();
                    assert_eq!(found, expected, "{limit:?} by index");
                    let expected =
                        tasks.iter().filter(|t| t.was.is_some_and(|was| was $rust limit)).map(|t| t.id).collect::<Vec<_>>();
                    let mut found =
                        db.query::<Indexed>().filter(Indexed::WAS.$op(limit)).select(Indexed::ID).all().await.unwrap();
                    found.sort_unstable();
                    assert_eq!(found, expected, "{limit:?} optional");
                }};
            }
            agree!(eq, ==);
            agree!(ne, !=);
            agree!(lt, <);
            agree!(le, <=);
            agree!(gt, >);
            agree!(ge, >=);
        }
        let between = db.query::<Indexed>().filter(Indexed::PRIORITY.between(Medium, High)).count().await.unwrap();
        let expected = tasks.iter().filter(|task| (Medium..=High).contains(&task.priority)).count();
        assert_eq!(between, expected as u64);
        let shown = db.query::<Task>().filter(Task::PRIORITY.ge(High)).explain().await.unwrap().to_string();
        assert!(shown.contains("'high'"), "{shown}");
    }

    async fn rows_sort_and_page_as_variants_are_declared(db) {
        fill(&db).await;
        let mut expected = db.query::<Task>().all().await.unwrap();
        expected.sort_by_key(|task| (task.priority, task.id));
        let expected: Vec<u64> = expected.iter().map(|task| task.id).collect();
        assert_eq!(db.query::<Task>().order_by(Task::PRIORITY.asc()).select(Task::ID).all().await.unwrap(), expected);
        let sorted = db.query::<Indexed>().order_by((Indexed::PRIORITY.asc(), Indexed::ID.asc()));
        assert_eq!(sorted.select(Indexed::ID).all().await.unwrap(), expected);
        let mut paged = Vec::new();
        let mut next = None;
        loop {
            let query = db.query::<Indexed>().order_by((Indexed::PRIORITY.asc(), Indexed::ID.asc()));
            let page = query.page(4).after(next).fetch().await.unwrap();
            paged.extend(page.items.iter().map(|row| row.id));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected);
        let first = db.query::<Indexed>().order_by(Indexed::PRIORITY.desc()).first().await.unwrap().unwrap();
        assert_eq!(first.priority, Urgent);
        let nulls = db.query::<Indexed>().order_by(Indexed::WAS.asc()).select(Indexed::WAS).all().await.unwrap();
        assert!(nulls.is_sorted(), "{nulls:?}");
    }

    async fn aggregates_and_groups_hold_variants(db) {
        fill(&db).await;
        let tasks = db.query::<Task>().all().await.unwrap();
        let least = db.query::<Indexed>().aggregate(rome_orm::expr::min(Indexed::PRIORITY)).await.unwrap();
        let greatest = db.query::<Indexed>().filter(Indexed::PRIORITY.lt(Urgent)).aggregate(rome_orm::expr::max(Indexed::PRIORITY)).await.unwrap();
        assert_eq!((least, greatest), (Some(Low), Some(High)));
        assert_eq!(db.query::<Task>().aggregate(rome_orm::expr::max(Task::WAS)).await.unwrap(), Some(Urgent));
        let counted = |priority| tasks.iter().filter(|task| task.priority == priority).count() as u64;
        let expected: Vec<(Priority, u64)> = ALL.into_iter().map(|priority| (priority, counted(priority))).collect();
        let groups = db.query::<Task>().group_by(Task::PRIORITY).select((Task::PRIORITY, rome_orm::expr::count()));
        assert_eq!(groups.order_by(Task::PRIORITY.asc()).all().await.unwrap(), expected);
        let groups = db.query::<Indexed>().group_by(Indexed::PRIORITY).select((Indexed::PRIORITY, rome_orm::expr::count()));
        assert_eq!(groups.order_by(Indexed::PRIORITY.asc()).all().await.unwrap(), expected);
        let marked = db.query::<Indexed>().filter(Indexed::MARKS.contains(Medium)).count().await.unwrap();
        assert_eq!(marked, tasks.iter().filter(|task| task.marks.contains(&Medium)).count() as u64);
        assert!(db.admin().check().await.unwrap().is_clean());
    }

    async fn keys_and_claims_hold_variants(db) {
        for (priority, next) in [(High, Some(Urgent)), (Low, Some(Medium)), (Urgent, None), (Medium, Some(High))] {
            db.insert(Level { priority, next }).await.unwrap();
        }
        assert_eq!(db.get::<Level>(Medium).await.unwrap().unwrap().next, Some(High));
        let keys = db.query::<Level>().order_by(Level::PRIORITY.asc()).select(Level::PRIORITY).all().await.unwrap();
        assert_eq!(keys, ALL);
        let above = db.query::<Level>().filter(Level::PRIORITY.gt(Medium)).count().await.unwrap();
        assert_eq!(above, 2);
        assert!(db.insert(Level { priority: Low, next: None }).await.unwrap_err().is_duplicate_key());
        db.delete_by_key::<Level>(Urgent).await.unwrap();
        let error = db.insert(Level { priority: Urgent, next: Some(High) }).await.unwrap_err();
        assert!(error.is_unique_violation() && error.to_string().contains("'high'"), "{error}");
    }

    async fn columns_named_at_run_time_take_labels(db) {
        fill(&db).await;
        let priority = Indexed::column("priority").unwrap();
        let expected = db.query::<Indexed>().filter(Indexed::PRIORITY.ge(High)).count().await.unwrap();
        assert!(expected > 0);
        for value in [priority.parse("high").unwrap(), rome_orm::Value::from("high")] {
            let query = db.query::<Indexed>().filter(priority.ge(value).unwrap());
            assert_eq!(query.count().await.unwrap(), expected);
        }
        let marks = Indexed::column("marks").unwrap();
        let marked = db.query::<Indexed>().filter(marks.contains("low").unwrap()).count().await.unwrap();
        assert_eq!(marked, db.query::<Indexed>().filter(Indexed::MARKS.contains(Low)).count().await.unwrap());
        for wrong in [priority.ge("highest").unwrap_err(), priority.eq(2).unwrap_err(), priority.like("h%").unwrap_err()] {
            assert!(wrong.is_invalid() && wrong.to_string().contains("priority"), "{wrong}");
        }
    }

    async fn a_session_sees_its_own_variants_in_order(db) {
        fill(&db).await;
        let (urgent, least) = db.transaction(async |s| {
            s.update_many(&[Task { id: 0, priority: Urgent, ..Default::default() }]).await?;
            s.insert(Indexed { id: 100, priority: Urgent, ..Default::default() }).await?;
            let urgent = s.query::<Indexed>().filter(Indexed::PRIORITY.gt(High)).order_by(Indexed::ID.desc()).first().await?;
            let least = s.query::<Task>().order_by((Task::PRIORITY.asc(), Task::ID.asc())).first().await?;
            Ok((urgent.map(|row| row.id), least.map(|row| row.id)))
        }).await.unwrap();
        assert_eq!((urgent, least), (Some(100), Some(4)));
    }
}

#[tokio::test]
async fn json_and_dumps_hold_labels() {
    for place in places() {
        let store = place.open().await;
        let db = Database::builder().entity::<Task>().open(store.clone()).await.unwrap();
        let task = Task { id: 1, priority: High, was: Some(Low), marks: vec![Urgent, Medium] };
        db.insert(task.clone()).await.unwrap();
        let row = serde_json::Value::Object(db.get_json("tasks", &["1"]).await.unwrap().unwrap());
        let expected = serde_json::json!({"id": 1, "priority": "high", "was": "low", "marks": ["urgent", "medium"]});
        assert_eq!(row, expected, "{}", place.name);
        let mut dump = Vec::new();
        db.admin().dump(&mut dump, |_| ()).await.unwrap();
        let other: Arc<dyn Store> = Arc::new(rome_orm::store::memory::MemoryStore::new());
        rome_orm::dump::load(other.clone(), || Ok(dump.as_slice()), |_| ()).await.unwrap();
        let copy = Database::builder().entity::<Task>().open(other).await.unwrap();
        assert_eq!(copy.query::<Task>().all().await.unwrap(), [task]);
    }
}

/// Enums of different times in one column.
macro_rules! version {
    ($name:ident, $(#[$order:meta])? { $($variant:ident),+ }) => {
        mod $name {
            use super::*;

            #[derive(ColumnEnum, Clone, Copy, Debug, PartialEq)]
            $(#[$order])?
            pub enum Priority { $($variant),+ }

            #[derive(Entity, Clone, Debug, PartialEq)]
            #[rome(table = "tasks")]
            pub struct Task {
                #[rome(key)]
                pub id: u64,
                #[rome(index)]
                pub priority: Priority,
                pub marks: Vec<Option<Priority>>,
            }

            pub async fn open(store: &Arc<dyn Store>) -> rome_orm::Result<Database> {
                Database::builder().entity::<Task>().open(store.clone()).await
            }
        }
    };
}

version!(first, #[rome(order)] { Low, Medium, High });
version!(added, #[rome(order)] { Low, Medium, High, Urgent });
version!(moved, #[rome(order)] { Medium, Low, High });
version!(inserted, #[rome(order)] { Low, Medium, Elevated, High });
version!(renamed, #[rome(order)] { Low, Middle, High });
version!(removed, #[rome(order)] { Low, Medium });
version!(by_label, { Low, Medium, High });

#[tokio::test]
async fn variants_may_be_added_at_the_end_and_nowhere_else() {
    for place in places() {
        let store = place.open().await;
        let db = first::open(&store).await.unwrap();
        let task = |id, priority| first::Task { id, priority, marks: vec![Some(priority), None] };
        let all = [task(1, first::Priority::High), task(2, first::Priority::Low)];
        db.insert_many(all.clone()).await.unwrap();
        for refused in [
            moved::open(&store).await,
            inserted::open(&store).await,
            renamed::open(&store).await,
            removed::open(&store).await,
        ] {
            let error = refused.err().unwrap();
            assert!(error.is_schema_mismatch(), "{error}");
            for part in ["`priority` of `tasks`", "(low, medium, high)", "added at the end"] {
                assert!(error.to_string().contains(part), "{}: {error}", place.name);
            }
            let marks = error.to_string().contains("variants of column `marks`");
            assert!(marks, "{error}");
        }
        let error = by_label::open(&store).await.err().unwrap();
        assert!(error.is_schema_mismatch() && error.to_string().contains("copy the values"), "{error}");
        assert_eq!(first::open(&store).await.unwrap().query::<first::Task>().all().await.unwrap(), all);

        let newer = added::open(&store).await.unwrap();
        let urgent = added::Task { id: 3, priority: added::Priority::Urgent, marks: vec![] };
        newer.insert(urgent).await.unwrap();
        let above = newer.query::<added::Task>().filter(added::Task::PRIORITY.gt(added::Priority::Medium));
        let above = above.order_by(added::Task::PRIORITY.desc()).all().await.unwrap();
        assert_eq!(above.iter().map(|task| task.id).collect::<Vec<_>>(), [3, 1], "{}", place.name);
        assert_eq!(above[1].marks, [Some(added::Priority::High), None]);
        assert!(newer.admin().check().await.unwrap().is_clean());
        // The older build would not know what it reads.
        assert!(first::open(&store).await.err().unwrap().is_schema_mismatch());
        added::open(&store).await.unwrap();
    }
}

#[tokio::test]
async fn an_enum_by_label_does_not_become_one_by_declaration() {
    for place in places() {
        let store = place.open().await;
        by_label::open(&store).await.unwrap();
        let error = first::open(&store).await.err().unwrap();
        assert!(error.is_schema_mismatch() && error.to_string().contains("copy the values"), "{error}");
    }
}
