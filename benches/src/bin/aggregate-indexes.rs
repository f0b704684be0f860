//! Counts and sums that are kept beside the rows, against SQLite with an index: a count of a fifth of the table, what an owner
//! stores, and what keeping them costs an insert.
//!
//! `cargo run --release --bin aggregate-indexes [-- IMAGES]`. All take turns, call by call; medians are compared.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rome_orm::prelude::*;
use rusqlite::{Connection, params};

/// How often each question is asked.
const CALLS: usize = 4000;
/// Rows of a transaction.
const BULK: u64 = 1000;
const STATUSES: [&str; 5] = ["queued", "saving", "active", "deactivated", "killed"];

/// An image with counters.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "counted", count(by = status), sum(size, by = owner))]
struct Counted {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    owner: String,
    #[rome(index)]
    status: String,
    size: i64,
}

/// The same without.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "plain")]
struct Plain {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    owner: String,
    #[rome(index)]
    status: String,
    size: i64,
}

fn owner(id: u64) -> String {
    format!("owner-{:06}", id / 100)
}

fn counted(id: u64) -> Counted {
    Counted { id, owner: owner(id), status: STATUSES[(id % 5) as usize].to_owned(), size: (id * 37 % 5000) as i64 }
}

fn plain(id: u64) -> Plain {
    let Counted { id, owner, status, size } = counted(id);
    Plain { id, owner, status, size }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let images: u64 = std::env::args().nth(1).map_or(Ok(100_000), |images| images.parse())?;
    let folder = tempfile::tempdir()?;
    let url = format!("embedded:{}", folder.path().join("rome").display());
    let db = Database::builder().entity::<Counted>().entity::<Plain>().open(&url).await?;
    let mut sqlite = Connection::open(folder.path().join("sqlite"))?;
    sqlite.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; \
         CREATE TABLE images (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL, size INTEGER NOT NULL); \
         CREATE INDEX by_owner ON images (owner); CREATE INDEX by_status ON images (status);",
    )?;

    let (mut with, mut without, mut sql) = (Vec::new(), Vec::new(), Vec::new());
    for first in (0..images).step_by(BULK as usize) {
        let ids = first..images.min(first + BULK);
        let begun = Instant::now();
        db.insert_many(ids.clone().map(counted)).await?;
        with.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        db.insert_many(ids.clone().map(plain)).await?;
        without.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        let transaction = sqlite.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO images VALUES (?1, ?2, ?3, ?4)")?;
            for image in ids.map(counted) {
                insert.execute(params![image.id as i64, image.owner, image.status, image.size])?;
            }
        }
        transaction.commit()?;
        sql.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    sqlite.execute_batch("ANALYZE")?;
    let (with, without, sql) = (median(with), median(without), median(sql));
    println!("insert {BULK} in one transaction, ms: {with:.2} with counters, {without:.2} without, {sql:.2} SQLite");

    let (mut counts, mut entries, mut sql_counts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sums, mut sql_sums) = (Vec::new(), Vec::new());
    let mut count_sql = sqlite.prepare("SELECT COUNT(*) FROM images WHERE status = ?1")?;
    let mut sum_sql = sqlite.prepare("SELECT SUM(size) FROM images WHERE owner = ?1")?;
    for call in 0..CALLS {
        let status = STATUSES[call % 5];
        let begun = Instant::now();
        let of_rome = db.query::<Counted>().filter(Counted::STATUS.eq(status)).count().await?;
        counts.push(begun.elapsed().as_secs_f64() * 1e6);
        // These take long enough to be asked less often.
        if call % 20 == 0 {
            let begun = Instant::now();
            let of_entries = db.query::<Plain>().filter(Plain::STATUS.eq(status)).count().await?;
            entries.push(begun.elapsed().as_secs_f64() * 1e6);
            let begun = Instant::now();
            let of_sqlite: i64 = count_sql.query_row([status], |row| row.get(0))?;
            sql_counts.push(begun.elapsed().as_secs_f64() * 1e6);
            ensure!(of_rome == of_entries && i64::try_from(of_rome)? == of_sqlite, "they count differently");
        }
        let owner = owner(call as u64 * 7919 % images);
        let begun = Instant::now();
        let of_rome = db.query::<Counted>().filter(Counted::OWNER.eq(&*owner)).aggregate(sum(Counted::SIZE)).await?;
        sums.push(begun.elapsed().as_secs_f64() * 1e6);
        let begun = Instant::now();
        let of_sqlite: i64 = sum_sql.query_row([&*owner], |row| row.get(0))?;
        sql_sums.push(begun.elapsed().as_secs_f64() * 1e6);
        ensure!(of_rome.context("an owner without images")? == of_sqlite, "they add up differently");
    }
    let (counts, entries, sql_counts) = (median(counts), median(entries), median(sql_counts));
    println!(
        "count of a fifth of {images}, µs: {counts:.1} by the counter, {entries:.1} by the index, {sql_counts:.1} SQLite: {:.3} of SQLite",
        counts / sql_counts
    );
    let (sums, sql_sums) = (median(sums), median(sql_sums));
    println!(
        "what an owner stores, µs: {sums:.1} by the counter, {sql_sums:.1} SQLite: {:.2} of SQLite",
        sums / sql_sums
    );
    Ok(())
}
