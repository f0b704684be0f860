//! The suite notices when a law is broken: stores with one flaw each, and the laws that must fail on them.
#![allow(clippy::unwrap_used, missing_docs)]

mod reopened;
mod several;
mod store;
mod wire;

use std::sync::Arc;

use rome_conformance::laws::*;
use rome_conformance::workloads::*;
use rome_store::Store;
use store::{Flaw, Mutant};

mod without_a_flaw {
    use super::*;

    // The wrapper itself breaks nothing.
    rome_conformance::suite!(async || Arc::new(Mutant::new(Flaw::None)) as Arc<dyn Store>);
    rome_conformance::workloads!(async || Arc::new(Mutant::new(Flaw::None)) as Arc<dyn Store>);
}

fn flawed(flaw: Flaw) -> Arc<dyn Store> {
    Arc::new(Mutant::new(flaw))
}

// One thread, so that who runs first is the same each time. The clock may be one that goes on when all tasks wait.
macro_rules! caught {
    ($subject:path, $tries:literal; $($more:tt)+) => { caught! { $subject, $tries, false; $($more)+ } };
    ($subject:path, $tries:literal, $paused:tt; $($test:ident: $flaw:ident by $($law:ident),+;)+) => { $(
        #[tokio::test(start_paused = $paused)]
        async fn $test() {
            let subject = async || $subject(Flaw::$flaw);
            $(
                let mut caught = false;
                for _ in 0..$tries {
                    caught = caught || $law(&subject).await.is_err();
                }
                assert!(caught, "{} holds on a store that {:?}", stringify!($law), Flaw::$flaw);
            )+
        }
    )+ };
}

caught! { flawed, 1;
    reverse_ignored: IgnoresReverse
        by batches_are_one_scan, transactions_are_strictly_serializable, spans_give_exactly_their_members, random_calls_answer_as_the_specification_does;
    all_read_in_reverse: ReadsAllInReverse by a_cheap_reverse_scan_reads_what_it_visits;
    limit_ignored: IgnoresLimit
        by spans_give_exactly_their_members, random_calls_answer_as_the_specification_does;
    exclusive_bounds_ignored: IgnoresExclusiveBounds
        by batches_are_one_scan, spans_give_exactly_their_members, random_calls_answer_as_the_specification_does;
    want_ignored: IgnoresWant
        by spans_give_exactly_their_members, random_calls_answer_as_the_specification_does;
    stop_not_said: NeverSaysWhereItStopped
        by spans_give_exactly_their_members, random_calls_answer_as_the_specification_does,
            a_tracked_scan_can_be_checked_where_it_stopped, batches_are_one_scan;
    stop_at_what_was_returned: StopsAtWhatItReturned
        by spans_give_exactly_their_members, a_tracked_scan_can_be_checked_where_it_stopped, batches_are_one_scan;
    digest_of_the_whole_span: DigestsTheWholeSpan
        by batches_are_one_scan, a_tracked_scan_can_be_checked_where_it_stopped, random_calls_answer_as_the_specification_does;
    no_digest_of_counts: DigestsNoCounts by a_tracked_count_can_be_checked;
    read_in_several_steps: ReadsInSeveralSteps
        by every_read_is_a_state_of_one_order, an_apply_is_seen_whole_or_not_at_all;
    stale_reads: AnswersFromACache by every_read_is_a_state_of_one_order;
    hidden_damage: HidesDamage by an_entry_without_its_row_is_damage;
    reads_forgotten: ForgetsTheReads
        by transactions_are_strictly_serializable, the_first_failing_check_is_named_and_nothing_is_applied, phantoms_are_conflicts, a_refusal_leaves_nothing,
            an_unchanged_seq_stands_for_the_reads, random_calls_answer_as_the_specification_does;
    check_forgotten: ForgetsTheLastCheck
        by the_first_failing_check_is_named_and_nothing_is_applied, a_version_never_comes_back,
            a_refusal_leaves_nothing, random_calls_answer_as_the_specification_does;
    wrong_check_named: NamesTheWrongCheck
        by the_first_failing_check_is_named_and_nothing_is_applied, random_calls_answer_as_the_specification_does;
    phantoms_unseen: SeesNoPhantoms
        by transactions_are_strictly_serializable, phantoms_are_conflicts, a_tracked_scan_can_be_checked_where_it_stopped,
            random_calls_answer_as_the_specification_does;
    row_versions_unseen: SeesNoRowVersions
        by phantoms_are_conflicts, a_tracked_scan_can_be_checked_where_it_stopped,
            random_calls_answer_as_the_specification_does;
    any_version_taken: TakesAnyVersion
        by transactions_are_strictly_serializable, a_version_never_comes_back, the_first_failing_check_is_named_and_nothing_is_applied,
            random_calls_answer_as_the_specification_does;
    checks_forgotten_if_unchanged: ForgetsChecksIfUnchanged
        by an_unchanged_seq_stands_for_the_reads, random_calls_answer_as_the_specification_does;
    any_unchanged_seq_trusted: TrustsAnyUnchangedSeq
        by transactions_are_strictly_serializable, an_unchanged_seq_stands_for_the_reads, random_calls_answer_as_the_specification_does;
    torn_apply: TearsApplies
        by an_apply_is_seen_whole_or_not_at_all, every_read_is_a_state_of_one_order,
            a_dropped_apply_is_whole_or_nothing;
    seq_not_raised: RaisesNoSeq
        by effects_raise_the_seq, every_read_is_a_state_of_one_order, random_calls_answer_as_the_specification_does;
    deletes_lost: LosesDeletes
        by a_version_never_comes_back, phantoms_are_conflicts, every_read_is_a_state_of_one_order,
            random_calls_answer_as_the_specification_does;
    repeats_run_again: RunsRepeatsAgain
        by a_repeat_has_no_effect_and_gives_the_recorded_outcome, one_of_many_simultaneous_copies_is_applied,
            random_calls_answer_as_the_specification_does;
    refused_run_again: RunsRefusedAgain by a_repeat_has_no_effect_and_gives_the_recorded_outcome;
    late_ones_run: RunsLateOnes by a_late_transaction_is_aborted, random_calls_answer_as_the_specification_does;
    gate_ignored: LaughsAtTheGate
        by the_gate_refuses_older_schemas, no_older_schema_writes_after_the_gate,
            random_calls_answer_as_the_specification_does;
    gate_tested_apart: TestsTheGateApart by no_older_schema_writes_after_the_gate;
    unknown_called_not_applied: CallsTheUnknownNotApplied
        by transactions_are_strictly_serializable, outcomes_are_honest;
    rest_of_an_overflow_applied: AppliesTheRestOfAnOverflow
        by an_overflow_leaves_nothing, random_calls_answer_as_the_specification_does;
    too_long_skipped: SkipsWhatIsTooLong by what_is_over_a_limit_is_refused;
    checks_passed_over: PassesOverChecks by what_is_not_known_is_refused;
    effects_passed_over: PassesOverEffects by what_is_not_known_is_refused;
    any_step_taken: TakesAnyStep by what_is_not_known_is_refused;
    any_read_answered: AnswersAnyRead by what_is_not_known_is_refused;
    snapshots_moved: MovesSnapshots by a_snapshot_shows_the_state_at_its_opening;
    dropped_snapshots_read: ReadsDroppedSnapshots by a_snapshot_shows_the_state_at_its_opening;
    numbers_given_twice: GivesNumbersTwice by numbers_are_given_once;
    retired_is_read: ReadsWhatIsRetired by what_is_retired_is_not_read, who_reads_while_it_is_retired_reads_all_or_nothing;
}

