//! Random writes, after each of which every question is answered as by a look at all rows.

use std::collections::BTreeMap;

use rome_orm::prelude::*;

use super::{Image, Owner, State, Where};
use crate::queries::random::Random;
use crate::stores::{open, places};

const OWNERS: u64 = 4;
const IMAGES: u64 = 24;

fn random_image(random: &mut Random) -> Image {
    let mut maybe = |n: u64| (!random.one_in(4)).then(|| u32::try_from(random.below(n)).unwrap());
    let (owner, size, format) = (maybe(OWNERS), maybe(1000), maybe(3));
    Image {
        id: u32::try_from(random.below(IMAGES)).unwrap(),
        owner,
        state: *random.pick(&[State::Active, State::Queued]),
        format: format.map(|n| format!("format {n}")),
        size,
        rank: random.range(-50, 50),
        gone: None,
    }
}

/// What a group adds up to: rows, values, sum.
#[derive(Default, Clone, Copy, PartialEq, Debug)]
struct Sums {
    rows: u64,
    values: u64,
    sum: i64,
}

impl Sums {
    fn total(self) -> Option<i64> {
        (self.values > 0).then_some(self.sum)
    }

    fn mean(self) -> Option<f64> {
        (self.values > 0).then(|| self.sum as f64 / self.values as f64)
    }
}

fn grouped<K: Ord>(
    rows: &[Image],
    key: impl Fn(&Image) -> Option<K>,
    of: impl Fn(&Image) -> Option<i64>,
) -> BTreeMap<K, Sums> {
    let mut groups: BTreeMap<K, Sums> = BTreeMap::new();
    for row in rows {
        let Some(key) = key(row) else { continue };
        let sums = groups.entry(key).or_default();
        sums.rows += 1;
        if let Some(value) = of(row) {
            sums.values += 1;
            sums.sum += value;
        }
    }
    groups
}

fn size(image: &Image) -> Option<i64> {
    image.size.map(i64::from)
}

fn unsigned(sum: Option<i64>) -> Option<u64> {
    sum.map(|sum| u64::try_from(sum).unwrap())
}

/// Asks everything that an aggregate index can answer.
async fn assert_right(at: Where<'_>) {
    let rows = at.query::<Image>().ignore_indexes().all().await.unwrap();
    let images = || at.query::<Image>();

    assert_eq!(images().count().await.unwrap(), rows.len() as u64);
    let ranks = grouped(&rows, |_| Some(()), |image| Some(image.rank)).get(&()).copied().unwrap_or_default();
    let of_all = (count(), sum(Image::RANK), avg(Image::RANK));
    assert_eq!(images().aggregate(of_all).await.unwrap(), (ranks.rows, ranks.total(), ranks.mean()));

    for format in [None, Some("format 0"), Some("format 1"), Some("format 2"), Some("none")] {
        let expected = rows.iter().filter(|image| image.format.as_deref() == format).count();
        let filter = format.map_or_else(|| Image::FORMAT.is_null(), |format| Image::FORMAT.eq(format));
        assert_eq!(images().filter(filter).count().await.unwrap(), expected as u64);
    }
    let two = ["format 0", "format 2"].map(|format| Some(format.to_owned()));
    let expected = rows.iter().filter(|image| two.contains(&image.format)).count() as u64;
    assert_eq!(images().filter(Image::FORMAT.is_in(["format 0", "format 2"])).count().await.unwrap(), expected);
    let expected: Vec<(Option<String>, u64)> = grouped(&rows, |image| Some(image.format.clone()), size)
        .into_iter()
        .map(|(format, sums)| (format, sums.rows))
        .collect();
    let formats = images().group_by(Image::FORMAT).select((Image::FORMAT, count())).all().await.unwrap();
    assert_eq!(formats, expected);

    for owner in 0..=u32::try_from(OWNERS).unwrap() {
        let own = |image: &Image| (image.owner == Some(owner)).then_some(image.state);
        let expected: Vec<_> = grouped(&rows, own, size)
            .into_iter()
            .map(|(state, sums)| (state, sums.rows, sums.values, unsigned(sums.total()), sums.mean()))
            .collect();
        let of_owner = || images().filter(Image::OWNER.eq(owner));
        let by_state = of_owner().group_by(Image::STATE);
        let select = (Image::STATE, count(), count_of(Image::SIZE), sum(Image::SIZE), avg(Image::SIZE));
        assert_eq!(by_state.select(select).all().await.unwrap(), expected);

        let all = grouped(&rows, |image| own(image).map(|_| ()), size).get(&()).copied().unwrap_or_default();
        assert_eq!(of_owner().count().await.unwrap(), all.rows);
        let select = (count(), sum(Image::SIZE), avg(Image::SIZE), count_of(Image::OWNER));
        let expected = (all.rows, unsigned(all.total()), all.mean(), all.rows);
        assert_eq!(of_owner().aggregate(select).await.unwrap(), expected);
    }

    let key = |image: &Image| {
        (image.owner.is_none_or(|owner| owner < 2) && image.state == State::Queued)
            .then_some((image.owner, image.state))
    };
    let expected: Vec<_> = grouped(&rows, key, size)
        .into_iter()
        .filter(|(_, sums)| sums.rows > 1)
        .map(|((owner, state), sums)| (owner, state, unsigned(sums.total())))
        .collect();
    let some =
        images().filter(Image::STATE.eq(State::Queued)).group_by((Image::OWNER, Image::STATE)).having(count().gt(1));
    let some = some.select((Image::OWNER, Image::STATE, sum(Image::SIZE))).all().await.unwrap();
    let some: Vec<_> = some.into_iter().filter(|(owner, ..)| owner.is_none_or(|owner| owner < 2)).collect();
    assert_eq!(some, expected);
}

