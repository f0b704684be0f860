//! The simulation finds nothing wrong with the core and finds what is wrong with flawed partitions.
//!
//! `ROME_SIM_SEED` is the first seed, `ROME_SIM_RUNS` how many each test tries.
#![allow(clippy::unwrap_used, missing_docs)]

mod flaws;
mod partition;
#[allow(dead_code, reason = "some flaws cannot be seen from a database")]
#[path = "../mutants/store.rs"]
mod store;

use std::sync::Arc;

use partition::{Missing, TablePartition};
use rome_conformance::simulation::{Figures, Simulation, Survival, run_many};

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("the variable is a number"))
}

/// Tries seeds; the first one and how many can be said by the environment.
fn holds(simulation: &Simulation, options: &str, runs: u64) -> Figures {
    let first = from_environment("ROME_SIM_SEED").unwrap_or(0);
    let (figures, failed) = run_many(simulation, first, from_environment("ROME_SIM_RUNS").unwrap_or(runs));
    println!("{figures}");
    if let Some(failed) = failed {
        let seed = failed.seed;
        panic!(
            "seed {seed} fails: {:#?}\nagain: cargo run -p rome-conformance --example simulate -- {options} --seed {seed} --trace",
            failed.violations
        );
    }
    figures
}

#[test]
fn databases_keep_their_promises_whatever_happens() {
    let figures = holds(&Simulation::new(), "", 200);
    // Seeds that meet none of these would prove little.
    if from_environment("ROME_SIM_SEED").is_none() && from_environment("ROME_SIM_RUNS").is_none() {
        let Figures { committed, blocked, tombstones, kills, failovers, forgotten, drops, pauses, .. } = figures;
        let all = [committed, blocked, tombstones, kills, failovers, forgotten, drops, pauses];
        assert!(all.iter().all(|n| *n > 0), "{figures}");
    }
}

#[test]
fn one_partition_that_loses_acknowledged_writes_tears_nothing() {
    let simulation = Simulation::new().partitions(1).survival(Survival::Prefix);
    holds(&simulation, "--partitions 1 --survival prefix", 60);
}

#[test]
fn several_partitions_that_lose_acknowledged_writes_can_be_used_afterwards() {
    let simulation = Simulation::new().partitions(3).survival(Survival::Prefix);
    holds(&simulation, "--partitions 3 --survival prefix", 60);
}

/// The table of the design page, read by someone else, is the same protocol.
#[test]
fn a_partition_made_from_the_table_of_steps_does_as_well() {
    let simulation = Simulation::over(|| Arc::new(TablePartition::new(Missing::Nothing)));
    holds(&simulation, "(partitions of the test)", 60);
    holds(&simulation.partitions(3).survival(Survival::Prefix), "(partitions of the test)", 60);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let simulation = Simulation::new().keep_trace();
    for seed in 0..12 {
        let (one, two) = (simulation.run(seed), simulation.run(seed));
        if let Some(at) = one.trace.iter().zip(&two.trace).position(|(one, two)| one != two) {
            panic!("seed {seed} differs at line {at}:\n{}\n{}", one.trace[at], two.trace[at]);
        }
        assert_eq!((one.digest, one.figures), (two.digest, two.figures), "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(Simulation::new().run(1).digest, Simulation::new().run(2).digest);
}
