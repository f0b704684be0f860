//! Dumps: what is loaded is what was dumped, a dump that is cut or changed loads nothing, and a load that is interrupted is
//! finished by the next.

use std::io::BufRead as _;
use std::sync::Arc;

use rome::dump;
use rome::prelude::*;
use rome::store::Store;
use rome::store::memory::MemoryStore;
use rome_core::testkit::{Fault, Faults};

use crate::stores::places;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    name: String,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(global, tags))]
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
    Database::builder().entity::<Dog>().entity::<Owner>().open_store(store.clone()).await.unwrap()
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
    assert_eq!(db.dump(&mut lines, |_| {}).await.unwrap(), 31);
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
        let report = copy.check().await.unwrap();
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
    assert!(Database::builder().stored_tables().open_store(empty).await.is_err(), "nothing was stored");
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
        let report = copy.check().await.unwrap();
        assert!(report.findings.is_empty(), "{report}");
    }
}

async fn lines_of_another() -> Vec<u8> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let db = open(&store).await;
    db.insert(Owner { name: "Bob".into() }).await.unwrap();
    let mut lines = Vec::new();
    db.dump(&mut lines, |_| {}).await.unwrap();
    lines
}
