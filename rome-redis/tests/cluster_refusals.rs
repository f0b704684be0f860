//! Clusters whose nodes speak TLS, are full, or forget scripts: clear errors, and nothing lost.
#![allow(clippy::unwrap_used)]

mod harness;

use std::time::Duration;

use harness::*;
use rome_redis::testkit::LocalCluster;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, ApplyOptions, Certainty, Decision, Durability, MiniTx, Partition, Read, ReadOptions, Reply, Span, Step,
    Store, StoreErrorKind, TxId,
};

const P: u32 = 6;

async fn store(cluster: &LocalCluster) -> RedisStore {
    RedisStore::open_with(&cluster.url(), RedisOptions::default().partitions(P)).await.unwrap()
}

async fn apply(store: &RedisStore, partition: u32, tx: MiniTx) -> rome_store::StoreResult<Applied> {
    Ok(store.apply(vec![(Partition(partition), tx)], ApplyOptions::new(Durability::default())).await?.remove(0))
}

/// The number of rows of each partition.
async fn rows(store: &RedisStore) -> Vec<u64> {
    let batch: Vec<_> = (0..P).map(|partition| (Partition(partition), vec![Read::count(Span::all(ROWS))])).collect();
    let replies = store.read(&batch, ReadOptions::new()).await.unwrap();
    let rows = |reply: &rome_store::ReadReply| match reply.replies[..] {
        [Reply::Count(ref rows)] => rows.n,
        ref other => panic!("{other:?}"),
    };
    replies.iter().map(rows).collect()
}

#[tokio::test]
async fn a_cluster_speaks_tls() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let (ca, cert, key) = (format!("{folder}/ca.pem"), format!("{folder}/server.pem"), format!("{folder}/server.key"));
    let files = ["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let settings =
        ["--tls-port", "{tls}", "--tls-auth-clients", "no", "--tls-cluster", "yes", "--tls-replication", "yes"];
    // The kit asks the nodes without TLS.
    let cluster = LocalCluster::with(3, 3, &[&settings[..], &files].concat());
    let node = |node: usize| format!("127.0.0.1:{}", cluster.node(node).tls_port());
    let url = format!("rediss-cluster://{},{}", node(0), node(1));
    let soon = || RedisOptions::default().patience(Duration::from_secs(2));
    let error = RedisStore::open_with(&url, soon()).await.unwrap_err();
    assert!(error.kind() == StoreErrorKind::Invalid && error.to_string().contains("ca="), "{error}");
    let error = RedisStore::open_with(&url.replace("rediss", "redis"), soon()).await.unwrap_err();
    assert!(error.to_string().contains("rediss://"), "{error}");

    let store = RedisStore::open_with(&format!("{url}?ca={ca}"), RedisOptions::default().partitions(P)).await.unwrap();
    for partition in 0..P {
        let tx = MiniTx::one(TxId { lane: 1, seq: 1 }).effects(vec![put(ROWS, "a", "1")]);
        let applied =
            store.apply(vec![(Partition(partition), tx)], ApplyOptions::new(Durability::Replicated(1))).await.unwrap();
        assert!(matches!(applied[..], [Applied::Done { .. }]), "{applied:?}");
    }
    assert_eq!(rows(&store).await, [1; P as usize]);
    // All nodes are reached by TLS, also those that the URL does not name.
    for node in 0..3 {
        let clients: String = cluster.ask(node, "CLIENT LIST TYPE normal");
        let port = |port: u16| format!("laddr=127.0.0.1:{port} ");
        let by_tls = clients.matches(&port(cluster.node(node).tls_port())).count();
        let plain = clients.matches(&port(cluster.node(node).port())).count();
        // The question itself comes without.
        assert!(by_tls >= 1 && plain == 1, "node {node}: {clients}");
    }
    let replica = cluster.replica_of(0);
    cluster.fail_over(replica, "");
    let tx = |partition: u32| {
        MiniTx::one(TxId { lane: 2, seq: u64::from(partition) + 1 }).effects(vec![put(ROWS, "b", "1")])
    };
    for partition in 0..P {
        assert!(matches!(apply(&store, partition, tx(partition)).await.unwrap(), Applied::Done { .. }));
    }
    assert_eq!(rows(&store).await, [2; P as usize]);
}

