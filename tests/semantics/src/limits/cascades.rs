//! What a cascade and a session's own reads cost, and how much one transaction may change.

use std::sync::Arc;

use rome_core::testkit::Recorder;
use rome_orm::prelude::*;
use rome_orm::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Store,
    StoreFuture,
};

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "links", index(rank, desc(id)), count(by = rank))]
struct Link {
    #[rome(key)]
    id: u32,
    #[rome(references = Link, on_delete = cascade)]
    after: Option<u32>,
    #[rome(references = Link, on_delete = set_null)]
    beside: Option<u32>,
    rank: u32,
    #[rome(unique)]
    tag: Option<u32>,
    #[rome(index)]
    marks: Vec<u32>,
}

/// A row of a chain, in which each references the one before it.
fn link(id: u32) -> Link {
    Link {
        id,
        after: id.checked_sub(1),
        rank: id % 7,
        tag: Some(id),
        marks: vec![id % 5, id % 3],
        ..Default::default()
    }
}

async fn insert(db: &Database, links: impl Iterator<Item = Link>) {
    let links: Vec<Link> = links.collect();
    for piece in links.chunks(1000) {
        db.insert_many(piece.to_vec()).await.unwrap();
    }
}

#[tokio::test]
async fn a_cascade_along_a_chain_asks_the_store_once_for_each_level_and_foreign_key() {
    for place in places() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let db = Database::builder().entity::<Link>().open(recorder.clone()).await.unwrap();
        let mut costs = Vec::new();
        for n in [100, 200] {
            insert(&db, (0..n).map(link)).await;
            recorder.clear();
            assert!(db.delete_by_key::<Link>(0_u32).await.unwrap());
            let tally = recorder.tally();
            costs.push((tally.reads, tally.records));
            assert_eq!(db.query::<Link>().count().await.unwrap(), 0, "{}", place.name);
        }
        let [(reads, records), (twice_reads, twice_records)] = costs[..] else { panic!("{costs:?}") };
        assert!(twice_reads <= 2 * reads && reads <= 5 * 100, "{reads} and {twice_reads} on {}", place.name);
        assert!(twice_records <= 2 * records + 10, "{records} and {twice_records} on {}", place.name);
    }
}

/// Would take many minutes if each level looked at all that those before it had written.
#[tokio::test]
async fn a_chain_of_many_rows_is_deleted_and_set_free() {
    let db = Database::builder().entity::<Link>().open("memory:").await.unwrap();
    insert(&db, (0..20_000).map(link)).await;
    db.delete_by_key::<Link>(0_u32).await.unwrap();
    assert_eq!(db.query::<Link>().count().await.unwrap(), 0);
    // As many children of one, half of which are kept.
    let child = |id: u32| match id {
        0 => Link { id, ..Default::default() },
        _ if id.is_multiple_of(2) => Link { id, after: Some(0), ..Default::default() },
        _ => Link { id, beside: Some(0), ..Default::default() },
    };
    insert(&db, (0..20_001).map(child)).await;
    db.delete_by_key::<Link>(0_u32).await.unwrap();
    assert_eq!(db.query::<Link>().filter(Link::BESIDE.is_null()).count().await.unwrap(), 10_000);
}

/// Would take many minutes, too.
#[tokio::test]
async fn a_session_that_wrote_much_reads_by_keys_and_indexes_what_it_asks_for() {
    let db = Database::builder().entity::<Link>().open("memory:").await.unwrap();
    let session = db.session();
    for id in 0..20_000 {
        session.insert(Link { after: None, ..link(id) }).await.unwrap();
        assert_eq!(session.query::<Link>().filter(Link::TAG.eq(id)).count().await.unwrap(), 1);
        assert!(session.query::<Link>().filter(Link::AFTER.eq(id)).first().await.unwrap().is_none());
        assert!(session.insert(Link { id: id + 100_000, tag: Some(id), ..Default::default() }).await.is_err());
    }
    session.commit().await.unwrap();
    assert_eq!(db.query::<Link>().count().await.unwrap(), 20_000);
}

#[tokio::test]
async fn what_a_session_wrote_is_found_by_every_access() {
    for place in places() {
        let db = open!(place, [Link]);
        insert(&db, (0..40).map(|id| Link { after: None, ..link(id) })).await;
        let session = db.session();
        // Changed so that they leave and enter indexes, deleted, new, changed twice, and taken back by a refused statement.
        session.query::<Link>().filter(Link::RANK.eq(3)).update(Link::RANK.set(4)).await.unwrap();
        session.query::<Link>().filter(Link::ID.lt(5)).delete().await.unwrap();
        session.insert_many((50..60).map(|id| Link { after: Some(10), ..link(id) })).await.unwrap();
        session.query::<Link>().filter(Link::ID.eq(52)).update((Link::TAG.set(7000), Link::RANK.set(6))).await.unwrap();
        let refused = session
            .insert_many([Link { after: None, ..link(70) }, Link { id: 71, tag: Some(30), ..Default::default() }])
            .await;
        assert!(refused.unwrap_err().is_unique_violation());
        session.insert(Link { after: None, ..link(71) }).await.unwrap();
        let mut all = session.query::<Link>().ignore_indexes().order_by(Link::ID.asc()).all().await.unwrap();
        assert_eq!(all.len(), 46, "{}", place.name);
        compare(place.name, &all, &|| session.query::<Link>()).await;
        session.commit().await.unwrap();
        all.sort_by_key(|link| link.id);
        compare(place.name, &all, &|| db.query::<Link>()).await;
    }
}

