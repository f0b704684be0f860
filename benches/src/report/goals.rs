//! The goals that ROME set itself before it was measured, and whether it meets them.

use super::{Results, Table, tables::POSTGRES};
use crate::{measure::Load, operation::Operation};

struct Goal {
    operation: Operation,
    load: Load,
    peer: &'static str,
    other: Other,
    limit: f64,
}

/// Whom a goal compares with.
#[derive(Clone, Copy)]
enum Other {
    Peer(&'static str),
    /// The better of the ORMs on PostgreSQL.
    BestOrm,
}

impl Goal {
    fn time(operation: Operation, other: &'static str, limit: f64) -> Self {
        Self { operation, load: Load::One, peer: "rome", other: Other::Peer(other), limit }
    }

    fn rate(operation: Operation, other: &'static str, limit: f64) -> Self {
        Self { load: Load::Sixteen, ..Self::time(operation, other, limit) }
    }

    fn is_met(&self, ratio: f64) -> bool {
        match self.load {
            Load::One => ratio <= self.limit,
            Load::Sixteen | Load::SixtyFour => ratio >= self.limit,
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
        Goal::time(WithProperties, "raw", 1.2),
        Goal::time(WithProperties, "diesel", 1.0),
        Goal::time(Joined, "diesel", 1.0),
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
    goals.extend(Operation::ALL.map(|operation| Goal { peer: "rome-memory", ..Goal::time(operation, "btree", 2.0) }));
    goals
}

fn all_on_servers() -> Vec<Goal> {
    use Operation::*;
    let mut goals = Vec::new();
    for (peer, other) in [("rome-redis-ram", "raw-redis-ram"), ("rome-redis", "raw-redis")] {
        let times = [
            (PointGet, 1.15),
            (GetMany, 1.15),
            (ByOwner, 1.15),
            (Newest, 1.2),
            (CountStatus, 1.15),
            (Insert, 1.2),
            (UpdateIndexed, 1.2),
            (Delete, 1.2),
        ];
        goals.extend(times.map(|(operation, limit)| Goal { peer, ..Goal::time(operation, other, limit) }));
        goals.extend([
            Goal { peer, ..Goal::rate(Insert, other, 0.8) },
            Goal { peer, load: Load::SixtyFour, ..Goal::rate(Insert, other, 0.8) },
            Goal { peer, ..Goal::rate(Counter, other, 0.85) },
        ]);
    }
    let rates = [(PointGet, 5.0), (UpdateIndexed, 3.0), (Counter, 3.0), (CountStatus, 20.0)];
    goals.extend(rates.map(|(operation, limit)| Goal {
        operation,
        load: Load::Sixteen,
        peer: "rome-redis",
        other: Other::BestOrm,
        limit,
    }));
    goals
}

/// Each goal with what was measured; goals whose operation or competitor did not run are left out.
pub fn goals(results: &Results) -> Table {
    compare(results, "Goals", all())
}

/// The same of the goals on servers.
pub fn server_goals(results: &Results) -> Table {
    compare(results, "Goals on servers", all_on_servers())
}

fn compare(results: &Results, title: &str, goals: Vec<Goal>) -> Table {
    let mut table = Table::new(title, ["operation", "goal", "measured", "", "round by round"]);
    for goal in goals {
        let (other, name) = match goal.other {
            Other::Peer(other) => (other, other.to_owned()),
            Other::BestOrm => {
                let Some(best) = results.best(goal.operation, goal.load, &POSTGRES) else { continue };
                (best, format!("the best ORM ({best})"))
            }
        };
        let Some(ratio) = results.ratio(goal.operation, goal.load, goal.peer, other) else { continue };
        let limit = goal.limit;
        let text = match goal.load {
            Load::One => format!("{}: at most {limit} times {name}'s time", goal.peer),
            many => {
                format!("{}: at least {limit} times {name}'s rate with {} clients", goal.peer, many.clients())
            }
        };
        let verdict = if goal.is_met(ratio) { "met" } else { "NOT MET" };
        let rounds = results.ratios(goal.operation, goal.load, goal.peer, other);
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