/// A transaction over several partitions of which one has no memory left does nothing, and holds nothing up.
#[tokio::test]
async fn a_full_node_refuses_writes_whole_and_the_others_go_on() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let store = store(&cluster).await;
    let id = |seq| TxId { lane: 1, seq };
    let effects = || vec![put(ROWS, "a", "1"), add("n", 1)];
    let serving = |partition: u32| {
        let names: Vec<String> = (0..3).flat_map(|node| cluster.ask::<Vec<String>>(node, "KEYS {rome.*:m")).collect();
        let of = |name: &&String| name[6..].split(['/', '}']).next().unwrap() == partition.to_string();
        let tag = names.iter().find(of).unwrap();
        cluster.serving(cluster.ask(0, &format!("CLUSTER KEYSLOT {tag}")))
    };
    for partition in 0..P {
        apply(&store, partition, MiniTx::one(id(1)).effects(effects())).await.unwrap();
    }
    let full = serving(1);
    let other = (0..P).find(|partition| serving(*partition) != full).unwrap();
    let prepare = Step::Prepare { primary: Partition(other), lease: 60_000 };
    let prepared = MiniTx::one(id(2)).step(prepare).effects(vec![put(ROWS, "b", "1")]);
    apply(&store, 1, prepared.clone()).await.unwrap();
    let decided = TxId { lane: 2, seq: 1 };
    let large = vec![put(ROWS, "d", vec![b'x'; 10_000])];
    apply(&store, 1, prepared.clone().id(decided).effects(large)).await.unwrap();

    cluster.ask::<()>(full, "CONFIG SET maxmemory 1");
    let error = apply(&store, 1, MiniTx::one(id(3)).effects(effects())).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{error}");
    assert!(error.to_string().contains("maxmemory"), "{error}");
    let refused = prepared.id(id(4)).effects(vec![put(ROWS, "c", "1")]);
    let error = apply(&store, 1, refused).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Full, Certainty::NotApplied), "{error}");
    apply(&store, other, MiniTx::one(id(5)).effects(effects())).await.unwrap();
    assert_eq!(rows(&store).await, [1; P as usize]);
    // What is decided is carried out, for its memory was taken before; what was given up lets its locks go.
    let finish = MiniTx::one(decided).step(Step::Finish(Decision::Committed));
    assert!(matches!(apply(&store, 1, finish).await.unwrap(), Applied::Done { .. }));
    let give_up = MiniTx::one(id(2)).step(Step::Finish(Decision::Aborted));
    apply(&store, 1, give_up).await.unwrap();
    cluster.ask::<()>(full, "CONFIG SET maxmemory 0");
    apply(&store, 1, MiniTx::one(id(6)).effects(vec![put(ROWS, "b", "1")])).await.unwrap();
    assert_eq!(rows(&store).await[1], 3);
}

#[tokio::test]
async fn scripts_that_all_nodes_forgot_are_loaded_again() {
    let cluster = LocalCluster::with(3, 0, &[]);
    let store = store(&cluster).await;
    for seq in 1..=3 {
        (0..3).for_each(|node| cluster.ask(node, "SCRIPT FLUSH"));
        let tx = || MiniTx::one(TxId { lane: 1, seq }).effects(vec![put(ROWS, format!("{seq}"), "1")]);
        let applied = store
            .apply((0..P).map(|p| (Partition(p), tx())).collect(), ApplyOptions::new(Durability::default()))
            .await
            .unwrap();
        assert!(applied.iter().all(|applied| matches!(applied, Applied::Done { .. })), "{applied:?}");
        assert_eq!(rows(&store).await, [seq; P as usize]);
    }
}

#[tokio::test]
async fn a_cluster_of_nodes_that_evict_is_refused() {
    let cluster = LocalCluster::with(3, 0, &["--maxmemory-policy", "allkeys-lru"]);
    let error = RedisStore::open(&cluster.url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsafe, "{error}");
    assert!(error.to_string().contains("maxmemory-policy"), "{error}");
    // One such node is enough.
    (0..2).for_each(|node| cluster.ask(node, "CONFIG SET maxmemory-policy noeviction"));
    let error = RedisStore::open(&cluster.url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsafe, "{error}");
}
