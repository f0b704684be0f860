//! Measures the store against the same operations by hand on one multiplexed connection, and prints the ratios of their
//! times: `cargo run --release -p rome-redis --example measure`. It starts a server of its own, without a disk.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use rome_redis::RedisStore;
use rome_redis::testkit::LocalServer;
use rome_store::{
    Applied, ApplyOptions, Check, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, Space, Span,
    Store, TableId, TxId,
};

const TABLE: TableId = TableId(1);
const ROWS: Space = Space::Rows(TABLE);
const INDEX: Space = Space::Index(IndexId(1));
const CLAIMS: Space = Space::Unique(IndexId(2));
const SUMS: Space = Space::Aggregate(IndexId(3));
const N: u64 = 10_000;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(200);

const INSERT: &str = "
    if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HEXISTS', KEYS[4], ARGV[1]) == 1 then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]); redis.call('ZADD', KEYS[2], 0, ARGV[1])
    redis.call('ZADD', KEYS[3], 0, ARGV[3]); redis.call('HSET', KEYS[4], ARGV[1], ARGV[1])
    return redis.call('HINCRBY', KEYS[5], 'seq', 1)";
const COUNT: &str = "redis.call('HINCRBY', KEYS[1], 'n', 1); return redis.call('HINCRBY', KEYS[2], 'seq', 1)";

fn key(n: u64) -> Bytes {
    Bytes::from(n.to_be_bytes().to_vec())
}

/// Four columns' worth of groups: an entry leads with one byte of ten.
fn entry(n: u64) -> Bytes {
    [&[b'a' + u8::try_from(n % 10).unwrap()][..], &key(n), &[0, 8]].concat().into()
}

fn group(of: u8) -> Span {
    Span::prefix(INDEX, vec![b'a' + of])
}

struct Both {
    store: RedisStore,
    raw: MultiplexedConnection,
    insert: redis::Script,
    count: redis::Script,
    next: AtomicU64,
    lanes: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Get,
    GetMany,
    ByIndex,
    Newest,
    Count,
    Insert,
    Counter,
}

impl Both {
    async fn read(&self, reads: Vec<Read>) {
        self.store.read(&[(Partition(0), reads)], ReadOptions::new()).await.unwrap();
    }

    async fn apply(&self, lane: u64, seq: u64, checks: Vec<Check>, effects: Vec<Effect>) {
        let tx = MiniTx::one(TxId { lane, seq }).checks(checks).effects(effects);
        let applied = self.store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Memory)).await.unwrap();
        assert!(matches!(applied[..], [Applied::Done { .. }]), "{applied:?}");
    }

    async fn by_store(&self, operation: Operation, n: u64, lane: u64, seq: u64) {
        let rows =
            |span, want| Read::ScanRows { index: span, table: TABLE, filter: None, want: Some(want), track: true };
        let get = |n: u64| Read::Get { space: ROWS, key: key(n % N) };
        match operation {
            Operation::Get => self.read(vec![get(n)]).await,
            Operation::GetMany => self.read((0..100).map(|place| get(n + place * 7)).collect()).await,
            Operation::ByIndex => self.read(vec![rows(group(3), 100)]).await,
            Operation::Newest => self.read(vec![rows(group(3).reversed(true), 25)]).await,
            Operation::Count => self.read(vec![Read::count(group(3))]).await,
            Operation::Insert => {
                let n = self.next.fetch_add(1, Ordering::Relaxed);
                let absent = |space| Check::Version { space, key: key(n), expect: None };
                let put = |space, key, value: Vec<u8>| Effect::Put { space, key, value: value.into() };
                let effects = vec![
                    put(ROWS, key(n), vec![b'x'; 150]),
                    put(INDEX, entry(n), vec![]),
                    put(CLAIMS, key(n), key(n).to_vec()),
                ];
                self.apply(lane, seq, vec![absent(ROWS), absent(CLAIMS)], effects).await;
            }
            Operation::Counter => {
                let add = Effect::Add { space: SUMS, key: "n".into(), delta: 1 };
                self.apply(lane, seq, vec![], vec![add]).await;
            }
        }
    }

    async fn by_hand(&self, operation: Operation, n: u64) {
        let mut raw = self.raw.clone();
        let some = |n: u64| key(n % N).to_vec();
        let range = |reverse: bool, most: u32| {
            let mut range = redis::cmd("ZRANGE");
            range.arg("{raw}:i");
            if reverse {
                range.arg("(e").arg("[d").arg("BYLEX").arg("REV");
            } else {
                range.arg("[d").arg("(e").arg("BYLEX");
            }
            range.arg("LIMIT").arg(0).arg(most);
            range
        };
        match operation {
            Operation::Get => {
                let _: Vec<u8> = redis::cmd("HGET").arg("{raw}:t").arg(some(n)).query_async(&mut raw).await.unwrap();
            }
            Operation::GetMany => {
                let mut get = redis::cmd("HMGET");
                get.arg("{raw}:t");
                for place in 0..100 {
                    get.arg(some(n + place * 7));
                }
                let _: Vec<Vec<u8>> = get.query_async(&mut raw).await.unwrap();
            }
            Operation::ByIndex | Operation::Newest => {
                let newest = matches!(operation, Operation::Newest);
                let range = range(newest, if newest { 25 } else { 100 });
                let entries: Vec<Vec<u8>> = range.query_async(&mut raw).await.unwrap();
                let mut get = redis::cmd("HMGET");
                get.arg("{raw}:t");
                for entry in &entries {
                    get.arg(&entry[1..9]);
                }
                let _: Vec<Vec<u8>> = get.query_async(&mut raw).await.unwrap();
            }
            Operation::Count => {
                let mut count = redis::cmd("ZLEXCOUNT");
                count.arg("{raw}:i").arg("[d").arg("(e");
                let _: u64 = count.query_async(&mut raw).await.unwrap();
            }
            Operation::Insert => {
                let n = self.next.fetch_add(1, Ordering::Relaxed);
                self.insert_by_hand(&mut raw, n).await;
            }
            Operation::Counter => {
                let mut call = self.count.prepare_invoke();
                let _: u64 = call.key("{raw}:c").key("{raw}:m").invoke_async(&mut raw).await.unwrap();
            }
        }
    }

    async fn insert_by_hand(&self, raw: &mut MultiplexedConnection, n: u64) {
        let mut call = self.insert.prepare_invoke();
        call.key("{raw}:t").key("{raw}:p").key("{raw}:i").key("{raw}:u").key("{raw}:m");
        call.arg(key(n).to_vec()).arg(vec![b'x'; 150]).arg(entry(n).to_vec());
        let _: u64 = call.invoke_async(raw).await.unwrap();
    }

    async fn fill(&self) {
        let mut raw = self.raw.clone();
        for n in 0..N {
            self.insert_by_hand(&mut raw, n).await;
        }
        for start in (0..N).step_by(1000) {
            let put = |space, key, value: Vec<u8>| Effect::Put { space, key, value: value.into() };
            let effects = (start..start + 1000)
                .flat_map(|n| [put(ROWS, key(n), vec![b'x'; 150]), put(INDEX, entry(n), vec![])])
                .collect();
            let lane = self.lanes.fetch_add(1, Ordering::Relaxed);
            self.apply(lane, 1, vec![], effects).await;
        }
        self.next.store(N, Ordering::Relaxed);
    }
}

