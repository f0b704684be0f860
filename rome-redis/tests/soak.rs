//! Short soaks: databases under load while all goes wrong that can go wrong. `--example soak` does the same for as long as one likes.
#![allow(clippy::unwrap_used)]

#[path = "../examples/soak/soaking/mod.rs"]
mod soaking;

use std::time::Duration;

use rome_store::Durability;
use soaking::{Fault, Report, Soak};

/// Whether rows can be written soon is not asked here: a busy machine has other reasons.
fn soaked(cluster: bool, durability: Durability, faults: Option<&[Fault]>) -> Report {
    let short = Duration::from_secs(4);
    let soak = Soak { cluster, durability, time: short, round: short, clients: 8, late: None, ..Soak::default() };
    let faults = faults.map_or_else(|| soak.usual(), <[Fault]>::to_vec);
    let report = soaking::run(&Soak { faults, ..soak });
    assert!(report.figures.violations.is_empty() && report.figures.committed > 10, "{report}");
    report
}

#[test]
fn one_server_that_syncs_loses_nothing() {
    let report = soaked(false, Durability::Local, None);
    assert_eq!(report.figures.lost, 0, "{report}");
}

#[test]
fn one_server_with_a_replica_loses_nothing() {
    let report = soaked(false, Durability::Replicated(1), None);
    assert_eq!(report.figures.lost, 0, "{report}");
}

/// What is lost is counted, so the others would see it.
#[test]
fn one_server_that_keeps_nothing_loses_whole_commits() {
    let report = soaked(false, Durability::Memory, Some(&[Fault::KillServer]));
    assert!(report.figures.lost > 0, "{report}");
    assert_eq!(report.figures.torn, 0, "{report}");
}

#[test]
fn a_cluster_that_fails_over_loses_nothing() {
    let faults = [Fault::KillClient, Fault::Failover, Fault::Reshard];
    let report = soaked(true, Durability::Replicated(1), Some(&faults));
    assert_eq!(report.figures.lost, 0, "{report}");
}

#[test]
fn a_cluster_whose_slots_move_loses_nothing() {
    let faults = [Fault::DropReply, Fault::Reshard, Fault::ForgetScripts, Fault::DropConnections];
    let report = soaked(true, Durability::Local, Some(&faults));
    assert_eq!(report.figures.lost, 0, "{report}");
}

#[test]
fn a_cluster_that_syncs_loses_nothing() {
    let report = soaked(true, Durability::Local, None);
    assert_eq!(report.figures.lost, 0, "{report}");
}
