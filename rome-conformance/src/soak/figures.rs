//! What was counted.

use std::fmt;
use std::time::Duration;

/// The steps of a commit, by the halves of calls that a client lives: on one partition a commit is one call, on several two and one
/// in the background.
pub(super) const STEPS: u64 = 7;

/// What happened under load and faults.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Figures {
    /// How often a database was put under load.
    pub rounds: u64,
    /// Transactions that were acknowledged.
    pub committed: u64,
    /// Those that failed for certain: the unique value was taken, or the store could not be reached.
    pub failed: u64,
    /// Clients that went away, by the halves of store calls that they lived in their last commit.
    pub deaths: [u64; STEPS as usize],
    /// Transactions whose client was told, or died before it was told, that the outcome is unknown.
    pub unknown: u64,
    /// Those of them that were found applied.
    pub unknown_applied: u64,
    /// Those that were found not applied. Of the others nothing could be told, since others had written over them.
    pub unknown_not_applied: u64,
    /// Attempts that met another transaction.
    pub conflicts: u64,
    /// Those of them that were tried again.
    pub retries: u64,
    /// How often the outcome of another's transaction was asked for.
    pub pushes: u64,
    /// Acknowledged commits that are not there.
    pub lost: u64,
    /// Commits in one partition that are there in part.
    pub torn: u64,
    /// Commits over several partitions that are there in part.
    pub torn_over_several: u64,
    /// What the histories show that strict serializability forbids, and sums that were not right.
    pub anomalies: u64,
    /// Transactions that nobody had met until the database's own check decided them.
    pub left_prepared: u64,
    /// The longest time from the end of the last fault until every row had been written once more.
    pub writable: Duration,
    /// The longest time by which that was more than the same took at once again, with nothing in the way.
    pub writable_late: Duration,
    /// What must not be. Empty if all is well.
    pub violations: Vec<String>,
}

impl Figures {
    /// Adds those of another time.
    pub fn add(&mut self, other: Self) {
        let sums = [
            (&mut self.rounds, other.rounds),
            (&mut self.committed, other.committed),
            (&mut self.failed, other.failed),
            (&mut self.unknown, other.unknown),
            (&mut self.unknown_applied, other.unknown_applied),
            (&mut self.unknown_not_applied, other.unknown_not_applied),
            (&mut self.conflicts, other.conflicts),
            (&mut self.retries, other.retries),
            (&mut self.pushes, other.pushes),
            (&mut self.lost, other.lost),
            (&mut self.torn, other.torn),
            (&mut self.torn_over_several, other.torn_over_several),
            (&mut self.anomalies, other.anomalies),
            (&mut self.left_prepared, other.left_prepared),
        ];
        for (sum, n) in sums.into_iter().chain(self.deaths.iter_mut().zip(other.deaths)) {
            *sum += n;
        }
        self.writable = self.writable.max(other.writable);
        self.writable_late = self.writable_late.max(other.writable_late);
        self.violations.extend(other.violations);
    }
}

/// A line for each figure, and for each violation.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deaths: Vec<String> = self.deaths.iter().map(u64::to_string).collect();
        let unknown = self.unknown - self.unknown_applied - self.unknown_not_applied;
        let lines = [
            ("databases under load", self.rounds.to_string()),
            ("commits acknowledged", self.committed.to_string()),
            ("failed for certain", self.failed.to_string()),
            ("clients killed, by half calls lived", deaths.join(" ")),
            ("outcomes unknown", self.unknown.to_string()),
            ("  found applied", self.unknown_applied.to_string()),
            ("  found not applied", self.unknown_not_applied.to_string()),
            ("  written over since", unknown.to_string()),
            ("conflicts", self.conflicts.to_string()),
            ("retries", self.retries.to_string()),
            ("pushes", self.pushes.to_string()),
            ("acknowledged commits lost", self.lost.to_string()),
            ("commits of one partition torn", self.torn.to_string()),
            ("commits of several partitions torn", self.torn_over_several.to_string()),
            ("anomalies", self.anomalies.to_string()),
            ("left prepared until checked", self.left_prepared.to_string()),
            ("longest until every row was written", format!("{:.2} s", self.writable.as_secs_f64())),
            ("  of it waiting for what faults left", format!("{:.2} s", self.writable_late.as_secs_f64())),
            ("violations", self.violations.len().to_string()),
        ];
        for (name, value) in lines {
            writeln!(f, "{name:38} {value}")?;
        }
        self.violations.iter().try_for_each(|violation| writeln!(f, "VIOLATION {violation}"))
    }
}