/// Broken steps of transactions over several partitions.
mod with_four_partitions {
    use super::several::{Flaw, Mutant};
    use super::*;

    mod without_a_flaw {
        use super::*;

        rome_conformance::suite!(async || Arc::new(Mutant::new(Flaw::None)) as Arc<dyn Store>);
    }

    fn flawed(flaw: Flaw) -> Arc<dyn Store> {
        Arc::new(Mutant::new(flaw))
    }

    caught! { flawed, 1;
        no_tombstone: WritesNoTombstone
            by push_answers_the_outcome_or_aborts, one_and_push_agree_on_the_outcome, late_steps_have_no_effect,
                random_calls_answer_as_the_specification_does;
        whoever_asks_aborts: AbortsWhoeverAsks
            by push_answers_the_outcome_or_aborts, random_calls_answer_as_the_specification_does;
        outcomes_forgotten: ForgetsOutcomes
            by push_answers_the_outcome_or_aborts, late_steps_have_no_effect,
                random_calls_answer_as_the_specification_does;
        locks_kept_by_an_abort: AbortsAndKeepsLocks by push_answers_the_outcome_or_aborts;
        nothing_finished_late: FinishesNothingLate
            by finish_ends_what_is_prepared;
        finish_not_recorded: RecordsNoFinish
            by finish_ends_what_is_prepared, prepare_locks_where_nothing_is_on_record, copies_of_a_step_do_it_once,
                late_steps_have_no_effect, nothing_stays_locked_after_finish,
                random_calls_answer_as_the_specification_does;
        early_finish_not_recorded: RecordsNoEarlyFinish
            by finish_ends_what_is_prepared, nothing_stays_locked_after_finish,
                random_calls_answer_as_the_specification_does;
        refused_prepare_not_recorded: RecordsNoRefusedPrepare
            by prepare_locks_where_nothing_is_on_record, random_calls_answer_as_the_specification_does;
        lower_numbers_accepted: AcceptsLowerNumbers
            by one_is_carried_out_where_nothing_is_on_record, prepare_locks_where_nothing_is_on_record,
                late_steps_have_no_effect, random_calls_answer_as_the_specification_does;
        prepared_twice: PreparesTwice
            by prepare_locks_where_nothing_is_on_record, own_locks_do_not_block, copies_of_a_step_do_it_once,
                random_calls_answer_as_the_specification_does;
        finished_twice: FinishesTwice
            by finish_ends_what_is_prepared, finish_does_what_was_prepared, copies_of_a_step_do_it_once,
                random_calls_answer_as_the_specification_does;
        given_up_and_finished: FinishesWhatWasGivenUp
            by finish_ends_what_is_prepared, finish_does_what_was_prepared, what_is_prepared_is_not_seen,
                random_calls_answer_as_the_specification_does;
        torn_finish: TearsFinish by a_dropped_step_is_whole_or_nothing;
        other_version: StampsFinish
            by finish_ends_what_is_prepared, finish_does_what_was_prepared,
                random_calls_answer_as_the_specification_does;
        carried_out_too_early: CarriesOutWhenPreparing
            by what_is_prepared_is_not_seen, prepare_locks_where_nothing_is_on_record, sums_are_settled_when_prepared,
                random_calls_answer_as_the_specification_does;
        read_locks_ignored: IgnoresReadLocks
            by what_was_checked_is_closed_to_writers, an_unchanged_seq_opens_no_lock,
                random_calls_answer_as_the_specification_does;
        spans_not_locked: LocksNoSpans
            by what_was_checked_is_closed_to_writers, random_calls_answer_as_the_specification_does;
        rows_behind_entries_not_locked: LocksEntriesWithoutRows
            by what_was_checked_is_closed_to_writers, random_calls_answer_as_the_specification_does;
        write_locks_ignored: IgnoresWriteLocks
            by prepared_effects_are_closed_to_writers, prepared_effects_are_closed_to_who_checks_them,
                an_unchanged_seq_opens_no_lock, sums_are_settled_when_prepared,
                random_calls_answer_as_the_specification_does;
        locks_skipped_if_unchanged: SkipsLocksIfUnchanged
            by an_unchanged_seq_opens_no_lock, random_calls_answer_as_the_specification_does;
        gate_raised_beside_prepared: LetsTheGateRise
            by the_gate_meets_all_that_is_prepared, random_calls_answer_as_the_specification_does;
        prepared_gate_not_locked: LocksNoGate
            by the_gate_meets_all_that_is_prepared, random_calls_answer_as_the_specification_does;
        gate_ignored_by_prepare: PreparesBelowTheGate
            by prepare_tests_what_one_tests, random_calls_answer_as_the_specification_does;
        checks_ignored_by_prepare: PreparesUnchecked
            by prepare_tests_what_one_tests, random_calls_answer_as_the_specification_does;
        sums_ignored_by_prepare: PreparesSumsUnseen
            by sums_are_settled_when_prepared, random_calls_answer_as_the_specification_does;
        limits_ignored_by_prepare: PreparesWhatIsTooLong by what_is_over_a_limit_is_not_prepared;
        seq_not_raised_by_prepare: RaisesNoSeq
            by prepare_with_effects_raises_the_seq, random_calls_answer_as_the_specification_does;
        no_blockers_named: NamesNoBlockers
            by reads_name_who_is_in_their_way, reads_name_all_who_are_in_their_way, a_blocker_expires_with_its_lease,
                random_calls_answer_as_the_specification_does;
        one_blocker_named: NamesOneBlocker
            by reads_name_all_who_are_in_their_way, random_calls_answer_as_the_specification_does;
        nobody_named_in_counts: NamesNobodyInCounts
            by reads_name_who_is_in_their_way, random_calls_answer_as_the_specification_does;
        nobody_named_behind_entries: NamesNobodyBehindEntries
            by reads_name_who_is_in_their_way, random_calls_answer_as_the_specification_does;
        wrong_primary_named: NamesItselfAsPrimary
            by reads_name_who_is_in_their_way, reads_name_all_who_are_in_their_way,
                prepared_effects_are_closed_to_writers, random_calls_answer_as_the_specification_does;
        never_expired: NeverSaysExpired
            by a_blocker_expires_with_its_lease, random_calls_answer_as_the_specification_does;
        always_expired: AlwaysSaysExpired
            by a_blocker_expires_with_its_lease, reads_name_who_is_in_their_way,
                prepared_effects_are_closed_to_writers, random_calls_answer_as_the_specification_does;
        one_space_for_all: SharesOneSpace
            by partitions_are_spaces_of_their_own, random_calls_answer_as_the_specification_does;
        one_record_of_lanes_for_all: SharesLanes
            by partitions_are_spaces_of_their_own, random_calls_answer_as_the_specification_does;
    }

