//! The access rules that `docs/running-on-redis.md` gives: all that the store does works with them, each of them is needed,
//! and nothing else can be done with them.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use harness::*;
use redis::aio::MultiplexedConnection;
use rome_conformance::Subject;
use rome_redis::testkit::LocalServer;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{Decision, Durability, Partition, Read, SequenceId, Span, Step, Store, StoreError, StoreResult};

/// The rules of the page, for a user and a database of the same name.
fn rules(name: &str) -> Vec<String> {
    let page = include_str!("../../docs/running-on-redis.md");
    let rules = page.split("ACL SETUSER app ").nth(1).unwrap().split("```").next().unwrap();
    let rules = rules.replace("{rome.", &format!("{{{name}."));
    rules.split_whitespace().map(str::to_owned).collect()
}

async fn allow(server: &LocalServer, name: &str, rules: &[String]) {
    ask::<()>(&mut raw(server).await, &format!("ACL SETUSER {name} {}", rules.join(" "))).await;
}

fn url(server: &LocalServer, name: &str, rest: &str) -> String {
    format!("redis://{name}:PASSWORD@127.0.0.1:{}/{rest}", server.port())
}

/// Databases whose users have nothing but the rules.
struct Ruled {
    always_by_script: bool,
}

struct Place {
    server: Arc<LocalServer>,
    name: String,
}

impl Subject for Ruled {
    type Place = Place;

