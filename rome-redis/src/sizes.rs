//! How long the rows of each table are, as far as this handle has seen: how many a reply may have follows from it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use rome_store::{Effect, Space};

/// The lengths of rows, by the space that they are in.
#[derive(Debug, Default)]
pub(crate) struct Sizes(RwLock<HashMap<Space, u32>>);

impl Sizes {
    /// About how many bytes a row has; none if nothing is known.
    pub(crate) fn of(&self, space: Space) -> Option<u32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&space).copied()
    }

    /// Rows were read: they have so many bytes on average. What was longer before is forgotten slowly.
    pub(crate) fn read(&self, space: Space, average: u32) {
        let known = self.of(space);
        let next = known.map_or(average, |known| average.max(known - known / 4));
        if known != Some(next) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(space, next);
        }
    }

    /// Rows were written.
    pub(crate) fn wrote(&self, effects: &[Effect]) {
        for effect in effects {
            let Effect::Put { space: space @ Space::Rows(_), key, value } = effect else { continue };
            let length = u32::try_from(key.len() + value.len()).unwrap_or(u32::MAX);
            if self.of(*space).is_none_or(|known| known < length) {
                self.0.write().unwrap_or_else(PoisonError::into_inner).insert(*space, length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rome_store::TableId;

    use super::*;

    #[test]
    fn what_is_longer_counts_at_once_and_is_forgotten_slowly() {
        let (sizes, rows) = (Sizes::default(), Space::Rows(TableId(1)));
        let put = |length: usize| Effect::Put { space: rows, key: "".into(), value: vec![0; length].into() };
        assert_eq!(sizes.of(rows), None);
        sizes.wrote(&[put(100), put(1000), put(10)]);
        assert_eq!(sizes.of(rows), Some(1000));
        (0..20).for_each(|_| sizes.read(rows, 50));
        assert_eq!(sizes.of(rows), Some(50));
        sizes.read(rows, 70);
        assert_eq!(sizes.of(rows), Some(70));
    }
}
