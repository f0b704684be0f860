//! What a run found, and the ways to show it.

mod goals;
mod markdown;
mod svg;
mod tables;

pub use self::{
    goals::{goals, server_goals},
    markdown::{write_section, write_sections},
    svg::write_bars,
    tables::{Table, number, server_tables, tables},
};

use std::collections::BTreeMap;

use crate::{
    measure::{Load, median},
    operation::Operation,
};

/// Everything that a run measured.
#[derive(Debug)]
pub struct Results {
    pub images: u64,
    pub rounds: usize,
    /// The competitors in the order in which they ran.
    pub peers: Vec<&'static str>,
    pub operations: Vec<Operation>,
    numbers: BTreeMap<(usize, &'static str, Load), Vec<f64>>,
    costs: BTreeMap<(usize, &'static str, Load), Vec<f64>>,
}

impl Results {
    /// Nothing measured yet.
    pub fn new(images: u64, rounds: usize, peers: Vec<&'static str>, operations: Vec<Operation>) -> Self {
        Self { images, rounds, peers, operations, numbers: BTreeMap::new(), costs: BTreeMap::new() }
    }

    /// Adds what one slot gave: microseconds of one client, operations a second of many; and microseconds of processor
    /// time for each operation.
    pub fn add(&mut self, operation: Operation, peer: &'static str, load: Load, number: f64, cost: f64) {
        self.numbers.entry((operation as usize, peer, load)).or_default().push(number);
        self.costs.entry((operation as usize, peer, load)).or_default().push(cost);
    }

    /// The median processor time of an operation, of this process and the server.
    pub fn cost(&self, operation: Operation, peer: &str, load: Load) -> Option<f64> {
        let peer = self.peers.iter().find(|name| **name == peer)?;
        Some(median(self.costs.get(&(operation as usize, *peer, load))?.clone()))
    }

    /// The median over the rounds; nothing if this was not measured.
    pub fn get(&self, operation: Operation, peer: &str, load: Load) -> Option<f64> {
        let peer = self.peers.iter().find(|name| **name == peer)?;
        let rounds = self.numbers.get(&(operation as usize, *peer, load))?;
        Some(median(rounds.clone()))
    }

    /// The best of these competitors: the least time of one client, the highest rate of many.
    pub fn best(&self, operation: Operation, load: Load, of: &[&'static str]) -> Option<&'static str> {
        let numbers = of.iter().filter_map(|peer| Some((*peer, self.get(operation, peer, load)?)));
        let better = |a: &(&str, f64), b: &(&str, f64)| match load {
            Load::One => b.1.total_cmp(&a.1),
            Load::Sixteen | Load::SixtyFour => a.1.total_cmp(&b.1),
        };
        numbers.max_by(better).map(|(peer, _)| peer)
    }

    /// How many times `other`'s number `peer`'s is.
    pub fn ratio(&self, operation: Operation, load: Load, peer: &str, other: &str) -> Option<f64> {
        Some(self.get(operation, peer, load)? / self.get(operation, other, load)?)
    }

    /// The same ratio in each round alone: how far the machine let it wander.
    pub fn ratios(&self, operation: Operation, load: Load, peer: &str, other: &str) -> Vec<f64> {
        let rounds = |name: &str| {
            let name = self.peers.iter().find(|peer| **peer == name)?;
            self.numbers.get(&(operation as usize, *name, load))
        };
        let (Some(peer), Some(other)) = (rounds(peer), rounds(other)) else { return Vec::new() };
        peer.iter().zip(other).map(|(peer, other)| peer / other).collect()
    }
}
