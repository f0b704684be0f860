//! Deterministic simulation: whole databases on a simulated partitioned store, with everything that can go wrong drawn
//! from a seed.
//!
//! The core is the real one. Under it, each partition is an in-memory store of its own, behind a network that delays
//! messages, loses requests and replies, and delivers them twice or long after. Partitions crash; processes of the
//! application are killed or stand still; actions are dropped at any await. All of it runs in one thread in virtual
//! time, so that **the same seed gives the same run**, to the last message.
//!
//! While it runs, and when the faults are over, it is tested that
//! - what was read is strictly serializable (list-append, over rows and index scans: [`history`](crate::history)),
//! - what every operator of a query gives is what a naive evaluation of the same state gives,
//! - no money is made or lost, unique values are unique, nobody skews writes, and counters count,
//! - index entries and claims agree with the rows,
//! - everything can be written within a lease, and nothing stays prepared that cannot be cleared away,
//! - what was acknowledged is there, where the [`Survival`] that is simulated promises it.
//!
//! ```
//! use rome_conformance::simulation::Simulation;
//!
//! let run = Simulation::new().run(42);
//! assert!(run.violations.is_empty(), "{:#?}", run.violations);
//! assert_eq!(run.digest, Simulation::new().run(42).digest);
//! ```
//!
//! Many seeds, from the command line: `cargo run -p rome-conformance --example simulate -- --runs 1000`.

mod audit;
mod clients;
mod drops;
mod figures;
mod lists;
mod lives;
mod many;
mod plan;
mod process;
mod questions;
pub(crate) mod random;
mod server;
mod tables;
mod trace;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use figures::Figures;
pub use many::{Failed, run_many};
use rome_store::Store;
use rome_store::memory::MemoryStore;
use tokio::time::timeout;

use crate::history::{Anomaly, Level, Op, Outcome, Transaction, check};
use clients::Application;
use plan::Plan;
use process::Process;
use random::Random;
use trace::Trace;
use world::World;

/// What of a partition survives its crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Survival {
    /// All that was acknowledged, or seen by a reader: [`Replicated`](rome_store::Durability::Replicated).
    #[default]
    Acknowledged,
    /// All but the last few applies, acknowledged or not: [`Memory`](rome_store::Durability::Memory). Transactions over
    /// several partitions may be torn by it, others are not.
    Prefix,
}

/// What is simulated; the rest is drawn from the seed.
#[derive(Clone)]
pub struct Simulation {
    /// If none, it is drawn.
    partitions: Option<u32>,
    survival: Survival,
    actions: u32,
    keeps_trace: bool,
    make: server::Make,
}

/// How a run went.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Run {
    /// What was wrong; nothing, if all is well.
    pub violations: Vec<String>,
    /// What was counted.
    pub figures: Figures,
    /// A digest of the trace.
    pub digest: u64,
    /// The trace, if it was to be kept.
    pub trace: Vec<String>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// A simulation of in-memory partitions that lose nothing that was acknowledged.
    #[must_use]
    pub fn new() -> Self {
        Self::over(|| Arc::new(MemoryStore::new()))
    }

    /// A simulation whose partitions keep their state in such stores. Each is a store of one partition that works in the
    /// thread of its caller. A test of the simulation itself gives stores with flaws.
    pub fn over(make: impl Fn() -> Arc<dyn Store> + Send + Sync + 'static) -> Self {
        Self { partitions: None, survival: Survival::default(), actions: 50, keeps_trace: false, make: Arc::new(make) }
    }

    /// The same with so many partitions, in place of a number that is drawn.
    #[must_use]
    pub const fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// The same, where this survives a crash of a partition.
    #[must_use]
    pub const fn survival(mut self, survival: Survival) -> Self {
        self.survival = survival;
        self
    }

    /// The same, where each process carries out so many actions; 50 otherwise.
    #[must_use]
    pub const fn actions(mut self, actions: u32) -> Self {
        self.actions = actions;
        self
    }

    /// The same, with the lines of the trace.
    #[must_use]
    pub const fn keep_trace(mut self) -> Self {
        self.keeps_trace = true;
        self
    }

    /// Runs once.
    ///
    /// # Panics
    /// When no runtime can be built.
    #[must_use]
    pub fn run(&self, seed: u64) -> Run {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime can be built").block_on(self.go(seed))
    }

    async fn go(&self, seed: u64) -> Run {
        let random = Random::new(seed);
        let plan = Plan::draw(self, &random);
        let mut trace = Trace::new(self.keeps_trace);
        trace.say(format_args!("seed {seed}: {plan:?}"));
        let world = Arc::new(World::new(plan, random, trace, &self.make));
        let app = Arc::new(Application::new(world.clone()));
        if timeout(10 * lives::AGES, play(&app)).await.is_err() {
            world.violated("it hangs");
        }
        let history = app.log.so_far();
        if world.plan.survival == Survival::Acknowledged {
            for anomaly in check(&history, Level::StrictSerializable).iter().map(Anomaly::to_string) {
                world.violated(format!("not strictly serializable: {anomaly}"));
            }
        }
        let mut figures = world.figures();
        figures.runs = 1;
        figures.lost_appends = lost_appends(&history, world.plan.sizes.lists);
        let violations = world.violations().clone();
        let (trace, digest) = world.trace().finish();
        Run { violations, figures, digest, trace }
    }
}

async fn play(app: &Arc<Application>) {
    let world = &app.world;
    let setup = Process::new(world.clone(), "setup".to_owned());
    let Some(db) = lives::open(&setup, world).await else { return };
    if let Err(error) = tables::fill(&db, world.plan.operator, world.plan.sizes).await {
        return world.violated(format!("the tables cannot be filled: {error}"));
    }
    // What it does in the background.
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.servers.iter().for_each(server::Server::make_safe);
    lives::storm(app).await;
    audit::audit(app).await;
}

/// How many acknowledged appends the last reads of the lists do not show.
fn lost_appends(history: &[Transaction], lists: u64) -> u64 {
    let committed = || history.iter().filter(|one| one.outcome == Outcome::Committed);
    let reads_all =
        |one: &&Transaction| one.ops.iter().all(|op| matches!(op, Op::Read { .. })) && one.ops.len() as u64 == lists;
    let Some(last) = committed().filter(reads_all).max_by_key(|one| one.ended) else {
        return 0;
    };
    let seen: BTreeSet<u64> = last.ops.iter().flat_map(|op| op.list().iter().copied()).collect();
    let appends = committed().flat_map(|one| &one.ops);
    appends.filter(|op| matches!(op, Op::Append { value, .. } if !seen.contains(value))).count() as u64
}
