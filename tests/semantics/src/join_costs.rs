//! A join costs what it gives: with a limit, the rows that are visited are the same in tables of any size.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use rome_core::testkit::{Recorder, Tally};
use rome_orm::prelude::*;

use crate::stores::{Place, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "albums", index(rating, created))]
struct Album {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    created: u64,
    rating: u64,
    plain: u64,
    #[rome(has_many(album_id))]
    songs: Many<Song>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "songs")]
struct Song {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    album_id: u64,
    #[rome(index)]
    genre: u64,
    plain: u64,
    #[rome(index)]
    rare: Option<u64>,
    #[rome(belongs_to(album_id))]
    album: One<Album>,
}

/// How many songs an album has.
const SONGS: u64 = 3;
/// Rows that are written at once.
const BULK: u64 = 100;

async fn fill(db: &Database, albums: u64) {
    for first in (0..albums).step_by(BULK as usize) {
        let numbers = first..first + BULK;
        let album = |id| Album { id, created: id * 7 % 10_007, rating: id % 4, plain: id % 2, ..Default::default() };
        db.insert_many(numbers.clone().map(album)).await.unwrap();
        let song = |id: u64| Song {
            id,
            album_id: id / SONGS,
            genre: id % 5,
            plain: id % 7,
            // The same few, however many there are, in the oldest albums.
            rare: (id < 20).then_some(id),
            ..Default::default()
        };
        db.insert_many((numbers.start * SONGS..numbers.end * SONGS).map(song)).await.unwrap();
    }
}

/// The most that a shape may visit in one partition, by its name.
const SHAPES: [(&str, u64); 9] = [
    // 25 songs are of 9 albums; the first batch has 25 albums.
    ("the newest albums first", 25 + 2 * 25 * SONGS),
    ("the newest that are left joined", 25 + 2 * 25 * SONGS),
    ("filtered on both sides", 1000),
    ("few of one side at the far end", 1000),
    ("ordered by the other table", 1000),
    ("any rows", 25 + 2 * 25 * SONGS),
    ("whether there is any", 20),
    ("distinct of the newest", 400),
    ("none, though both sides are narrowed", 1000),
];

async fn costs(place: &Place, albums: u64) -> Vec<(&'static str, Tally)> {
    let recorder = Arc::new(Recorder::new(place.open().await));
    let db = Database::builder().entity::<Album>().entity::<Song>().open(recorder.clone()).await.unwrap();
    fill(&db, albums).await;
    let mut costs = Vec::new();
    for (what, _) in SHAPES {
        let all = db.query::<Album>().join(Album::SONGS);
        let newest = all.clone().order_by(Album::CREATED.desc()).limit(25);
        for warm in [false, true] {
            let (all, newest) = (all.clone(), newest.clone());
            recorder.clear();
            match what {
                "the newest albums first" => {
                    let rows = newest.all().await.unwrap();
                    assert!(rows.len() == 25 && rows.is_sorted_by(|(a, _), (b, _)| a.created >= b.created));
                }
                "the newest that are left joined" => {
                    let query = db.query::<Album>().left_join(Album::SONGS).order_by(Album::CREATED.desc()).limit(25);
                    assert_eq!(query.all().await.unwrap().len(), 25);
                }
                "filtered on both sides" => {
                    let rows = newest.filter(Album::RATING.eq(1)).filter(Song::GENRE.eq(2)).all().await.unwrap();
                    assert_eq!(rows.len(), 25);
                }
                "few of one side at the far end" => {
                    assert_eq!(newest.filter(Song::RARE.lt(12)).all().await.unwrap().len(), 12);
                }
                "ordered by the other table" => {
                    let query = all.order_by((Song::GENRE.desc(), Song::ID.desc())).limit(25);
                    assert_eq!(query.all().await.unwrap().len(), 25);
                }
                "any rows" => assert_eq!(all.limit(25).all().await.unwrap().len(), 25),
                "whether there is any" => assert!(all.exists().await.unwrap()),
                "distinct of the newest" => {
                    let query = newest.select((Album::CREATED, Album::RATING)).distinct();
                    assert_eq!(query.all().await.unwrap().len(), 25);
                }
                _ => {
                    let none = newest.filter(Album::PLAIN.eq(0)).filter(Song::RARE.eq(3)).all().await.unwrap();
                    assert_eq!(none, []);
                }
            }
            if warm {
                costs.push((what, recorder.tally()));
            }
        }
    }
    costs
}

