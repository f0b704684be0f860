//! Checking a database: what is damaged is found, named and mended, and what is whole is left alone.

use std::sync::Arc;

use rome_orm::check::FindingKind;
use rome_orm::prelude::*;
use rome_orm::store::{
    Applied, ApplyOptions, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, Reply, SequenceId, Space,
    Span, Step, Store, TableId, TxId,
};

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", global_index(city))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(index)]
    age: u32,
    city: String,
    #[rome(unique)]
    chip: Option<u32>,
    #[rome(references = Dog)]
    mother: Option<Id<Dog>>,
}

fn dog(n: u32) -> Dog {
    Dog { age: n, city: format!("city {}", n % 7), chip: Some(n), ..Default::default() }
}

/// Does something past ROME.
async fn force(store: &Arc<dyn Store>, at: Partition, step: Step, effects: Vec<Effect>) {
    let lane = store.reserve(SequenceId::Lanes, 1).await.unwrap();
    let tx = MiniTx::one(TxId { lane, seq: 1 }).effects(effects).step(step);
    let applied = store.apply(vec![(at, tx)], ApplyOptions::new(Durability::Local)).await.unwrap();
    assert!(matches!(applied[0], Applied::Done { .. }), "{applied:?}");
}

/// The same with one effect.
pub async fn force_one(store: &Arc<dyn Store>, at: Partition, effect: Effect) {
    force(store, at, Step::One, vec![effect]).await;
}

/// All records of a space: partition, key, value.
pub async fn records(store: &Arc<dyn Store>, space: Space) -> Vec<(Partition, bytes::Bytes, bytes::Bytes)> {
    let mut all = Vec::new();
    for partition in (0..store.capabilities().partitions).map(Partition) {
        let scan = Read::Scan { span: Span::all(space), filter: None, want: None, track: false };
        let reply = store.read(&[(partition, vec![scan])], ReadOptions::new()).await.unwrap().remove(0);
        let Reply::Scanned(scanned) = &reply.replies[0] else { panic!("no scan") };
        all.extend(scanned.iter().map(|record| (partition, record.key.to_vec().into(), record.value.to_vec().into())));
    }
    all
}

const ROWS: Space = Space::Rows(TableId(1));

/// The spaces of the indexes that have records: entries, and claims.
async fn indexes(store: &Arc<dyn Store>) -> (Vec<Space>, Vec<Space>) {
    let (mut entries, mut claims) = (Vec::new(), Vec::new());
    for id in (1..8).map(IndexId) {
        for (space, all) in [(Space::Index(id), &mut entries), (Space::Unique(id), &mut claims)] {
            if !records(store, space).await.is_empty() {
                all.push(space);
            }
        }
    }
    (entries, claims)
}

async fn kinds(db: &Database) -> Vec<FindingKind> {
    db.admin().check().await.unwrap().findings.into_iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_whole_database_is_clean() {
    for place in places() {
        let db = open!(place, [Dog]);
        let dogs = db.insert_many((0..1200).map(dog)).await.unwrap();
        db.update(&Dog { age: 99, ..dogs[3].clone() }).await.unwrap();
        db.delete(&dogs[4]).await.unwrap();
        let report = db.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "on {}: {report}", place.name);
        // An index by age, one by city, one that the reference has, and the claims of chips.
        assert_eq!((report.rows, report.entries), (1199, 4 * 1199), "on {}", place.name);
        assert!(db.admin().repair().await.unwrap().findings.is_empty());
    }
}

#[tokio::test]
async fn what_was_damaged_is_found_and_mended() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let db = Database::builder().entity::<Dog>().open(store.clone()).await.unwrap();
        db.insert_many((0..50).map(dog)).await.unwrap();
        // What is still to be finished in the background is finished by who meets it.
        assert!(kinds(&db).await.is_empty());
        let (entries, claims) = indexes(&store).await;
        assert_eq!((entries.len(), claims.len()), (3, 1));
        for space in entries.iter().chain(&claims).copied() {
            let all = records(&store, space).await;
            let (at, key, _) = all[20].clone();
            force(&store, at, Step::One, vec![Effect::Delete { space, key }]).await;
            let (at, key, value) = all[30].clone();
            // An entry with another value, of the same row.
            let mut other = key.to_vec();
            other[0] ^= 1;
            force(&store, at, Step::One, vec![Effect::Put { space, key: other.into(), value }]).await;
            let missing = if claims.contains(&space) { FindingKind::MissingClaim } else { FindingKind::MissingEntry };
            let dangling =
                if claims.contains(&space) { FindingKind::DanglingClaim } else { FindingKind::DanglingEntry };
            assert_eq!(kinds(&db).await, [missing, dangling], "{space:?}");
            let mended = db.admin().repair().await.unwrap();
            assert!(mended.is_clean() && mended.findings.len() == 2, "{mended}");
            assert!(kinds(&db).await.is_empty());
            assert_eq!(records(&store, space).await, all);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_mended_is_told() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let db = Database::builder().entity::<Dog>().open(store.clone()).await.unwrap();
        let mother = db.insert(dog(1)).await.unwrap();
        db.insert(Dog { mother: Some(mother.id), ..dog(2) }).await.unwrap();
        assert!(kinds(&db).await.is_empty());
        let all = records(&store, ROWS).await;
        let (at, key, stored) = all.iter().find(|(_, _, value)| !value.ends_with(&[0])).unwrap_or(&all[0]).clone();
        force(&store, at, Step::One, vec![Effect::Put { space: ROWS, key: key.clone(), value: "\u{1}x".into() }]).await;
        assert!(kinds(&db).await.contains(&FindingKind::Unreadable));
        force(&store, at, Step::One, vec![Effect::Put { space: ROWS, key, value: stored }]).await;
        assert!(kinds(&db).await.is_empty());
        let (at, key, _) = find_row(&store, &mother).await;
        force(&store, at, Step::One, vec![Effect::Delete { space: ROWS, key }]).await;
        let report = db.admin().repair().await.unwrap();
        assert!(!report.is_clean());
        let orphan = report.findings.iter().find(|finding| finding.kind == FindingKind::Orphan).unwrap();
        assert_eq!((orphan.table, orphan.mended), (Some("dogs"), false));
    }
}

async fn find_row(store: &Arc<dyn Store>, dog: &Dog) -> (Partition, bytes::Bytes, bytes::Bytes) {
    let id = *dog.id.value();
    let is_it = |key: &bytes::Bytes| key.last() == Some(&u8::try_from(id & 0xFF).unwrap());
    records(store, ROWS).await.into_iter().find(|(_, key, _)| is_it(key)).unwrap()
}

#[tokio::test]
async fn what_a_client_left_behind_is_found_and_let_go() {
    for place in places() {
        let store = place.open().await;
        if store.capabilities().partitions == 1 {
            continue;
        }
        println!("on {}", place.name);
        let db = Database::builder().entity::<Dog>().open(store.clone()).await.unwrap();
        let dogs = db.insert_many((0..5).map(dog)).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let (at, key, value) = find_row(&store, &dogs[2]).await;
        let primary = Partition(u32::from(at.0 == 0));
        force(&store, at, Step::Prepare { primary, lease: 0 }, vec![Effect::Put { space: ROWS, key, value }]).await;
        let report = db.admin().check().await.unwrap();
        assert!(report.is_clean() && report.findings.len() == 1, "{report}");
        assert_eq!(report.findings[0].kind, FindingKind::Abandoned);
        assert!(kinds(&db).await.is_empty());
        db.update(&Dog { age: 77, ..dogs[2].clone() }).await.unwrap();
    }
}
