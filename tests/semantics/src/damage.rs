//! Damaged metadata is said to be damaged, soon: no verb goes on trying against a record that will not change.

use std::sync::Arc;

use redis::{Commands, Connection};
use rome_core::testkit::Recorder;
use rome_orm::error::ErrorKind;
use rome_orm::prelude::*;
use rome_orm::store::Store;
use rome_redis::RedisStore;
use rome_redis::testkit::LocalServer;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(city, age), count(by = city))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    age: u32,
    city: String,
    #[rome(unique)]
    chip: u64,
}

fn dog(chip: u64) -> Dog {
    Dog { age: 3, city: "Lyon".into(), chip, ..Default::default() }
}

/// How many calls of the store a verb may make, whatever it meets.
const MOST: usize = 12;

type Verb = (&'static str, rome_orm::Result<()>);

/// The verbs, one after the other; none makes more calls than it may.
async fn verbs(db: &Database, calls: &Recorder, what: &str) -> Vec<Verb> {
    let mut done = Vec::new();
    macro_rules! verb {
        ($name:literal, $call:expr) => {
            calls.clear();
            done.push(($name, $call.await.map(drop)));
            let tally = calls.tally();
            let n = tally.reads + tally.applies + tally.reserves;
            assert!(n <= MOST, "{what}: {} made {n} calls of the store", $name);
        };
    }
    verb!("get", db.get::<Dog>(1));
    verb!("count", db.query::<Dog>().filter(Dog::CITY.eq("Lyon")).count());
    verb!("insert", db.insert(dog(1000)));
    verb!("insert again", db.insert(dog(1001)));
    verb!("update", db.query::<Dog>().filter(Dog::CHIP.eq(1)).update((Dog::AGE.set(Dog::AGE + 1),)));
    verb!(
        "transaction",
        db.transaction(async |s| {
            let n = s.query::<Dog>().count().await?;
            s.insert(dog(2000 + n)).await
        })
    );
    verb!("delete", db.query::<Dog>().filter(Dog::CHIP.eq(2)).delete());
    done
}

/// Whether an error of damaged data is of a kind that does not send people elsewhere.
fn is_apt(error: &rome_orm::Error) -> bool {
    // What is damaged may read as another valid state: a schema that has moved on, another database, numbers that are used up, a key
    // or value that was given out before.
    !matches!(
        error.kind(),
        ErrorKind::Conflict
            | ErrorKind::Unavailable
            | ErrorKind::OutcomeUnknown
            | ErrorKind::Other
            | ErrorKind::AccessDenied
    )
}

fn flipped(value: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut value = value.to_vec();
    if let Some(byte) = value.get_mut(at) {
        *byte ^= 1 << bit;
    }
    value
}

/// A value in its damaged forms.
fn damages(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut damages = Vec::new();
    let mut places = vec![0, value.len() / 2, value.len().saturating_sub(1), 7];
    places.sort_unstable();
    places.dedup();
    for at in places.into_iter().filter(|at| *at < value.len()) {
        for bit in [0, 1, 4, 7] {
            damages.push((format!("bit {bit} of byte {at} flipped"), flipped(value, at, bit)));
        }
    }
    damages.push(("cut".into(), value[..value.len() / 2].to_vec()));
    damages.push(("emptied".into(), Vec::new()));
    damages.push(("longer".into(), [value, b"\0"].concat()));
    damages.push(("all ones".into(), vec![0xff; value.len()]));
    damages.push(("a number out of all ranges".into(), b"99999999999999999999999999".to_vec()));
    damages
}

struct Server {
    server: LocalServer,
    raw: Connection,
    saved: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Server {
    async fn with_dogs() -> Self {
        let server = LocalServer::start();
        let raw = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let mut server = Self { server, raw, saved: Vec::new() };
        let (db, _) = server.open().await.unwrap();
        db.insert_many((0..20).map(dog)).await.unwrap();
        let keys: Vec<Vec<u8>> = server.raw.keys("*").unwrap();
        for key in keys {
            let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut server.raw).unwrap();
            server.saved.push((key, dump));
        }
        server
    }

    async fn open(&self) -> rome_orm::Result<(Database, Arc<Recorder>)> {
        let store = RedisStore::open(&format!("{}?patience=100ms", self.server.url())).await?;
        let recorder = Arc::new(Recorder::new(Arc::new(store) as Arc<dyn Store>));
        let db = Database::builder().entity::<Dog>().open(recorder.clone()).await?;
        Ok((db, recorder))
    }

    /// Everything as it was saved.
    fn restore(&mut self) {
        redis::cmd("FLUSHALL").exec(&mut self.raw).unwrap();
        for (key, dump) in &self.saved {
            redis::cmd("RESTORE").arg(key).arg(0).arg(dump).exec(&mut self.raw).unwrap();
        }
    }

    /// Sees what a handle that was open, and one that is opened then, make of some damage.
    async fn see(&mut self, what: &str, damage: impl Fn(&mut Connection)) -> usize {
        self.restore();
        let (db, calls) = self.open().await.unwrap();
        // It has lanes and numbers.
        db.insert(dog(100)).await.unwrap();
        db.insert(dog(101)).await.unwrap();
        damage(&mut self.raw);
        let mut met = 0;
        for (verb, result) in verbs(&db, &calls, what).await {
            if let Err(error) = result {
                met += 1;
                assert!(is_apt(&error), "{what}, {verb}: {:?}: {error}", error.kind());
            }
        }
        self.restore();
        damage(&mut self.raw);
        match self.open().await {
            Ok((db, calls)) => {
                for (verb, result) in verbs(&db, &calls, what).await {
                    if let Err(error) = result {
                        met += 1;
                        assert!(is_apt(&error), "{what}, opened, {verb}: {:?}: {error}", error.kind());
                    }
                }
            }
            Err(error) => {
                met += 1;
                assert!(is_apt(&error), "{what}, opening: {:?}: {error}", error.kind());
            }
        }
        met
    }
}

#[tokio::test]
async fn damaged_metadata_in_redis_is_reported_and_not_tried_against() {
    let mut server = Server::with_dogs().await;
    // As a handle that has written leaves it: with lanes.
    let mut met = 0;
    for key in ["{rome.0}:m", "{rome.0}:q", "{rome.0}:meta"] {
        server.restore();
        let (db, _) = server.open().await.unwrap();
        db.insert(dog(100)).await.unwrap();
        let mut fields: Vec<Vec<u8>> = server.raw.hkeys(key).unwrap();
        fields.sort();
        drop(db);
        for field in fields {
            let name = field.escape_ascii().to_string();
            let original: Vec<u8> = server.raw.hget(key, &field).unwrap();
            for (how, _) in damages(&original) {
                let what = format!("{key} {name} {how}");
                met += server
                    .see(&what, |raw| {
                        // What is there at the time: lanes have gone on.
                        let now: Vec<u8> = raw.hget(key, &field).unwrap_or_default();
                        let damaged = damages(&now).into_iter().find(|(known, _)| *known == how);
                        let damaged = damaged.map_or_else(Vec::new, |(_, damaged)| damaged);
                        raw.hset::<_, _, _, ()>(key, &field, damaged).unwrap();
                    })
                    .await;
            }
            met += server.see(&format!("{key} {name} removed"), |raw| raw.hdel(key, &field).unwrap()).await;
        }
        if key.ends_with(":m") {
            for pending in
                [&b"xxxxxxxxxxxxxxxx"[..], b"xxxxxxxxxxxxxxxxxxxxxx", b"x", b"0123456789abcdef0123456789abcdef"]
            {
                let what = format!("{key} with {} bytes of prepared transactions that are not there", pending.len());
                met += server.see(&what, |raw| raw.hset(key, "pending", pending).unwrap()).await;
            }
        }
        for (how, command) in [("removed", "DEL"), ("a text", "SET"), ("a list", "RPUSH")] {
            met += server
                .see(&format!("{key} {how}"), |raw| {
                    raw.del::<_, ()>(key).unwrap();
                    if command != "DEL" {
                        redis::cmd(command).arg(key).arg("x").exec(raw).unwrap();
                    }
                })
                .await;
        }
    }
    assert!(met > 100, "only {met} verbs met damage");
}

/// The number in a lane's record: one beyond the next has never been given out. (That of the next itself, with an outcome, cannot be
/// told from a call that the network has brought twice.)
#[tokio::test]
async fn a_lane_whose_record_is_ahead_is_damaged_and_given_up() {
    let mut server = Server::with_dogs().await;
    for ahead in [2_u64, 3, 1 << 20, 1 << 62] {
        server.restore();
        let (db, calls) = server.open().await.unwrap();
        db.insert(dog(100)).await.unwrap();
        let fields: Vec<Vec<u8>> = server.raw.hkeys("{rome.0}:m").unwrap();
        for lane in fields.iter().filter(|field| field.len() == 8) {
            let record: Vec<u8> = server.raw.hget("{rome.0}:m", lane).unwrap();
            let (number, outcome) = record.split_first_chunk::<8>().unwrap();
            let damaged = [&(u64::from_be_bytes(*number) + ahead).to_be_bytes()[..], outcome].concat();
            server.raw.hset::<_, _, _, ()>("{rome.0}:m", lane, damaged).unwrap();
        }
        calls.clear();
        let error = db.insert(dog(200)).await.unwrap_err();
        assert!(error.is_corrupt() && error.to_string().contains("damaged"), "{error}");
        assert!(calls.tally().applies <= 2, "{:?}", calls.tally());
        // Nothing was written, and others write on.
        assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(200)).count().await.unwrap(), 0);
        db.insert(dog(200)).await.unwrap();
        assert!(db.admin().check().await.unwrap().is_clean());
    }
}

