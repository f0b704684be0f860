//! The keys that a call of a script declares.

use rome_store::Space;

use crate::layout::Layout;

/// The keys that a call declares: all that it touches, by their positions.
#[derive(Debug)]
pub(crate) struct Keys {
    names: Vec<Vec<u8>>,
    /// The space, the position of its hash (for an index, that of its sorted set), the position of its sorted set.
    spaces: Vec<(Space, usize, usize)>,
}

impl Keys {
    pub(crate) fn new(fixed: &[&[u8]]) -> Self {
        Self { names: fixed.iter().map(|name| name.to_vec()).collect(), spaces: Vec::new() }
    }

    /// The positions of a space's keys, from 1 as Lua counts.
    pub(crate) fn position(&mut self, layout: &Layout, space: Space) -> (usize, usize) {
        if let Some((_, hash, ordered)) = self.spaces.iter().find(|(known, ..)| *known == space) {
            return (*hash, *ordered);
        }
        if let Some(hash) = layout.hash(space) {
            self.names.push(hash);
        }
        let hash = self.names.len();
        self.names.push(layout.ordered(space));
        let ordered = self.names.len();
        let hash = if matches!(space, Space::Index(_)) { ordered } else { hash };
        self.spaces.push((space, hash, ordered));
        (hash, ordered)
    }

    /// All names, in the order of their positions.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }
}
