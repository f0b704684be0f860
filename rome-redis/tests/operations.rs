//! What `docs/running-on-redis.md` says about running a server: what a crash loses, how a backup is taken and restored, and
//! what a failover keeps.
#![allow(clippy::unwrap_used)]

mod harness;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use harness::*;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{Applied, Certainty, Durability, Read, SequenceId, Span, StoreErrorKind};

/// Writes transactions of two rows and an addition until it is stopped; gives how many were acknowledged.
struct Load(tokio::task::JoinHandle<u64>, tokio::sync::oneshot::Sender<()>);

impl Load {
    async fn on(server: &LocalServer) -> Self {
        let client = Client::by(&server.url(), RedisOptions::default(), 50).await;
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let (begun, begin) = tokio::sync::oneshot::channel();
        let mut begun = Some(begun);
        let load = tokio::spawn(async move {
            let mut written = 0;
            while stopped.try_recv().is_err() {
                pair(&client, written).await;
                written += 1;
                if written == 200 {
                    begun.take().unwrap().send(()).unwrap();
                }
            }
            written
        });
        begin.await.unwrap();
        Self(load, stop)
    }

    async fn stop(self) -> u64 {
        self.1.send(()).unwrap();
        self.0.await.unwrap()
    }
}

async fn pair(client: &Client, n: u64) {
    pair_at(client, n, Durability::Local).await;
}

async fn pair_at(client: &Client, n: u64, durability: Durability) {
    let rows = ["a", "b"].map(|half| put(ROWS, format!("{n:06}/{half}"), "1"));
    let tx = client.tx([&rows[..], &[add("n", 1)]].concat());
    let applied = client.apply_at(tx, durability).await.unwrap();
    assert!(matches!(applied, Applied::Done { .. }), "{applied:?}");
}

/// How many of the transactions are there; all of them whole.
async fn whole(server: &LocalServer, lane: u64) -> u64 {
    let client = Client::by(&server.url(), RedisOptions::default(), lane).await;
    let scan = Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: false };
    let (sum, rows) = (client.sum("n").await, client.scan(scan).await.len());
    assert_eq!(i128::try_from(rows).unwrap(), 2 * sum, "a transaction is there in part");
    u64::try_from(sum).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// With any setting of `appendfsync`, the system has what the server acknowledged. With none of the two files it is gone.
#[tokio::test]
async fn a_crash_of_the_server_alone_loses_what_it_had_not_handed_to_the_system() {
    for (fsync, level) in [("everysec", Durability::Memory), ("no", Durability::Memory), ("always", Durability::Local)]
    {
        let mut server = LocalServer::with(&["--appendonly", "yes", "--appendfsync", fsync]);
        let client = open(&server).await;
        assert_eq!(rome_store::Store::capabilities(&client.store).durability, level, "{fsync}");
        for n in 0..300 {
            pair(&client, n).await;
        }
        server.kill();
        server.restart();
        assert_eq!(whole(&server, 2).await, 300, "{fsync}");
    }
    let mut server = LocalServer::start();
    let client = open(&server).await;
    for n in 0..300 {
        pair(&client, n).await;
        if n == 99 {
            ask::<()>(&mut raw(&server).await, "SAVE").await;
        }
    }
    server.kill();
    server.restart();
    assert_eq!(whole(&server, 2).await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_taken_under_load_is_one_state_and_can_be_restored() {
    let server = LocalServer::start();
    let load = Load::on(&server).await;
    let mut admin = raw(&server).await;
    ask::<()>(&mut admin, "BGSAVE").await;
    while !ask::<String>(&mut admin, "INFO persistence").await.contains("rdb_bgsave_in_progress:0") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let written = load.stop().await;
    let mut other = LocalServer::start();
    other.kill();
    fs::copy(server.folder().join("dump.rdb"), other.folder().join("dump.rdb")).unwrap();
    other.restart();
    let restored = whole(&other, 60).await;
    assert!((1..=written).contains(&restored), "{restored} of {written}");
    // It is the same database, and goes on.
    pair(&Client::by(&other.url(), RedisOptions::default(), 61).await, 900_000).await;
    assert_eq!(whole(&other, 62).await, restored + 1);
}

/// How the files of several servers come to be of one moment: writes to all of them are held meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_can_be_held_while_a_snapshot_is_taken_and_go_on_after_it() {
    let server = LocalServer::start();
    let load = Load::on(&server).await;
    let mut admin = raw(&server).await;
    ask::<()>(&mut admin, "CLIENT PAUSE 20000 WRITE").await;
    let held = ask::<u64>(&mut admin, "ZCARD {rome.0}:p7").await;
    ask::<()>(&mut admin, "BGSAVE").await;
    while !ask::<String>(&mut admin, "INFO persistence").await.contains("rdb_bgsave_in_progress:0") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(ask::<u64>(&mut admin, "ZCARD {rome.0}:p7").await, held);
    ask::<()>(&mut admin, "CLIENT UNPAUSE").await;
    let written = load.stop().await;
    assert_eq!(whole(&server, 3).await, written);
    let mut other = LocalServer::start();
    other.kill();
    fs::copy(server.folder().join("dump.rdb"), other.folder().join("dump.rdb")).unwrap();
    other.restart();
    assert_eq!(2 * whole(&other, 60).await + 1, held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_only_file_copied_under_load_can_be_restored() {
    let settings = ["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"];
    let server = LocalServer::with(&settings);
    let load = Load::on(&server).await;
    let mut other = LocalServer::with(&settings);
    other.kill();
    let name = "appendonlydir";
    copy(&server.folder().join(name), &other.folder().join(name));
    let written = load.stop().await;
    other.restart();
    let restored = whole(&other, 60).await;
    assert!((200..=written).contains(&restored), "{restored} of {written}");
}

/// A server with `appendonly yes` does not look at its snapshot.
#[tokio::test]
async fn a_snapshot_is_restored_with_the_append_only_file_off() {
    let mut server = LocalServer::start();
    pair(&open(&server).await, 1).await;
    ask::<()>(&mut raw(&server).await, "SAVE").await;
    server.kill();
    let mut other = LocalServer::durable();
    other.kill();
    fs::remove_dir_all(other.folder().join("appendonlydir")).unwrap();
    fs::copy(server.folder().join("dump.rdb"), other.folder().join("dump.rdb")).unwrap();
    other.restart();
    assert_eq!(ask::<u32>(&mut raw(&other).await, "DBSIZE").await, 0, "the snapshot was read: say so in the page");

    let mut third = LocalServer::start();
    third.kill();
    fs::copy(server.folder().join("dump.rdb"), third.folder().join("dump.rdb")).unwrap();
    third.restart();
    let mut admin = raw(&third).await;
    ask::<()>(&mut admin, "CONFIG SET appendonly yes").await;
    while ask::<String>(&mut admin, "INFO persistence").await.contains("aof_rewrite_in_progress:1") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(third.folder().join("appendonlydir").is_dir());
    assert_eq!(whole(&third, 60).await, 1);
}

/// An address that is moved from one server to another.
struct Address(u16, Arc<AtomicU16>);

impl Address {
    async fn of(server: &LocalServer) -> Self {
        let target = Arc::new(AtomicU16::new(server.port()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = Self(listener.local_addr().unwrap().port(), target.clone());
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let port = target.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(mut server) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
                        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
                    }
                });
            }
        });
        address
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.0)
    }

    async fn promote(&self, replica: &LocalServer) {
        ask::<()>(&mut raw(replica).await, "REPLICAOF NO ONE").await;
        self.1.store(replica.port(), Ordering::SeqCst);
    }
}

