//! The shapes of `tests/shapes` beside SQL: the same queries on the same rows and indexes, one client and sixteen.
//!
//! `cargo run --release --bin shapes [-- ROWS ...] [--servers] [--only TEXT] [--slot-ms N] [--docs FOLDER]`. Beside SQLite, on disk and
//! in memory; with `--servers` on Redis beside sea-orm on PostgreSQL. All take turns, slot by slot; medians of three rounds are
//! compared. Before a shape is timed, its answers are. With `--docs` the tables go into `benchmarks.md` there.

mod postgres;
mod sqlite;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rome_benches::{
    measure::median,
    report::{Table, number, write_section},
    servers,
};
use rome_shapes::{Answer, Loaded, Shape, World, shapes};

use self::{postgres::Postgres, sqlite::Sqlite};

/// The rounds of which medians are taken.
const ROUNDS: usize = 3;
/// How many clients ask at once.
const CROWD: usize = 16;
/// Requests after which a client that could go on hands its worker back.
const TURN: usize = 16;
/// How much slower than SQL one client may be; sixteen may not be slower at all.
const GOAL_OF_ONE: f64 = 1.5;

struct Args {
    rows: Vec<u64>,
    servers: bool,
    only: Option<String>,
    slot: Duration,
    docs: Option<PathBuf>,
}

