//! A stream ends and gives each row at most once, whatever its own loop changes; in a session it is one state.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt};
use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Job {
    #[rome(key, auto)]
    id: Id<Job>,
    #[rome(index)]
    due: i64,
    #[rome(global_index)]
    far: i64,
    done: bool,
}

const ROWS: i64 = 600;

async fn fill(db: &Database) -> Vec<Job> {
    let job = |n| Job { due: n, far: n % 7, ..Default::default() };
    db.insert_many((0..ROWS).map(job)).await.unwrap()
}

/// Takes a stream to its end, or panics when it gives far more than there is.
macro_rules! run {
    ($place:expr, $stream:expr, |$job:ident| $body:expr) => {{
        let mut stream = $stream.boxed();
        let mut given: Vec<Job> = Vec::new();
        while let Some($job) = stream.try_next().await.unwrap() {
            given.push($job.clone());
            assert!(given.len() as i64 <= 3 * ROWS, "{}: the stream does not end", $place.name);
            let _ = $body;
        }
        let keys: HashSet<_> = given.iter().map(|job| job.id).collect();
        assert_eq!(keys.len(), given.len(), "{}: a row was given twice", $place.name);
        given
    }};
}

#[tokio::test]
async fn a_loop_that_moves_its_rows_on_ends() {
    for place in places() {
        let db = open!(place, [Job]);
        let jobs = fill(&db).await;
        for step in [1, 1_000] {
            let stream = db.query::<Job>().order_by(Job::DUE.asc()).stream();
            let given = run!(place, stream, |job| {
                db.query::<Job>().filter(Job::ID.eq(job.id)).update(Job::DUE.set(Job::DUE + step)).await.unwrap()
            });
            assert_eq!(given.len(), jobs.len(), "{}: by {step}", place.name);
        }
        let down = db.query::<Job>().order_by(Job::DUE.desc()).stream();
        let given = run!(place, down, |job| db.update(&Job { due: job.due - 700, ..job }).await.unwrap());
        assert_eq!(given.len(), jobs.len(), "{}", place.name);
        let far = db.query::<Job>().order_by((Job::FAR.asc(), Job::ID.asc())).stream();
        let given = run!(place, far, |job| db.update(&Job { far: job.far + 3, ..job }).await.unwrap());
        assert_eq!(given.len(), jobs.len(), "{}: by a global index", place.name);
    }
}

#[tokio::test]
async fn a_loop_that_inserts_behind_its_rows_ends() {
    for place in places() {
        let db = open!(place, [Job]);
        let jobs = fill(&db).await;
        let by_key = db.query::<Job>().stream();
        let given = run!(place, by_key, |job| db.insert(Job { due: job.due, ..Default::default() }).await.unwrap());
        assert_eq!(given.len(), jobs.len(), "{}: by key", place.name);
        db.query::<Job>().filter(Job::ID.gt(jobs.last().unwrap().id)).delete().await.unwrap();
        let by_due = db.query::<Job>().order_by(Job::DUE.asc()).stream();
        let given = run!(place, by_due, |_job| db.insert(Job { due: ROWS, ..Default::default() }).await.unwrap());
        assert_eq!(given.len(), jobs.len(), "{}: by an index", place.name);
    }
}

#[tokio::test]
async fn rows_that_a_loop_takes_out_of_the_filter_or_deletes_are_given_once() {
    for place in places() {
        let db = open!(place, [Job]);
        let jobs = fill(&db).await;
        let open = db.query::<Job>().filter(Job::DONE.eq(false)).order_by(Job::DUE.asc()).stream();
        let given = run!(place, open, |job| {
            // Ahead and behind.
            let other = (job.due * 7 + 300) % ROWS;
            db.query::<Job>().filter(Job::DUE.eq(other)).update(Job::DONE.set(true)).await.unwrap()
        });
        assert!(given.len() >= 256 && given.len() <= jobs.len(), "{}: {}", place.name, given.len());
        let all = db.query::<Job>().order_by(Job::DUE.asc()).stream();
        let given = run!(place, all, |job| db.delete(&job).await.unwrap());
        assert_eq!(given.len(), jobs.len(), "{}", place.name);
        assert_eq!(db.query::<Job>().count().await.unwrap(), 0, "{}", place.name);
    }
}

#[tokio::test]
async fn a_session_s_stream_is_the_state_at_its_beginning() {
    for place in places() {
        let db = open!(place, [Job]);
        let mut expected = fill(&db).await;
        let s = db.session();
        // What was written before shows.
        expected[5].due = 10_000;
        s.update(&expected[5]).await.unwrap();
        s.delete(&expected.remove(9)).await.unwrap();
        expected.push(s.insert(Job { due: -5, ..Default::default() }).await.unwrap());
        expected.sort_by_key(|job| (job.due, job.id));
        let stream = s.query::<Job>().order_by(Job::DUE.asc()).stream();
        let given = run!(place, stream, |job| {
            s.query::<Job>().filter(Job::ID.eq(job.id)).update(Job::DUE.set(Job::DUE + 1_000)).await.unwrap();
            s.insert(Job { due: job.due + 1, ..Default::default() }).await.unwrap()
        });
        assert!(given == expected, "{}: {} of {}", place.name, given.len(), expected.len());
        s.commit().await.unwrap();
        assert_eq!(db.query::<Job>().count().await.unwrap(), 2 * expected.len() as u64, "{}", place.name);
        assert!(db.admin().check().await.unwrap().is_clean(), "{}", place.name);
    }
}

#[tokio::test]
async fn a_session_s_stream_is_one_state_or_a_conflict() {
    for place in places() {
        let db = open!(place, [Job]);
        let jobs = fill(&db).await;
        let s = db.session();
        {
            let mut stream = s.query::<Job>().order_by(Job::DUE.asc()).stream().boxed();
            stream.try_next().await.unwrap().unwrap();
            db.update(&Job { due: 5_000, ..jobs[400].clone() }).await.unwrap();
            let _ = stream.try_fold(0, |n, _| async move { Ok(n + 1) }).await;
        }
        db.update(&Job { due: 6_000, ..jobs[0].clone() }).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict(), "{}", place.name);
    }
}

#[tokio::test]
async fn limits_and_offsets_of_a_stream_count_its_rows() {
    for place in places() {
        let db = open!(place, [Job]);
        let jobs = fill(&db).await;
        for (offset, limit) in [(0, 1), (3, 300), (256, 256), (590, 100), (700, 5)] {
            let query = db.query::<Job>().order_by(Job::DUE.asc()).offset(offset).limit(limit);
            let given: Vec<Job> = query.stream().try_collect().await.unwrap();
            let expected: Vec<&Job> = jobs.iter().skip(offset as usize).take(limit as usize).collect();
            assert!(given.iter().eq(expected), "{}: {offset}, {limit}", place.name);
        }
    }
}