async fn replica_of(primary: &LocalServer) -> LocalServer {
    let replica = LocalServer::with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    while !ask::<String>(&mut raw(&replica).await, "INFO replication").await.contains("master_link_status:up") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    replica
}

#[tokio::test]
async fn a_promoted_replica_has_what_it_confirmed_and_programs_go_on_with_it() {
    let mut primary = LocalServer::with(&["--repl-diskless-sync-delay", "0"]);
    let replica = replica_of(&primary).await;
    let address = Address::of(&primary).await;
    let client = Client::by(&address.url(), RedisOptions::default(), 1).await;
    for n in 0..50 {
        pair_at(&client, n, Durability::Replicated(1)).await;
    }
    let keys = SequenceId::Keys(TABLE);
    let given = rome_store::Store::reserve(&client.store, keys, 64).await.unwrap();
    primary.kill();
    address.promote(&replica).await;
    pair(&client, 50).await;
    assert_eq!(whole(&replica, 2).await, 51);
    assert!(rome_store::Store::reserve(&client.store, keys, 1).await.unwrap() > given + 63);
}

/// A primary that does not know that it was replaced goes on; what it takes is lost, whole transactions each.
#[tokio::test]
async fn what_a_replaced_primary_still_took_is_lost() {
    let mut primary = LocalServer::with(&["--repl-diskless-sync-delay", "0"]);
    let replica = replica_of(&primary).await;
    let address = Address::of(&primary).await;
    let client = Client::by(&address.url(), RedisOptions::default(), 1).await;
    for n in 0..50 {
        pair_at(&client, n, Durability::Replicated(1)).await;
    }
    address.promote(&replica).await;
    for n in 50..60 {
        pair(&client, n).await;
    }
    assert_eq!((whole(&primary, 3).await, whole(&replica, 2).await), (60, 50));
    primary.kill();
    pair(&client, 60).await;
    assert_eq!(whole(&replica, 4).await, 51);
}

/// `min-replicas-to-write` refuses before anything is done, where `Replicated` finds out afterwards.
#[tokio::test]
async fn a_server_can_be_told_to_take_no_writes_without_replicas() {
    let server = LocalServer::start();
    let client = open(&server).await;
    ask::<()>(&mut raw(&server).await, "CONFIG SET min-replicas-to-write 1").await;
    let error = client.apply(client.tx(vec![add("n", 1)])).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Unavailable, Certainty::NotApplied), "{error}");
    assert!(error.to_string().contains("NOREPLICAS"), "{error}");
    assert_eq!(client.sum("n").await, 0);
}

#[tokio::test]
async fn databases_on_one_server_know_nothing_of_each_other_and_are_removed_by_their_keys() {
    let server = LocalServer::start();
    let of = async |name: &str| Client::by(&server.url(), RedisOptions::default().prefix(name), 1).await;
    let (one, two) = (of("one").await, of("two").await);
    pair(&one, 1).await;
    pair(&two, 1).await;
    let mut admin = raw(&server).await;
    let keys = ask::<Vec<String>>(&mut admin, "KEYS {one.0}:*").await;
    // One of them can be copied to another server alone.
    let spare = LocalServer::start();
    for key in &keys {
        ask::<()>(&mut admin, &format!("MIGRATE 127.0.0.1 {} {key} 0 5000 COPY", spare.port())).await;
    }
    let copied = Client::by(&spare.url(), RedisOptions::default().prefix("one"), 2).await;
    assert_eq!(copied.sum("n").await, 1);
    pair(&copied, 2).await;
    for key in keys {
        ask::<()>(&mut admin, &format!("UNLINK {key}")).await;
    }
    let error = one.apply(one.tx(vec![add("n", 1)])).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Gone, "{error}");
    assert_eq!(two.sum("n").await, 1);
    assert_eq!(of("one").await.sum("n").await, 0);
}
