//! The commands.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rome_orm::change::{BuildOptions, DatabaseStatus, IndexState};
use rome_orm::store::{Durability, Store};
use rome_orm::{Database, Error, Result};

use crate::args::{Args, Command};
use crate::at_least::AtLeast;
use crate::output::{NewFile, Piped, note, print, shown};
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
    check_there(&args.url, &args.command)?;
    let store = rome_orm::open_store(&args.url).await?;
    match args.command {
        Command::Load { file } => load(store, args.durability, &file, args.quiet).await,
        command => on(&database(store, args.durability).await?, command, args.quiet).await,
    }
}

async fn database(store: Arc<dyn Store>, durability: Durability) -> Result<Database> {
    Database::builder().stored_tables().durability(durability).open(store).await
}

/// Refuses a store that cannot hold anything yet. Looking at a database creates nothing; only a load creates one on disk.
fn check_there(url: &str, command: &Command) -> Result<()> {
    if url.starts_with("memory:") {
        return Err(Error::invalid("a store in memory ends with its program; name another one"));
    }
    if url.starts_with("embedded:") && !matches!(command, Command::Load { .. }) {
        let folder = rome_orm::embedded::folder_of(url)?;
        if !folder.is_dir() {
            return Err(Error::invalid(format!("there is no database in `{}`", folder.display())));
        }
    }
    Ok(())
}

async fn on(db: &Database, command: Command, quiet: bool) -> Result<ExitCode> {
    match command {
        Command::Status => print(&db.admin().status().await?.to_string())?,
        Command::Pending => pending(&db.admin().status().await?)?,
        Command::Apply { batch, pause } => return apply(db, batch, pause, quiet).await,
        Command::DropIndex { table, index } => {
            let removed = db.admin().drop_index(&table, &index).await?;
            print(&format!("dropped index `{index}` of `{table}` with {removed} entries"))?;
        }
        Command::Check { repair } => {
            let report = if repair { db.admin().repair().await? } else { db.admin().check().await? };
            print(&report.to_string())?;
            return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) });
        }
        Command::Get { table, key } => {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            let Some(row) = db.get_json(&table, &key).await? else {
                note(&format!("rome: table `{table}` has no row ({})", key.join(", ")));
                return Ok(ExitCode::from(NOT_CLEAN));
            };
            print(&serde_json::Value::Object(row).to_string())?;
        }
        Command::Dump { output } => dump(db, output.as_deref(), quiet).await?,
        Command::Explain { query } => {
            let query = query_text(&query)?;
            print(&db.admin().explain_described(&query).await?.to_string())?;
        }
        Command::Load { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is to do.
fn pending(status: &DatabaseStatus) -> Result<()> {
    let mut nothing = true;
    for table in &status.tables {
        for index in table.indexes.iter().filter(|index| index.state == IndexState::WriteOnly) {
            print(&format!("+ index `{}` of `{}` is to be built, over {} rows", index.name, table.name, table.rows))?;
            nothing = false;
        }
    }
    for table in &status.tables {
        for aggregate in table.aggregates.iter().filter(|aggregate| aggregate.state == IndexState::WriteOnly) {
            print(&format!(
                "+ aggregate index `{}` of `{}` is to be built, over {} rows",
                aggregate.name, table.name, table.rows
            ))?;
            nothing = false;
        }
    }
    for (table, index) in &status.former {
        print(&format!("+ what index `{index}` of `{table}` left is to be removed"))?;
        nothing = false;
    }
    if nothing {
        print("nothing to do")?;
    }
    Ok(())
}

async fn apply(db: &Database, batch: u32, pause: Duration, quiet: bool) -> Result<ExitCode> {
    let bar = bar(quiet);
    let of_bar = bar.clone();
    let progress = move |progress: &rome_orm::change::BuildProgress| {
        show(&of_bar, &shown(&format!("{}.{}", progress.table, progress.index)), progress.rows, progress.of);
    };
    let report = db.admin().build_indexes(&BuildOptions::new().batch(batch).pause(pause).on_progress(progress)).await;
    bar.finish_and_clear();
    let report = report?;
    for (table, index) in &report.built {
        print(&format!("built index `{index}` of `{table}`"))?;
    }
    let removed = db.admin().clear_dropped().await?;
    if removed > 0 {
        print(&format!("removed {removed} entries of dropped indexes"))?;
    }
    for duplicate in &report.duplicates {
        print(&duplicate.to_string())?;
    }
    if report.built.is_empty() && removed == 0 && report.duplicates.is_empty() {
        print("nothing to do")?;
    }
    Ok(if report.duplicates.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) })
}

/// The text of a query: given as it is, on the standard input, or in a file.
fn query_text(given: &str) -> Result<String> {
    if given.trim_start().starts_with('{') {
        return Ok(given.to_owned());
    }
    if given == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return read.map(|_| text).map_err(|error| Error::invalid(format!("the standard input: {error}")));
    }
    std::fs::read_to_string(given).map_err(|error| file_error(Path::new(given), &error))
}

async fn dump(db: &Database, output: Option<&Path>, quiet: bool) -> Result<()> {
    let bar = bar(quiet);
    let tell = |progress: &rome_orm::dump::Progress| show(&bar, &shown(&progress.table), progress.rows, progress.of);
    let rows = match output {
        Some(path) => {
            let mut out = NewFile::create(path).map_err(|error| file_error(path, &error))?;
            let rows = db.admin().dump(&mut out, tell).await;
            match rows {
                Ok(rows) => out.finish().map(|()| rows).map_err(|error| file_error(path, &error)),
                Err(error) => Err(error),
            }
        }
        None => {
            let mut out = Piped::new();
            let rows = db.admin().dump(&mut out, tell).await;
            if out.closed {
                bar.finish_and_clear();
                return Ok(());
            }
            rows
        }
    };
    bar.finish_and_clear();
    note(&format!("{} rows", rows?));
    Ok(())
}

async fn load(store: Arc<dyn Store>, durability: Durability, file: &Path, quiet: bool) -> Result<ExitCode> {
    // Said here, where the file has a name.
    File::open(file).map_err(|error| file_error(file, &error))?;
    let bar = bar(quiet);
    let open = || File::open(file).map(BufReader::new);
    let tell = |progress: &rome_orm::dump::Progress| show(&bar, &shown(&progress.table), progress.rows, progress.of);
    let at_least: Arc<dyn Store> = Arc::new(AtLeast { store: store.clone(), durability });
    let loaded = rome_orm::dump::load(at_least, open, tell).await;
    bar.finish_and_clear();
    let loaded = loaded?;
    for (table, rows) in &loaded.rows {
        print(&format!("{table}: {rows} rows"))?;
    }
    if loaded.resumed > 0 {
        print(&format!("{} of them had been loaded before the interruption", loaded.resumed))?;
    }
    let report = database(store, durability).await?.admin().check().await?;
    if !report.is_clean() {
        print(&report.to_string())?;
        return Ok(ExitCode::from(NOT_CLEAN));
    }
    Ok(ExitCode::SUCCESS)
}

fn file_error(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("`{}`: {error}", path.display()))
}
