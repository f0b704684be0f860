//! The access rules that `docs/running-on-redis.md` gives for a cluster: all that the store does works with them, what they have beyond those for one
//! server is needed, and other databases are closed.
#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use harness::*;
use rome_conformance::Subject;
use rome_redis::testkit::LocalCluster;
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{
    ApplyOptions, Decision, Durability, MiniTx, Partition, Read, SequenceId, Span, Step, Store, StoreResult, TxId,
};

const P: u32 = 3;

/// The rules of the page, for a user and a database of the same name.
fn rules(name: &str) -> Vec<String> {
    let page = include_str!("../../docs/running-on-redis.md");
    let rules = page.split("ACL SETUSER app ").nth(2).unwrap().split("```").next().unwrap();
    let rules = rules.replace("{rome.", &format!("{{{name}."));
    rules.split_whitespace().map(str::to_owned).collect()
}

/// Each node has users of its own.
fn allow(cluster: &LocalCluster, name: &str, rules: &[String]) {
    (0..cluster.len()).for_each(|node| cluster.ask(node, &format!("ACL SETUSER {name} {}", rules.join(" "))));
}

async fn open(cluster: &LocalCluster, name: &str, options: RedisOptions) -> StoreResult<RedisStore> {
    let url = cluster.url().replace("://", &format!("://{name}:PASSWORD@"));
    RedisStore::open_with(&url, options.prefix(name).partitions(P)).await
}

/// The commands that users were refused.
fn refused(cluster: &LocalCluster) -> Vec<String> {
    let log = |node| cluster.ask::<Vec<HashMap<String, redis::Value>>>(node, "ACL LOG");
    let object = |mut entry: HashMap<String, redis::Value>| {
        redis::from_redis_value::<String>(entry.remove("object").unwrap()).unwrap()
    };
    let refused = (0..cluster.len()).flat_map(log).map(object);
    // Newer servers are told the name of the client library, which is of no use but to people.
    refused.filter(|command| command.split('|').next() != Some("client")).collect()
}

/// Databases whose users have nothing but the rules.
struct Ruled;

struct Place {
    cluster: Arc<LocalCluster>,
    name: String,
}

impl Subject for Ruled {
    type Place = Place;

    fn place(&self) -> Place {
        static CLUSTER: Mutex<Weak<LocalCluster>> = Mutex::new(Weak::new());
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut shared = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = shared.upgrade().unwrap_or_else(|| Arc::new(LocalCluster::start()));
        *shared = Arc::downgrade(&cluster);
        let name = format!("ruled{}", NEXT.fetch_add(1, Ordering::Relaxed));
        allow(&cluster, &name, &rules(&name));
        Place { cluster, name }
    }

    async fn open(&self, place: &Place) -> StoreResult<Arc<dyn Store>> {
        Ok(Arc::new(open(&place.cluster, &place.name, RedisOptions::default()).await?))
    }
}

mod all_laws_hold {
    rome_conformance::suite!(super::Ruled);
    rome_conformance::workloads!(super::Ruled);
}

/// Does what the store does on a cluster: makes a database, writes at all partitions, waits for replicas, prepares and finishes, meets what is prepared,
/// and follows slots that are on the move, that have moved, and to a replica that took over.
async fn use_it(cluster: &LocalCluster, name: &str, rules: &[String]) -> StoreResult<()> {
    allow(cluster, name, rules);
    let options = RedisOptions::default().patience(Duration::from_secs(3));
    let store = open(cluster, name, options).await?;
    let one = |lane, seq| MiniTx::one(TxId { lane, seq }).effects(vec![put(ROWS, "a", "1"), add("n", 1)]);
    let everywhere = |seq| (0..P).map(|partition| (Partition(partition), one(1, seq))).collect();
    store.apply(everywhere(1), ApplyOptions::new(Durability::Replicated(1))).await?;
    let prepare = Step::Prepare { primary: Partition(0), lease: 1 };
    store.apply(vec![(Partition(1), one(2, 1).step(prepare))], ApplyOptions::new(Durability::Local)).await?;
    store.read(&[(Partition(1), vec![Read::count(Span::all(ROWS))])], rome_store::ReadOptions::new()).await?;
    let finish = MiniTx::one(TxId { lane: 2, seq: 1 }).step(Step::Finish(Decision::Committed));
    store.apply(vec![(Partition(1), finish)], ApplyOptions::new(Durability::Local)).await?;
    store.reserve(SequenceId::Keys(TABLE), 1).await?;

    let slot: u16 = cluster.ask(0, &format!("CLUSTER KEYSLOT {{{name}.0}}:m"));
    let from = cluster.serving(slot);
    let to = (0..cluster.len()).find(|node| *node != from && cluster.is_primary(*node)).unwrap();
    cluster.begin_move(slot, from, to);
    while cluster.move_keys(slot, from, to, 10) > 0 {}
    let asked = store.apply(everywhere(2), ApplyOptions::new(Durability::Local)).await;
    cluster.end_move(slot, from, to);
    asked?;
    store.apply(everywhere(3), ApplyOptions::new(Durability::Local)).await?;
    cluster.fail_over(cluster.replica_of(to), "");
    cluster.wait_until_ok();
    store.apply(everywhere(4), ApplyOptions::new(Durability::Local)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_with_the_rules_and_something_is_without_those_for_a_cluster() {
    let cluster = LocalCluster::start();
    use_it(&cluster, "all", &rules("all")).await.unwrap();
    assert_eq!(refused(&cluster), [""; 0]);
    for (n, command) in ["asking", "cluster|slots", "cluster|info", "time", "wait"].into_iter().enumerate() {
        let name = format!("without{n}");
        let without: Vec<_> = rules(&name).into_iter().filter(|rule| rule[1..] != *command).collect();
        assert_eq!(without.len() + 1, rules(&name).len(), "{command} is in the rules");
        let used = use_it(&cluster, &name, &without).await;
        let refused = refused(&cluster);
        assert!(refused.iter().any(|refused| refused == command), "+{command} is not needed: {refused:?}, {used:?}");
        (0..cluster.len()).for_each(|node| cluster.ask(node, "ACL LOG RESET"));
    }
}

#[tokio::test]
async fn another_database_is_closed() {
    let cluster = LocalCluster::with(3, 0, &[]);
    allow(&cluster, "app", &rules("app"));
    RedisStore::open(&format!("{}?prefix=other&partitions=3", cluster.url())).await.unwrap();
    let url = cluster.url().replace("://", "://app:PASSWORD@");
    let opened = RedisStore::open(&format!("{url}?prefix=other")).await.map(drop);
    assert!(opened.unwrap_err().to_string().contains("NOPERM"));
    // One whose name begins with that of the database is another one, too.
    let opened = RedisStore::open(&format!("{url}?prefix=app2&partitions=3")).await.map(drop);
    assert!(opened.unwrap_err().to_string().contains("NOPERM"));
}