#[tokio::test]
async fn a_join_with_a_limit_explains_which_table_it_walks() {
    for place in places() {
        let db = crate::stores::open!(place, [Album, Song]);
        let newest = db.query::<Album>().join(Album::SONGS).order_by(Album::CREATED.desc());
        let plan = newest.clone().limit(25).explain().await.unwrap();
        assert!(
            plan.to_string().contains("Scan albums by index by_created (created), whole, backwards, in "),
            "{plan}"
        );
        assert!(plan.to_string().contains("Join (lookup, streaming) songs on album_id = albums.id"), "{plan}");
        assert!(!plan.sorts_in_memory(), "{plan}");
        let all = newest.explain().await.unwrap();
        assert!(all.sorts_in_memory() && !all.to_string().contains("streaming"), "{all}");
    }
}

#[tokio::test]
async fn a_join_with_a_limit_visits_the_same_in_tables_of_any_size() {
    for (small, large) in places().iter().zip(&places()) {
        if small.name.starts_with("redis") {
            continue;
        }
        let many = if small.name.contains("partitions") { 2_000 } else { 10_000 };
        let (few, more) = (costs(small, 1_000).await, costs(large, many).await);
        let mut wrong = Vec::new();
        for (((what, few), (_, more)), (_, most)) in few.iter().zip(&more).zip(SHAPES) {
            println!("{}: {what}: {few:?} of 1,000, {more:?} of {many}", small.name);
            let most = if small.name.contains("partitions") { 4 * most + 200 } else { most };
            if more.visited > few.visited + few.visited / 2 + 8 || more.visited > most || more.reads > 24 {
                wrong.push(*what);
            }
        }
        assert!(wrong.is_empty(), "{}: {wrong:?}", small.name);
    }
}

#[tokio::test]
async fn a_stream_of_a_join_reads_what_is_taken() {
    for place in places() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let db = Database::builder().entity::<Album>().entity::<Song>().open(recorder.clone()).await.unwrap();
        fill(&db, 1_000).await;
        let all = db.query::<Album>().join(Album::SONGS);
        let ids = |(album, song): (Album, Song)| (album.id, song.id);
        let orders = [
            ("of the first", all.clone().order_by(Album::CREATED.desc())),
            // Many songs share a place in the order of the table that is walked.
            ("of the second", all.clone().order_by((Song::GENRE.asc(), Album::CREATED.desc()))),
            ("of none", all.clone()),
        ];
        for (what, query) in orders {
            recorder.clear();
            let first = async { query.clone().stream().boxed().try_next().await };
            assert!(first.await.unwrap().is_some());
            let visited = recorder.tally().visited;
            let most = if what == "of the second" { 3 * 2 * 900 } else { 2 * 64 * (1 + 2 * SONGS) + 100 };
            assert!(visited <= most, "{}, an order {what}: {visited} for the first row", place.name);
            let mut streamed: Vec<(u64, u64)> = query.clone().stream().map_ok(ids).try_collect().await.unwrap();
            let mut expected: Vec<(u64, u64)> = query.all().await.unwrap().into_iter().map(ids).collect();
            if what == "of none" {
                streamed.sort_unstable();
                expected.sort_unstable();
            }
            assert!(streamed == expected, "{}, an order {what}", place.name);
        }
    }
}

