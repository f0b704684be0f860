//! What is told by `tracing`: each call of the store with what it read, transactions with their attempts, slow queries
//! without their values, and passwords never.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rome_orm::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id as SpanId, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::stores::{open, places, places_of_one_partition};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u32,
    name: String,
    #[rome(index)]
    age: u32,
}

fn dog(id: u32) -> Dog {
    Dog { id, name: format!("secret name {id}"), age: id }
}

rome_orm::alias!(Older = Dog);

/// How many dogs are of the age that is the key of a dog below ten.
async fn db_join(db: &Database) -> usize {
    let pairs = db.query::<Dog>().filter(Dog::AGE.lt(9)).join(Dog::ID.on::<Older, _>(Older::of(Dog::AGE)));
    pairs.order_by(Older::of(Dog::NAME).asc()).limit(100).all().await.unwrap().len()
}

/// Keeps the events of this thread, each as one line: target, then its fields.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Captured {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> SpanId {
        SpanId::from_u64(1)
    }

    fn record(&self, _: &SpanId, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &SpanId, _: &SpanId) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &SpanId) {}

    fn exit(&self, _: &SpanId) {}
}

impl Captured {
    /// The lines of a target since the last call of this.
    fn taken(&self, target: &str) -> Vec<String> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.into_iter().filter(|line| line.contains(&format!(" {target}"))).collect()
    }

    fn listens() -> (Self, tracing::subscriber::DefaultGuard) {
        let captured = Self::default();
        let guard = tracing::subscriber::set_default(captured.clone());
        (captured, guard)
    }
}

#[track_caller]
fn assert_has(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

#[tokio::test]
async fn each_call_of_the_store_is_one_event_with_names_and_numbers_and_no_values() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Dog]);
        db.insert_many((0..20).map(dog)).await.unwrap();
        let young = db.query::<Dog>().filter(Dog::AGE.lt(10)).filter(Dog::NAME.ne("secret name 3"));
        young.all().await.unwrap();
        let (captured, _guard) = Captured::listens();
        assert_eq!(young.all().await.unwrap().len(), 9);
        let lines = captured.taken("rome_orm::store");
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert_has(line, &["DEBUG", "message=read", "\"dogs, dogs.by_age\"", "rows=10", "entries=10", "returned="]);
        assert!(!line.contains("secret") && !line.contains("blocker") && !line.contains("error"), "{line}");
        db.insert(dog(77)).await.unwrap();
        let lines = captured.taken("rome_orm::store");
        let apply = lines.iter().find(|line| line.contains("message=apply")).unwrap();
        assert_has(apply, &["\"dogs, dogs.by_age\"", "partitions=1", "effects=", "outcomes=\"done\""]);
        assert!(!apply.contains("secret"), "{apply}");
    }
}

#[tokio::test]
async fn a_transaction_tells_its_attempts_and_what_was_in_its_way() {
    for place in places() {
        println!("on {}", place.name);
        let db = open!(place, [Dog]);
        db.insert(dog(1)).await.unwrap();
        let (captured, _guard) = Captured::listens();
        let first = std::sync::atomic::AtomicBool::new(true);
        let (meddler, first) = (&db, &first);
        db.transaction(async move |s| {
            let rex = s.get::<Dog>(1).await?.ok_or_not_found()?;
            if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                meddler.update(&Dog { age: 50, ..dog(1) }).await?;
            }
            s.update(&Dog { age: 60, ..rex }).await.map(drop)
        })
        .await
        .unwrap();
        let lines = captured.taken("rome_orm::transaction");
        assert!(
            lines.iter().any(|line| line.contains("message=tried again") && line.contains("attempt=1")),
            "{lines:?}"
        );
        let last = lines.last().unwrap();
        assert_has(last, &["message=ended", "end=Committed", "attempts=2"]);
        assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:?}");
    }
}

