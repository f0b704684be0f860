//! What goes through many rows lets other tasks of its thread run now and then, on the stores that answer in the caller's thread.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::{Stream, TryStreamExt};
use rome_core::store::Store;
use rome_core::store::memory::MemoryStore;
use rome_orm::embedded::{EmbeddedOptions, EmbeddedStore};
use rome_orm::prelude::*;
use rome_shapes::{Image, Loaded, Tag, World};

const ROWS: u64 = 6_000;
/// A task that goes through so many rows lets others run once, at least.
const A_TURN: u64 = 1_024;

/// Says how often another task of the thread ran while this did.
async fn turns<T>(work: impl Future<Output = T>) -> (T, u64) {
    let (turns, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let other = tokio::spawn({
        let (turns, ended) = (turns.clone(), ended.clone());
        async move {
            while !ended.load(Ordering::Relaxed) {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let done = work.await;
    let turns = turns.load(Ordering::Relaxed);
    ended.store(true, Ordering::Relaxed);
    other.await.unwrap();
    (done, turns)
}

async fn all<R>(rows: impl Stream<Item = rome_orm::Result<R>>) -> usize {
    rows.try_fold(0, |n, _| async move { Ok(n + 1) }).await.unwrap()
}

/// Asserts that so many rows were gone through in turns.
fn assert_turns(what: &str, rows: u64, turns: u64) {
    println!("{what}: {turns} turns for {rows} rows");
    assert!(turns >= rows / A_TURN, "{what} of {rows} rows lets others run {turns} times only");
}

async fn others_run_on(store: Arc<dyn Store>) {
    let db = Loaded::builder().open(store).await.unwrap();
    let World { images, tags, .. } = World::new(ROWS);
    let (stored, turns_of) = turns(db.insert_many(images)).await;
    assert_eq!(stored.unwrap().len() as u64, ROWS);
    assert_turns("insert_many", ROWS, turns_of);
    for some in tags.chunks(1_000) {
        db.insert_many(some.iter().cloned()).await.unwrap();
    }

    let by_size = db.query::<Image>().filter(Image::SIZE.lt(1));
    let by_age = || db.query::<Image>().order_by((Image::CREATED.desc(), Image::ID.desc()));
    let (read, turns_of) = turns(db.query::<Image>().all()).await;
    assert_eq!(read.unwrap().len() as u64, ROWS);
    assert_turns("all", ROWS, turns_of);
    let (_, turns_of) = turns(by_size.all()).await;
    assert_turns("a scan that gives little", ROWS, turns_of);
    let (_, turns_of) = turns(by_size.count()).await;
    assert_turns("a count of rows that pass", ROWS, turns_of);
    let (_, turns_of) = turns(db.query::<Image>().order_by((Image::SIZE.asc(), Image::ID.asc())).limit(5).all()).await;
    assert_turns("the first of a sort", ROWS, turns_of);
    let (_, turns_of) = turns(db.query::<Image>().aggregate((sum(Image::SIZE),))).await;
    assert_turns("a sum", ROWS, turns_of);
    let (read, turns_of) = turns(all(db.query::<Image>().stream())).await;
    assert_eq!(read as u64, ROWS);
    assert_turns("a stream", ROWS, turns_of);
    let (read, turns_of) = turns(all(by_age().filter(Image::OWNER.lt(50).or(Image::VISIBILITY.eq(1))).stream())).await;
    assert_turns("a stream of a union", read as u64, turns_of);
    let (read, turns_of) = turns(all(by_age().join(Image::TAGS).stream())).await;
    assert!(read as u64 > ROWS);
    assert_turns("a stream of a join", ROWS, turns_of);
    let rare = by_age().filter(Image::TAGS.any(Tag::VALUE.eq(ROWS + 1)));
    let (_, turns_of) = turns(rare.limit(5).all()).await;
    assert_turns("a walk that finds no partner", ROWS, turns_of);
}

#[tokio::test(flavor = "current_thread")]
async fn others_run_beside_many_rows_in_memory() {
    others_run_on(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "current_thread")]
async fn others_run_beside_many_rows_in_partitions() {
    others_run_on(Arc::new(MemoryStore::with_partitions(5))).await;
}

#[tokio::test(flavor = "current_thread")]
async fn others_run_beside_many_rows_on_disk() {
    let folder = Folder(std::env::temp_dir().join(format!("rome-yields-{}", std::process::id())));
    others_run_on(Arc::new(EmbeddedStore::open(&folder.0, EmbeddedOptions::default()).unwrap())).await;
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing is lost if it stays.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