/// Any byte of an embedded file.
#[tokio::test]
async fn a_damaged_embedded_file_is_reported_and_not_tried_against() {
    let folder = std::env::temp_dir().join(format!("rome-damage-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let open = async || {
        let store = rome_orm::embedded::EmbeddedStore::open(&folder, rome_orm::embedded::EmbeddedOptions::default())?;
        let recorder = Arc::new(Recorder::new(Arc::new(store) as Arc<dyn Store>));
        let db = Database::builder().entity::<Dog>().open(recorder.clone()).await?;
        rome_orm::Result::Ok((db, recorder))
    };
    {
        let (db, _) = open().await.unwrap();
        db.insert_many((0..20).map(dog)).await.unwrap();
    }
    let file = folder.join("rome.redb");
    let whole = std::fs::read(&file).unwrap();
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut met = 0;
    for case in 0..150 {
        let at = used[case * used.len() / 150];
        std::fs::write(&file, flipped(&whole, at, (case % 8) as u8)).unwrap();
        let what = format!("byte {at}");
        match open().await {
            Ok((db, calls)) => {
                for (verb, result) in verbs(&db, &calls, &what).await {
                    if let Err(error) = result {
                        met += 1;
                        assert!(is_apt(&error), "{what}, {verb}: {:?}: {error}", error.kind());
                    }
                }
            }
            Err(error) => {
                met += 1;
                assert!(is_apt(&error), "{what}, opening: {:?}: {error}", error.kind());
            }
        }
    }
    assert!(met > 5, "only {met} verbs met damage");
    std::fs::remove_dir_all(&folder).unwrap();
}
