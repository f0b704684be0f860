//! The comparison: `cargo run --release --manifest-path benches/Cargo.toml -- --images 10000`.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result};
use rome_benches::{
    agree,
    args::{Args, USAGE},
    lineup::Lineup,
    measure::Load,
    operation::Operation,
    report::{self, Results},
};

fn main() -> Result<()> {
    let Some(args) = Args::parse(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let results = runtime.block_on(run(&args))?;
    let embedded = report::tables(&results).into_iter().chain([report::goals(&results)]);
    let servers = report::server_tables(&results).into_iter().chain([report::server_goals(&results)]);
    for table in embedded.chain(servers) {
        if !table.is_empty() {
            println!("\n{}\n\n{}", table.title, table.to_text());
        }
    }
    if let Some(docs) = &args.docs {
        let bars = report::write_bars(&results, &docs.join("benchmarks"))?;
        report::write_sections(&results, &docs.join("benchmarks.md"), &bars)?;
    }
    Ok(())
}

async fn run(args: &Args) -> Result<Results> {
    let began = Instant::now();
    let parent = args.dir.clone().map_or_else(|| std::env::current_exe().map(beside), Ok)?;
    let folder = tempfile::Builder::new().prefix("rome-benches-").tempdir_in(&parent)?;
    let mut lineup = Lineup::load(args, folder.path()).await?;
    let contestants = &mut lineup.contestants;
    agree::check(contestants, args.images).await?;
    eprintln!("loaded, and all agree, after {:.1} s", began.elapsed().as_secs_f64());

    let names = contestants.iter().map(|peer| peer.name()).collect();
    let operations: Vec<_> = Operation::ALL.into_iter().filter(|op| args.wants_operation(op.name())).collect();
    let mut results = Results::new(args.images, args.rounds, names, operations.clone());
    for round in 1..=args.rounds {
        for &operation in &operations {
            for load in Load::ALL.into_iter().filter(|load| args.wants_clients(load.clients())) {
                let mut taking_part: Vec<_> =
                    contestants.iter_mut().filter(|peer| peer.takes_part(operation, load)).collect();
                // What an fsync costs changes from one moment to the next, so those who wait for it take turns faster.
                let turns = if operation.writes() && operation != Operation::InsertMany { 4 } else { 1 };
                for _ in 0..turns {
                    for peer in &mut taking_part {
                        let slot = peer.slot(operation, load, args.slot / turns).await;
                        let slot = slot.with_context(|| format!("{}: {}", peer.name(), operation.name()))?;
                        let number = match load {
                            Load::One => slot.p50,
                            Load::Sixteen | Load::SixtyFour => slot.done as f64 / slot.seconds,
                        };
                        results.add(operation, peer.name(), load, number, slot.cost);
                    }
                }
            }
        }
        for peer in contestants.iter_mut() {
            peer.clear().await?;
        }
        eprintln!("round {round} of {} after {:.1} s", args.rounds, began.elapsed().as_secs_f64());
    }
    Ok(results)
}

fn beside(executable: std::path::PathBuf) -> std::path::PathBuf {
    executable.parent().map_or_else(|| ".".into(), Path::to_owned)
}
