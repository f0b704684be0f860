//! Puts databases on servers of its own under load, makes everything fail that can fail, and prints what became of it:
//!
//! ```console
//! $ cargo run --release -p rome-redis --example soak -- --store cluster --durability replicated --minutes 10
//! ```
//!
//! | argument | |
//! |---|---|
//! | `--store` | `single` (default) or `cluster`, of three primaries |
//! | `--durability` | `local` (default; the servers sync each write), `replicated` (one replica each) or `memory` |
//! | `--faults` | some of `kill-client,drop-reply,drop-connections,kill-server,failover,pause,reshard,forget-scripts,full`; by default all that the two above can do, but no `reshard` where there is `kill-server` |
//! | `--minutes`, `--seconds` | for how long, 1 minute by default |
//! | `--round` | for how many seconds each database is under load, 15 by default |
//! | `--clients` | 16 by default |
//! | `--seed` | of the choices that clients and faults make; what they meet is up to the machine |
//!
//! The exit code is not 0 if an acknowledged commit was lost where none may be, a commit of one partition was torn, a history is not
//! strictly serializable, or a row could not be written for longer than a lease after the faults.

mod args;
mod soaking;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let soak = match args::parse(&arguments) {
        Ok(soak) => soak,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let report = soaking::run(&soak);
    println!("{report}");
    if report.figures.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
