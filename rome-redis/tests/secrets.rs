//! Passwords of URLs come out nowhere: in no error, no `Debug` and no event, whatever their characters and wherever in the URL they are.
#![allow(clippy::unwrap_used)]

mod harness;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use rome_redis::testkit::LocalServer;
use rome_redis::{RedisOptions, RedisStore};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What of a password is looked for.
const SECRET: &str = "s3cr3t";

/// Keeps the text of all events.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Passwords with characters that mean something in URLs, each at the front, inside and at the end.
fn passwords() -> Vec<String> {
    let special = "?@/#:&=%[]\\,; \"'`<>{}|^~!$*()+é\u{1}\n\0";
    let mut passwords = vec![SECRET.to_owned()];
    for character in special.chars() {
        passwords.push(format!("{character}{SECRET}"));
        passwords.push(format!("{SECRET}{character}{SECRET}"));
        passwords.push(format!("12{character}{SECRET}{character}"));
        passwords.push(format!("{SECRET}{character}"));
        for other in "?@/#:&=%".chars() {
            passwords.push(format!("1{character}{SECRET}{other}{SECRET}"));
        }
    }
    passwords
}

#[tokio::test]
async fn no_password_is_in_an_error_or_an_event() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    for (number, password) in passwords().into_iter().enumerate() {
        // To prepare TLS takes long.
        let tls = if number % 16 == 0 { &["rediss", "rediss-cluster"][..] } else { &[] };
        for scheme in ["redis", "redis-cluster", "redis:x", "unknown"].iter().chain(tls) {
            for (login, behind) in [
                (format!("{password}@"), "127.0.0.1:1?patience=0s"),
                (format!(":{password}@"), "127.0.0.1:1?patience=0s"),
                (format!("user:{password}@"), "127.0.0.1:1/3?patience=0s&prefix=a"),
                (format!("{password}:pass@"), "127.0.0.1:1?patience=0s"),
                (format!("user:{password}@"), "127.0.0.1:1?patience=soon"),
                (format!("user:{password}@"), "127.0.0.1:1?ca=/nowhere"),
                (format!("user:{password}@"), "127.0.0.1:port"),
                (format!("user:{password}@"), ""),
                (format!("user:{password}@"), "127.0.0.1:1,127.0.0.1:2?patience=0s&x=y"),
            ] {
                let url = format!("{scheme}://{login}{behind}");
                let Err(error) = RedisStore::open(&url).await else { panic!("{url:?} was opened") };
                let told = format!("{error} {error:?}");
                assert!(!told.contains(SECRET), "{url:?}: {told}");
            }
        }
    }
    let log = log.0.lock().unwrap();
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn no_password_is_in_the_debug_of_a_store() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let server = LocalServer::with(&["--requirepass", "pa?s3cr3t@/"]);
    let url = server.url().replace("127", ":pa%3Fs3cr3t%40%2F@127");
    let store = RedisStore::open(&url).await.unwrap();
    let told = format!("{store:?} {store:#?} {:?}", RedisOptions::default());
    assert!(told.contains("127.0.0.1") && !told.contains(SECRET), "{told}");
    let wrong = RedisStore::open(&url.replace("pa%3F", "pb%3F")).await.unwrap_err();
    let told = format!("{wrong} {wrong:?}");
    assert!(told.contains("password") && !told.contains(SECRET), "{told}");
    let log = log.0.lock().unwrap();
    assert!(log.contains("127.0.0.1") && !log.contains(SECRET), "{log}");
}

/// What is stored is in no error: of a reply that is not as it should be, its kind and length are told.
#[tokio::test]
async fn a_reply_of_the_wrong_form_is_told_by_its_kind_and_length() {
    use harness::{ROWS, ask, open, put, raw};
    let server = LocalServer::start();
    let client = open(&server).await;
    client.write(vec![put(ROWS, "a", "1")]).await;
    let value = format!("{SECRET}{}", "x".repeat(5000));
    let mut raw = raw(&server).await;
    for field in ["seq", "pending"] {
        ask::<()>(&mut raw, &format!("HSET {{rome.0}}:m {field} {value}")).await;
        let read = rome_store::Read::count(rome_store::Span::all(ROWS));
        let errors = [
            client.read(vec![read]).await.map(drop),
            client.apply(client.tx(vec![put(ROWS, "b", "1")])).await.map(drop),
        ];
        for error in errors.into_iter().filter_map(Result::err) {
            let text = format!("{error} {error:?}");
            assert!(!text.contains(SECRET) && !text.contains("115") && text.len() < 1000, "{field}: {text}");
            assert_eq!(error.kind(), rome_store::StoreErrorKind::Corrupt, "{field}: {text}");
        }
        ask::<()>(&mut raw, "HSET {rome.0}:m seq 9 pending 0123456789abcdef").await;
    }
}