    fn place(&self) -> Place {
        static SERVER: Mutex<Weak<LocalServer>> = Mutex::new(Weak::new());
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        let server = shared.upgrade().unwrap_or_else(|| Arc::new(LocalServer::start()));
        *shared = Arc::downgrade(&server);
        Place { server, name: format!("ruled{}", NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    async fn open(&self, place: &Place) -> StoreResult<Arc<dyn Store>> {
        allow(&place.server, &place.name, &rules(&place.name)).await;
        let mut options = RedisOptions::default().prefix(&place.name);
        options.always_by_script = self.always_by_script;
        Ok(Arc::new(RedisStore::open_with(&url(&place.server, &place.name, ""), options).await?))
    }
}

mod all_laws_hold_by_rounds {
    rome_conformance::suite!(super::Ruled { always_by_script: false });
    rome_conformance::workloads!(super::Ruled { always_by_script: false });
}

mod all_laws_hold_by_script {
    rome_conformance::suite!(super::Ruled { always_by_script: true });
}

/// Does what the store does, as a user with these rules: makes a database, writes, reads, waits for replicas, and adopts it
/// after a restart that lost something.
async fn use_it(server: &mut LocalServer, rules: &[String]) -> StoreResult<()> {
    let soon = Duration::from_millis(20);
    let open = async |server: &LocalServer, lane| {
        allow(server, "app", rules).await;
        let options = RedisOptions::default().replica_timeout(soon).patience(25 * soon);
        let store = RedisStore::open_with(&url(server, "app", "1"), options).await?;
        Ok::<_, StoreError>(Client::new(store, lane))
    };
    let client = open(server, 1).await?;
    let row = [put(ROWS, "a", "1"), put(INDEX, entry(b"x", b"a"), ""), add("n", 1)];
    client.apply(client.tx(row.to_vec())).await?;
    client.apply(client.tx(vec![put(ROWS, "b", "1"), delete(ROWS, "a"), delete(INDEX, entry(b"x", b"a"))])).await?;
    let index_get = |key: &'static [u8]| Read::Get { space: INDEX, key: entry(b"x", key) };
    let scan = Read::Scan { span: Span::all(ROWS), filter: None, want: None, track: true };
    client.read(vec![scan, Read::count(Span::all(INDEX)), index_get(b"a"), index_get(b"b")]).await?;
    client.read(["a", "b"].map(|key| Read::Get { space: ROWS, key: key.into() }).to_vec()).await?;
    let count = Span::all(ROWS);
    let checked = client.tx(vec![add("n", 1)]).reads(vec![rome_store::Check::Count { span: count, n: 1 }]);
    client.apply(checked).await?;
    let absent = rome_store::Check::Version { space: ROWS, key: "c".into(), expect: None };
    let inserted = client.tx(vec![put(ROWS, "c", "1")]);
    client.apply(inserted.checks(vec![absent])).await?;
    let prepare = Step::Prepare { primary: Partition(0), lease: 1000 };
    let prepared = client.tx(vec![add("n", 1)]).step(prepare);
    let finish = client.tx(vec![]).step(Step::Finish(Decision::Committed));
    let finish = finish.id(prepared.id);
    client.apply(prepared).await?;
    client.apply(finish).await?;
    client.store.reserve(SequenceId::Keys(TABLE), 1).await?;
    // There is no replica, and the answer says so where it may be asked for.
    let waited = client.apply_at(client.tx(vec![add("n", 1)]), Durability::Replicated(1)).await.unwrap_err();
    if !waited.to_string().contains("0 of 1 replicas") {
        return Err(waited);
    }
    ask::<()>(&mut raw(server).await, "SAVE").await;
    server.kill();
    server.restart();
    open(server, 2).await.map(drop)
}

/// The commands that users were refused.
async fn refused(server: &LocalServer) -> Vec<String> {
    let log: Vec<std::collections::HashMap<String, redis::Value>> = {
        let mut admin = raw(server).await;
        redis::cmd("ACL").arg("LOG").query_async(&mut admin).await.unwrap()
    };
    let object = |mut entry: std::collections::HashMap<String, redis::Value>| {
        redis::from_redis_value::<String>(entry.remove("object").unwrap()).unwrap()
    };
    // Newer servers are told the name of the client library, which is of no use but to people.
    log.into_iter().map(object).filter(|command| command.split('|').next() != Some("client")).collect()
}

#[tokio::test]
async fn nothing_is_refused_with_the_rules_and_something_is_without_any_of_them() {
    let all = rules("rome");
    let mut server = LocalServer::start();
    use_it(&mut server, &all).await.unwrap();
    assert_eq!(refused(&server).await, [""; 0]);

    let commands: Vec<_> = all.iter().filter_map(|rule| rule.strip_prefix('+')).collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let without: Vec<_> = all.iter().filter(|rule| rule[1..] != *command).cloned().collect();
        let mut server = LocalServer::start();
        let used = use_it(&mut server, &without).await;
        let refused = refused(&server).await;
        assert!(refused.iter().any(|refused| refused == command), "+{command} is not needed: {refused:?}, {used:?}");
        // Without this one it can do all that it does, and does not know how safe its writes are.
        assert_eq!(used.is_ok(), command == "config|get", "without +{command}: {used:?}");
    }
}

/// What is needed only to make a database can be taken away from then on.
#[tokio::test]
async fn listing_keys_is_needed_only_to_make_a_database() {
    let server = LocalServer::start();
    let without: Vec<_> = rules("rome").into_iter().filter(|rule| rule != "+scan").collect();
    allow(&server, "app", &without).await;
    let url = url(&server, "app", "");
    let opened = RedisStore::open(&url).await.map(drop);
    assert!(opened.unwrap_err().to_string().contains("list its keys"));
    RedisStore::open(&server.url()).await.unwrap();
    let client = Client::by(&url, RedisOptions::default(), 1).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    assert_eq!(refused(&server).await, ["scan"]);
}

async fn as_app(server: &LocalServer) -> MultiplexedConnection {
    redis::Client::open(url(server, "app", "")).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn nothing_else_can_be_done_with_the_rules() {
    let server = LocalServer::start();
    allow(&server, "app", &rules("rome")).await;
    let other = Client::by(&server.url(), RedisOptions::default().prefix("other"), 1).await;
    other.write(vec![put(ROWS, "secret", "1")]).await;
    let opened = RedisStore::open(&url(&server, "app", "?prefix=other")).await.map(drop);
    assert!(opened.unwrap_err().to_string().contains("NOPERM"));

    let mut app = as_app(&server).await;
    let steal = "return redis.call('HGET', '{other.0}:m', 'id')";
    let hash: String = redis::cmd("SCRIPT").arg("LOAD").arg(steal).query_async(&mut app).await.unwrap();
    let stolen = format!("EVALSHA {hash} 0");
    let commands = [
        "HGET {other.0}:m id",
        "HSET {other.0}:m id x",
        "FLUSHALL",
        "FLUSHDB",
        "KEYS *",
        "DEL {rome.0}:m",
        "CONFIG SET maxmemory-policy allkeys-lru",
        "CONFIG REWRITE",
        "SCRIPT FLUSH",
        "SHUTDOWN NOSAVE",
        "REPLICAOF NO ONE",
        "ACL LIST",
        "MONITOR",
        &stolen,
    ];
    for command in commands {
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        words.for_each(|word| _ = cmd.arg(word));
        let error = cmd.exec_async(&mut app).await.unwrap_err().to_string();
        let told = ["NOPERM", "NoPerm", "can't run", "no permissions", "can't access"];
        assert!(told.iter().any(|words| error.contains(words)), "{command}: {error}");
    }
    assert_eq!(other.get(ROWS, "secret").await.unwrap(), "1");
}