/// Compares what queries give with the rows that there are.
async fn compare<'a>(place: &str, all: &[Link], query: &dyn Fn() -> Query<'a, Link>) {
    type Keeps = fn(&Link) -> bool;
    let cases: [(Condition<Link>, Keeps); 9] = [
        (Link::RANK.eq(4), |link| link.rank == 4),
        (Link::RANK.ge(3), |link| link.rank >= 3),
        (Link::RANK.eq(3) | Link::AFTER.eq(10), |link| link.rank == 3 || link.after == Some(10)),
        (Link::TAG.eq(7000), |link| link.tag == Some(7000)),
        (Link::TAG.is_in([52, 30, 70, 71]), |link| [30, 71].contains(&link.tag.unwrap())),
        (Link::ID.between(2, 51), |link| (2..52).contains(&link.id)),
        (Link::ID.is_in([1, 5, 55, 70, 71]), |link| [5, 55, 71].contains(&link.id)),
        (Link::MARKS.contains(4_u32), |link| link.marks.contains(&4)),
        (Link::AFTER.eq(10) & Link::RANK.gt(2), |link| link.after == Some(10) && link.rank > 2),
    ];
    for (condition, keeps) in cases {
        let expected: Vec<Link> = all.iter().filter(|link| keeps(link)).cloned().collect();
        let asked = query().filter(condition);
        assert_eq!(asked.count().await.unwrap(), expected.len() as u64, "{asked:?} on {place}");
        let ordered = asked.clone().order_by(Link::ID.asc());
        assert_eq!(ordered.all().await.unwrap(), expected, "{asked:?} on {place}");
        let few = &expected[..3.min(expected.len())];
        assert_eq!(ordered.limit(3).all().await.unwrap(), few, "{asked:?} on {place}");
        let mut by_rank = expected.clone();
        by_rank.sort_by_key(|link| (std::cmp::Reverse(link.rank), link.id));
        by_rank.truncate(4);
        let ordered = asked.clone().order_by((Link::RANK.desc(), Link::ID.asc())).limit(4);
        assert_eq!(ordered.all().await.unwrap(), by_rank, "{asked:?} on {place}");
        let mut ranks: Vec<(u32, u64)> = Vec::new();
        for rank in 0..7 {
            let n = expected.iter().filter(|link| link.rank == rank).count() as u64;
            ranks.extend((n > 0).then_some((rank, n)));
        }
        let groups = asked.clone().group_by(Link::RANK).select((Link::RANK, rome_orm::expr::count()));
        assert_eq!(groups.all().await.unwrap(), ranks, "{asked:?} on {place}");
    }
}

/// A store that takes few changes in one transaction.
struct Narrow(Arc<dyn Store>, Capabilities);

impl Narrow {
    fn new(inner: Arc<dyn Store>, effects: usize) -> Arc<Self> {
        let mut capabilities = inner.capabilities().clone();
        capabilities.max_effects = effects;
        Arc::new(Self(inner, capabilities))
    }
}

impl Store for Narrow {
    fn capabilities(&self) -> &Capabilities {
        &self.1
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        self.0.read(batch, options)
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        self.0.apply(batch, options)
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.0.reserve(sequence, n)
    }
}

#[tokio::test]
async fn more_changes_than_the_store_takes_are_refused_with_the_table_the_number_and_what_to_do() {
    for place in places() {
        let full = place.open().await;
        let partitions = full.capabilities().partitions as usize;
        let recorder = Arc::new(Recorder::new(Narrow::new(full, 60)));
        let db = Database::builder().entity::<Link>().open(recorder.clone()).await.unwrap();
        let most = 60 * partitions as u32;
        let row = |id| Link { id, after: id.checked_sub(1).map(|_| 0), ..Default::default() };
        for id in 0..=2 * most {
            db.insert(row(id)).await.unwrap();
        }
        let told = |error: rome_orm::Error, number: u32| {
            let text = error.to_string();
            assert!(error.is_limit_exceeded(), "{text}");
            for part in ["`links`", &number.to_string(), "60", "fewer rows", "in pieces"] {
                assert!(text.contains(part), "no {part} in: {text}");
            }
        };
        // By a cascade, a query, many rows, and row by row in a session, which goes on without the last one.
        recorder.clear();
        told(db.delete_by_key::<Link>(0_u32).await.unwrap_err(), most + 1);
        assert!(recorder.tally().records <= u64::from(most) * partitions as u64 + 20, "{:?}", recorder.tally());
        told(db.query::<Link>().delete().await.unwrap_err(), most + 1);
        told(db.query::<Link>().update(Link::BESIDE.set(Some(0))).await.unwrap_err(), most + 1);
        let new = (0..=most).map(|id| Link { id: 10_000 + id, ..Default::default() });
        told(db.insert_many(new).await.unwrap_err(), most + 1);
        let session = db.session();
        for id in 0..most {
            session.delete_by_key::<Link>(id + 1).await.unwrap();
        }
        told(session.delete_by_key::<Link>(most + 1).await.unwrap_err(), most + 1);
        assert_eq!(session.query::<Link>().count().await.unwrap(), u64::from(most) + 1);
        // A row that comes and goes changes nothing.
        session.rollback();
        assert_eq!(db.query::<Link>().count().await.unwrap(), u64::from(2 * most) + 1, "{}", place.name);
        // Index entries count too, which only the commit knows.
        let session = db.session();
        session
            .insert_many((0..most / 4).map(|id| Link {
                id: 20_000 + id,
                marks: (0..50).collect(),
                ..Default::default()
            }))
            .await
            .unwrap();
        let error = session.commit().await.unwrap_err();
        assert!(error.is_limit_exceeded() && error.to_string().contains("`links`"), "{error}");
        assert_eq!(db.query::<Link>().count().await.unwrap(), u64::from(2 * most) + 1, "{}", place.name);
    }
}
