//! Short ways to make folders, stores and minitransactions.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used)]

pub mod disk;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rome_embedded::{EmbeddedOptions, EmbeddedStore};
use rome_store::{
    Applied, ApplyOptions, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, Reply, Scanned, Space,
    Span, Store, StoreResult, TableId, TxId,
};
use tokio::runtime::Runtime;

pub const TABLE: TableId = TableId(1);
pub const ROWS: Space = Space::Rows(TABLE);
pub const INDEX: Space = Space::Index(IndexId(2));

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rome-embedded-{name}-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("rome.redb")
    }

    pub fn open(&self) -> EmbeddedStore {
        EmbeddedStore::open(&self.0, EmbeddedOptions::default()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn wait<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub const fn id(lane: u64, seq: u64) -> TxId {
    TxId { lane, seq }
}

pub fn put(space: Space, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Effect {
    Effect::Put { space, key: Bytes::copy_from_slice(key.as_ref()), value: Bytes::copy_from_slice(value.as_ref()) }
}

pub fn delete(space: Space, key: impl AsRef<[u8]>) -> Effect {
    Effect::Delete { space, key: Bytes::copy_from_slice(key.as_ref()) }
}

pub fn add(space: Space, key: impl AsRef<[u8]>, delta: i128) -> Effect {
    Effect::Add { space, key: Bytes::copy_from_slice(key.as_ref()), delta }
}

/// An index entry: columns, key, and the length of the key.
pub fn entry(columns: &str, key: &str) -> Vec<u8> {
    let mut entry = columns.as_bytes().to_vec();
    entry.extend_from_slice(key.as_bytes());
    entry.extend_from_slice(&u16::try_from(key.len()).unwrap().to_be_bytes());
    entry
}

pub fn tx(id: TxId, effects: Vec<Effect>) -> MiniTx {
    let mut tx = MiniTx::one(id);
    tx.effects = effects;
    tx
}

pub fn apply_at(store: &EmbeddedStore, tx: MiniTx, durability: Durability) -> StoreResult<Applied> {
    let applied = wait(store.apply(vec![(Partition(0), tx)], ApplyOptions::new(durability)))?;
    Ok(applied.into_iter().next().unwrap())
}

pub fn apply(store: &EmbeddedStore, tx: MiniTx) -> Applied {
    apply_at(store, tx, Durability::Local).unwrap()
}

pub fn try_read(store: &EmbeddedStore, read: Read) -> StoreResult<Reply> {
    let replies = wait(store.read(&[(Partition(0), vec![read])], ReadOptions::new()))?;
    Ok(replies.into_iter().next().unwrap().replies.into_iter().next().unwrap())
}

pub fn seq(store: &EmbeddedStore) -> u64 {
    wait(store.read(&[(Partition(0), Vec::new())], ReadOptions::new())).unwrap()[0].seq
}

pub fn get(store: &EmbeddedStore, space: Space, key: impl AsRef<[u8]>) -> Option<(TxId, Vec<u8>)> {
    let read = Read::Get { space, key: Bytes::copy_from_slice(key.as_ref()) };
    match try_read(store, read).unwrap() {
        Reply::Record(record) => record.map(|(version, value)| (version, value.to_vec())),
        other => panic!("not a record: {other:?}"),
    }
}

pub fn scan_of(span: Span) -> Read {
    Read::Scan { span, filter: None, want: None, track: true }
}

pub fn scanned(store: &EmbeddedStore, read: Read) -> Scanned {
    match try_read(store, read).unwrap() {
        Reply::Scanned(scanned) => scanned,
        other => panic!("not a scan: {other:?}"),
    }
}

pub fn keys(scanned: &Scanned) -> Vec<String> {
    scanned.iter().map(|record| String::from_utf8_lossy(record.key).into_owned()).collect()
}
