//! The shapes of `tests/shapes` beside SQLite: the same queries on the same rows and indexes, on disk and in memory, one client and
//! sixteen.
//!
//! `cargo run --release --bin shapes [-- ROWS ...] [--only TEXT] [--slot-ms N]`. All take turns, slot by slot; medians of three rounds
//! are compared. Before a shape is timed, its answers are.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use r2d2::{ManageConnection, Pool};
use rome::Open;
use rome_benches::{
    measure::median,
    report::{Table, number},
};
use rome_shapes::{Answer, Loaded, SCHEMA, Shape, World, shapes};
use rusqlite::{Connection, OpenFlags, params, types::ValueRef};

/// The rounds of which medians are taken.
const ROUNDS: usize = 3;
/// How many clients ask at once.
const CROWD: usize = 16;
/// Requests after which a client that could go on hands its worker back.
const TURN: usize = 16;

struct Args {
    rows: Vec<u64>,
    only: Option<String>,
    slot: Duration,
}

impl Args {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut args = Self { rows: Vec::new(), only: None, slot: Duration::from_millis(60) };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--only" => args.only = Some(value()?),
                "--slot-ms" => args.slot = Duration::from_millis(value()?.parse().context("--slot-ms")?),
                rows => args.rows.push(rows.replace('_', "").parse().with_context(|| format!("{rows} is no number"))?),
            }
        }
        if args.rows.is_empty() {
            args.rows = vec![10_000, 100_000];
        }
        if args.rows.iter().any(|rows| *rows == 0 || !rows.is_multiple_of(1000)) {
            bail!("a number of rows is a multiple of 1000");
        }
        Ok(args)
    }
}

