//! Histories for other checkers.

use super::{Op, Outcome, Transaction};

/// The history as Jepsen's checkers (Elle, adya) read it: one JSON object a line, each transaction a process of its own.
#[must_use]
pub fn to_jepsen(history: &[Transaction]) -> String {
    let mut events = Vec::new();
    for (at, transaction) in history.iter().enumerate() {
        let known = transaction.outcome == Outcome::Committed;
        let (kind, ended) = match transaction.outcome {
            Outcome::Committed => ("ok", transaction.ended),
            Outcome::Aborted => ("fail", transaction.ended),
            // Its process never comes back.
            Outcome::Unknown => ("info", u64::MAX),
        };
        events.push((transaction.began, at, "invoke", ops(transaction, false)));
        events.push((ended, at, kind, ops(transaction, known)));
    }
    events.sort_by_key(|(time, ..)| *time);
    let lines = events.iter().enumerate().map(|(index, (_, process, kind, ops))| {
        format!("{{\"index\":{index},\"type\":\"{kind}\",\"process\":{process},\"value\":[{ops}]}}\n")
    });
    lines.collect()
}

fn ops(transaction: &Transaction, known: bool) -> String {
    let ops = transaction.ops.iter().map(|op| match op {
        Op::Append { key, value } => format!("[\"append\",{key},{value}]"),
        Op::Read { key, list } if known => format!("[\"r\",{key},{list:?}]"),
        Op::Read { key, .. } => format!("[\"r\",{key},null]"),
    });
    ops.collect::<Vec<_>>().join(",")
}
