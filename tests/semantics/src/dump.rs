//! Dumps: what is loaded is what was dumped, a dump that is cut or changed loads nothing, and a load that is interrupted is
//! finished by the next.

use std::io::BufRead as _;
use std::sync::Arc;

use rome_core::testkit::{Fault, Faults};
use rome_orm::dump;
use rome_orm::prelude::*;
use rome_orm::store::Store;
use rome_orm::store::memory::MemoryStore;

use crate::stores::places;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    name: String,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", global_index(tags))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(unique)]
    name: String,
    tags: Vec<String>,
    weight: Option<f64>,
    big: u128,
    photo: Vec<u8>,
    born: Option<DateTime<Utc>>,
    notes: Json<Vec<u8>>,
    #[rome(references = Dog)]
    mother: Option<Id<Dog>>,
    #[rome(references = Owner)]
    owner: Option<String>,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

async fn open(store: &Arc<dyn Store>) -> Database {
    Database::builder().entity::<Dog>().entity::<Owner>().open(store.clone()).await.unwrap()
}

async fn fill(store: &Arc<dyn Store>) -> Database {
    let db = open(store).await;
    db.insert(Owner { name: "Ann \"A\"\n".into() }).await.unwrap();
    let mut mother = None;
    for n in 0..30_u32 {
        let dog = Dog {
            name: format!("dog {n}"),
            tags: (0..n % 3).map(|tag| format!("tag {tag}")).collect(),
            weight: [None, Some(0.1), Some(f64::INFINITY), Some(-0.0)][n as usize % 4],
            big: u128::MAX - u128::from(n),
            photo: vec![0, 255, n as u8],
            born: (n % 2 == 0).then(Utc::now),
            notes: Json(vec![n as u8]),
            mother,
            owner: (n % 3 == 0).then(|| "Ann \"A\"\n".into()),
            ..Default::default()
        };
        mother = Some(db.insert(dog).await.unwrap().id);
    }
    let all = db.query::<Dog>().order_by(Dog::ID.asc()).all().await.unwrap();
    db.delete(&all[29]).await.unwrap();
    db
}

async fn lines(db: &Database) -> Vec<u8> {
    let mut lines = Vec::new();
    assert_eq!(db.admin().dump(&mut lines, |_| {}).await.unwrap(), 31);
    lines
}

async fn all(db: &Database) -> Vec<Dog> {
    db.query::<Dog>().with_deleted().order_by(Dog::ID.asc()).all().await.unwrap()
}

#[tokio::test]
async fn what_is_loaded_is_what_was_dumped() {
    for (place, other) in places().into_iter().zip(places()) {
        println!("on {}", place.name);
        let db = fill(&place.open().await).await;
        let dump = lines(&db).await;
        assert_eq!(dump::verify(&mut dump.as_slice()).unwrap()["dogs"], 30);
        let store = other.open().await;
        let loaded = dump::load(store.clone(), || Ok(dump.as_slice()), |_| {}).await.unwrap();
        assert_eq!((loaded.rows["dogs"], loaded.rows["owners"], loaded.resumed), (30, 1, 0));
        let copy = open(&store).await;
        assert_eq!(all(&copy).await, all(&db).await);
        let report = copy.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "{report}");
        // Counted keys go on after those that were loaded, and constraints hold.
        let new = copy.insert(Dog { name: "new".into(), ..Default::default() }).await.unwrap();
        assert!(all(&db).await.iter().all(|dog| dog.id < new.id), "{:?}", new.id);
        assert!(
            copy.insert(Dog { name: "dog 3".into(), ..Default::default() }).await.unwrap_err().is_unique_violation()
        );
        let again = dump::load(store, || Ok(dump.as_slice()), |_| {}).await.unwrap_err();
        assert!(again.to_string().contains("has rows"), "{again}");
    }
}

#[tokio::test]
async fn a_dump_that_is_cut_or_changed_loads_nothing() {
    let db = fill(&(Arc::new(MemoryStore::new()) as Arc<dyn Store>)).await;
    let dump = lines(&db).await;
    let last = dump.len() - 1;
    let ends: Vec<usize> = (0..dump.len()).filter(|at| dump[*at] == b'\n').map(|at| at + 1).collect();
    let cuts = ends[..ends.len() - 1].iter().flat_map(|end| [*end, end + 1, end - 1]).chain([0, 1, last]);
    let empty: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for cut in cuts {
        let part = &dump[..cut];
        let error = dump::load(empty.clone(), || Ok(part), |_| {}).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("nothing was loaded"), "cut at {cut}: {error}");
    }
    let text = String::from_utf8(dump.clone()).unwrap();
    let without = |drop: usize| -> String {
        text.lines().enumerate().filter(|(at, _)| *at != drop).map(|(_, line)| format!("{line}\n")).collect()
    };
    let changed = [
        text.replacen("dog 7", "dog 77", 1),
        without(0),
        without(5),
        text.replacen("\"big\":\"", "\"big\":\"x", 1),
        text.replacen("\"photo\"", "\"foto\"", 1),
        text.replacen("\"rome_dump\":1", "\"rome_dump\":9", 1),
        "{}\n".to_owned(),
        "not a dump\n".to_owned(),
    ];
    for changed in changed {
        let error = dump::load(empty.clone(), || Ok(changed.as_bytes()), |_| {}).await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
    }
    assert!(Database::builder().stored_tables().open(empty).await.is_err(), "nothing was stored");
}