    /// Databases on broken stores.
    mod databases {
        use super::super::wire::Wire;
        use super::*;

        /// Calls that take time break nothing.
        mod without_a_flaw {
            use super::{Flaw, flawed};

            macro_rules! holds {
                ($($workload:ident)+) => { $(
                    #[tokio::test(start_paused = true)]
                    async fn $workload() {
                        let subject = async || flawed(Flaw::None);
                        assert_eq!(rome_conformance::workloads::$workload(&subject).await, Ok(()));
                    }
                )+ };
            }

            holds! {
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
        }

        fn flawed(flaw: Flaw) -> Arc<dyn Store> {
            Arc::new(Wire::new(Mutant::new(flaw)))
        }

        caught! { flawed, 30, true;
            no_tombstone: WritesNoTombstone by clients_that_are_gone_leave_nothing_locked_or_torn;
            never_expired: NeverSaysExpired by clients_that_are_gone_leave_nothing_locked_or_torn;
            no_blockers_named: NamesNoBlockers by clients_that_are_gone_leave_nothing_locked_or_torn;
            given_up_and_finished: FinishesWhatWasGivenUp
                by no_money_is_made_or_lost, a_unique_value_is_taken_once, lists_are_strictly_serializable,
                    lists_outlive_their_clients, clients_that_are_gone_leave_nothing_locked_or_torn;
            torn_finish: TearsFinish
                by a_unique_value_is_taken_once, lists_are_strictly_serializable, lists_outlive_their_clients;
            read_locks_ignored: IgnoresReadLocks by one_of_each_pair_stays;
            spans_not_locked: LocksNoSpans by one_of_each_pair_stays, no_row_is_left_without_its_parent;
            write_locks_ignored: IgnoresWriteLocks
                by no_money_is_made_or_lost, a_unique_value_is_taken_once, one_of_each_pair_stays,
                    lists_are_strictly_serializable, lists_outlive_their_clients;
            one_space_for_all: SharesOneSpace by no_money_is_made_or_lost;
        }
    }