#[tokio::test]
async fn slow_queries_are_warned_of_without_values_unless_those_are_wanted() {
    for place in places() {
        println!("on {}", place.name);
        let (captured, _guard) = Captured::listens();
        let builder = Database::builder().entity::<Dog>();
        let store = place.open().await;
        let patient = builder.clone().slow_query_threshold(None).open(store.clone()).await.unwrap();
        let strict = builder.clone().slow_query_threshold(Some(Duration::ZERO)).open(store.clone()).await.unwrap();
        let open = builder.slow_query_threshold(Some(Duration::ZERO)).show_values(true).open(store).await.unwrap();
        strict.insert_many((0..20).map(dog)).await.unwrap();
        captured.taken("");
        let queried = async |db: &Database| {
            let named =
                Dog::NAME.eq("secret name 3") | Dog::NAME.is_in(["secret", "name"]) | Dog::NAME.like("%secret%");
            let query = db.query::<Dog>().filter(Dog::AGE.lt(10)).filter(named).order_by(Dog::AGE.desc()).limit(5);
            query.all().await.unwrap();
            query.count().await.unwrap();
            captured.taken("rome_orm::query")
        };
        assert_eq!(queried(&patient).await, Vec::<String>::new());
        let lines = queried(&strict).await;
        let [all, count] = lines.as_slice() else { panic!("{lines:?}") };
        let text = "dogs where age < ? and (name = ? or name in (?) or name like ?) order by age desc limit 5";
        assert_has(all, &["WARN", "a query is slow", &format!("query=\"{text}\""), "elapsed="]);
        assert_has(count, &["count of dogs where age < ?"]);
        assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:?}");
        let lines = queried(&open).await;
        assert_has(
            &lines[0],
            &["age < 10 and (name = 'secret name 3' or name in ('name', 'secret') or name like '%secret%')"],
        );
        let older = db_join(&strict).await;
        assert_eq!(older, 9);
        let lines = captured.taken("rome_orm::query");
        assert_has(&lines[0], &["query=\"dogs join Older where dogs.age < ? order by Older.name asc limit 100\""]);
    }
}

#[tokio::test]
async fn passwords_are_in_no_event_and_in_no_error() {
    let (captured, _guard) = Captured::listens();
    // A port on which nobody listens, an unknown scheme, and URLs that cannot be read.
    for url in [
        "redis://user:hunter2@127.0.0.1:1/",
        "redis-cluster://user:hunter2@127.0.0.1:1/?partitions=4",
        "redis://user:hunter2@127.0.0.1:99999/",
        "redis://user:hunter2@127.0.0.1:1/?durability=hunter",
        "redis://:hunter2@:x/",
    ] {
        let error = match rome_redis::RedisStore::open(url).await {
            Ok(_) => panic!("{url} was opened"),
            Err(error) => rome_orm::Error::from(error),
        };
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let error = Database::builder().entity::<Dog>().open("nosql://user:hunter2@host/").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    let lines = captured.taken("");
    assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:?}");
}

#[tokio::test]
async fn a_connection_that_is_made_again_is_told() {
    let server = rome_redis::testkit::LocalServer::start();
    let (captured, _guard) = Captured::listens();
    let db = Database::builder().entity::<Dog>().open(&server.url()).await.unwrap();
    db.insert(dog(1)).await.unwrap();
    let again = |lines: Vec<String>| lines.into_iter().filter(|line| line.contains("again")).collect::<Vec<_>>();
    assert_eq!(again(captured.taken("rome_redis::link")), [""; 0]);
    server.ask::<()>("CLIENT KILL TYPE normal");
    db.insert(dog(2)).await.unwrap();
    let lines = again(captured.taken("rome_redis::link"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_has(&lines[0], &["INFO", "connected again", &server.port().to_string()]);
}

#[test]
fn a_comparison_with_null_is_a_warning_that_says_where() {
    let (captured, _guard) = Captured::listens();
    let line = line!() + 1;
    drop(Dog::column("age").unwrap().eq(rome_orm::Value::Null).unwrap());
    let lines = captured.taken("rome_orm::query");
    let [warning] = lines.as_slice() else { panic!("{lines:?}") };
    assert_has(warning, &["WARN", "never true", "is_not_distinct_from", "tracing_events.rs", &format!("line={line}")]);
    drop(Dog::AGE.eq(3));
    assert!(captured.taken("rome_orm::query").is_empty());
}
