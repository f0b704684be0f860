//! From dependencies to a judgement.

use std::fmt;

use super::Transaction;
use super::graph::{Cycle, Graph, RW, TIME, WR, WW};
use super::lists::Lists;

/// What a history is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Some serial order explains it.
    Serializable,
    /// Some serial order explains it in which nothing comes before what had ended when it began.
    StrictSerializable,
}

/// What is wrong with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A value stands in a list twice.
    DuplicateElement,
    /// A value stands in a list and nobody appended it.
    UnknownElement,
    /// Two reads of a list of which neither begins with the other.
    IncompatibleOrder,
    /// A transaction did not see what it had itself read or appended before.
    Internal,
    /// An aborted transaction was read.
    G1a,
    /// The middle of a transaction was read.
    G1b,
    /// Two transactions read the same state of a list and both appended to it.
    LostUpdate,
    /// A cycle of writes.
    G0,
    /// A cycle of writes and reads of them.
    G1c,
    /// A cycle in which one read missed a write: read skew, a stale read, a phantom.
    GSingle,
    /// A cycle in which several reads missed writes: write skew.
    G2,
}

/// Something that the level forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// What it is.
    pub kind: Kind,
    /// Whether it is one only because one transaction ended before another began.
    pub real_time: bool,
    /// The places in the history of the transactions that show it.
    pub transactions: Vec<usize>,
    /// How they show it.
    pub explanation: String,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let real_time = if self.real_time { " in real time" } else { "" };
        write!(f, "{:?}{real_time}: {}", self.kind, self.explanation)
    }
}

/// What the level forbids in a history, with one example for each kind of cycle; nothing if the history is as the level
/// promises.
///
/// It takes time and memory in proportion to the values read. Cycles in real time are looked for if there is none
/// without it.
///
/// # Panics
/// When a value was appended to the same list twice: such a history cannot be judged.
#[must_use]
pub fn check(history: &[Transaction], level: Level) -> Vec<Anomaly> {
    let mut lists = Lists::of(history);
    let mut anomalies = std::mem::take(&mut lists.anomalies);
    let graph = Graph::of(history, &lists);
    let mut cycles = find_cycles(&graph, 0);
    if cycles.is_empty() && level == Level::StrictSerializable {
        cycles = find_cycles(&graph, TIME);
    }
    anomalies.extend(cycles);
    anomalies
}

fn find_cycles(graph: &Graph, besides: u8) -> Vec<Anomaly> {
    let classes =
        [(Kind::G0, WW, WW), (Kind::G1c, WR, WW | WR), (Kind::GSingle, RW, WW | WR), (Kind::G2, RW, WW | WR | RW)];
    let mut found: Vec<Anomaly> = Vec::new();
    for (kind, first, rest) in classes {
        let Some(cycle) = graph.cycle(first, rest | besides) else { continue };
        let missed = cycle.iter().filter(|(_, edge)| edge.kind == RW).count();
        if kind == Kind::G2 && missed < 2 {
            continue;
        }
        found.push(describe(graph, kind, &cycle));
    }
    found
}

fn describe(graph: &Graph, kind: Kind, cycle: &Cycle) -> Anomaly {
    let transactions: Vec<usize> =
        cycle.iter().map(|(node, _)| *node).filter(|node| graph.is_transaction(*node)).collect();
    let mut explanation = String::new();
    let mut real_time = false;
    for (node, edge) in cycle {
        match edge.kind {
            WW => explanation += &format!("{node} appended to list {} just before {}; ", edge.key, edge.to),
            WR => explanation += &format!("what {node} appended to list {} was read by {}; ", edge.key, edge.to),
            RW => explanation += &format!("{node} read list {} without what {} appended; ", edge.key, edge.to),
            _ => {
                real_time = true;
                if graph.is_transaction(*node) {
                    explanation += &format!("{node} had ended when ");
                }
                if graph.is_transaction(edge.to) {
                    explanation += &format!("{} began; ", edge.to);
                }
            }
        }
    }
    Anomaly { kind, real_time, transactions, explanation }
}