#[tokio::test]
async fn a_load_that_is_interrupted_is_finished_by_the_next() {
    let source = fill(&(Arc::new(MemoryStore::new()) as Arc<dyn Store>)).await;
    let dump = lines(&source).await;
    assert_eq!(dump.lines().count(), 33);
    for place in places() {
        println!("on {}", place.name);
        let faults = Arc::new(Faults::new(place.open().await));
        let store: Arc<dyn Store> = faults.clone();
        // The catalog, the mark, the first table's rows, how many these were; then it fails.
        faults.fail_apply(4, Fault::Refused);
        let failed = dump::load(store.clone(), || Ok(dump.as_slice()), |_| {}).await.unwrap_err();
        assert!(failed.is_unavailable(), "{failed}");
        let other = lines_of_another().await;
        let refused = dump::load(store.clone(), || Ok(other.as_slice()), |_| {}).await.unwrap_err();
        assert!(refused.to_string().contains("another dump was interrupted"), "{refused}");
        let loaded = dump::load(store.clone(), || Ok(dump.as_slice()), |_| {}).await.unwrap();
        // Over several partitions a commit is more than one call, so it failed earlier.
        assert!(loaded.resumed == 30 || store.capabilities().partitions > 1, "{loaded:?}");
        let copy = open(&store).await;
        assert_eq!(all(&copy).await, all(&source).await);
        let report = copy.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "{report}");
    }
}

/// Cats as they were, and as they were to be.
mod cats {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, PartialEq)]
    #[rome(table = "cats")]
    pub struct Cat {
        #[rome(key)]
        pub id: u64,
        pub name: String,
    }

    pub mod unique {
        use super::*;

        #[derive(Entity, Clone, Debug, PartialEq)]
        #[rome(table = "cats")]
        pub struct Cat {
            #[rome(key)]
            pub id: u64,
            #[rome(unique)]
            pub name: String,
        }
    }
}

/// The lines of a dump of so many cats, of which two may have the same name.
async fn cats(store: &Arc<dyn Store>, n: u64, twins: Option<[u64; 2]>) -> (Database, Vec<u8>) {
    let db = Database::builder().entity::<cats::Cat>().open(store.clone()).await.unwrap();
    let of = |id| twins.filter(|twins| twins[1] == id).map_or(id, |twins| twins[0]);
    db.insert_many((0..n).map(|id| cats::Cat { id, name: format!("cat {}", of(id)) })).await.unwrap();
    let mut lines = Vec::new();
    db.admin().dump(&mut lines, |_| {}).await.unwrap();
    (db, lines)
}

#[tokio::test]
async fn a_unique_index_that_could_not_be_built_is_not_in_the_way_of_a_copy() {
    use rome_orm::SchemaPolicy;
    for (place, other) in places().into_iter().zip(places()) {
        println!("on {}", place.name);
        let store = place.open().await;
        drop(cats(&store, 5, Some([1, 3])).await);
        let builder = || Database::builder().entity::<cats::unique::Cat>();
        let db = builder().schema_policy(SchemaPolicy::Defer).open(store).await.unwrap();
        assert_eq!(
            db.admin().build_indexes(&rome_orm::change::BuildOptions::default()).await.unwrap().duplicates.len(),
            1
        );
        let mut lines = Vec::new();
        db.admin().dump(&mut lines, |_| {}).await.unwrap();
        let copy = other.open().await;
        dump::load(copy.clone(), || Ok(lines.as_slice()), |_| {}).await.unwrap();
        let tool = Database::builder().stored_tables().open(copy.clone()).await.unwrap();
        assert!(tool.admin().check().await.unwrap().is_clean());
        drop(tool);
        // The copy is as the first one was: a program that wants the index is told which rows are in its way.
        let error = builder().open(copy.clone()).await.unwrap_err();
        assert!(error.is_schema_mismatch() && error.to_string().contains("cat 1"), "{error}");
        let db = builder().schema_policy(SchemaPolicy::Defer).open(copy).await.unwrap();
        assert_eq!(db.query::<cats::unique::Cat>().count().await.unwrap(), 5);
        db.update(&cats::unique::Cat { id: 3, name: "cat 3".into() }).await.unwrap();
        let report = db.admin().build_indexes(&rome_orm::change::BuildOptions::default()).await.unwrap();
        assert_eq!((report.built.len(), report.duplicates.len()), (1, 0), "{report:?}");
    }
}

