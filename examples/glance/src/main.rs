//! The program: serves, or runs the demonstration.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use clap::Parser;
use glance::config::{Cli, Command, Config, LogFormat};
use glance::log::{Lines, short};
use glance::{db, demo, service};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How long a stop waits for requests that are still being answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many images are purged in one transaction.
const AT_ONCE: u64 = 100;

#[tokio::main]
async fn main() -> ExitCode {
    // What the store makes, too, is for the user of the service alone.
    umask(Mode::RWXG | Mode::RWXO);
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Demo) => demo::run().await,
        Some(Command::Purge { days }) => purge(&cli.config, days).await.map_err(Into::into),
        None => serve(cli.config).await.map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{}", short(&format!("glance: {e}")));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), service::StartError> {
    log_to_stderr(&config);
    open_more_files();
    let running = service::start(config).await?;
    println!("listening on http://{}", running.address());
    wait_for_a_signal().await;
    tracing::info!("stopping");
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        () = tokio::time::sleep(PATIENCE) => tracing::warn!("stopped, with requests cut off"),
        () = wait_for_a_signal() => tracing::warn!("stopped at once, with requests cut off"),
    }
    Ok(())
}

/// Lets the process have as many files open as it may let itself.
fn open_more_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(error = %e, "the limit of open files stays as it is");
    }
}

async fn purge(config: &Config, days: u32) -> db::DbResult<()> {
    let db = db::open(&config.store).await?;
    let before = Utc::now() - TimeDelta::days(days.into());
    let mut images = 0;
    loop {
        match db::purge_deleted_images(&db, before, AT_ONCE).await? {
            0 => break,
            purged => images += purged,
        }
    }
    println!("{images} images purged");
    Ok(())
}

async fn wait_for_a_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be handled, so the service runs until it is killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn log_to_stderr(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|e| {
        eprintln!("glance: --log {}: {e}; logging at level info", config.log);
        EnvFilter::new("info")
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lines(std::io::stderr()));
    match config.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
