//! Changing a row only if it is what it should be: compare-and-set.
//!
//! `cargo run --example compare_and_set`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, PartialEq)]
struct Job {
    #[rome(key)]
    name: String,
    status: String,
    worker: Option<u32>,
    attempts: u32,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Job>().open("memory:").await?;
    db.insert(Job { name: "resize".into(), status: "queued".into(), worker: None, attempts: 0 }).await?;

    // Eight workers want the job, and one gets it: the conditions are tested in the same atomic step that changes the row.
    let workers: Vec<_> = (1..=8_u32)
        .map(|worker| {
            let db = db.clone();
            tokio::spawn(async move {
                let free = (Job::STATUS.eq("queued"), Job::WORKER.is_null());
                let take =
                    (Job::STATUS.set("running"), Job::WORKER.set(Some(worker)), Job::ATTEMPTS.set(Job::ATTEMPTS + 1));
                db.update_if::<Job>("resize", free, take).await
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        match worker.await.expect("a worker does not panic") {
            Ok(job) => taken.push(job),
            // Which condition it was, and what is stored: not the same as a row that is not there.
            Err(error) if error.is_condition_failed() => assert_eq!(error.failed_condition(), Some(0)),
            Err(error) => return Err(error),
        }
    }
    let [job] = taken.as_slice() else { panic!("one worker takes it") };
    println!("worker {:?} has it, at attempt {}", job.worker, job.attempts);

    // In a session it goes together with other writes.
    let error = db
        .transaction(async |s| {
            s.insert(Job { name: "notify".into(), status: "queued".into(), worker: None, attempts: 0 }).await?;
            s.update_if::<Job>("resize", Job::STATUS.eq("done"), Job::WORKER.set(None)).await
        })
        .await
        .expect_err("it is running");
    println!("{error}");
    assert_eq!(db.query::<Job>().count().await?, 1);
    Ok(())
}
