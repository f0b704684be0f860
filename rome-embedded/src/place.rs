//! Where a record lies in the file: each space of the contract has a table of the engine of its own, and the store's own
//! records have one.

use std::fmt;

use rome_store::{IndexId, Space};

/// A table of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    kind: u8,
    number: u32,
}

impl Place {
    /// The store's own records.
    pub(crate) const OWN: Self = Self { kind: 0, number: 0 };

    /// What the checksums of its records are mixed with, so that a record in another table is noticed. Zero for
    /// [`Self::OWN`]: the format record has to be readable for every version of the format.
    pub(crate) fn mark(self) -> u64 {
        (u64::from(self.kind) << 32 | u64::from(self.number)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    /// Its kind and number, by which [`space`](Self::space) finds the space again.
    pub(crate) const fn parts(self) -> (u8, u32) {
        (self.kind, self.number)
    }

    /// The space of an index with this place; none if it is of something else.
    pub(crate) const fn space(kind: u8, number: u32) -> Option<Space> {
        Some(match kind {
            0x20 => Space::Index(IndexId(number)),
            0x30 => Space::Unique(IndexId(number)),
            0x40 => Space::Aggregate(IndexId(number)),
            _ => return None,
        })
    }

    /// A number that is another one for most other places.
    pub(crate) const fn spread(self) -> usize {
        (self.kind >> 4) as usize * 5 + self.number as usize
    }
}

impl From<Space> for Place {
    fn from(space: Space) -> Self {
        let (kind, number) = match space {
            Space::Rows(table) => (0x10, table.0),
            Space::Index(index) => (0x20, index.0),
            Space::Unique(index) => (0x30, index.0),
            Space::Aggregate(index) => (0x40, index.0),
            Space::Meta => (0x60, 0),
        };
        Self { kind, number }
    }
}

/// The name of the engine's table, part of the file format.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match self.kind {
            0x10 => write!(f, "rows {number}"),
            0x20 => write!(f, "index {number}"),
            0x30 => write!(f, "unique {number}"),
            0x40 => write!(f, "aggregate {number}"),
            0x60 => f.write_str("meta"),
            _ => f.write_str("rome"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use rome_store::{IndexId, TableId};

    #[test]
    fn each_space_has_a_place_a_name_and_a_mark_of_its_own() {
        let mut spaces = vec![Space::Meta];
        for number in [0, 1, 2, 0x1000_0000, u32::MAX] {
            spaces.extend([Space::Rows(TableId(number)), Space::Index(IndexId(number))]);
            spaces.extend([Space::Unique(IndexId(number)), Space::Aggregate(IndexId(number))]);
        }
        let mut places: Vec<Place> = spaces.into_iter().map(Place::from).collect();
        places.push(Place::OWN);
        let names: HashSet<String> = places.iter().map(ToString::to_string).collect();
        let marks: HashSet<u64> = places.iter().map(|place| place.mark()).collect();
        assert_eq!((names.len(), marks.len()), (places.len(), places.len()));
        assert_eq!(Place::OWN.mark(), 0);
    }
}
