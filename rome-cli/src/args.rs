//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rome_orm::store::{Durability, url};

/// Looks at databases of ROME, checks them, finishes what was interrupted, and takes their rows out and in.
///
/// It knows no entities: all rests on the catalog that the database holds. What entities would change is shown by
/// `Database::builder()...plan(url)` in the program that has them.
#[derive(Debug, Parser)]
#[command(name = "rome", version, arg_required_else_help = true)]
pub struct Args {
    /// The store: `embedded:PATH`, `redis://HOST` or `redis-cluster://HOST`, with `rediss` for TLS.
    #[arg(
        long,
        short,
        env = "ROME_URL",
        hide_env_values = true,
        global = true,
        default_value = "",
        hide_default_value = true
    )]
    pub url: String,

    /// How safe a write has to be before it counts: `memory`, `local`, `replicated:N` for N replicas, or `replicated-local:N` for N of them
    /// that have it on disk. Use what the programs of
    /// the database use: this one may have to finish a transaction that one of them left unfinished.
    #[arg(long, env = "ROME_DURABILITY", global = true, default_value = "local", value_parser = durability)]
    pub durability: Durability,

    /// Shows no progress.
    #[arg(long, short, global = true)]
    pub quiet: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows tables, columns and indexes, and which indexes are not built yet.
    Status,
    /// Shows what `apply` would do. What entities would change is another question: the program that has them answers it.
    Pending,
    /// Builds indexes that are declared and not built to their end, and removes what dropped ones left.
    Apply {
        /// How many rows to enter at once.
        #[arg(long, default_value_t = 500)]
        batch: u32,
        /// How long to wait after each batch, to leave room for others: a number and its unit, `10ms` or `1s`.
        #[arg(long, default_value = "0ms", value_parser = pause)]
        pause: Duration,
    },
    /// Drops an index and its entries. No program may run any more that declares it.
    DropIndex {
        /// The table.
        table: String,
        /// The index.
        index: String,
    },
    /// Reads the whole database and lists rows, index entries, unique values and references that do not agree. Ends with 1
    /// if there are any that are not mended.
    Check {
        /// Mends what can be mended without losing anything.
        #[arg(long)]
        repair: bool,
    },
    /// Prints a row as JSON. Ends with 1 if there is none.
    Get {
        /// The table.
        table: String,
        /// The parts of its key.
        #[arg(required = true, allow_negative_numbers = true)]
        key: Vec<String>,
    },
    /// Writes all rows as lines of JSON.
    Dump {
        /// The file to write, which only its owner can read; without it the lines are printed. A file that is there is
        /// replaced when the dump is complete, and a link is refused.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Loads a dump into a store that is empty, or whose tables are. The whole dump is read first: nothing of one that is cut
    /// or damaged is loaded. After an interruption, load it again.
    Load {
        /// The file.
        file: PathBuf,
    },
    /// Says how a query would be carried out, which is described in JSON: {"table": "dogs", "where": [["age", ">=", "3"]],
    /// "order": ["name desc"], "limit": 10}
    Explain {
        /// The query itself, a file that holds it, or `-` for the standard input.
        query: String,
    },
}

fn durability(text: &str) -> Result<Durability, String> {
    match text.split_once(':') {
        None if text == "memory" => Some(Durability::Memory),
        None if text == "local" => Some(Durability::Local),
        Some(("replicated", replicas)) => number(replicas).map(Durability::Replicated),
        Some(("replicated-local", replicas)) => number(replicas).map(Durability::ReplicatedLocal),
        _ => None,
    }
    .ok_or_else(|| {
        "write `memory`, `local`, `replicated:N` or `replicated-local:N` with a number of replicas from 1 to 255"
            .to_owned()
    })
}

fn number(replicas: &str) -> Option<u8> {
    replicas.parse().ok().filter(|n| *n > 0)
}

fn pause(text: &str) -> Result<Duration, String> {
    url::duration(text).ok_or_else(|| url::DURATION.to_owned())
}
