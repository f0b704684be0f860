//! The comparison: `cargo run --release --manifest-path benches/Cargo.toml -- --images 10000`.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result, ensure};
use rome_benches::{
    agree,
    args::{Args, USAGE},
    contest::{Contestant, Entry, Load},
    operation::Operation,
    peer::{Blocking, Hop, Peer},
    peers::{btree::BTree, diesel::Diesel, raw::Raw, rome::Rome, rusqlite::Rusqlite},
    report::{self, Results},
};

/// Apart, so that two ways to call one database never make the same row.
const NUMBERS_APART: u64 = 100_000_000;

fn main() -> Result<()> {
    let Some(args) = Args::parse(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let results = runtime.block_on(run(&args))?;
    for table in report::tables(&results).into_iter().chain([report::goals(&results)]) {
        if !table.is_empty() {
            println!("\n{}\n\n{}", table.title, table.to_text());
        }
    }
    if let Some(docs) = &args.docs {
        let bars = report::write_bars(&results, &docs.join("benchmarks"))?;
        report::write_section(&results, &docs.join("benchmarks.md"), &bars)?;
    }
    Ok(())
}

async fn run(args: &Args) -> Result<Results> {
    let began = Instant::now();
    let parent = args.dir.clone().map_or_else(|| std::env::current_exe().map(beside), Ok)?;
    let folder = tempfile::Builder::new().prefix("rome-benches-").tempdir_in(&parent)?;
    let mut contestants = contestants(args, folder.path()).await?;
    ensure!(!contestants.is_empty(), "no competitor has such a name\n\n{USAGE}");
    let one_client_only: Vec<bool> = contestants.iter().map(|peer| peer.name() == "diesel-hop").collect();
    agree::check(&contestants, args.images).await?;
    eprintln!("loaded, and all agree, after {:.1} s", began.elapsed().as_secs_f64());

    let names = contestants.iter().map(|peer| peer.name()).collect();
    let operations: Vec<_> = Operation::ALL.into_iter().filter(|op| args.wants_operation(op.name())).collect();
    let mut results = Results::new(args.images, args.rounds, names, operations.clone());
    for round in 1..=args.rounds {
        for &operation in &operations {
            for load in [Load::One, Load::Sixteen].into_iter().filter(|load| args.wants_clients(load.clients())) {
                let everyone = contestants.iter_mut().zip(&one_client_only);
                let mut taking_part: Vec<_> =
                    everyone.filter(|(_, one_only)| load == Load::One || !**one_only).map(|(peer, _)| peer).collect();
                // What an fsync costs changes from one moment to the next, so those who wait for it take turns faster.
                let turns = if operation.writes() && operation != Operation::InsertMany { 4 } else { 1 };
                for _ in 0..turns {
                    for peer in &mut taking_part {
                        let slot = peer.slot(operation, load, args.slot / turns).await;
                        let slot = slot.with_context(|| format!("{}: {}", peer.name(), operation.name()))?;
                        let number = match load {
                            Load::One => slot.p50,
                            Load::Sixteen => slot.done as f64 / slot.seconds,
                        };
                        results.add(operation, peer.name(), load, number);
                    }
                }
            }
        }
        eprintln!("round {round} of {} after {:.1} s", args.rounds, began.elapsed().as_secs_f64());
    }
    Ok(results)
}

/// The competitors that were asked for, loaded, in the order in which they take turns.
async fn contestants(args: &Args, folder: &Path) -> Result<Vec<Box<dyn Contestant>>> {
    let mut all: Vec<Box<dyn Contestant>> = Vec::new();
    if args.wants_peer("raw") {
        let raw = loaded(Blocking::new(Raw::create(&folder.join("raw.redb"))?, Hop::Never), args).await?;
        all.push(Box::new(Entry::new("raw", raw.clone(), args.images).with_crowd(raw.with_hop(Hop::Writes))));
    }
    if args.wants_peer("rome") {
        let url = format!("embedded:{}", folder.join("rome").display());
        all.push(Box::new(Entry::new("rome", loaded(Rome::open(&url).await?, args).await?, args.images)));
    }
    if args.wants_peer("rusqlite") {
        let rusqlite = loaded(Blocking::new(Rusqlite::create(&folder.join("rusqlite.db"))?, Hop::Never), args).await?;
        let crowd = rusqlite.with_hop(Hop::Always);
        all.push(Box::new(Entry::new("rusqlite", rusqlite, args.images).with_crowd(crowd)));
    }
    if args.wants_peer("diesel") || args.wants_peer("diesel-hop") {
        let diesel = loaded(Blocking::new(Diesel::create(&folder.join("diesel.db"))?, Hop::Never), args).await?;
        let hopping = diesel.with_hop(Hop::Always);
        if args.wants_peer("diesel") {
            all.push(Box::new(Entry::new("diesel", diesel, args.images).with_crowd(hopping.clone())));
        }
        if args.wants_peer("diesel-hop") {
            let first = args.images + NUMBERS_APART;
            all.push(Box::new(Entry::new("diesel-hop", hopping, args.images).starting_at(first)));
        }
    }
    if args.wants_peer("btree") {
        let btree = loaded(Blocking::new(BTree::default(), Hop::Never), args).await?;
        all.push(Box::new(Entry::new("btree", btree, args.images)));
    }
    if args.wants_peer("rome-memory") {
        let memory = loaded(Rome::open("memory:").await?, args).await?;
        all.push(Box::new(Entry::new("rome-memory", memory, args.images)));
    }
    Ok(all)
}

async fn loaded<P: Peer>(mut peer: P, args: &Args) -> Result<P> {
    peer.load(args.images).await?;
    Ok(peer)
}

fn beside(executable: std::path::PathBuf) -> std::path::PathBuf {
    executable.parent().map_or_else(|| ".".into(), Path::to_owned)
}
