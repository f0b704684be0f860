//! What kind of run a seed gives.

use std::time::Duration;

use super::random::Random;
use super::tables::{Operator, Sizes};
use super::{Simulation, Survival};

/// How a run goes, drawn from its seed. Not every run has every fault: bugs that one fault hides are found where it is
/// missing (swarm testing: Groce et al., ISSTA 2012).
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) partitions: u32,
    pub(super) survival: Survival,
    pub(super) processes: u32,
    /// How many tasks a process has.
    pub(super) clients: u32,
    pub(super) sizes: Sizes,
    pub(super) theme: Theme,
    pub(super) operator: Operator,
    /// How many actions of a thousand only read, where there is a choice. The fewer write, the less often a reader is saved by
    /// what others do to the same partition.
    pub(super) readers: u64,
    /// How many actions all clients of a process take together, over all its lives.
    pub(super) actions: u32,
    /// The usual longest way of a message, in milliseconds.
    pub(super) slow: u64,
    /// How many messages of a thousand take up to ten times as long.
    pub(super) uneven: u64,
    /// The longest time until something that was done is safe.
    pub(super) unsafe_for: u64,
    /// How many requests of a thousand get lost; and so on below.
    pub(super) lost_requests: u64,
    pub(super) lost_replies: u64,
    pub(super) duplicates: u64,
    /// Whether a call that was sent again may be answered as the partition answers a repeat.
    pub(super) says_already: bool,
    /// Messages that arrive long after, and how long at most.
    pub(super) late: u64,
    pub(super) latest: u64,
    /// Calls that are refused for certain.
    pub(super) refusals: u64,
    /// Calls before or after which the whole process stands still.
    pub(super) pauses: u64,
    /// Actions that are dropped at one of their awaits.
    pub(super) drops: u64,
    /// Lives of a process that end by a kill.
    pub(super) kills: u64,
    /// How long a partition serves between failovers, in milliseconds; zero: there are none.
    pub(super) failovers: u64,
    /// Whether the processes are killed all at once when the faults stop.
    pub(super) ends_by_kill: bool,
}

/// What clients do the most, so that they meet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Theme {
    All,
    Lists,
    Bank,
    Seats,
    Duties,
    Operators,
}

/// How long a client waits for a reply before it sends the request again.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(200);

impl Plan {
    pub(super) fn draw(simulation: &Simulation, random: &Random) -> Self {
        let weather = random.pick([0, 200, 500, 800]);
        let sometimes = |most| if random.per_mille(weather) { random.between(1, most) } else { 0 };
        Self {
            partitions: simulation.partitions.unwrap_or_else(|| random.pick([1, 2, 2, 3, 3, 5])),
            survival: simulation.survival,
            processes: random.pick([2, 3, 3, 4]),
            clients: random.pick([2, 3, 5]),
            sizes: Sizes {
                lists: random.pick([2, 4, 6]),
                accounts: random.pick([2, 4, 6]),
                seats: random.pick([2, 3, 5]),
            },
            theme: random.pick([Theme::All, Theme::Lists, Theme::Bank, Theme::Seats, Theme::Duties, Theme::Operators]),
            operator: random.pick([Operator::Merge, Operator::MergeApart, Operator::Semi, Operator::Skip]),
            readers: random.pick([200, 500, 900]),
            actions: simulation.actions,
            slow: random.pick([0, 2, 5, 20]),
            uneven: random.pick([0, 100, 300]),
            unsafe_for: random.pick([0, 5, 40]),
            lost_requests: sometimes(100),
            lost_replies: sometimes(100),
            duplicates: sometimes(300),
            says_already: random.below(3) == 0,
            late: sometimes(150),
            latest: random.pick([100, 1_000, 5_000, 30_000]),
            refusals: sometimes(30),
            pauses: sometimes(20),
            drops: sometimes(300),
            kills: random.pick([0, 0, 300, 700]),
            failovers: random.pick([0, 0, 200, 1_000]),
            ends_by_kill: random.below(2) == 0,
        }
    }
}