#[tokio::test]
async fn a_value_that_is_in_a_dump_twice_is_refused_with_both_rows_and_another_dump_may_follow() {
    let source = || Arc::new(MemoryStore::new()) as Arc<dyn Store>;
    let (_, good) = cats(&source(), 600, None).await;
    // In one batch of a load, and in two.
    for twins in [[10, 11], [20, 590]] {
        let (_, bad) = cats(&source(), 600, Some(twins)).await;
        for place in places() {
            println!("on {}", place.name);
            let store = place.open().await;
            let open = || Database::builder().entity::<cats::unique::Cat>().open(store.clone());
            let db = open().await.unwrap();
            for _ in 0..2 {
                let error = dump::load(store.clone(), || Ok(bad.as_slice()), |_| {}).await.unwrap_err();
                let text = error.to_string();
                let expected = format!(
                    "line {} of the dump, row {} of table `cats`, has name = 'cat {}', which row {} has too, and the unique index \
                     `unique_name`",
                    twins[1] + 2,
                    twins[1],
                    twins[0],
                    twins[0]
                );
                assert!(error.is_invalid() && text.contains(&expected), "{text}\n{expected}");
            }
            let loaded = db.query::<cats::unique::Cat>().count().await.unwrap();
            let other = dump::load(store.clone(), || Ok(good.as_slice()), |_| {}).await;
            if loaded > 0 {
                assert!(other.unwrap_err().to_string().contains("which is in table `cats`"));
                db.query::<cats::unique::Cat>().delete().await.unwrap();
                dump::load(store.clone(), || Ok(good.as_slice()), |_| {}).await.unwrap();
            }
            assert_eq!(db.query::<cats::unique::Cat>().count().await.unwrap(), 600);
            assert!(db.admin().check().await.unwrap().is_clean());
        }
    }
}

#[tokio::test]
async fn a_load_whose_rows_were_removed_begins_anew() {
    let dump = cats(&(Arc::new(MemoryStore::new()) as Arc<dyn Store>), 600, None).await.1;
    let middle = dump.len() * 9 / 10;
    for place in places() {
        let store = place.open().await;
        // It can be read to its end twice, and then no more.
        let mut opened = 0;
        let open = || {
            opened += 1;
            Ok(&dump[..if opened > 2 { middle } else { dump.len() }])
        };
        dump::load(store.clone(), open, |_| {}).await.unwrap_err();
        let db = Database::builder().entity::<cats::Cat>().open(store.clone()).await.unwrap();
        assert_eq!(db.query::<cats::Cat>().delete().await.unwrap(), 500);
        let loaded = dump::load(store, || Ok(dump.as_slice()), |_| {}).await.unwrap();
        assert_eq!((loaded.resumed, loaded.rows["cats"]), (0, 600), "{}", place.name);
        assert_eq!(db.query::<cats::Cat>().count().await.unwrap(), 600, "{}", place.name);
    }
}

#[tokio::test]
async fn a_key_that_no_counter_gave_does_not_hold_up_a_load() {
    for (place, other) in places().into_iter().zip(places()) {
        println!("on {}", place.name);
        let db = fill(&place.open().await).await;
        let far = [4_000_000_000, 5_000_000_000_000, u64::MAX];
        for id in far {
            db.insert(Dog { id: Id::new(id), name: format!("far {id}"), ..Default::default() }).await.unwrap();
        }
        let mut dump = Vec::new();
        db.admin().dump(&mut dump, |_| {}).await.unwrap();
        let store = other.open().await;
        dump::load(store.clone(), || Ok(dump.as_slice()), |_| {}).await.unwrap();
        let copy = open(&store).await;
        assert_eq!(all(&copy).await, all(&db).await);
        let new = copy.insert(Dog { name: "new".into(), ..Default::default() }).await.unwrap();
        assert!((far[0] + 1..far[1]).contains(new.id.value()), "{:?}", new.id);
    }
}

async fn lines_of_another() -> Vec<u8> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let db = open(&store).await;
    db.insert(Owner { name: "Bob".into() }).await.unwrap();
    let mut lines = Vec::new();
    db.admin().dump(&mut lines, |_| {}).await.unwrap();
    lines
}
