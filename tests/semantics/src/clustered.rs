//! Rows whose keys begin with the key of the row that has them: what is loaded with rows is what a comparison by hand finds, outside of a
//! session, in one that reads only, and beside the session's own writes.

use std::collections::BTreeMap;

use rome_orm::prelude::*;
use rome_orm::query::{IntoLoad, Load};

use crate::queries::random::Random;
use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "albums")]
struct Album {
    #[rome(key)]
    id: u32,
    #[rome(has_many(album_id))]
    shots: Many<Shot>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "shots")]
struct Shot {
    #[rome(key, references = Album)]
    album_id: u32,
    #[rome(key)]
    name: String,
    size: Option<u32>,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
    #[rome(has_many(album_id, shot))]
    marks: Many<Mark>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "marks", foreign_key(album_id, shot, references = Shot, on_delete = cascade))]
struct Mark {
    #[rome(key)]
    album_id: u32,
    #[rome(key)]
    shot: String,
    #[rome(key)]
    n: u32,
}

/// An album, and of each of its shots the name, the size and the marks.
type Shown = (u32, Vec<(String, Option<u32>, Vec<u32>)>);

/// All rows, as they should be.
#[derive(Clone, Debug, Default)]
struct Model {
    albums: Vec<u32>,
    shots: BTreeMap<(u32, String), Shot>,
    marks: Vec<Mark>,
}

fn name(n: u64) -> String {
    // One is the beginning of others, and one has a zero in it.
    ["", "a", "a\0", "aa", "b", "ü"][n as usize % 6].to_owned()
}

fn model(random: &mut Random) -> Model {
    let mut model = Model { albums: (0..12).collect(), ..Model::default() };
    for _ in 0..30 {
        let (album_id, name) = (random.below(12) as u32, name(random.next()));
        let size = (random.below(4) > 0).then(|| random.below(5) as u32);
        let shot = Shot { album_id, name: name.clone(), size, ..Default::default() };
        model.shots.insert((album_id, name), shot);
    }
    for (album_id, shot) in model.shots.keys() {
        let n = random.below(4) as u32;
        model.marks.extend((0..n).map(|n| Mark { album_id: *album_id, shot: shot.clone(), n }));
    }
    model
}

