//! Servers and requests that cannot do: clear errors, and nothing lost.
#![allow(clippy::unwrap_used)]

mod harness;

use harness::*;
use rome_redis::testkit::LocalServer;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    Applied, Certainty, Durability, Partition, Read, ReadOptions, Space, Span, Store, StoreError, StoreErrorKind,
    StoreResult, TableId,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

async fn refusal(url: &str) -> StoreError {
    let soon = std::time::Duration::from_secs(2);
    let options = RedisOptions::default().patience(soon).connect_timeout(soon);
    RedisStore::open_with(url, options).await.map(|_| ()).unwrap_err()
}

async fn is_refused(url: &str, kind: StoreErrorKind, words: &[&str]) {
    let error = refusal(url).await;
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

#[tokio::test]
async fn wrong_passwords_and_users_are_named_as_such() {
    let server = LocalServer::with(&["--requirepass", "secret"]);
    let port = server.port();
    for user in ["", ":wrong@", "nobody:secret@"] {
        is_refused(&format!("redis://{user}127.0.0.1:{port}"), StoreErrorKind::Denied, &["user", "password"]).await;
    }
    assert!(RedisStore::open(&format!("redis://:secret@127.0.0.1:{port}")).await.is_ok());
    assert!(RedisStore::open(&format!("redis://default:secret@127.0.0.1:{port}")).await.is_ok());
}

#[tokio::test]
async fn a_database_that_is_not_there_and_a_server_that_is_not_there() {
    let mut server = LocalServer::start();
    is_refused(&format!("{}/99", server.url()), StoreErrorKind::Invalid, &["databases"]).await;
    is_refused("redis://127.0.0.1:port", StoreErrorKind::Invalid, &["redis://"]).await;
    server.kill();
    is_refused(&server.url(), StoreErrorKind::Unavailable, &["connection refused by 127.0.0.1"]).await;
}

#[tokio::test]
async fn tls_and_no_tls_are_told_apart() {
    let plain = LocalServer::start();
    let url = plain.url().replace("redis:", "rediss:");
    is_refused(&url, StoreErrorKind::Unavailable, &["does not speak TLS", "`redis://`"]).await;

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let (ca, cert, key) = (format!("{folder}/ca.pem"), format!("{folder}/server.pem"), format!("{folder}/server.key"));
    let server = LocalServer::with(&[
        "--port",
        "0",
        "--tls-port",
        "{port}",
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
    ]);
    is_refused(&server.url(), StoreErrorKind::Unavailable, &["rediss://"]).await;
    let url = format!("rediss://localhost:{}", server.port());
    is_refused(&url, StoreErrorKind::Invalid, &["not trusted", "ca="]).await;
    is_refused(&format!("{url}?ca=/no/such.pem"), StoreErrorKind::Invalid, &["/no/such.pem"]).await;
    let client = Client::by(&format!("{url}?ca={ca}"), RedisOptions::default(), 1).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    assert_eq!(client.get(ROWS, "a").await.unwrap(), "1");
}

/// As far as a client sees before it is refused, this is a server of that version.
async fn old_server(version: &'static str) -> u16 {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut lines = BufReader::new(client).lines();
            let info = format!("redis_version:{version}\r\nrun_id:0123456789012345678901\r\nrole:master\r\n");
            // Of each command, the number of its words, and before each word its length.
            while let Ok(Some(line)) = lines.next_line().await {
                let Some(words) = line.strip_prefix('*').and_then(|words| words.parse::<usize>().ok()) else { break };
                let mut command = Vec::new();
                for _ in 0..2 * words {
                    command.extend(lines.next_line().await.ok().flatten());
                }
                let reply = match command.get(1).map(String::as_str) {
                    Some("INFO") => format!("${}\r\n{info}\r\n", info.len()),
                    Some("CONFIG") => "*0\r\n".to_owned(),
                    _ => "+OK\r\n".to_owned(),
                };
                lines.get_mut().write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_by_its_version() {
    for version in ["2.8.4", "5.0.6", "6.0.16"] {
        let port = old_server(version).await;
        let words = [version, "6.2 or newer"];
        is_refused(&format!("redis://127.0.0.1:{port}"), StoreErrorKind::Unsafe, &words).await;
    }
}

#[tokio::test]
async fn a_server_that_evicts_is_refused_by_the_name_of_its_setting() {
    let server = LocalServer::with(&["--maxmemory-policy", "allkeys-lru"]);
    is_refused(&server.url(), StoreErrorKind::Unsafe, &["maxmemory-policy", "allkeys-lru", "noeviction"]).await;
}

#[tokio::test]
async fn replicas_and_cluster_nodes_are_refused() {
    let primary = LocalServer::start();
    let replica = LocalServer::with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    is_refused(&replica.url(), StoreErrorKind::Unavailable, &["replicaof"]).await;
    let node = LocalServer::with(&["--cluster-enabled", "yes"]);
    is_refused(&node.url(), StoreErrorKind::Invalid, &["cluster-enabled"]).await;
}

#[tokio::test]
async fn keys_of_others_are_left_alone() {
    let server = LocalServer::start();
    let mut raw = raw(&server).await;
    ask::<()>(&mut raw, "SET {rome.0}:x 1").await;
    is_refused(&server.url(), StoreErrorKind::Invalid, &["{rome.0}:x", "prefix"]).await;
    ask::<()>(&mut raw, "SET {string.0}:m 1").await;
    is_refused(&format!("{}?prefix=string", server.url()), StoreErrorKind::Invalid, &["{string.0}:m"]).await;
    ask::<()>(&mut raw, "HSET {hash.0}:m seq 1").await;
    is_refused(&format!("{}?prefix=hash", server.url()), StoreErrorKind::Invalid, &["{hash.0}:m"]).await;
    ask::<()>(&mut raw, "HSET {newer.0}:m format 99 id x").await;
    is_refused(&format!("{}?prefix=newer", server.url()), StoreErrorKind::Invalid, &["format 99"]).await;
    assert_eq!(ask::<u32>(&mut raw, "DBSIZE").await, 4);
    assert!(RedisStore::open(&format!("{}?prefix=other", server.url())).await.is_ok());
    assert!(RedisStore::open(&format!("{}/1", server.url())).await.is_ok());
}

#[tokio::test]
async fn a_key_of_the_wrong_type_tears_nothing() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    let mut raw = raw(&server).await;
    ask::<()>(&mut raw, "SET {rome.0}:t9 1").await;
    let tx = client.tx(vec![put(ROWS, "b", "1"), put(Space::Rows(TableId(9)), "x", "1"), add("n", 1)]);
    let error = client.apply(tx.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Corrupt, Certainty::NotApplied), "{error}");
    assert_eq!((client.get(ROWS, "b").await, client.sum("n").await), (None, 0));
    ask::<()>(&mut raw, "DEL {rome.0}:t9").await;
    assert_eq!(client.apply(tx).await.unwrap(), Applied::Done { seq: 2 });
}

#[tokio::test]
async fn a_database_that_was_removed_is_not_made_again_behind_its_back() {
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    ask::<()>(&mut raw(&server).await, "FLUSHALL").await;
    let gone = |result: StoreResult<()>| {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Gone, Certainty::NotApplied), "{error}");
        assert!(error.to_string().contains("gone"), "{error}");
    };
    gone(client.read(vec![]).await.map(|_| ()));
    let get = Read::Get { space: ROWS, key: "a".into() };
    for reads in [vec![get.clone()], vec![get.clone(), get], vec![Read::count(Span::all(ROWS))]] {
        for consistency in [ReadOptions::new(), ReadOptions::new().tracked(false)] {
            gone(client.store.read(&[(Partition(0), reads.clone())], consistency).await.map(|_| ()));
        }
    }
    gone(client.apply(client.tx(vec![put(ROWS, "a", "1")])).await.map(|_| ()));
    let lanes = rome_store::SequenceId::Lanes;
    gone(client.store.reserve(lanes, 1).await.map(|_| ()));
    assert_eq!(ask::<u32>(&mut raw(&server).await, "DBSIZE").await, 0);

    // Once someone else has made a new one, the old handle must not write into it.
    let other = Client::by(&server.url(), RedisOptions::default(), 2).await;
    other.write(vec![put(ROWS, "b", "1")]).await;
    assert_eq!(client.apply(client.tx(vec![put(ROWS, "a", "1")])).await.unwrap(), Applied::Fenced);
}

#[tokio::test]
async fn what_one_server_cannot_give_is_refused_before_anything_is_sent() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let error = client.apply_at(client.tx(vec![add("n", 1)]), Durability::ReplicatedLocal(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Invalid, Certainty::NotApplied), "{error}");
    let step = rome_store::Step::Push { abort: false };
    let tx = client.tx(vec![add("n", 1)]).step(step);
    assert_eq!(client.apply(tx).await.unwrap_err().kind(), StoreErrorKind::Invalid);
    let there = client.tx(vec![put(ROWS, "there", "1")]);
    let same = rome_store::Check::Version { space: ROWS, key: "there".into(), expect: Some(there.id) };
    assert!(matches!(client.apply(there).await.unwrap(), Applied::Done { .. }));
    let tx = |n| client.tx(vec![add("m", 1)]).reads(vec![same.clone(); n]);
    assert!(matches!(client.apply(tx(430_000)).await.unwrap(), Applied::Done { .. }));
    let error = client.apply(tx(440_000)).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (StoreErrorKind::Limit, Certainty::NotApplied), "{error}");
    let elsewhere = [(rome_store::Partition(1), vec![])];
    let error = client.store.read(&elsewhere, Default::default()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert_eq!(client.sum("n").await, 0);
}
