//! Flawed partitions are found, each within so many seeds.

use std::sync::Arc;

use rome_conformance::simulation::{Simulation, Survival};
use rome_store::Store;

use crate::partition::{Missing, TablePartition};
use crate::store::{Flaw, Mutant};

fn is_found(what: &str, simulation: &Simulation, within: u64) {
    let mut tried = 0;
    // One at a time, so that it is the first seed that finds it.
    while tried < within {
        let run = simulation.run(tried);
        tried += 1;
        if let Some(violation) = run.violations.first() {
            return println!("{what}: found by seed {} ({violation:.200})", tried - 1);
        }
    }
    panic!("{what}: not found by {within} seeds");
}

fn without(missing: Missing) -> Simulation {
    let make = move || Arc::new(TablePartition::new(missing)) as Arc<dyn Store>;
    let simulation = Simulation::over(make).partitions(3);
    match missing {
        // It is for what only a loss leaves behind.
        Missing::FinishBeforeRecord => simulation.survival(Survival::Prefix),
        _ => simulation,
    }
}

macro_rules! pieces {
    ($($test:ident: $missing:ident within $seeds:literal;)+) => { $(
        #[test]
        fn $test() {
            is_found(stringify!($missing), &without(Missing::$missing), $seeds);
        }
    )+ };
}

/// Pieces of the protocol, each left out.
mod protocol {
    use super::*;

    pieces! {
        tombstone: Tombstone within 600;
        lane_record_at_finish: LaneRecordAtFinish within 3000;
        refusal_of_lower_numbers: RefusalOfLowerNumbers within 600;
        write_locks: WriteLocks within 600;
        read_locks: ReadLocks within 600;
        locks_if_unchanged: LocksIfUnchanged within 600;
        seq_of_prepare: SeqOfPrepare within 3000;
        blockers: Blockers within 600;
        finish_before_record: FinishBeforeRecord within 600;
        end_of_leases: EndOfLeases within 600;
    }
}

fn flawed(flaw: Flaw, partitions: u32) -> Simulation {
    let make = move || Arc::new(Mutant::new(flaw)) as Arc<dyn Store>;
    Simulation::over(make).partitions(partitions)
}

macro_rules! flaws {
    ($partitions:literal; $($test:ident: $flaw:ident within $seeds:literal;)+) => { $(
        #[test]
        fn $test() {
            is_found(stringify!($flaw), &flawed(Flaw::$flaw, $partitions), $seeds);
        }
    )+ };
}

/// Stores with a flaw, one partition.
mod one_partition {
    use super::*;

    flaws! { 1;
        reverse_ignored: IgnoresReverse within 400;
        stale_reads: AnswersFromACache within 400;
        reads_forgotten: ForgetsTheReads within 400;
        check_forgotten: ForgetsTheLastCheck within 400;
        phantoms_unseen: SeesNoPhantoms within 400;
        row_versions_unseen: SeesNoRowVersions within 400;
        any_version_taken: TakesAnyVersion within 400;
        any_unchanged_seq_trusted: TrustsAnyUnchangedSeq within 400;
        checks_forgotten_if_unchanged: ForgetsChecksIfUnchanged within 400;
        torn_apply: TearsApplies within 400;
        seq_not_raised: RaisesNoSeq within 400;
        deletes_lost: LosesDeletes within 400;
        repeats_run_again: RunsRepeatsAgain within 400;
        late_ones_run: RunsLateOnes within 400;
        unknown_called_not_applied: CallsTheUnknownNotApplied within 400;
    }
}

/// And three.
mod several_partitions {
    use super::*;

    flaws! { 3;
        reads_forgotten: ForgetsTheReads within 400;
        phantoms_unseen: SeesNoPhantoms within 400;
        any_version_taken: TakesAnyVersion within 400;
        torn_apply: TearsApplies within 400;
        deletes_lost: LosesDeletes within 400;
        repeats_run_again: RunsRepeatsAgain within 400;
    }
}