/// What is asked of a relation: as a load, and by hand.
type Way = (&'static str, fn() -> Load<Album, Many<Shot>>, fn(&mut Vec<Shot>));

fn ways() -> Vec<Way> {
    vec![
        ("all", || Album::SHOTS.into_load(), |shots| shots.retain(|shot| shot.gone.is_none())),
        ("with deleted", || Album::SHOTS.with_deleted(), |_| ()),
        (
            "filtered",
            || Album::SHOTS.filter(Shot::SIZE.ge(2)),
            |shots| shots.retain(|shot| shot.gone.is_none() && shot.size >= Some(2)),
        ),
        (
            "limited",
            || Album::SHOTS.limit(2),
            |shots| {
                shots.retain(|shot| shot.gone.is_none());
                shots.truncate(2);
            },
        ),
        (
            "ordered",
            || Album::SHOTS.order_by(Shot::NAME.desc()).limit(3),
            |shots| {
                shots.retain(|shot| shot.gone.is_none());
                shots.reverse();
                shots.truncate(3);
            },
        ),
    ]
}

impl Model {
    /// The albums, with what a way finds of each.
    fn expected(&self, of: &[u32], choose: fn(&mut Vec<Shot>)) -> Vec<Shown> {
        let marks_of = |shot: &Shot| {
            let own = self.marks.iter().filter(|mark| (mark.album_id, &mark.shot) == (shot.album_id, &shot.name));
            own.map(|mark| mark.n).collect()
        };
        let shots_of = |id: &u32| {
            let mut shots: Vec<Shot> = self.shots.values().filter(|shot| shot.album_id == *id).cloned().collect();
            choose(&mut shots);
            shots.iter().map(|shot| (shot.name.clone(), shot.size, marks_of(shot))).collect()
        };
        of.iter().map(|id| (*id, shots_of(id))).collect()
    }
}

fn shown(albums: Vec<Album>) -> Vec<Shown> {
    let shot = |shot: &Shot| {
        let marks = shot.marks.get().unwrap().iter().map(|mark| mark.n).collect();
        (shot.name.clone(), shot.size, marks)
    };
    let album = |album: Album| (album.id, album.shots.get().unwrap().iter().map(shot).collect());
    albums.into_iter().map(album).collect()
}

/// Queries of all albums, of some in another order, and of one, each with every way.
macro_rules! compare {
    ($on:expr, $model:expr, $what:expr) => {
        for (way, load, choose) in ways() {
            let all = $on.query::<Album>().order_by(Album::ID.asc()).with(load().with(Shot::MARKS)).all().await;
            assert_eq!(
                shown(all.unwrap()),
                $model.expected(&$model.albums, choose),
                "{way}, {}, seed {}",
                $what.0,
                $what.1
            );
            let some = $on.query::<Album>().filter(Album::ID.is_in([7, 2, 11])).order_by(Album::ID.desc());
            let some = some.with(load().with(Shot::MARKS)).all().await.unwrap();
            assert_eq!(
                shown(some),
                $model.expected(&[11, 7, 2], choose),
                "{way} of some, {}, seed {}",
                $what.0,
                $what.1
            );
            let one = $on.query::<Album>().filter(Album::ID.eq(5)).with(load().with(Shot::MARKS)).all().await.unwrap();
            assert_eq!(shown(one), $model.expected(&[5], choose), "{way} of one, {}, seed {}", $what.0, $what.1);
        }
    };
}

#[tokio::test]
async fn what_lies_under_rows_is_loaded_with_those_that_it_lies_under() {
    for (seed, place) in (0..3).flat_map(|seed| places().map(|place| (seed, place))) {
        let random = &mut Random::new(seed);
        let db = open!(place, [Album, Shot, Mark]);
        let mut model = model(random);
        db.insert_many(model.albums.iter().map(|id| Album { id: *id, ..Default::default() })).await.unwrap();
        db.insert_many(model.shots.values().cloned()).await.unwrap();
        db.insert_many(model.marks.clone()).await.unwrap();
        let unmarked = |model: &Model, shot: &Shot| {
            !model.marks.iter().any(|mark| (mark.album_id, &mark.shot) == (shot.album_id, &shot.name))
        };
        let deleted: Vec<Shot> = model.shots.values().filter(|shot| unmarked(&model, shot)).cloned().collect();
        for shot in deleted {
            db.delete(&shot).await.unwrap();
            model.shots.get_mut(&(shot.album_id, shot.name)).unwrap().gone = Some(Utc::now());
        }
        compare!(db, model, (place.name, seed));
        let reading = db.session_with(TransactionOptions::new().read_only(true));
        compare!(reading, model, (place.name, seed));
        reading.commit().await.unwrap();

        let session = db.session();
        compare!(session, model, (place.name, seed));
        let mut mine = model.clone();
        for _ in 0..6 {
            let (album_id, name) = (random.below(12) as u32, name(random.next()));
            let shot = Shot { album_id, name: name.clone(), size: Some(random.below(5) as u32), ..Default::default() };
            if mine.shots.get(&(album_id, name.clone())).is_none_or(|shot| shot.gone.is_none()) {
                session.upsert(shot.clone()).await.unwrap();
                mine.shots.insert((album_id, name), shot);
            }
        }
        compare!(session, mine, (place.name, seed));
        session.commit().await.unwrap();
        compare!(db, mine, (place.name, seed));
    }
}

#[tokio::test]
async fn a_row_that_the_session_wrote_references_its_own_parent_alone() {
    for place in places() {
        let db = open!(place, [Album, Shot, Mark]);
        let shot = |name: &str| Shot { album_id: 1, name: name.into(), ..Default::default() };
        db.insert(Album { id: 1, ..Default::default() }).await.unwrap();
        db.insert_many([shot("a"), shot("b")]).await.unwrap();
        let session = db.session();
        session.insert(Mark { album_id: 1, shot: "a".into(), n: 0 }).await.unwrap();
        assert!(session.purge_by_key::<Shot>((1, "b".to_owned())).await.unwrap());
        assert_eq!(session.query::<Mark>().count().await.unwrap(), 1, "it is not a mark of b, on {}", place.name);
        assert!(session.purge_by_key::<Shot>((1, "a".to_owned())).await.unwrap());
        assert_eq!(session.query::<Mark>().count().await.unwrap(), 0, "it goes with a, on {}", place.name);
        session.commit().await.unwrap();
    }
}
