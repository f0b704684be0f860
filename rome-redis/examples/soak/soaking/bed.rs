//! What is soaked, and where.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rome_conformance::soak::LEASE;
use rome_store::Durability;

use super::fault::Fault;

/// What to soak, and how.
#[derive(Debug, Clone)]
pub struct Soak {
    pub cluster: bool,
    pub durability: Durability,
    pub faults: Vec<Fault>,
    /// For how long in all.
    pub time: Duration,
    /// For how long each database.
    pub round: Duration,
    pub clients: u64,
    pub seed: u64,
    /// For how long faults may keep a row from being written; none if that does not matter.
    pub late: Option<Duration>,
}

impl Default for Soak {
    fn default() -> Self {
        Self {
            cluster: false,
            durability: Durability::Local,
            faults: Vec::new(),
            time: Duration::from_secs(60),
            round: Duration::from_secs(15),
            clients: 16,
            seed: 1,
            late: Some(LEASE),
        }
    }
}

impl Soak {
    /// The faults that make sense with this store and durability. Of those that lose acknowledged commits by their nature, `memory` has all:
    /// there they are counted.
    pub fn possible(&self) -> Vec<Fault> {
        let fits = |fault: &Fault| match fault {
            Fault::Reshard => self.cluster,
            Fault::Failover => self.durability != Durability::Local,
            // A primary of a cluster that comes back with nothing takes its replica's data away.
            Fault::KillServer => self.durability == Durability::Local || !self.cluster && self.may_lose(),
            _ => true,
        };
        Fault::ALL.into_iter().filter(fits).collect()
    }

    /// What happens if nothing else is said. A node of a cluster that is killed after a slot came to it may have forgotten that when it
    /// starts, though it had said yes and the others know (seen with Redis 7.0.15); then nobody serves the slot until a person mends it. So slots do
    /// not move where nodes come back from their files.
    pub fn usual(&self) -> Vec<Fault> {
        let mut faults = self.possible();
        faults.retain(|fault| *fault != Fault::Reshard || self.has_replicas());
        faults
    }

    /// Whether the servers have replicas.
    pub fn has_replicas(&self) -> bool {
        self.durability != Durability::Local
    }

    /// Whether acknowledged commits may be lost.
    pub fn may_lose(&self) -> bool {
        self.durability == Durability::Memory
    }
}

/// Servers, and what can be done to them.
pub trait Bed: Send {
    /// The URL of the store.
    fn url(&self) -> String;

    /// Makes a fault, waits until it is over, and says how often it happened.
    fn make(&mut self, fault: Fault, random: &Random) -> u64;
}

/// Makes one fault after the other until the time is over; says how often each happened.
pub fn make_faults(
    bed: &mut dyn Bed,
    faults: &[Fault],
    time: Duration,
    random: &Random,
) -> BTreeMap<&'static str, u64> {
    let until = Instant::now() + time;
    // The clients see to this one.
    let faults: Vec<Fault> = faults.iter().copied().filter(|fault| *fault != Fault::KillClient).collect();
    let mut made = BTreeMap::new();
    let mut next = random.next();
    while Instant::now() < until {
        // Some calm, so that there is something to lose.
        sleep(Duration::from_millis(300 + random.below(700)));
        let at = usize::try_from(next % faults.len().max(1) as u64).unwrap_or_default();
        // All in turn, from a random one on.
        next = next.wrapping_add(1);
        if let Some(fault) = faults.get(at) {
            *made.entry(fault.name()).or_default() += bed.make(*fault, random);
        }
    }
    made
}

/// Random numbers that depend on a seed alone: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Debug)]
pub struct Random(AtomicU64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// One of these.
    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}
