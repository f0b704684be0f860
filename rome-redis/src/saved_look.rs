//! Saves the look before a read while nobody writes.
//!
//! The look before a read shows a `seq`, and the same one after it proves that nothing was written in between. Any `seq` that the
//! server reported before the read was sent does as well, and while nobody writes or prepares a transaction, the last known one is
//! still current. If it is not, the read costs a second round trip. We try it only after 64 equal looks in a row; one that differs
//! resets the count.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many looks in a row have to be equal.
const MANY: u32 = 64;

/// The last known `seq` of a partition, and how many looks in a row showed it.
#[derive(Debug, Default)]
pub(crate) struct SavedLook {
    seq: AtomicU64,
    looks: AtomicU32,
}

impl SavedLook {
    /// The `seq` that stands for a look before a read, if one can be saved.
    pub(crate) fn seq(&self) -> Option<u64> {
        (self.looks.load(Ordering::Acquire) >= MANY).then(|| self.seq.load(Ordering::Acquire))
    }

    /// A read ended with this `seq`; `alone` says that nobody was prepared, so that there is nothing else to look for.
    pub(crate) fn saw(&self, seq: u64, alone: bool) {
        if self.seq.swap(seq, Ordering::AcqRel) != seq || !alone {
            self.looks.store(0, Ordering::Release);
        } else if self.looks.load(Ordering::Relaxed) < MANY {
            self.looks.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A commit of this handle ended with this `seq`. If nobody else wrote, the quiet goes on.
    pub(crate) fn wrote(&self, seq: u64) {
        if self.seq.swap(seq, Ordering::AcqRel).wrapping_add(1) != seq {
            self.looks.store(0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_saved_only_after_many_that_showed_the_same() {
        let saved_look = SavedLook::default();
        (0..=MANY).for_each(|_| {
            assert_eq!(saved_look.seq(), None);
            saved_look.saw(7, true);
        });
        assert_eq!(saved_look.seq(), Some(7));
        saved_look.wrote(8);
        assert_eq!(saved_look.seq(), Some(8), "only this handle wrote");
        saved_look.wrote(10);
        assert_eq!(saved_look.seq(), None, "somebody else wrote too");
    }

    #[test]
    fn a_look_that_shows_another_ends_the_quiet() {
        let saved_look = SavedLook::default();
        (0..=MANY).for_each(|_| saved_look.saw(7, true));
        saved_look.saw(8, true);
        assert_eq!(saved_look.seq(), None);
    }
}
