//! The history checker agrees with an independent one, `adya`.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use adya::r#gen::{GenOpts, Kind};
use adya::sim::{Isolation, SimOpts, run};
use adya::{History, Opts, Valid, Workload};
use rome_conformance::history::{Level, Op, Outcome, Transaction, check, to_jepsen};
use rome_conformance::workloads::append_to_lists;
use rome_core::testkit::{Fault, Faults};
use rome_store::Store;
use rome_store::memory::MemoryStore;
use serde_json::Value;

fn ops(event: &Value) -> Vec<Op> {
    let number = |value: &Value| value.as_u64().unwrap();
    let op = |op: &Value| match op[0].as_str().unwrap() {
        "append" => Op::Append { key: number(&op[1]), value: number(&op[2]) },
        _ => Op::Read { key: number(&op[1]), list: op[2].as_array().into_iter().flatten().map(number).collect() },
    };
    event["value"].as_array().unwrap().iter().map(op).collect()
}

/// Histories as adya writes them.
fn parse(lines: &str) -> Vec<Transaction> {
    let (mut running, mut history) = (HashMap::new(), Vec::new());
    for (time, line) in (0..).zip(lines.lines()) {
        let event: Value = serde_json::from_str(line).unwrap();
        let process = event["process"].as_i64().unwrap();
        let outcome = match event["type"].as_str().unwrap() {
            "invoke" => {
                running.insert(process, time);
                continue;
            }
            "ok" => Outcome::Committed,
            "fail" => Outcome::Aborted,
            _ => Outcome::Unknown,
        };
        let mut ops = ops(&event);
        if outcome != Outcome::Committed {
            ops.retain(|op| matches!(op, Op::Append { .. }));
        }
        history.push(Transaction { ops, outcome, began: running.remove(&process).unwrap(), ended: time });
    }
    history
}

fn simulated(isolation: Isolation, seed: u64) -> String {
    let generator = GenOpts { kind: Kind::ListAppend, ..GenOpts::default() };
    run(&SimOpts { isolation, txns: 300, seed, r#gen: generator, ..SimOpts::default() })
}

/// Whether adya finds the history as the model promises.
fn adya_accepts(lines: &str, model: &str) -> bool {
    let history = History::from_json(lines).unwrap();
    let report = adya::check(&history, Workload::ListAppend, &Opts { models: vec![model.into()], ..Opts::default() });
    assert_ne!(report.valid, Valid::Unknown, "{:?}", report.anomaly_types);
    report.valid == Valid::True
}

#[test]
fn both_checkers_judge_simulated_databases_alike() {
    let levels = [("serializable", Level::Serializable), ("strict-serializable", Level::StrictSerializable)];
    let mut accepted = [0; 2];
    for isolation in [
        Isolation::Serializable,
        Isolation::SnapshotIsolation,
        Isolation::ReadCommitted,
        Isolation::ReadUncommitted,
        Isolation::LostUpdate,
    ] {
        for seed in 0..8 {
            let lines = simulated(isolation, seed);
            let history = parse(&lines);
            for (model, level) in levels {
                let anomalies = check(&history, level);
                let accepts = adya_accepts(&lines, model);
                assert_eq!(anomalies.is_empty(), accepts, "{isolation:?}, seed {seed}, {model}: {anomalies:#?}");
                accepted[usize::from(accepts)] += 1;
            }
        }
    }
    assert!(accepted.iter().all(|times| *times >= 16), "both judgements occur: {accepted:?}");
}

#[test]
fn both_checkers_judge_stale_reads_alike() {
    // A serial history in which now and then a reader is moved behind its real place.
    for late in 0..6 {
        let mut history = parse(&simulated(Isolation::Serializable, 90));
        let reader = history.iter().position(|one| {
            one.outcome == Outcome::Committed && one.ops.iter().all(|op| matches!(op, Op::Read { .. }))
        });
        let reader = reader.unwrap();
        let end = history.iter().map(|one| one.ended).max().unwrap();
        if late > 0 {
            (history[reader].began, history[reader].ended) = (end + late, end + late + 1);
        }
        let lines = to_jepsen(&history);
        for (model, level) in
            [("serializable", Level::Serializable), ("strict-serializable", Level::StrictSerializable)]
        {
            let anomalies = check(&history, level);
            assert_eq!(anomalies.is_empty(), adya_accepts(&lines, model), "late by {late}, {model}: {anomalies:#?}");
            assert_eq!(anomalies.is_empty(), late == 0 || level == Level::Serializable, "late by {late}, {model}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn both_checkers_accept_what_databases_do() {
    let subject = async || {
        let faults = Faults::new(Arc::new(MemoryStore::new()));
        faults.yield_around_calls();
        (20..5000).step_by(17).for_each(|n| faults.fail_apply(n, Fault::ReplyLost));
        Arc::new(faults) as Arc<dyn Store>
    };
    let history = append_to_lists(&subject).await.unwrap();
    assert!(history.iter().any(|one| one.outcome == Outcome::Unknown), "replies were lost");
    assert_eq!(check(&history, Level::StrictSerializable), []);
    assert!(adya_accepts(&to_jepsen(&history), "strict-serializable"));
}