impl Args {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let slot = Duration::from_millis(60);
        let mut args = Self { rows: Vec::new(), servers: false, only: None, slot, docs: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--servers" => args.servers = true,
                "--only" => args.only = Some(value()?),
                "--slot-ms" => args.slot = Duration::from_millis(value()?.parse().context("--slot-ms")?),
                "--docs" => args.docs = Some(value()?.into()),
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

/// A row as a program holds it.
pub struct Row {
    numbers: [Option<u64>; 16],
    _text: Option<String>,
}

#[derive(Clone)]
enum Peer {
    Rome(Loaded),
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Peer {
    /// Its SQL for a shape.
    fn sql(&self, shape: &Shape, world: &World) -> Arc<str> {
        let sql = (shape.sql)(world);
        if matches!(self, Self::Postgres(_)) { postgres::dialect(&sql).into() } else { sql.into() }
    }

    /// The answer; its first columns, as many as that.
    async fn answer(&self, shape: &Shape, sql: &str, width: usize) -> Result<Answer> {
        let rows = match self {
            Self::Rome(loaded) => return Ok((shape.ask)(loaded).await?),
            Self::Sqlite(sqlite) => sqlite.ask(sql),
            Self::Postgres(postgres) => postgres.ask(sql).await,
        };
        let rows = rows.with_context(|| sql.to_owned())?;
        Ok(rows.into_iter().map(|row| row.numbers.into_iter().take(width).collect()).collect())
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
            Self::Postgres(postgres) => drop(postgres.ask(sql).await?),
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

/// Two that are compared, and where.
struct Pair {
    place: &'static str,
    rome: Peer,
    sql: Peer,
}

/// A shape's times of a pair, one client's and those of sixteen.
#[derive(Default)]
struct Times {
    alone: [Vec<f64>; 2],
    crowd: [Vec<f64>; 2],
}

/// What the databases need while they are open.
#[derive(Default)]
struct Held {
    _folder: Option<tempfile::TempDir>,
    _redis: Option<rome_redis::testkit::LocalServer>,
    _postgres: Option<servers::Postgres>,
}

async fn rome(url: &str, world: &Arc<World>) -> Result<Peer> {
    let db = Loaded::builder().open(url).await?;
    Ok(Peer::Rome(Loaded::fill(db, world.clone()).await?))
}

async fn embedded(world: &Arc<World>) -> Result<(Vec<Pair>, Held)> {
    let folder = tempfile::tempdir()?;
    let on_disk = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                   PRAGMA cache_size = -65536;";
    let in_memory = "PRAGMA busy_timeout = 10000; PRAGMA read_uncommitted = 1;";
    let memory = PathBuf::from(format!("file:shapes{}?mode=memory&cache=shared", world.rows));
    let pairs = vec![
        Pair {
            place: "On disk",
            rome: rome(&format!("embedded:{}", folder.path().join("rome").display()), world).await?,
            sql: Peer::Sqlite(Sqlite::fill(&folder.path().join("sqlite.db"), on_disk, world)?),
        },
        Pair {
            place: "In memory",
            rome: rome("memory:", world).await?,
            sql: Peer::Sqlite(Sqlite::fill(&memory, in_memory, world)?),
        },
    ];
    Ok((pairs, Held { _folder: Some(folder), ..Held::default() }))
}

async fn on_servers(world: &Arc<World>) -> Result<(Vec<Pair>, Held)> {
    let (redis, postgres) = (servers::redis(true)?, servers::Postgres::start(&["shapes"])?);
    let pair = Pair {
        place: "On servers",
        rome: rome(&redis.url(), world).await?,
        sql: Peer::Postgres(Postgres::fill(&postgres.url("shapes"), world).await?),
    };
    Ok((vec![pair], Held { _redis: Some(redis), _postgres: Some(postgres), ..Held::default() }))
}

async fn run(args: &Args, rows: u64) -> Result<()> {
    let began = Instant::now();
    let world = Arc::new(World::new(rows));
    let (pairs, _held) = if args.servers { on_servers(&world).await? } else { embedded(&world).await? };
    eprintln!("{rows} images loaded after {:.1} s", began.elapsed().as_secs_f64());

    let other = if args.servers { "PostgreSQL" } else { "SQLite" };
    let columns = pairs.iter().flat_map(|pair| ["one", "sixteen"].map(|clients| format!("{}, {clients}", pair.place)));
    let head = columns.flat_map(|of| [format!("ROME, {of}"), other.to_owned(), "ratio".to_owned()]);
    let mut table = Table::new("", std::iter::once("shape".to_owned()).chain(head));
    let wanted = |shape: &Shape| args.only.as_ref().is_none_or(|only| shape.name.contains(only.as_str()));
    let shapes: Vec<Shape> = shapes().into_iter().filter(wanted).collect();
    // How many shapes miss the goal, by place and number of clients.
    let mut missed = vec![[0; 2]; pairs.len()];
    for shape in &shapes {
        let expected = (shape.naive)(&world);
        let width = expected.first().map_or(0, Vec::len);
        for peer in pairs.iter().flat_map(|pair| [&pair.rome, &pair.sql]) {
            let answer = peer.answer(shape, &peer.sql(shape, &world), width).await?;
            ensure!(answer == expected, "{}: {answer:?}, not {expected:?}", shape.name);
        }
        let mut times: Vec<Times> = pairs.iter().map(|_| Times::default()).collect();
        for _ in 0..ROUNDS {
            for (pair, times) in pairs.iter().zip(&mut times) {
                for (peer, into) in [&pair.rome, &pair.sql].into_iter().zip(&mut times.alone) {
                    into.push(peer.alone(shape, &peer.sql(shape, &world), args.slot).await?);
                }
                for (peer, into) in [&pair.rome, &pair.sql].into_iter().zip(&mut times.crowd) {
                    into.push(peer.in_crowd(shape, &peer.sql(shape, &world), args.slot).await?);
                }
            }
        }
        let mut cells = vec![shape.name.to_owned()];
        for (Times { alone, crowd }, missed) in times.into_iter().zip(&mut missed) {
            for ((times, goal), missed) in [(alone, GOAL_OF_ONE), (crowd, 1.0)].into_iter().zip(missed) {
                let [rome, sql] = times.map(median);
                *missed += u32::from(rome / sql > goal);
                cells.extend([number(rome), number(sql), format!("{:.2}", rome / sql)]);
            }
        }
        table.row(cells);
        eprintln!("{} after {:.1} s", shape.name, began.elapsed().as_secs_f64());
    }
    let of = shapes.len();
    let say = |(pair, [one, sixteen]): (&Pair, &[u32; 2])| {
        format!(
            "{}: {one} of {of} take over {GOAL_OF_ONE} times as long with one client, and {sixteen} longer with sixteen",
            pair.place
        )
    };
    let missed: Vec<String> = pairs.iter().zip(&missed).map(say).collect();
    let title =
        format!("Shapes of queries, {} images{}", number(rows as f64), if args.servers { ", on servers" } else { "" });
    let text = format!(
        "## {title}\n\nMicroseconds a request, medians of {ROUNDS} rounds, and ROME's as a multiple of {other}'s. {}.\n\n{}",
        missed.join(". "),
        table.to_markdown()
    );
    println!("{text}");
    match &args.docs {
        Some(docs) => write_section(&docs.join("benchmarks.md"), &title, &text),
        None => Ok(()),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    for rows in &args.rows {
        run(&args, *rows).await?;
    }
    Ok(())
}
