//! What programs see of a Redis server or cluster that is down, and of handles that several runtimes use.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used)]

use std::pin::Pin;
use std::time::Duration;

use rome_orm::prelude::*;
use rome_redis::testkit::{LocalCluster, LocalServer};
use tokio::time::Instant;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(unique)]
    name: String,
    #[rome(index)]
    age: Option<u32>,
}

fn dog(name: &str) -> Dog {
    Dog { name: name.into(), age: Some(3), ..Default::default() }
}

async fn open(url: &str) -> rome_orm::Result<Database> {
    Database::builder().entity::<Dog>().open(url).await
}

type Done<'d> = Pin<Box<dyn Future<Output = rome_orm::Result<()>> + 'd>>;

/// Each verb that asks the store, some of them with several calls.
fn verbs<'d>(db: &'d Database, rex: &'d Dog) -> Vec<(&'static str, Done<'d>)> {
    macro_rules! verb {
        ($name:literal, $call:expr) => {
            ($name, Box::pin(async move { $call.await.map(drop) }) as Done<'d>)
        };
    }
    vec![
        verb!("get", db.get::<Dog>(rex.id)),
        verb!("insert", db.insert(dog("Ben"))),
        verb!("insert_many", db.insert_many((0..3000).map(|n| dog(&format!("{n}"))))),
        verb!("update", db.update(rex)),
        verb!("upsert", db.upsert(rex.clone())),
        verb!("delete", db.delete(rex)),
        verb!("update_if", db.update_if::<Dog>(rex.id, (Dog::AGE.eq(3),), Dog::AGE.set(4))),
        verb!("all", db.query::<Dog>().all()),
        verb!("count", db.query::<Dog>().count()),
        verb!("group_by", db.query::<Dog>().group_by(Dog::AGE).select((Dog::AGE, count())).all()),
        verb!("page", db.query::<Dog>().order_by(Dog::AGE.asc()).page(5).fetch()),
        verb!("update_all", db.query::<Dog>().filter(Dog::AGE.gt(1)).update((Dog::AGE.set(5),))),
        verb!("delete_all", db.query::<Dog>().delete()),
        verb!("transaction", {
            let id = rex.id;
            db.transaction(async move |s| {
                let dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
                s.insert(Dog { name: "Ann".into(), ..dog }).await
            })
        }),
        verb!("check", db.admin().check()),
    ]
}

/// What no server listens for is reported within two seconds by each verb. The clock is that of the runtime, which moves on only
/// while all wait, so it counts what was waited for.
async fn each_verb_reports_it(db: &Database, rex: &Dog) {
    tokio::time::pause();
    let mut first = true;
    for (name, verb) in verbs(db, rex) {
        // So that none profits from what the one before it has found out.
        tokio::time::advance(Duration::from_secs(60)).await;
        let begun = Instant::now();
        let error = verb.await.unwrap_err();
        let waited = begun.elapsed();
        assert!(error.is_unavailable() || (error.is_outcome_unknown() && first), "{name}: {error}");
        assert!(error.to_string().starts_with("connection refused by 127.0.0.1:"), "{name}: {error}");
        assert!(!error.to_string().contains("TLS"), "{name}: {error}");
        assert!(waited < Duration::from_secs(2), "{name} waited {waited:?}");
        first = false;
    }
    // One after the other they wait once.
    tokio::time::advance(Duration::from_secs(60)).await;
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(db.get::<Dog>(rex.id).await.unwrap_err().is_unavailable());
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "twenty reads waited {:?}", begun.elapsed());
    tokio::time::resume();
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_reported_at_once_by_every_verb() {
    let mut server = LocalServer::start();
    let db = open(&server.url()).await.unwrap();
    let rex = db.insert(dog("Rex")).await.unwrap();
    server.kill();
    // It finds the connection lost, and is not of the time.
    db.get::<Dog>(rex.id).await.unwrap_err();
    each_verb_reports_it(&db, &rex).await;
}

