//! What kind of run a seed gives.

use std::time::Duration;

use super::random::Random;
use super::tables::Sizes;
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
    /// How many actions all clients of a process take together, over all its lives.
    pub(super) actions: u32,
    /// The usual longest way of a message, in milliseconds.
    pub(super) slow: u64,
    /// The longest time until something that was done is safe.
    pub(super) unsafe_for: u64,
    /// How many requests of a thousand get lost; and so on below.
    pub(super) lost_requests: u64,
    pub(super) lost_replies: u64,
    pub(super) duplicates: u64,
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

/// How long a client waits for a reply before it sends the request again.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(200);

impl Plan {
    pub(super) fn draw(simulation: &Simulation, random: &Random) -> Self {
        let one_in_three = |most| if random.below(3) == 0 { random.between(1, most) } else { 0 };
        Self {
            partitions: simulation.partitions.unwrap_or_else(|| random.pick([1, 2, 2, 3, 3, 5])),
            survival: simulation.survival,
            processes: random.pick([2, 3, 3, 4]),
            clients: random.pick([1, 2, 3]),
            sizes: Sizes {
                lists: random.pick([2, 4, 6]),
                accounts: random.pick([2, 4, 6]),
                seats: random.pick([2, 3, 5]),
            },
            actions: simulation.actions,
            slow: random.pick([0, 2, 5, 20]),
            unsafe_for: random.pick([0, 5, 40]),
            lost_requests: one_in_three(60),
            lost_replies: one_in_three(60),
            duplicates: one_in_three(150),
            late: one_in_three(60),
            latest: random.pick([100, 1_000, 5_000, 30_000]),
            refusals: one_in_three(30),
            pauses: one_in_three(20),
            drops: one_in_three(300),
            kills: random.pick([0, 0, 300, 700]),
            failovers: random.pick([0, 0, 200, 1_000]),
            ends_by_kill: random.below(2) == 0,
        }
    }
}
