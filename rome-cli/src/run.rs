//! The commands.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rome::change::{BuildOptions, IndexState, Status};
use rome::store::{Durability, Store};
use rome::{Database, Error, Result};

use crate::args::{Args, Command};
use crate::at_least::AtLeast;
use crate::progress::{bar, show};

/// Something is not as it should be, and it was said what.
const NOT_CLEAN: u8 = 1;

/// Carries out a command; gives how the program ends.
pub async fn run(args: Args) -> Result<ExitCode> {
    if args.url.is_empty() {
        return Err(Error::invalid(
            "name the store with `--url`, or in the variable ROME_URL: `embedded:PATH`, `redis://HOST`",
        ));
    }
    let store = there_is(&args.url, &args.command)?.open(&args.url).await?;
    match args.command {
        Command::Load { file } => load(store, args.durability, &file, args.quiet).await,
        command => on(&database(store, args.durability).await?, command, args.quiet).await,
    }
}

async fn database(store: Arc<dyn Store>, durability: Durability) -> Result<Database> {
    Database::builder().stored_tables().durability(durability).open_store(store).await
}

/// The store is one that can be opened.
struct Known;

/// A look at what does not exist makes nothing: only a load begins a database on disk.
fn there_is(url: &str, command: &Command) -> Result<Known> {
    match url.strip_prefix("embedded:") {
        Some(path) if !matches!(command, Command::Load { .. }) && !Path::new(path).is_dir() => {
            Err(Error::invalid(format!("there is no database in `{path}`")))
        }
        _ if url.starts_with("memory:") => {
            Err(Error::invalid("a store in memory ends with its program; name another one"))
        }
        _ => Ok(Known),
    }
}

impl Known {
    async fn open(self, url: &str) -> Result<Arc<dyn Store>> {
        rome::store_at(url).await
    }
}

async fn on(db: &Database, command: Command, quiet: bool) -> Result<ExitCode> {
    match command {
        Command::Status => println!("{}", db.status().await?),
        Command::Plan => plan(&db.status().await?),
        Command::Apply { batch, pause } => return apply(db, batch, Duration::from_millis(pause), quiet).await,
        Command::DropIndex { table, index } => {
            let removed = db.drop_index(&table, &index).await?;
            println!("dropped index `{index}` of `{table}` with {removed} entries");
        }
        Command::Check { repair } => {
            let report = if repair { db.repair().await? } else { db.check().await? };
            println!("{report}");
            return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) });
        }
        Command::Get { table, key } => {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            let Some(row) = db.get_json(&table, &key).await? else {
                eprintln!("rome: table `{table}` has no row ({})", key.join(", "));
                return Ok(ExitCode::from(NOT_CLEAN));
            };
            println!("{}", serde_json::Value::Object(row));
        }
        Command::Dump { output } => dump(db, output.as_deref(), quiet).await?,
        Command::Explain { file } => {
            let query = std::fs::read_to_string(&file).map_err(|error| file_error(&file, &error))?;
            println!("{}", db.explain_json(&query).await?);
        }
        Command::Load { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is to do.
fn plan(status: &Status) {
    let mut nothing = true;
    for table in &status.tables {
        for index in table.indexes.iter().filter(|index| index.state == IndexState::WriteOnly) {
            println!("+ index `{}` of `{}` is to be built, over {} rows", index.name, table.name, table.rows);
            nothing = false;
        }
    }
    for table in &status.tables {
        for aggregate in table.aggregates.iter().filter(|aggregate| aggregate.state == IndexState::WriteOnly) {
            println!(
                "+ aggregate index `{}` of `{}` is to be built, over {} rows",
                aggregate.name, table.name, table.rows
            );
            nothing = false;
        }
    }
    for (table, index) in &status.former {
        println!("+ what index `{index}` of `{table}` left is to be removed");
        nothing = false;
    }
    if nothing {
        println!("nothing to do");
    }
}

async fn apply(db: &Database, batch: u32, pause: Duration, quiet: bool) -> Result<ExitCode> {
    let bar = bar(quiet);
    let shown = bar.clone();
    let progress = move |progress: &rome::change::BuildProgress| {
        show(&shown, &format!("{}.{}", progress.table, progress.index), progress.rows, progress.of);
    };
    let report = db.build_indexes(&BuildOptions { batch, pause, progress: Some(Arc::new(progress)) }).await;
    bar.finish_and_clear();
    let report = report?;
    for (table, index) in &report.built {
        println!("built index `{index}` of `{table}`");
    }
    let removed = db.clear_dropped().await?;
    if removed > 0 {
        println!("removed {removed} entries of dropped indexes");
    }
    for duplicate in &report.duplicates {
        println!("{duplicate}");
    }
    if report.built.is_empty() && removed == 0 && report.duplicates.is_empty() {
        println!("nothing to do");
    }
    Ok(if report.duplicates.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) })
}

async fn dump(db: &Database, output: Option<&Path>, quiet: bool) -> Result<()> {
    let mut out: Box<dyn Write + Send> = match output {
        // The lines themselves say whether they are all there, so a file that is cut needs no other name.
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|error| file_error(path, &error))?)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let bar = bar(quiet);
    let rows = db.dump(&mut out, |progress| show(&bar, &progress.table, progress.rows, progress.of)).await;
    bar.finish_and_clear();
    let rows = rows?;
    eprintln!("{rows} rows");
    Ok(())
}

async fn load(store: Arc<dyn Store>, durability: Durability, file: &Path, quiet: bool) -> Result<ExitCode> {
    // Said here, where the file has a name.
    File::open(file).map_err(|error| file_error(file, &error))?;
    let bar = bar(quiet);
    let open = || File::open(file).map(BufReader::new);
    let tell = |progress: &rome::dump::Progress| show(&bar, &progress.table, progress.rows, progress.of);
    let at_least: Arc<dyn Store> = Arc::new(AtLeast { store: store.clone(), durability });
    let loaded = rome::dump::load(at_least, open, tell).await;
    bar.finish_and_clear();
    let loaded = loaded?;
    for (table, rows) in &loaded.rows {
        println!("{table}: {rows} rows");
    }
    if loaded.resumed > 0 {
        println!("{} of them had been loaded before the interruption", loaded.resumed);
    }
    let report = database(store, durability).await?.check().await?;
    if !report.is_clean() {
        println!("{report}");
        return Ok(ExitCode::from(NOT_CLEAN));
    }
    Ok(ExitCode::SUCCESS)
}

fn file_error(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("`{}`: {error}", path.display()))
}
