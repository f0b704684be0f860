//! Rows by the values that they have.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;

/// Gathers things by encoded values. Those of one value mostly come one after the other, and are looked up once for all of them.
#[derive(Debug)]
pub(super) struct ByValue<T> {
    all: HashMap<Bytes, Vec<T>>,
    run: Option<(Bytes, Vec<T>)>,
}

impl<T> ByValue<T> {
    /// For about so many values.
    pub fn with_capacity(values: usize) -> Self {
        Self { all: HashMap::with_capacity(values), run: None }
    }

    /// Those of this value, if it is the one that came last.
    pub fn run_of(&mut self, value: &[u8]) -> Option<&mut Vec<T>> {
        self.run.as_mut().filter(|(of, _)| **of == *value).map(|(_, run)| run)
    }

    pub fn push(&mut self, value: Bytes, one: T) {
        match &mut self.run {
            Some((of, run)) if *of == value => run.push(one),
            _ => {
                let before = self.run.replace((value, vec![one]));
                self.add(before);
            }
        }
    }

    fn add(&mut self, run: Option<(Bytes, Vec<T>)>) {
        let Some((of, run)) = run else { return };
        match self.all.entry(of) {
            Entry::Vacant(slot) => {
                slot.insert(run);
            }
            Entry::Occupied(mut slot) => slot.get_mut().extend(run),
        }
    }

    /// All of them, those of each value in the order in which they came.
    pub fn finish(mut self) -> HashMap<Bytes, Vec<T>> {
        let last = self.run.take();
        self.add(last);
        self.all
    }
}
