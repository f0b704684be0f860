//! The search: all states in the order of their distance, each once, so that the first wrong one has the shortest trace.

use std::collections::HashSet;
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};

use super::scenario::{Action, Model};
use super::state::{Decision, State};

/// More states than this mean that a scenario is too large for a test.
const MOST: usize = 2_000_000;

/// What a search came to.
pub struct Explored {
    pub states: usize,
    /// The transactions that were committed in some state: a law that holds because nothing happens is none.
    pub committed: u8,
    /// What went wrong, and the way there.
    pub counterexample: Option<String>,
}

/// A state is some hundred single bytes, and the standard hasher takes longer for each of them than the step that made it.
#[derive(Default)]
struct ByteHasher(u64);

impl Hasher for ByteHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_isize(&mut self, discriminant: isize) {
        self.write_u8(discriminant as u8);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

struct Node {
    state: State,
    parent: usize,
    by: Option<Action>,
}

/// Goes through all states of a model, up to the first in which an invariant does not hold.
pub fn explore(model: &Model) -> Explored {
    let mut nodes = vec![Node { state: State::default(), parent: 0, by: None }];
    let mut seen = HashSet::with_hasher(BuildHasherDefault::<ByteHasher>::default());
    seen.insert(State::default());
    let (mut committed, mut next, mut actions) = (0, 0, Vec::new());
    while next < nodes.len() {
        let state = nodes[next].state;
        actions.clear();
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            let mut after = state;
            model.take(&mut after, action);
            if after == state || !seen.insert(after) {
                continue;
            }
            nodes.push(Node { state: after, parent: next, by: Some(action) });
            assert!(nodes.len() < MOST, "{}: more than {MOST} states", model.name);
            if let Some(law) = model.broken(&after) {
                let counterexample = Some(trace(model, &nodes, &law));
                return Explored { states: nodes.len(), committed, counterexample };
            }
            let told = after.clients.iter().enumerate().filter(|(_, client)| client.told == Some(Decision::Committed));
            committed = told.fold(committed, |set, (tx, _)| set | 1 << tx);
        }
        next += 1;
    }
    Explored { states: nodes.len(), committed, counterexample: None }
}

/// The way to the last node, step by step.
fn trace(model: &Model, nodes: &[Node], law: &str) -> String {
    let mut path = Vec::new();
    let mut at = nodes.len() - 1;
    while let Some(action) = nodes[at].by {
        path.push(action);
        at = nodes[at].parent;
    }
    let mut text = model.to_string();
    let mut state = State::default();
    for action in path.into_iter().rev() {
        let step = model.describe(&mut state, action);
        writeln!(text, "    {step}").expect("a string takes all");
    }
    writeln!(text, "  => {law}").expect("a string takes all");
    text
}
