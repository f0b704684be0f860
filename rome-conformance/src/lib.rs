//! The suite that every ROME store passes, also a third party's.
//!
//! Say how your store is opened, as a [`Subject`], and let [`suite!`] write one test for each law:
//!
//! ```
//! use std::sync::Arc;
//! use rome_store::{memory::MemoryStore, Store};
//!
//! rome_conformance::suite!(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>);
//! ```
//!
//! The [`laws`] are the guarantees S1 to S15 of [`Store`](rome_store::Store) that a test can see from outside, and a
//! [differential](laws::random_calls_answer_as_the_specification_does) test that compares random calls with the in-memory
//! store. Random input comes from fixed seeds; what fails is made smaller and printed with its case number. More cases:
//! `ROME_CONFORMANCE_CASES=10` multiplies them.
//!
//! The [`mod@workloads`] run whole databases on a store, from many tasks; [`workloads!`] makes them tests.
//! [`history`] checks recorded transactions for strict serializability.
//!
//! [`simulation`] runs the core over a simulated partitioned store, where everything that can go wrong comes from a seed.
//!
//! [`soak`] runs all of them at once on a store to which a test does its worst, for as long as it likes.
//!
//! Killing the process and losing power are not in it: they need the store's own tests.

mod client;
mod differential;
mod elsewhere;
pub mod history;
pub mod laws;
pub mod simulation;
pub mod soak;
mod subject;
mod together;
mod verdict;
pub mod workloads;

pub use elsewhere::Elsewhere;
pub use subject::Subject;
pub use verdict::{Verdict, Violation, run};

/// Writes one `#[test]` for each of the [`laws`]; the argument is an expression that gives a [`Subject`]. On a store with
/// several partitions each law is tested twice, the second time [`Elsewhere`].
#[macro_export]
macro_rules! suite {
    ($subject:expr) => {
        $crate::suite! { @each $subject;
            an_apply_is_seen_whole_or_not_at_all
            every_read_is_a_state_of_one_order
            acknowledged_writes_outlive_the_store
            the_first_failing_check_is_named_and_nothing_is_applied
            phantoms_are_conflicts
            a_version_never_comes_back
            a_repeat_has_no_effect_and_gives_the_recorded_outcome
            a_late_transaction_is_aborted
            one_of_many_simultaneous_copies_is_applied
            spans_give_exactly_their_members
            a_tracked_scan_can_be_checked_where_it_stopped
            a_tracked_count_can_be_checked
            an_entry_without_its_row_is_damage
            a_scan_stops_at_its_bytes_and_can_go_on
            batches_are_one_scan
            a_cheap_reverse_scan_reads_what_it_visits
            effects_raise_the_seq
            an_unchanged_seq_stands_for_the_reads
            outcomes_are_honest
            a_refusal_leaves_nothing
            an_overflow_leaves_nothing
            a_dropped_apply_is_whole_or_nothing
            the_gate_refuses_older_schemas
            no_older_schema_writes_after_the_gate
            what_is_over_a_limit_is_refused
            what_is_not_known_is_refused
            what_is_retired_is_not_read
            rows_are_not_retired
            a_snapshot_shows_the_state_at_its_opening
            who_reads_while_it_is_retired_reads_all_or_nothing
            numbers_are_given_once
            a_sequence_is_raised_and_never_set_back
            random_calls_answer_as_the_specification_does
            transactions_are_strictly_serializable
            one_is_carried_out_where_nothing_is_on_record
            prepare_locks_where_nothing_is_on_record
            push_answers_the_outcome_or_aborts
            finish_ends_what_is_prepared
            prepared_effects_are_closed_to_writers
            prepared_effects_are_closed_to_who_checks_them
            what_was_checked_is_closed_to_writers
            an_unchanged_seq_opens_no_lock
            own_locks_do_not_block
            the_gate_meets_all_that_is_prepared
            what_is_prepared_is_not_seen
            reads_name_who_is_in_their_way
            reads_name_all_who_are_in_their_way
            a_blocker_expires_with_its_lease
            finish_does_what_was_prepared
            sums_are_settled_when_prepared
            what_is_over_a_limit_is_not_prepared
            prepare_tests_what_one_tests
            prepare_with_effects_raises_the_seq
            copies_of_a_step_do_it_once
            one_and_push_agree_on_the_outcome
            nothing_stays_locked_after_finish
            late_steps_have_no_effect
            a_dropped_step_is_whole_or_nothing
            what_is_prepared_outlives_the_store
            partitions_are_spaces_of_their_own
            what_is_not_there_is_refused
            a_prepared_retirement_is_named_to_readers
        }
    };
    (@each $subject:expr; $($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                let subject = $subject;
                $crate::run(async {
                    $crate::laws::$law(&subject).await?;
                    match $crate::Elsewhere::of(&subject).await? {
                        Some(elsewhere) => $crate::laws::$law(&elsewhere).await,
                        None => Ok(()),
                    }
                });
            }
        )*
    };
}

/// Writes one `#[test]` for each of the [`mod@workloads`]; the argument is an expression that gives a [`Subject`].
#[macro_export]
macro_rules! workloads {
    ($subject:expr) => {
        $crate::workloads! { @each $subject;
            lists_are_strictly_serializable
            no_money_is_made_or_lost
            a_unique_value_is_taken_once
            no_increment_is_lost
            one_of_each_pair_stays
            no_row_is_left_without_its_parent
            lists_outlive_their_clients
            clients_that_are_gone_leave_nothing_locked_or_torn
            unions_are_strictly_serializable
            partners_are_strictly_serializable
            distinct_values_are_strictly_serializable
        }
    };
    (@each $subject:expr; $($workload:ident)*) => {
        $(
            #[test]
            fn $workload() {
                let subject = $subject;
                $crate::run($crate::workloads::$workload(&subject));
            }
        )*
    };
}
