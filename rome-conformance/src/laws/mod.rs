//! The laws, one function each: the guarantees of [`Store`](rome_store::Store) that can be seen from outside.
//!
//! A law opens stores of its own at new places, and says what it saw when the law does not hold. Use
//! [`suite!`](crate::suite) to make them tests.

mod atomic;
mod batches;
mod checks;
mod counts;
mod gate;
mod order;
mod outcomes;
mod refusals;
mod reopening;
mod retired;
mod sequences;
mod serializable;
mod several;
mod snapshots;
mod spans;

pub use crate::differential::random_calls_answer_as_the_specification_does;
pub use atomic::{a_dropped_apply_is_whole_or_nothing, an_apply_is_seen_whole_or_not_at_all};
pub use batches::{a_cheap_reverse_scan_reads_what_it_visits, batches_are_one_scan};
pub use checks::{
    a_version_never_comes_back, phantoms_are_conflicts, the_first_failing_check_is_named_and_nothing_is_applied,
};
pub use counts::a_tracked_count_can_be_checked;
pub use gate::{no_older_schema_writes_after_the_gate, the_gate_refuses_older_schemas};
pub use order::{an_unchanged_seq_stands_for_the_reads, effects_raise_the_seq, every_read_is_a_state_of_one_order};
pub use outcomes::{
    a_late_transaction_is_aborted, a_repeat_has_no_effect_and_gives_the_recorded_outcome,
    one_of_many_simultaneous_copies_is_applied,
};
pub use refusals::{
    a_refusal_leaves_nothing, an_overflow_leaves_nothing, outcomes_are_honest, what_is_not_known_is_refused,
    what_is_over_a_limit_is_refused,
};
pub use reopening::acknowledged_writes_outlive_the_store;
pub use retired::{
    a_prepared_retirement_is_named_to_readers, rows_are_not_retired, what_is_retired_is_not_read,
    who_reads_while_it_is_retired_reads_all_or_nothing,
};
pub use sequences::{a_sequence_is_raised_and_never_set_back, numbers_are_given_once};
pub use serializable::transactions_are_strictly_serializable;
pub use several::*;
pub use snapshots::a_snapshot_shows_the_state_at_its_opening;
pub use spans::{
    a_scan_stops_at_its_bytes_and_can_go_on, a_tracked_scan_can_be_checked_where_it_stopped,
    an_entry_without_its_row_is_damage, spans_give_exactly_their_members,
};