/// One random statement; errors of statements are as good as any other end of them.
async fn write(s: &Session, random: &mut Random) {
    let image = random_image(random);
    let owner = u32::try_from(random.below(OWNERS)).unwrap();
    match random.below(13) {
        0 | 1 => drop(s.insert(image).await),
        2 => drop(s.upsert(image).await),
        3 => {
            let mut several: Vec<Image> = Vec::new();
            for image in random.times(5, random_image) {
                if several.iter().all(|other| other.id != image.id) {
                    several.push(image);
                }
            }
            drop(s.upsert_many(several).await);
        }
        4 | 5 => {
            if s.get::<Image>(image.id).await.unwrap().is_some() {
                drop(s.update(&image).await);
            }
        }
        6 => drop(s.delete_by_key::<Image>(image.id).await.unwrap()),
        7 => {
            // Brings back what was deleted softly.
            if let Some(image) = s.get_with_deleted::<Image>(image.id).await.unwrap() {
                drop(s.update(&Image { gone: None, ..image }).await);
            }
        }
        8 => drop(s.purge_by_key::<Image>(image.id).await.unwrap()),
        9 => {
            let of_owner = s.query::<Image>().filter(Image::OWNER.eq(owner));
            let set = (Image::RANK.set(Image::RANK + 7), Image::STATE.set(image.state), Image::SIZE.set(image.size));
            drop(of_owner.update(set).await);
        }
        10 => {
            let large = s.query::<Image>().filter(Image::SIZE.gt(900));
            if random.one_in(2) {
                large.purge().await.unwrap()
            } else {
                large.delete().await.unwrap()
            };
        }
        11 => drop(s.delete_by_key::<Owner>(owner).await.unwrap()),
        _ => drop(s.upsert(Owner { id: owner }).await.unwrap()),
    }
}

/// As many sessions with writes, some rolled back, all of them looked at from within and after them.
async fn sessions(db: &Database, seed: u64, n: usize) {
    let mut random = Random::new(seed);
    for id in 0..u32::try_from(OWNERS).unwrap() {
        db.upsert(Owner { id }).await.unwrap();
    }
    for _ in 0..n {
        let s = db.session();
        for _ in 0..random.below(5) {
            write(&s, &mut random).await;
        }
        assert_right(Where::Session(&s)).await;
        if random.one_in(4) {
            s.rollback();
        } else {
            // The end of what a statement left behind that failed; nothing of it is written then.
            drop(s.commit().await);
        }
        assert_right(Where::Database(db)).await;
    }
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty(), "{report}");
}

#[tokio::test]
async fn every_question_is_answered_as_by_a_look_at_all_rows() {
    for place in places() {
        let db = open!(place, [Owner, Image]);
        let (seeds, n) = if place.name.contains("memory") { (20, 30) } else { (2, 20) };
        for seed in 0..seeds {
            println!("on {}, seed {seed}", place.name);
            sessions(&db, seed, n).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn many_at_once_leave_counters_that_are_right() {
    for place in places() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Image]);
        for id in 0..u32::try_from(OWNERS).unwrap() {
            db.upsert(Owner { id }).await.unwrap();
        }
        let mut tasks = Vec::new();
        for seed in 0..6 {
            let db = db.clone();
            tasks.push(tokio::spawn(async move {
                for n in 0..15 {
                    // Retried until it is done, with other numbers each time.
                    let result = db
                        .transaction(async move |s| {
                            let mut random = Random::new(seed * 1000 + n);
                            for _ in 0..3 {
                                write_some(s, &mut random).await?;
                            }
                            Ok(())
                        })
                        .await;
                    if let Err(error) = result {
                        assert!(error.is_conflict() || error.is_foreign_key_violation(), "{error}");
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_right(Where::Database(&db)).await;
        let report = db.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "{report}");
    }
}

/// A statement whose errors are those of the transaction, so that it is tried again.
async fn write_some(s: &Session, random: &mut Random) -> rome_orm::Result<()> {
    let image = random_image(random);
    match random.below(5) {
        0..=2 => drop(s.upsert(image).await?),
        3 => drop(s.delete_by_key::<Image>(image.id).await?),
        _ => {
            let of_state = s.query::<Image>().filter(Image::STATE.eq(image.state)).filter(Image::RANK.gt(0));
            of_state.update((Image::RANK.set(Image::RANK - 5), Image::OWNER.set(image.owner))).await?;
        }
    }
    Ok(())
}
