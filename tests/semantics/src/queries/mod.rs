//! Random queries on random rows: compared with a naive evaluator and with SQLite, on every store, under every plan.
//!
//! A run prints its seed. `ROME_SEMANTICS_SEED` repeats it; `ROME_SEMANTICS_CASES` sets how many cases each entity gets on
//! each store.

mod check;
mod condition;
mod generate;
mod lower;
mod markers;
mod naive;
pub mod random;
mod regressions;
mod row;
mod sqlite;
mod subjects;
mod types;

use rome_orm::prelude::*;

use check::{build, check, check_table, position};
use generate::Generate;
use naive::{DELETED, answer, assigned};
use random::Random;
use row::{Col, Row};
use sqlite::Sqlite;
use subjects::{Mixed, Paired, Plain, Single, Soft, Subject};

use crate::stores::{open, places};
use crate::tally::{Tally, compared};

/// How many queries a case asks of the database, and again of a session.
const QUERIES: u64 = 6;

pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Says which case failed.
pub struct Case(pub String);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

async fn run<E: Subject>() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = number("ROME_SEMANTICS_SEED").unwrap_or(now);
    let cases = number("ROME_SEMANTICS_CASES").unwrap_or(24);
    println!("ROME_SEMANTICS_SEED={seed}");
    let tally = Tally::begin(E::NAME);
    for (at, place) in (0..).zip(places()) {
        let db = open!(place, [E]);
        for n in 0..cases {
            let gen_ = Generate { random: Random::new(seed_of(seed, at, n)), exotic: n % 4 == 3 };
            let _case = Case(format!(
                "to repeat: ROME_SEMANTICS_SEED={seed} ROME_SEMANTICS_CASES={}; {} on {}",
                n + 1,
                E::NAME,
                place.name
            ));
            case::<E>(&db, gen_).await;
        }
    }
    tally.end();
}

/// The seed of a case: each store is asked other questions.
pub fn seed_of(seed: u64, place: u64, case: u64) -> u64 {
    seed.wrapping_add(place << 32).wrapping_add(case)
}

async fn case<E: Subject>(db: &Database, mut gen_: Generate) {
    db.query::<E>().with_deleted().purge().await.unwrap();
    let mut rows: Vec<Row> = Vec::new();
    for id in 0..gen_.random.below(30) {
        rows.push(gen_.row(id));
    }
    db.insert_many(rows.iter().map(E::of)).await.unwrap();
    let sqlite = beside::<E>(&rows, &gen_);
    for _ in 0..QUERIES {
        let ask = gen_.ask(E::SOFT);
        let _case = Case(format!("{ask:#?}"));
        check(|| db.query::<E>(), &rows, &ask, sqlite.as_ref(), &mut gen_).await;
    }
    let committed = rows.clone();
    let session = db.session();
    write::<E>(&session, &mut rows, &mut gen_).await;
    let sqlite = beside::<E>(&rows, &gen_);
    for _ in 0..QUERIES / 2 {
        let ask = gen_.ask(E::SOFT);
        let _case = Case(format!("in a session: {ask:#?}"));
        check(|| session.query::<E>(), &rows, &ask, sqlite.as_ref(), &mut gen_).await;
    }
    change::<E>(&session, &mut rows, &mut gen_).await;
    write::<E>(&session, &mut rows, &mut gen_).await;
    let ask = gen_.ask(E::SOFT);
    let _case = Case(format!("at the end of a session: {ask:#?}"));
    check(|| session.query::<E>(), &rows, &ask, beside::<E>(&rows, &gen_).as_ref(), &mut gen_).await;
    check_table(db.query::<E>(), &committed, "before the commit").await;
    if gen_.random.one_in(4) {
        session.rollback();
        rows = committed;
    } else {
        session.commit().await.unwrap();
    }
    check_table(db.query::<E>(), &rows, "after the session").await;
    let ask = gen_.ask(E::SOFT);
    let _case = Case(format!("after a session: {ask:#?}"));
    check(|| db.query::<E>(), &rows, &ask, beside::<E>(&rows, &gen_).as_ref(), &mut gen_).await;
}

/// The same rows in SQLite, if it can hold them.
fn beside<E: Subject>(rows: &[Row], gen_: &Generate) -> Option<Sqlite> {
    (!gen_.exotic).then(|| Sqlite::with(rows, E::KEY))
}

