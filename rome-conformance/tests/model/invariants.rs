//! What must hold in every state.
//!
//! Each state is made quiet first: all clients stop, all messages are lost, and pushers end what is prepared. That is one of
//! the ways on from every state, so what is wrong after it is wrong, and a wrong outcome is found at the step that made it
//! inevitable.

use super::partition::Answer;
use super::scenario::{Claims, Model, Register};
use super::state::{Decision, READER, State, TXS};
use super::step::bits;

const NODES: usize = TXS + 1;

/// A transaction's read of a version.
struct Seen {
    by: usize,
    register: Register,
    version: u8,
}

impl Model {
    /// The invariant that does not hold, in words.
    pub fn broken(&self, state: &State) -> Option<String> {
        let mut quiet = *state;
        self.settle(&mut quiet).or_else(|| self.applied_twice(&quiet)).or_else(|| self.torn(&quiet)).or_else(|| {
            if self.claims == Claims::All { self.not_as_told(&quiet).or_else(|| self.not_serial(&quiet)) } else { None }
        })
    }

    /// What pushers alone do: push each prepared transaction at its primary, and finish it.
    pub fn settle(&self, state: &mut State) -> Option<String> {
        for at in 0..state.partitions.len() {
            for tx in bits(state.partitions[at].prepared) {
                let Answer::Already(decision) = self.push(state, tx, true) else { continue };
                self.finish(state, tx, at, decision);
            }
            if let Some(tx) = bits(state.partitions[at].prepared).next() {
                return Some(format!("an intent stays for ever: T{} at P{at}, although pushers have come", tx + 1));
            }
        }
        None
    }

    fn applied_twice(&self, state: &State) -> Option<String> {
        for (at, partition) in state.partitions.iter().enumerate() {
            for slot in &partition.slots {
                let mut seen = 0;
                for written in slot.iter().flatten() {
                    if seen & 1 << written.by != 0 {
                        return Some(format!("a double apply: T{} at P{at}", written.by + 1));
                    }
                    seen |= 1 << written.by;
                }
            }
        }
        None
    }

    fn torn(&self, state: &State) -> Option<String> {
        (0..self.txs.len()).find_map(|tx| {
            let single = self.txs[tx].secondaries() == 0;
            let applied = self.txs[tx].writes().filter(|(register, _)| self.is_applied(state, tx, *register)).count();
            let torn = applied != 0 && applied != self.txs[tx].writes().count();
            (torn && (single || self.claims == Claims::All))
                .then(|| format!("a torn transaction: {applied} of the writes of T{} are applied", tx + 1))
        })
    }

    fn not_as_told(&self, state: &State) -> Option<String> {
        (0..self.txs.len()).filter(|tx| self.txs[*tx].has_effects()).find_map(|tx| {
            match (state.clients[tx].told, self.is_committed(state, tx)) {
                (Some(Decision::Committed), false) => Some(format!("a lost commit: T{} was acknowledged", tx + 1)),
                (Some(Decision::Aborted), true) => Some(format!("a late commit: T{} was said to be aborted", tx + 1)),
                _ => None,
            }
        })
    }

    /// Whether it has an effect on the outcome: its writes are there, or its user has what it read.
    fn is_committed(&self, state: &State, tx: usize) -> bool {
        match self.txs[tx].writes().next() {
            Some((register, _)) => self.is_applied(state, tx, register),
            None => state.clients[tx].told == Some(Decision::Committed),
        }
    }

    fn is_applied(&self, state: &State, tx: usize, register: Register) -> bool {
        let slot = &state.partitions[register.at].slots[register.slot];
        slot.iter().flatten().any(|written| usize::from(written.by) == tx)
    }

    /// Strict serializability: the order of writes, what was read, and who was answered before whom have no cycle.
    fn not_serial(&self, state: &State) -> Option<String> {
        let mut after = [0u8; NODES];
        let mut seen = Vec::new();
        let committed = (0..self.txs.len()).filter(|tx| self.is_committed(state, *tx)).fold(0, |set, tx| set | 1 << tx);
        let reader = state.reader.ended == Some(true);
        let nodes = committed | u8::from(reader) << READER;
        for tx in bits(committed) {
            bits(state.clients[tx].before & nodes).for_each(|earlier| after[earlier] |= 1 << tx);
            let reads = self.txs[tx].reads.iter().zip(state.clients[tx].read);
            seen.extend(reads.map(|(register, version)| Seen { by: tx, register: *register, version }));
            for (register, _) in self.txs[tx].writes() {
                let writers = state.partitions[register.at].slots[register.slot].iter().flatten();
                let later = writers.skip_while(|written| usize::from(written.by) != tx).skip(1);
                later.for_each(|written| after[tx] |= 1 << written.by);
            }
        }
        if reader {
            bits(state.reader.before & nodes).for_each(|earlier| after[earlier] |= 1 << READER);
            let reads = self.reader.iter().flat_map(|plan| &plan.reads).zip(state.reader.read);
            seen.extend(reads.map(|(register, version)| Seen {
                by: READER,
                register: *register,
                version: version.unwrap_or(0),
            }));
        }
        if self.has_order(state, &seen, after) {
            return None;
        }
        let names = bits(nodes).map(|node| if node == READER { "R".to_owned() } else { format!("T{}", node + 1) });
        Some(format!("no serial order of {}", names.collect::<Vec<_>>().join(", ")))
    }

    /// Whether the reads can be given places among the writes such that there is no cycle. A version has one place; that
    /// there is no record may be seen at several.
    fn has_order(&self, state: &State, seen: &[Seen], after: [u8; NODES]) -> bool {
        let Some((read, rest)) = seen.split_first() else { return !has_cycle(after) };
        let slot = &state.partitions[read.register.at].slots[read.register.slot];
        let writes: Vec<_> = slot.iter().flatten().collect();
        (0..=writes.len()).any(|place| {
            let last = place.checked_sub(1).map(|last| writes[last]);
            let version = last.filter(|last| !last.delete).map_or(0, |last| last.by + 1);
            if version != read.version {
                return false;
            }
            let mut after = after;
            if let Some(last) = last {
                after[usize::from(last.by)] |= 1 << read.by;
            }
            if let Some(next) = writes.get(place) {
                after[read.by] |= 1 << next.by;
            }
            self.has_order(state, rest, after)
        })
    }
}

fn has_cycle(mut after: [u8; NODES]) -> bool {
    // A transaction that overwrites what it has read is not behind itself.
    (0..NODES).for_each(|node| after[node] &= !(1 << node));
    for middle in 0..NODES {
        for from in 0..NODES {
            if after[from] & 1 << middle != 0 {
                after[from] |= after[middle];
            }
        }
    }
    (0..NODES).any(|node| after[node] & 1 << node != 0)
}
