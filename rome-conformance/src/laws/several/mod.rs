//! The laws of stores with several partitions: `docs/design/several-partitions.md`. On a store with one partition there is nothing
//! to show.

mod copies;
mod effects;
mod locks;
mod reads;
mod reopening;
mod spaces;
mod steps;

pub use copies::{
    a_dropped_step_is_whole_or_nothing, copies_of_a_step_do_it_once, late_steps_have_no_effect,
    nothing_stays_locked_after_finish, one_and_push_agree_on_the_outcome,
};
pub use effects::{
    finish_does_what_was_prepared, prepare_tests_what_one_tests, prepare_with_effects_raises_the_seq,
    sums_are_settled_when_prepared, what_is_over_a_limit_is_not_prepared,
};
pub use locks::{
    an_unchanged_seq_opens_no_lock, own_locks_do_not_block, prepared_effects_are_closed_to_who_checks_them,
    prepared_effects_are_closed_to_writers, the_gate_meets_all_that_is_prepared, what_was_checked_is_closed_to_writers,
};
pub use reads::{
    a_blocker_expires_with_its_lease, reads_name_all_who_are_in_their_way, reads_name_who_is_in_their_way,
    what_is_prepared_is_not_seen,
};
pub use reopening::what_is_prepared_outlives_the_store;
pub use spaces::{partitions_are_spaces_of_their_own, what_is_not_there_is_refused};
pub use steps::{
    finish_ends_what_is_prepared, one_is_carried_out_where_nothing_is_on_record,
    prepare_locks_where_nothing_is_on_record, push_answers_the_outcome_or_aborts,
};
