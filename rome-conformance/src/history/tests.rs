use super::Outcome::{Aborted, Committed, Unknown};
use super::*;

fn append(key: u64, value: u64) -> Op {
    Op::Append { key, value }
}

fn read(key: u64, list: &[u64]) -> Op {
    Op::Read { key, list: list.to_vec() }
}

fn ended(ops: &[Op], outcome: Outcome) -> Transaction {
    Transaction { ops: ops.to_vec(), outcome, began: 0, ended: u64::MAX }
}

/// Transactions that all ran at the same time and committed.
fn at_once(transactions: &[&[Op]]) -> Vec<Transaction> {
    transactions.iter().map(|ops| ended(ops, Committed)).collect()
}

/// Transactions that ran one after the other and committed.
fn in_turn(transactions: &[&[Op]]) -> Vec<Transaction> {
    let turn = |(at, ops): (u64, &&[Op])| Transaction { began: 2 * at, ended: 2 * at + 1, ..ended(ops, Committed) };
    (0..).zip(transactions).map(turn).collect()
}

fn kinds(history: &[Transaction], level: Level) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = check(history, level).into_iter().map(|anomaly| anomaly.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn serializable(history: &[Transaction]) -> Vec<Kind> {
    kinds(history, Level::Serializable)
}

#[test]
fn a_serial_history_is_clean() {
    let history = in_turn(&[
        &[append(1, 1), append(2, 1)],
        &[read(1, &[1]), append(1, 2), read(1, &[1, 2])],
        &[append(1, 3), append(1, 4)],
        &[read(1, &[1, 2, 3, 4]), read(2, &[1]), read(3, &[])],
    ]);
    assert_eq!(check(&history, Level::StrictSerializable), []);
}

#[test]
fn a_cycle_of_writes_is_g0() {
    let history =
        at_once(&[&[append(1, 1), append(2, 1)], &[append(1, 2), append(2, 2)], &[read(1, &[1, 2]), read(2, &[2, 1])]]);
    assert!(serializable(&history).contains(&Kind::G0));
}

#[test]
fn an_interleaved_transaction_is_g0() {
    let history = at_once(&[&[append(1, 1), append(1, 3)], &[append(1, 2)], &[read(1, &[1, 2, 3])]]);
    assert_eq!(serializable(&history), [Kind::G0]);
}

#[test]
fn a_read_of_an_aborted_transaction_is_g1a() {
    let history = [ended(&[append(1, 1)], Aborted), ended(&[read(1, &[1])], Committed)];
    assert_eq!(serializable(&history), [Kind::G1a]);
}

#[test]
fn a_read_by_an_aborted_transaction_proves_nothing() {
    let history = [ended(&[append(1, 1)], Aborted), ended(&[read(1, &[1, 9])], Aborted)];
    assert_eq!(serializable(&history), []);
}

#[test]
fn a_read_of_the_middle_of_a_transaction_is_g1b() {
    let history = at_once(&[&[append(1, 1), append(1, 2)], &[read(1, &[1])]]);
    assert!(serializable(&history).contains(&Kind::G1b));
}

#[test]
fn two_that_read_each_other_are_g1c() {
    let history = at_once(&[&[append(1, 1), read(2, &[1])], &[append(2, 1), read(1, &[1])]]);
    assert_eq!(serializable(&history), [Kind::G1c]);
}

#[test]
fn a_read_of_half_a_commit_is_g_single() {
    let history = at_once(&[&[append(1, 1), append(2, 1)], &[read(1, &[1]), read(2, &[])]]);
    assert_eq!(serializable(&history), [Kind::GSingle]);
}

#[test]
fn write_skew_is_g2() {
    let history = at_once(&[&[read(1, &[]), append(2, 1)], &[read(2, &[]), append(1, 1)]]);
    assert_eq!(serializable(&history), [Kind::G2], "also when the appends were never read");
    let history =
        at_once(&[&[read(1, &[]), append(2, 1)], &[read(2, &[]), append(1, 1)], &[read(1, &[1]), read(2, &[1])]]);
    assert_eq!(serializable(&history), [Kind::G2]);
}

#[test]
fn a_phantom_in_two_scans_is_a_cycle() {
    // Each scans all lists of an index, finds the other's row missing, and inserts its own.
    let history = at_once(&[
        &[read(1, &[]), read(2, &[]), append(1, 1)],
        &[read(1, &[]), read(2, &[]), append(2, 1)],
        &[read(1, &[1]), read(2, &[1])],
    ]);
    assert_eq!(serializable(&history), [Kind::G2]);
}

#[test]
fn two_updates_of_the_same_state_are_a_lost_update() {
    for end in [&[1, 2][..], &[2], &[1]] {
        let history = at_once(&[&[read(1, &[]), append(1, 1)], &[read(1, &[]), append(1, 2)], &[read(1, end)]]);
        let kinds = serializable(&history);
        assert!(kinds.contains(&Kind::LostUpdate) && kinds.contains(&Kind::GSingle), "{kinds:?}");
    }
}

#[test]
fn a_stale_read_is_wrong_only_in_real_time() {
    let history = in_turn(&[&[append(1, 1)], &[read(1, &[])], &[read(1, &[1])]]);
    assert_eq!(serializable(&history), []);
    let anomalies = check(&history, Level::StrictSerializable);
    assert!(anomalies.iter().all(|anomaly| anomaly.real_time && anomaly.kind == Kind::GSingle));
    assert_eq!(anomalies[0].transactions, [1, 0]);
}

#[test]
fn a_commit_that_vanished_is_wrong_in_real_time() {
    let history = in_turn(&[&[append(1, 1)], &[append(1, 2)], &[read(1, &[2])]]);
    assert_eq!(kinds(&history, Level::StrictSerializable), [Kind::G0, Kind::GSingle]);
}

#[test]
fn an_earlier_write_ordered_after_a_later_one_is_wrong_in_real_time() {
    let history = in_turn(&[&[append(1, 1)], &[append(1, 2)], &[read(1, &[2, 1])]]);
    assert_eq!(serializable(&history), []);
    assert_eq!(kinds(&history, Level::StrictSerializable), [Kind::G0]);
}

#[test]
fn a_cycle_through_several_moments_is_found() {
    let history = in_turn(&[&[append(1, 1)], &[append(2, 1)], &[append(3, 1)], &[read(1, &[]), read(3, &[1])]]);
    assert_eq!(kinds(&history, Level::StrictSerializable), [Kind::GSingle]);
}

#[test]
fn two_orders_of_one_list_are_incompatible() {
    let history = at_once(&[&[append(1, 1)], &[append(1, 2)], &[read(1, &[1, 2])], &[read(1, &[2])]]);
    assert_eq!(serializable(&history), [Kind::IncompatibleOrder]);
}

#[test]
fn values_from_nowhere_and_values_twice_are_reported() {
    let history = at_once(&[&[append(1, 1)], &[read(1, &[1, 1])], &[read(2, &[5])]]);
    let kinds = serializable(&history);
    assert!(kinds.contains(&Kind::DuplicateElement) && kinds.contains(&Kind::UnknownElement), "{kinds:?}");
}

#[test]
fn a_transaction_that_misses_its_own_writes_is_internal() {
    for ops in
        [&[append(1, 1), read(1, &[])][..], &[read(1, &[]), append(1, 1), read(1, &[])], &[read(1, &[1]), append(1, 1)]]
    {
        assert_eq!(serializable(&at_once(&[ops])), [Kind::Internal], "{ops:?}");
    }
    let changed = at_once(&[&[append(1, 1)], &[read(1, &[]), read(1, &[1])]]);
    assert!(serializable(&changed).contains(&Kind::Internal));
}

#[test]
fn an_unknown_outcome_counts_if_it_was_seen() {
    let skew = |end: &[u64]| {
        vec![
            ended(&[read(1, &[]), append(2, 1)], Unknown),
            ended(&[read(2, &[]), append(1, 1)], Committed),
            ended(&[read(1, &[1]), read(2, end)], Committed),
        ]
    };
    assert_eq!(serializable(&skew(&[])), [], "it may never have happened");
    assert_eq!(serializable(&skew(&[1])), [Kind::G2]);
}

#[test]
fn an_unknown_outcome_may_take_effect_late() {
    let mut history = in_turn(&[&[append(1, 1)], &[read(1, &[])], &[read(1, &[1])]]);
    history[0].outcome = Unknown;
    assert_eq!(check(&history, Level::StrictSerializable), []);
}

#[test]
fn the_log_keeps_the_order_of_beginnings_and_ends() {
    let log = Log::new();
    let mut first = log.begin();
    first.did(append(1, 9));
    first.retries();
    first.did(append(1, 1));
    let second = log.begin();
    first.ended(Committed);
    drop(second);
    let history = log.finish();
    assert_eq!(history[0], Transaction { ops: vec![append(1, 1)], outcome: Committed, began: 0, ended: 2 });
    assert_eq!(history[1], Transaction { ops: vec![], outcome: Unknown, began: 1, ended: 3 });
}
