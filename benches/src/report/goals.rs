//! The goals that ROME set itself before it was measured, and whether it meets them.

use super::{Results, Table};
use crate::{contest::Load, operation::Operation};

struct Goal {
    operation: Operation,
    load: Load,
    peer: &'static str,
    other: &'static str,
    limit: f64,
}

impl Goal {
    fn time(operation: Operation, other: &'static str, limit: f64) -> Self {
        Self { operation, load: Load::One, peer: "rome", other, limit }
    }

    fn rate(operation: Operation, other: &'static str, limit: f64) -> Self {
        Self { operation, load: Load::Sixteen, peer: "rome", other, limit }
    }

    fn is_met(&self, ratio: f64) -> bool {
        match self.load {
            Load::One => ratio <= self.limit,
            Load::Sixteen => ratio >= self.limit,
        }
    }
}

fn all() -> Vec<Goal> {
    use Operation::*;
    let mut goals = vec![
        Goal::time(PointGet, "raw", 1.75),
        Goal::time(PointGet, "diesel", 0.2),
        Goal::rate(PointGet, "diesel", 10.0),
        Goal::time(GetMany, "raw", 1.2),
        Goal::time(GetMany, "diesel", 0.35),
        Goal::time(ByOwner, "raw", 1.25),
        Goal::time(ByOwner, "diesel", 0.5),
        Goal::time(Newest, "raw", 1.3),
        Goal::time(Newest, "diesel", 0.5),
        Goal::time(Filtered, "raw", 1.1),
        Goal::time(Filtered, "diesel", 0.9),
        Goal::time(CountOwner, "raw", 1.2),
        Goal::time(CountOwner, "diesel", 1.0),
        Goal::time(CountStatus, "raw", 1.2),
    ];
    for operation in [Insert, UpdateIndexed, Delete] {
        goals.push(Goal::time(operation, "raw", 1.1));
        goals.push(Goal::rate(operation, "raw", 2.5));
        goals.push(Goal::rate(operation, "diesel", 1.2));
    }
    goals.extend([
        Goal::time(InsertMany, "raw", 1.2),
        Goal::time(InsertMany, "diesel", 1.0),
        Goal::rate(Counter, "raw", 1.5),
        Goal::rate(Counter, "diesel", 1.0),
    ]);
    goals.extend(Operation::ALL.map(|operation| Goal {
        operation,
        load: Load::One,
        peer: "rome-memory",
        other: "btree",
        limit: 2.0,
    }));
    goals
}

/// Each goal with what was measured; goals whose operation or competitor did not run are left out.
pub fn goals(results: &Results) -> Table {
    let mut table = Table::new("Goals", ["operation", "goal", "measured", "", "round by round"]);
    for goal in all() {
        let Some(ratio) = results.ratio(goal.operation, goal.load, goal.peer, goal.other) else { continue };
        let limit = goal.limit;
        let text = match goal.load {
            Load::One => format!("{}: at most {limit} times {}'s time", goal.peer, goal.other),
            Load::Sixteen => format!("{}: at least {limit} times {}'s rate with 16 clients", goal.peer, goal.other),
        };
        let verdict = if goal.is_met(ratio) { "met" } else { "NOT MET" };
        let rounds = results.ratios(goal.operation, goal.load, goal.peer, goal.other);
        let (low, high) = rounds.iter().fold((f64::MAX, f64::MIN), |(low, high), r| (low.min(*r), high.max(*r)));
        table.row([
            goal.operation.name().to_owned(),
            text,
            format!("{ratio:.2}"),
            verdict.to_owned(),
            format!("{low:.2} to {high:.2}"),
        ]);
    }
    table
}
