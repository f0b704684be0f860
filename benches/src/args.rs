//! The command line: no more than a benchmark needs, so no parser crate.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use crate::measure::Load;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: rome-benches [--images N] [--quick] [--rounds N] [--slot-ms N] [--only TEXT] [--peers A,B] [--clients N] [--docs DIR] [--dir DIR]

  --images N     rows in the image table (10000)
  --quick        short slots: about two minutes for 10,000 images
  --rounds N     rounds of all peers, of which medians are taken (5)
  --slot-ms N    how long one peer runs one operation in one round
  --only TEXT    only operations whose name contains TEXT
  --peers A,B    these peers or groups of them (embedded)
                   embedded: raw, rome, rusqlite, diesel, diesel-hop, btree, rome-memory
                   redis:    raw-redis, lua-redis, rome-redis, and without a disk raw-redis-ram, lua-redis-ram, rome-redis-ram
                   postgres: diesel-pg, sea-orm-pg
  --clients N    only the measurement with 1 client, the one with 16, or the one with 64
  --docs DIR     write the sections of this size into DIR/benchmarks.md and its bars into DIR/benchmarks/
  --dir DIR      where the database files go (a temporary folder beside the build)";

/// Competitors that are asked for together.
const GROUPS: [(&str, &[&str]); 3] = [
    ("embedded", &["raw", "rome", "rusqlite", "diesel", "diesel-hop", "btree", "rome-memory"]),
    ("redis", &["raw-redis", "lua-redis", "rome-redis", "raw-redis-ram", "lua-redis-ram", "rome-redis-ram"]),
    ("postgres", &["diesel-pg", "sea-orm-pg"]),
];

/// The options of one run.
#[derive(Debug, Clone)]
pub struct Args {
    pub images: u64,
    pub rounds: usize,
    pub slot: Duration,
    pub only: Option<String>,
    pub peers: Option<Vec<String>>,
    pub clients: Option<usize>,
    pub docs: Option<PathBuf>,
    pub dir: Option<PathBuf>,
}

impl Args {
    /// Reads the arguments of the process; `None` means that help was asked for.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut args = Self {
            images: 10_000,
            rounds: 5,
            slot: Duration::from_millis(400),
            only: None,
            peers: None,
            clients: None,
            docs: None,
            dir: None,
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{name} needs a value"));
            match name.as_str() {
                "--images" => args.images = value()?.replace('_', "").parse().context("--images")?,
                "--quick" => args.slot = Duration::from_millis(70),
                "--rounds" => args.rounds = value()?.parse().context("--rounds")?,
                "--slot-ms" => args.slot = Duration::from_millis(value()?.parse().context("--slot-ms")?),
                "--only" => args.only = Some(value()?),
                "--peers" => args.peers = Some(value()?.split(',').map(str::to_owned).collect()),
                "--clients" => args.clients = Some(value()?.parse().context("--clients")?),
                "--docs" => args.docs = Some(value()?.into()),
                "--dir" => args.dir = Some(value()?.into()),
                "--help" | "-h" => return Ok(None),
                // cargo bench passes it to every target.
                "--bench" => {}
                other => bail!("unknown argument {other}\n\n{USAGE}"),
            }
        }
        if args.images < 1_000 || !args.images.is_multiple_of(100) {
            bail!("--images takes a multiple of 100, at least 1000: an owner has 100 images");
        }
        if args.clients.is_some_and(|clients| Load::ALL.iter().all(|load| load.clients() != clients)) {
            bail!("--clients takes 1, 16 or 64");
        }
        for peer in args.peers.iter().flatten() {
            if !GROUPS.iter().any(|(group, names)| peer == group || names.contains(&peer.as_str())) {
                bail!("no competitor is called {peer}\n\n{USAGE}");
            }
        }
        if args.rounds == 0 {
            bail!("--rounds must be at least 1");
        }
        Ok(Some(args))
    }

    /// Whether the operation of this name is to be measured.
    pub fn wants_operation(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }

    /// Whether so many clients are to be measured.
    pub fn wants_clients(&self, clients: usize) -> bool {
        self.clients.is_none_or(|only| only == clients)
    }

    /// Whether the peer of this name takes part.
    pub fn wants_peer(&self, name: &str) -> bool {
        let group = GROUPS.iter().find(|(_, names)| names.contains(&name)).map_or("", |(group, _)| *group);
        match &self.peers {
            Some(peers) => peers.iter().any(|peer| peer == name || peer == group),
            None => group == "embedded",
        }
    }
}
