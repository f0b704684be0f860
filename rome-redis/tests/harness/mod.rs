//! What the tests of this crate share: clients of a server, and a way to it that loses things.
#![allow(dead_code, clippy::unwrap_used)]

mod proxy;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use rome_redis::testkit::LocalServer;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, ApplyOptions, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply,
    Scanned, Space, Store, StoreResult, TableId, TxId,
};

#[allow(unused_imports)]
pub use proxy::{Proxy, Trick};

pub const TABLE: TableId = TableId(7);
pub const ROWS: Space = Space::Rows(TABLE);
pub const INDEX: Space = Space::Index(IndexId(8));
pub const CLAIMS: Space = Space::Unique(IndexId(9));
pub const SUMS: Space = Space::Aggregate(IndexId(10));

/// A connection without the store.
pub async fn raw(server: &LocalServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

pub async fn ask<T: redis::FromRedisValue>(connection: &mut MultiplexedConnection, command: &str) -> T {
    let mut words = command.split_whitespace();
    let mut cmd = redis::cmd(words.next().unwrap());
    for word in words {
        cmd.arg(word);
    }
    cmd.query_async(connection).await.unwrap()
}

pub async fn open(server: &LocalServer) -> Client {
    Client::new(RedisStore::open(&server.url()).await.unwrap(), 1)
}

/// A client of a store with a lane of its own.
pub struct Client {
    pub store: RedisStore,
    lane: u64,
    seq: AtomicU64,
}

impl Client {
    pub fn new(store: RedisStore, lane: u64) -> Self {
        Self { store, lane, seq: AtomicU64::new(0) }
    }

    pub async fn by(url: &str, options: RedisOptions, lane: u64) -> Self {
        Self::new(RedisStore::open_with(url, options).await.unwrap(), lane)
    }

    pub fn tx(&self, effects: Vec<Effect>) -> MiniTx {
        let seq = self.seq.fetch_add(1, Ordering::SeqCst) + 1;
        MiniTx::one(TxId { lane: self.lane, seq }).effects(effects)
    }

    pub async fn apply(&self, tx: MiniTx) -> StoreResult<Applied> {
        self.apply_at(tx, Durability::default()).await
    }

    pub async fn apply_at(&self, tx: MiniTx, durability: Durability) -> StoreResult<Applied> {
        Ok(self.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(durability)).await?.remove(0))
    }

    /// Applies what nothing forbids; returns the `seq` after it.
    pub async fn write(&self, effects: Vec<Effect>) -> u64 {
        match self.apply(self.tx(effects)).await.unwrap() {
            Applied::Done { seq } => seq,
            other => panic!("a write that nothing forbids was answered {other:?}"),
        }
    }

    pub async fn read(&self, reads: Vec<Read>) -> StoreResult<ReadReply> {
        Ok(self.store.read(&[(Partition(0), reads)], ReadOptions::new()).await?.remove(0))
    }

    pub async fn get(&self, space: Space, key: &str) -> Option<Bytes> {
        let key = Bytes::copy_from_slice(key.as_bytes());
        match self.read(vec![Read::Get { space, key }]).await.unwrap().replies.remove(0) {
            Reply::Record(record) => record.map(|(_, value)| value),
            other => panic!("a get was answered {other:?}"),
        }
    }

    pub async fn scan(&self, read: Read) -> Scanned {
        match self.read(vec![read]).await.unwrap().replies.remove(0) {
            Reply::Scanned(scanned) => scanned,
            other => panic!("a scan was answered {other:?}"),
        }
    }

    pub async fn sum(&self, key: &str) -> i128 {
        self.get(SUMS, key).await.map_or(0, |bytes| i128::from_be_bytes(bytes.as_ref().try_into().unwrap()))
    }
}

pub fn put(space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Effect {
    Effect::Put { space, key: key.into(), value: value.into() }
}

pub fn delete(space: Space, key: impl Into<Bytes>) -> Effect {
    Effect::Delete { space, key: key.into() }
}

pub fn add(key: &'static str, delta: i128) -> Effect {
    Effect::Add { space: SUMS, key: key.into(), delta }
}

/// The index entry of a row.
pub fn entry(columns: &[u8], key: &[u8]) -> Bytes {
    [columns, key, &u16::try_from(key.len()).unwrap().to_be_bytes()].concat().into()
}
