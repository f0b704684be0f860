//! `rome`: looks at databases, checks them, finishes what was interrupted, and takes their rows out and in.
//!
//! It knows no entities: all that it does rests on the catalog that the database itself holds.

mod args;
mod at_least;
mod output;
mod progress;
mod run;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let args = args::Args::parse();
    match run::run(args).await {
        Ok(code) => code,
        Err(error) => {
            output::note(&format!("rome: {error}"));
            ExitCode::from(2)
        }
    }
}