/// Writes single rows in a session, and to the naive table.
async fn write<E: Subject>(session: &Session, rows: &mut Vec<Row>, gen_: &mut Generate) {
    for _ in 0..gen_.random.below(10) {
        let id = gen_.random.below(35);
        let mut row = gen_.row(id);
        // The id alone tells rows apart, because unique columns follow from it.
        let there = rows.iter().position(|other| other.id == id);
        if let (Some(at), true) = (there, E::KEY.contains(&Col::Small)) {
            row.small = rows[at].small;
        }
        let key = E::of(&row).key();
        match (gen_.random.below(6), there) {
            (0, None) => {
                session.insert(E::of(&row)).await.unwrap();
                rows.push(row);
            }
            (0, Some(_)) => assert!(session.insert(E::of(&row)).await.unwrap_err().is_duplicate_key()),
            (1 | 2, Some(at)) if E::SOFT && rows[at].gone.is_some() => {
                assert!(session.update(&E::of(&row)).await.unwrap_err().is_not_found());
                assert!(session.restore::<E>(key).await.unwrap());
                rows[at].gone = None;
            }
            (1 | 2, Some(at)) => {
                session.update(&E::of(&row)).await.unwrap();
                rows[at] = row;
            }
            (1, None) => assert!(session.update(&E::of(&row)).await.unwrap_err().is_not_found()),
            (2 | 3, there) => {
                session.upsert(E::of(&row)).await.unwrap();
                match there {
                    Some(at) => rows[at] = row,
                    None => rows.push(row),
                }
            }
            (4, there) => {
                let live = there.filter(|at| !E::SOFT || rows[*at].gone.is_none());
                assert_eq!(session.delete_by_key::<E>(key).await.unwrap(), live.is_some());
                match live {
                    Some(at) if E::SOFT => rows[at].gone = Some(DELETED),
                    Some(at) => drop(rows.remove(at)),
                    None => {}
                }
            }
            (_, there) => {
                assert_eq!(session.purge_by_key::<E>(key).await.unwrap(), there.is_some());
                if let Some(at) = there {
                    rows.remove(at);
                }
            }
        }
    }
}

/// Updates and deletes by queries in a session, and in the naive table and SQLite.
async fn change<E: Subject>(session: &Session, rows: &mut Vec<Row>, gen_: &mut Generate) {
    for _ in 0..3 {
        let mut ask = gen_.ask(E::SOFT);
        if ask.order.is_empty() {
            (ask.limit, ask.offset) = (None, 0);
        }
        let hit = answer::<E>(rows, &ask);
        let sets = gen_.sets(E::KEY);
        let _case = Case(format!("{sets:?} where {ask:#?}"));
        if gen_.random.one_in(4) {
            let deleted = build(session.query::<E>(), &ask).delete().await.unwrap();
            let live = hit.iter().filter(|row| !E::SOFT || row.gone.is_none());
            assert_eq!(deleted, live.count() as u64, "delete_all");
            for row in hit {
                let at = position::<E>(rows, &row).unwrap();
                if !E::SOFT {
                    rows.remove(at);
                } else if rows[at].gone.is_none() {
                    rows[at].gone = Some(DELETED);
                }
            }
        } else if !sets.is_empty() {
            let assignments: Vec<_> = sets.iter().map(|(col, to)| lower::assignment::<E>(*col, to)).collect();
            let updated = build(session.query::<E>(), &ask).update(assignments).await;
            match hit.iter().map(|row| assigned(row, &sets)).collect::<Option<Vec<Row>>>() {
                None => {
                    let error = updated.unwrap_err();
                    assert!(error.is_overflow(), "{error}");
                }
                Some(changed) => {
                    assert_eq!(updated.unwrap(), changed.len() as u64, "update_all");
                    let whole = ask.limit.is_none() && ask.offset == 0;
                    let sqlite = beside::<E>(rows, gen_).filter(|_| whole);
                    for row in changed {
                        let at = position::<E>(rows, &row).unwrap();
                        rows[at] = row;
                    }
                    compared(sqlite.is_some());
                    if let Some(sqlite) = sqlite {
                        sqlite.update(&ask, E::SOFT, &sets);
                        assert!(rows.iter().all(|row| sqlite.has(row)), "SQLite and the naive evaluator differ");
                    }
                }
            }
        }
        check_table(session.query::<E>(), rows, "after a change in a session").await;
    }
}

#[tokio::test]
async fn queries_without_indexes_give_what_the_law_says() {
    run::<Plain>().await;
}

#[tokio::test]
async fn queries_on_single_indexes_give_what_the_law_says() {
    run::<Single>().await;
}

#[tokio::test]
async fn queries_on_composite_indexes_give_what_the_law_says() {
    run::<Mixed>().await;
}

#[tokio::test]
async fn queries_by_a_composite_key_give_what_the_law_says() {
    run::<Paired>().await;
}

#[tokio::test]
async fn queries_on_softly_deleted_rows_give_what_the_law_says() {
    run::<Soft>().await;
}