/// Opens connections to one SQLite database.
#[derive(Debug)]
struct Manager {
    path: PathBuf,
    settings: &'static str,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, OpenFlags::default() | OpenFlags::SQLITE_OPEN_URI)?;
        connection.execute_batch(self.settings)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(connection)
    }

    fn is_valid(&self, _: &mut Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

/// A row as a program holds it.
struct Row {
    numbers: [Option<u64>; 16],
    _text: Option<String>,
}

#[derive(Clone)]
struct Sqlite(Pool<Manager>);

impl Sqlite {
    fn fill(path: &Path, settings: &'static str, world: &World) -> Result<Self> {
        let manager = Manager { path: path.to_owned(), settings };
        let pool = Pool::builder().max_size(CROWD as u32).min_idle(Some(CROWD as u32)).build(manager)?;
        let mut connection = pool.get()?;
        connection.execute_batch(SCHEMA)?;
        let transaction = connection.transaction()?;
        for i in &world.images {
            let mut insert = transaction
                .prepare_cached("INSERT INTO images VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?;
            let seen = i.seen.map(|seen| seen as i64);
            let numbers = [i.id, i.owner, i.team, i.visibility, i.created, i.grade, i.price, i.kind, i.size];
            let [id, owner, team, visibility, created, grade, price, kind, size] = numbers.map(|number| number as i64);
            insert.execute(params![id, owner, team, visibility, created, seen, grade, price, kind, size, i.title])?;
        }
        for tag in &world.tags {
            let mut insert = transaction.prepare_cached("INSERT INTO tags VALUES (?1, ?2, ?3)")?;
            insert.execute([tag.image_id, tag.name, tag.value].map(|number| number as i64))?;
        }
        for member in &world.members {
            let mut insert = transaction.prepare_cached("INSERT INTO members VALUES (?1, ?2)")?;
            insert.execute([member.image_id, member.user].map(|number| number as i64))?;
        }
        for note in &world.notes {
            let mut insert = transaction.prepare_cached("INSERT INTO notes VALUES (?1, ?2, ?3, ?4)")?;
            let deleted_at = note.deleted_at.map(|at| at.timestamp_micros());
            insert.execute(params![note.id as i64, note.author as i64, note.at as i64, deleted_at])?;
        }
        for e in &world.events {
            let mut insert = transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            insert.execute([e.id, e.kind, e.at, e.run, e.shift, e.color, e.form].map(|number| number as i64))?;
        }
        transaction.commit()?;
        connection.execute_batch("ANALYZE")?;
        drop(connection);
        Ok(Self(pool))
    }

    fn ask(&self, sql: &str) -> Result<Vec<Row>> {
        let connection = self.0.get()?;
        let mut statement = connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let (mut numbers, mut text) = ([None; 16], None);
            for (at, number) in numbers.iter_mut().take(columns).enumerate() {
                match row.get_ref(at)? {
                    ValueRef::Integer(value) => *number = Some(value as u64),
                    ValueRef::Text(value) => text = Some(String::from_utf8_lossy(value).into_owned()),
                    _ => {}
                }
            }
            Ok(Row { numbers, _text: text })
        };
        Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
    }
}

#[derive(Clone)]
enum Peer {
    Rome(Loaded),
    Sqlite(Sqlite),
}

impl Peer {
    /// The answer; its first columns, as many as that.
    async fn answer(&self, shape: &Shape, sql: &str, width: usize) -> Result<Answer> {
        match self {
            Self::Rome(loaded) => Ok((shape.ask)(loaded).await?),
            Self::Sqlite(sqlite) => {
                let rows = sqlite.ask(sql).with_context(|| sql.to_owned())?;
                Ok(rows.into_iter().map(|row| row.numbers.into_iter().take(width).collect()).collect())
            }
        }
    }

    /// Asks once. SQLite waits for its disk on a thread of its own where other clients are to go on meanwhile.
    async fn ask(&self, shape: &Shape, sql: &Arc<str>, hop: bool) -> Result<()> {
        match self {
            Self::Rome(loaded) => drop((shape.ask)(loaded).await?),
            Self::Sqlite(sqlite) if hop => {
                let (sqlite, sql) = (sqlite.clone(), sql.clone());
                drop(tokio::task::spawn_blocking(move || sqlite.ask(&sql)).await??);
            }
            Self::Sqlite(sqlite) => drop(sqlite.ask(sql)?),
        }
        Ok(())
    }

    /// The median time of a request of one client, in microseconds.
    async fn alone(&self, shape: &Shape, sql: &Arc<str>, slot: Duration) -> Result<f64> {
        let (peer, shape, sql) = (self.clone(), *shape, sql.clone());
        let client = async move {
            let (began, mut times) = (Instant::now(), Vec::new());
            while times.len() < 3 || began.elapsed() < slot {
                let asked = Instant::now();
                peer.ask(&shape, &sql, false).await?;
                times.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            anyhow::Ok(median(times))
        };
        tokio::spawn(client).await?
    }

    /// The time in which sixteen clients get a request done, in microseconds.
    async fn in_crowd(&self, shape: &Shape, sql: &Arc<str>, slot: Duration) -> Result<f64> {
        let began = Instant::now();
        let client = || {
            let (peer, shape, sql) = (self.clone(), *shape, sql.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while done == 0 || began.elapsed() < slot {
                    peer.ask(&shape, &sql, true).await?;
                    done += 1;
                    if done % TURN == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                anyhow::Ok(done)
            })
        };
        let clients: Vec<_> = (0..CROWD).map(|_| client()).collect();
        let mut done = 0;
        for client in clients {
            done += client.await??;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / done as f64)
    }
}

/// Each shape's times of two peers.
#[derive(Default)]
struct Times {
    rome: Vec<f64>,
    sqlite: Vec<f64>,
}

/// What is compared: the place, and how many clients ask.
const COMPARED: [&str; 4] = ["on disk, one client", "on disk, sixteen", "in memory, one client", "in memory, sixteen"];

async fn run(args: &Args, rows: u64) -> Result<()> {
    let began = Instant::now();
    let folder = tempfile::tempdir()?;
    let world = Arc::new(World::new(rows));
    let rome = async |url: &str| {
        let db = Loaded::builder().open(url).await?;
        anyhow::Ok(Peer::Rome(Loaded::fill(db, world.clone()).await?))
    };
    let on_disk = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                   PRAGMA cache_size = -65536;";
    let in_memory = "PRAGMA busy_timeout = 10000; PRAGMA read_uncommitted = 1;";
    let memory = PathBuf::from(format!("file:shapes{rows}?mode=memory&cache=shared"));
    let places = [
        (
            rome(&format!("embedded:{}", folder.path().join("rome").display())).await?,
            Peer::Sqlite(Sqlite::fill(&folder.path().join("sqlite.db"), on_disk, &world)?),
        ),
        (rome("memory:").await?, Peer::Sqlite(Sqlite::fill(&memory, in_memory, &world)?)),
    ];
    eprintln!("{rows} images loaded after {:.1} s", began.elapsed().as_secs_f64());

    let head = COMPARED.iter().flat_map(|of| [format!("ROME, µs {of}"), "SQLite".to_owned(), "ratio".to_owned()]);
    let title = format!("Shapes at {rows} images: µs a request, and ROME's as a multiple of SQLite's");
    let mut table = Table::new(&title, std::iter::once("shape".to_owned()).chain(head));
    let wanted = |shape: &Shape| args.only.as_ref().is_none_or(|only| shape.name.contains(only.as_str()));
    for shape in shapes().iter().filter(|shape| wanted(shape)) {
        let sql: Arc<str> = (shape.sql)(&world).into();
        let expected = (shape.naive)(&world);
        let width = expected.first().map_or(0, Vec::len);
        for peer in places.iter().flat_map(|(rome, sqlite)| [rome, sqlite]) {
            let answer = peer.answer(shape, &sql, width).await?;
            ensure!(answer == expected, "{}: {answer:?}, not {expected:?}", shape.name);
        }
        let mut times: [Times; 4] = Default::default();
        for _ in 0..ROUNDS {
            for ((rome, sqlite), times) in places.iter().zip(times.chunks_mut(2)) {
                let [alone, crowd] = times else { continue };
                alone.rome.push(rome.alone(shape, &sql, args.slot).await?);
                alone.sqlite.push(sqlite.alone(shape, &sql, args.slot).await?);
                crowd.rome.push(rome.in_crowd(shape, &sql, args.slot).await?);
                crowd.sqlite.push(sqlite.in_crowd(shape, &sql, args.slot).await?);
            }
        }
        let cells = times.into_iter().flat_map(|Times { rome, sqlite }| {
            let (rome, sqlite) = (median(rome), median(sqlite));
            [number(rome), number(sqlite), format!("{:.2}", rome / sqlite)]
        });
        table.row(std::iter::once(shape.name.to_owned()).chain(cells));
        eprintln!("{} after {:.1} s", shape.name, began.elapsed().as_secs_f64());
    }
    println!("{title}\n\n{}", table.to_markdown());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    for rows in &args.rows {
        run(&args, *rows).await?;
    }
    Ok(())
}