    #[tokio::test]
    async fn the_last_partition_is_tested_like_the_first() {
        let subject = async || flawed(Flaw::LastUnchecked);
        assert_eq!(a_refusal_leaves_nothing(&subject).await, Ok(()));
        let elsewhere = rome_conformance::Elsewhere::of(&subject).await.unwrap().unwrap();
        assert!(a_refusal_leaves_nothing(&elsewhere).await.is_err());
    }
}

/// Databases on broken stores.
mod databases {
    use rome_core::testkit::Faults;

    use super::*;

    /// Others run before and after each call.
    fn flawed(flaw: Flaw) -> Arc<dyn Store> {
        let store = Faults::new(Arc::new(Mutant::new(flaw)));
        store.yield_around_calls();
        Arc::new(store)
    }

    // Transactions pause at random before they are tried again, so who runs first is not the same each time.
    caught! { flawed, 30;
        reads_forgotten: ForgetsTheReads
            by lists_are_strictly_serializable, no_money_is_made_or_lost, no_increment_is_lost;
        any_version_taken: TakesAnyVersion
            by lists_are_strictly_serializable, no_money_is_made_or_lost, no_increment_is_lost;
        any_unchanged_seq_trusted: TrustsAnyUnchangedSeq
            by lists_are_strictly_serializable, no_money_is_made_or_lost, no_increment_is_lost;
        check_forgotten: ForgetsTheLastCheck by a_unique_value_is_taken_once, no_row_is_left_without_its_parent;
        phantoms_unseen: SeesNoPhantoms
            by lists_are_strictly_serializable, no_row_is_left_without_its_parent, unions_are_strictly_serializable,
                partners_are_strictly_serializable, distinct_values_are_strictly_serializable;
        reverse_ignored: IgnoresReverse by lists_are_strictly_serializable;
        deletes_lost: LosesDeletes by a_unique_value_is_taken_once;
        stale_reads: AnswersFromACache by a_unique_value_is_taken_once;
        torn_apply: TearsApplies by no_money_is_made_or_lost, a_unique_value_is_taken_once;
        unknown_called_not_applied: CallsTheUnknownNotApplied
            by lists_are_strictly_serializable, a_unique_value_is_taken_once, no_increment_is_lost;
    }
}