#[tokio::test]
async fn a_cluster_that_refuses_connections_is_reported_at_once_by_every_verb() {
    let mut cluster = LocalCluster::with(3, 0, &[]);
    let db = open(&cluster.url()).await.unwrap();
    let rex = db.insert(dog("Rex")).await.unwrap();
    (0..3).for_each(|node| cluster.kill(node));
    db.query::<Dog>().all().await.unwrap_err();
    each_verb_reports_it(&db, &rex).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_opened_where_nobody_listens_is_reported_at_once() {
    // Port 1 is nobody's.
    for url in
        ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "redis-cluster://127.0.0.1:1", "rediss-cluster://127.0.0.1:1"]
    {
        let begun = Instant::now();
        let error = open(url).await.unwrap_err();
        assert!(error.is_unavailable(), "{url}: {error}");
        assert!(error.to_string().starts_with("connection refused by 127.0.0.1:1"), "{url}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{url} waited {:?}", begun.elapsed());
        for (patience, least, most) in [("0s", 0, 0), ("100ms", 50, 100), ("7s", 6000, 7000)] {
            let begun = Instant::now();
            let error = open(&format!("{url}?patience={patience}")).await.unwrap_err();
            assert!(error.to_string().starts_with("connection refused by 127.0.0.1:1"), "{url}, {patience}: {error}");
            let waited = begun.elapsed().as_millis();
            assert!((least..=most).contains(&waited), "{url} waited {waited} ms at a patience of {patience}");
        }
    }
}

/// A program that is told to be patient gets through a restart.
#[tokio::test]
async fn a_server_that_comes_back_is_waited_for_as_long_as_the_url_says() {
    let mut server = LocalServer::durable();
    let db = open(&format!("{}?patience=60s", server.url())).await.unwrap();
    let rex = db.insert(dog("Rex")).await.unwrap();
    server.kill();
    let back = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex));
    db.insert(dog("Ben")).await.unwrap();
    drop(back.await.unwrap());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A handle is tied to no runtime: not to the one that it was opened in, whether that stands still or has ended, nor to one on another
/// thread. A call that needs another runtime's connection would wait for ever; so each would end in an error here.
fn a_handle_works_in_each_runtime(url: &str) {
    let (first, second) = (runtime(), runtime());
    let db = first.block_on(open(url)).unwrap();
    let rex = first.block_on(db.insert(dog("Rex"))).unwrap();
    let work = async |name: &str| {
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap().unwrap().id, rex.id);
        db.insert(dog(name)).await.unwrap();
        db.query::<Dog>().count().await.unwrap()
    };
    // The first one stands still.
    assert_eq!(second.block_on(work("one")), 2);
    assert_eq!(first.block_on(work("two")), 3);
    assert_eq!(second.block_on(work("three")), 4);
    drop(first);
    assert_eq!(second.block_on(work("four")), 5);
    for n in 0..20 {
        assert_eq!(runtime().block_on(work(&format!("more {n}"))), 6 + n);
    }
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let work = &work;
            scope.spawn(move || {
                runtime().block_on(async {
                    for n in 0..10 {
                        work(&format!("{thread} {n}")).await;
                    }
                });
            });
        }
    });
    assert_eq!(second.block_on(db.query::<Dog>().count()).unwrap(), 25 + 40);
    // Without any of them it is refused in words.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let outside = std::pin::pin!(db.get::<Dog>(rex.id)).poll(&mut context);
    let std::task::Poll::Ready(Err(error)) = outside else { panic!("{outside:?}") };
    assert!(error.is_invalid() && error.to_string().contains("tokio runtime"), "{error}");
}

#[test]
fn a_handle_on_a_server_works_in_each_runtime() {
    let server = LocalServer::start();
    a_handle_works_in_each_runtime(&server.url());
    let clients: String = server.ask("CLIENT LIST TYPE normal");
    assert!(clients.lines().count() < 8, "connections of runtimes that have ended are open: {clients}");
}

#[test]
fn a_handle_on_a_cluster_works_in_each_runtime() {
    let cluster = LocalCluster::with(3, 0, &[]);
    a_handle_works_in_each_runtime(&cluster.url());
}