#[tokio::test]
async fn a_stream_of_a_join_ends_whatever_its_loop_does() {
    for place in places() {
        let db = crate::stores::open!(place, [Album, Song]);
        fill(&db, 500).await;
        let mut stream = Box::pin(db.query::<Album>().join(Album::SONGS).order_by(Album::CREATED.asc()).stream());
        let mut given = 0;
        while let Some((mut album, _)) = stream.try_next().await.unwrap() {
            given += 1;
            if given % 100 == 1 {
                // Behind all others, where the stream would come to it again.
                album.created += 1_000_000;
                db.update(&album).await.unwrap();
            }
        }
        assert_eq!(given, 500 * SONGS, "{}", place.name);
    }
}

rome_orm::alias!(Other = Album);

#[tokio::test]
async fn a_way_that_the_scan_policy_refuses_leaves_a_join_to_the_other() {
    for place in places() {
        let db = crate::stores::open!(place, [Album, Song]);
        fill(&db, 500).await;
        // Walking albums would look songs up by a column that no index has; songs look albums up by their key.
        let few = db.query::<Album>().join(Album::ID.on(Song::PLAIN)).filter(Album::RATING.eq(1));
        let few = few.filter(Song::RARE.lt(12)).order_by((Album::CREATED.desc(), Song::ID.asc()));
        let expected: Vec<(u64, u64)> = few.clone().all().await.unwrap().iter().map(|(a, s)| (a.id, s.id)).collect();
        assert_eq!(expected.len(), 3, "{expected:?}");
        for visits in [1, 100, 100_000] {
            for limit in [2, 3, 10] {
                let denied = few.clone().scan_policy(ScanPolicy::Deny).limit(limit).first_visits(visits);
                let found = denied.all().await.unwrap();
                let found: Vec<(u64, u64)> = found.iter().map(|(album, song)| (album.id, song.id)).collect();
                assert_eq!(found, expected[..expected.len().min(limit as usize)], "{}, {visits} visits", place.name);
            }
        }
        // The other way round: from the other album, songs would be looked up by that column.
        let many = db.query::<Album>().join(Album::PLAIN.on(Song::ID)).join(Song::PLAIN.on(Other::of(Album::ID)));
        let many = many.filter(Album::RATING.eq(1)).filter(Other::of(Album::CREATED).eq(7));
        let many = many.order_by(Album::CREATED.desc());
        let expected: Vec<u64> = many.clone().all().await.unwrap().iter().map(|(album, ..)| album.id).collect();
        assert_eq!(expected.len(), 125);
        for visits in [1, 10, 100_000] {
            let denied = many.clone().scan_policy(ScanPolicy::Deny).limit(25).first_visits(visits);
            let found: Vec<u64> = denied.all().await.unwrap().iter().map(|(album, ..)| album.id).collect();
            assert_eq!(found, expected[..25], "{}, {visits} visits", place.name);
        }
    }
}

#[tokio::test]
async fn what_the_way_that_lost_has_read_is_no_conflict() {
    for place in places() {
        let db = crate::stores::open!(place, [Album, Song]);
        fill(&db, 1_000).await;
        for changed in ["an album that was walked in vain", "an album that was given"] {
            let session = db.session();
            let query = session.query::<Album>().join(Album::SONGS).filter(Song::RARE.lt(12));
            // The newest albums have no such song, so the few songs are done first.
            let rows = query.order_by(Album::CREATED.desc()).limit(25).all().await.unwrap();
            assert_eq!(rows.len(), 12);
            let mut album = match changed {
                "an album that was given" => rows[0].0.clone(),
                _ => db.query::<Album>().order_by(Album::CREATED.desc()).first().await.unwrap().unwrap(),
            };
            album.plain += 1;
            db.update(&album).await.unwrap();
            session.insert(Song { id: 1_000_000, album_id: 1, ..Default::default() }).await.unwrap();
            let committed = session.commit().await;
            if changed == "an album that was given" {
                assert!(committed.is_err_and(|error| error.is_conflict()), "{}: {changed}", place.name);
            } else {
                committed.unwrap_or_else(|error| panic!("{}: {changed}: {error}", place.name));
                db.delete_by_key::<Song>(1_000_000).await.unwrap();
            }
        }
    }
}
