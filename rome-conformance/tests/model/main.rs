//! The commit of several partitions, tried in every order.
//!
//! `docs/design/several-partitions.md` specifies the protocol; this is its model, explicit and small: two or three
//! partitions with a register or two, two to five transactions, a reader, one failover. All states that a scenario can come
//! to are visited, and in each of them all invariants are tested.
//!
//! - A message that was sent can arrive at any time, any number of times, or never; its answer can be lost.
//! - A client can stop anywhere, and no longer wait for an answer anywhere.
//! - A lease can be over at any time: who has met a transaction may push it with `abort` whenever it likes.
//! - One partition may fail over to a replica which lacks what was not answered yet, or with weaker durability more.
//!
//! Each piece of the protocol can be left out, and then the search must find what goes wrong. To see the counterexamples,
//! the shortest there are, and the number of states:
//! `cargo test -p rome-conformance --test model -- --nocapture`.
//!
//! It does not model limits, several failovers, nor a failed primary that goes on answering.

mod client;
mod describe;
mod explore;
mod invariants;
mod partition;
mod reader;
mod scenario;
mod scenarios;
mod state;
mod step;

use explore::explore;
use scenario::{Claims, Durability, Model, Piece};
use scenarios::*;

/// All that the scenario claims holds in all of its states.
fn holds(model: Model) {
    let explored = explore(&model);
    println!("{}: {} states", model.name, explored.states);
    if let Some(counterexample) = explored.counterexample {
        panic!("{counterexample}");
    }
    let all = (1 << model.txs.len()) - 1;
    assert_eq!(explored.committed, all, "{}: each transaction can be committed", model.name);
}

/// The search finds a state in which this invariant does not hold.
fn fails(model: Model, law: &str) {
    let explored = explore(&model);
    let Some(counterexample) = explored.counterexample else {
        panic!("{} holds without {:?}, in {} states", model.name, model.left_out(), explored.states)
    };
    println!("without {:?}, after {} states:\n{counterexample}", model.left_out(), explored.states);
    assert!(counterexample.contains(law), "another law than expected is broken:\n{counterexample}");
}

macro_rules! whole {
    ($($scenario:ident)*) => {
        /// The whole protocol.
        mod whole {
            $(#[test] fn $scenario() { super::holds(super::$scenario()) })*
        }
    };
}

whole! {
    torn_write lost_update three_partitions
    write_skew write_skew_decided_at_reads write_skew_in_one_partition two_moments schema_gate
    lane_reuse lane_reuse_with_other_roles late_copies
    reader_of_one_batch reader_of_two_statements reader_of_secondaries reader_of_one_partition reader_beside_lane_reuse
    reader_of_two_statements_around_is_moved reader_of_secondaries_around_is_moved
    reader_of_absence locking_reader
    failover_of_primary failover_of_secondary failover_with_lane_reuse failover_with_locks failover_of_what_was_read
    failover_under_a_committing_reader lossy_failover
}

/// One piece is left out.
mod without {
    use super::*;

    #[test]
    fn the_tombstone_a_late_step_at_the_primary_commits() {
        fails(torn_write().without(Piece::Tombstone), "a torn transaction");
    }

    #[test]
    fn records_of_refusals_a_late_step_at_the_primary_commits() {
        fails(torn_write().without(Piece::RefusalsAtThePrimary), "a late commit");
    }

    #[test]
    fn records_at_secondaries_late_copies_apply_twice() {
        fails(torn_write().without(Piece::LaneRecordsAtSecondaries), "a double apply");
    }

    #[test]
    fn refusing_lower_numbers_an_earlier_transaction_is_carried_out_again() {
        fails(lane_reuse().without(Piece::RefusingLowerNumbers), "a double apply");
    }

    #[test]
    fn refusing_lower_numbers_an_aborted_transaction_commits_late() {
        fails(late_copies().without(Piece::RefusingLowerNumbers), "a late commit");
    }

    #[test]
    fn waiting_with_the_lane_a_committed_intent_is_dropped() {
        fails(lane_reuse().without(Piece::LaneWaits), "a torn transaction");
    }

    #[test]
    fn read_locks_there_is_write_skew() {
        fails(write_skew().without(Piece::ReadLocks), "no serial order");
    }

    #[test]
    fn checks_against_intents_a_raised_gate_lets_older_writers_pass() {
        fails(schema_gate().without(Piece::ChecksMeetIntents), "no serial order");
    }

    #[test]
    fn locks_in_spite_of_an_unchanged_seq_there_is_write_skew() {
        fails(write_skew_in_one_partition().without(Piece::LocksInSpiteOfSeq), "no serial order");
    }

    #[test]
    fn raising_seq_in_prepare_a_reader_sees_half() {
        fails(reader_of_one_batch().without(Piece::PrepareRaisesSeq), "no serial order");
    }

    #[test]
    fn reading_again_a_reader_misses_what_was_acknowledged() {
        fails(reader_of_one_partition().without(Piece::ReadingAgain), "no serial order");
    }

    #[test]
    fn asking_again_at_the_end_a_reader_sees_half() {
        fails(reader_of_two_statements().without(Piece::UndecidedAtTheEnd), "no serial order");
        fails(reader_of_secondaries().without(Piece::UndecidedAtTheEnd), "no serial order");
    }

    #[test]
    fn a_step_at_the_primary_a_reader_that_locks_has_lost_its_locks() {
        fails(locking_reader().without(Piece::LockingReaderCommits), "no serial order");
    }

    #[test]
    fn a_step_at_the_primary_its_tombstone_hides_the_lock_beside_it() {
        let model = locking_reader().without(Piece::LockingReaderCommits).without(Piece::FinishOfLeftovers);
        fails(model, "an intent stays for ever");
    }

    #[test]
    fn finishing_leftovers_a_lossy_failover_leaves_an_intent() {
        fails(lossy_failover().without(Piece::FinishOfLeftovers), "an intent stays for ever");
    }

    #[test]
    fn waiting_with_each_answer_a_failover_takes_back_a_commit() {
        fails(failover_of_primary().without(Piece::AnswersWait), "a lost commit");
    }

    #[test]
    fn the_owner_an_equal_seq_is_of_another_state() {
        fails(failover_of_what_was_read().without(Piece::Owner), "no serial order");
    }
}

/// What the whole protocol does not promise either. If one of these stops failing, the documents promise too little.
mod limits {
    use super::*;

    #[test]
    fn a_lossy_failover_tears_a_transaction_of_two_partitions() {
        fails(lossy_failover().claims(Claims::All), "a torn transaction");
    }

    #[test]
    fn a_reader_sees_what_a_failover_takes_back() {
        fails(failover_under_a_reader(), "no serial order");
    }
}

/// The same with more going on: a million states and more.
mod deep {
    use super::*;

    #[test]
    #[ignore = "takes minutes"]
    fn larger_scenarios() {
        holds(ring());
        holds(reader_beside_two_writers());
        holds(reader_of_secondaries_at_once());
        let lanes = lane_reuse_with_other_roles;
        for at in [0, 1] {
            holds(lanes().named("failover with other roles").failover(at, Durability::Replicated));
            let lossy = lanes().named("lossy failover with other roles").failover(at, Durability::Memory);
            holds(lossy.claims(Claims::OnePartition));
        }
    }
}