/// Microseconds of processor time that the server has used.
async fn server_time(both: &Both) -> f64 {
    let info: String = redis::cmd("INFO").arg("cpu").query_async(&mut both.raw.clone()).await.unwrap();
    let seconds = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse::<f64>();
    1e6 * (seconds("used_cpu_user:").unwrap() + seconds("used_cpu_sys:").unwrap())
}

/// Operations a second, and microseconds of the server for each.
async fn rate(both: &Arc<Both>, clients: u64, operation: Operation, by_store: bool) -> (f64, f64) {
    let before = server_time(both).await;
    let started = Instant::now();
    let tasks = (0..clients).map(|client| {
        let both = both.clone();
        tokio::spawn(async move {
            let lane = both.lanes.fetch_add(1, Ordering::Relaxed);
            let mut done = 0;
            while started.elapsed() < ROUND {
                let n = client * 7919 + done * 31;
                if by_store {
                    both.by_store(operation, n, lane, done + 1).await;
                } else {
                    both.by_hand(operation, n).await;
                }
                done += 1;
            }
            done
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let rate = done as f64 / started.elapsed().as_secs_f64();
    (rate, (server_time(both).await - before) / done as f64)
}

#[tokio::main]
async fn main() {
    let server = LocalServer::start();
    let client = redis::Client::open(server.url()).unwrap();
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let both = Arc::new(Both {
        store: RedisStore::open(&server.url()).await.unwrap(),
        raw: client.get_multiplexed_async_connection_with_config(&config).await.unwrap(),
        insert: redis::Script::new(INSERT),
        count: redis::Script::new(COUNT),
        next: AtomicU64::new(0),
        lanes: AtomicU64::new(1),
    });
    both.fill().await;
    println!("             clients   by hand /s     store /s   time ratio   server µs by hand, store, ratio");
    use Operation::{ByIndex, Count, Counter, Get, GetMany, Insert, Newest};
    for clients in [1, 16, 64] {
        for operation in [Get, GetMany, ByIndex, Newest, Count, Insert, Counter] {
            let (mut by_hand, mut by_store) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                by_hand.push(rate(&both, clients, operation, false).await);
                by_store.push(rate(&both, clients, operation, true).await);
            }
            let median = |runs: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
                let mut values: Vec<f64> = runs.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values[ROUNDS / 2]
            };
            let [hand, store] = [&by_hand, &by_store].map(|runs| median(runs, |run| run.0));
            let [hand_cost, store_cost] = [&by_hand, &by_store].map(|runs| median(runs, |run| run.1));
            let (ratio, cost) = (hand / store, store_cost / hand_cost);
            let operation = format!("{operation:?}");
            println!(
                "{operation:<12} {clients:>7} {hand:>12.0} {store:>12.0} {ratio:>12.2} {hand_cost:>12.1} {store_cost:>7.1} {cost:>7.2}"
            );
        }
    }
}
