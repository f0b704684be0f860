//! Saves the look before a read while nobody writes.
//!
//! The look before a read shows a `seq`, and the same one after it proves that nothing was written in between. Any `seq` that
//! the server has told before the read was sent does as well. While nobody writes, the last one that was told
//! is that one. A transaction that is prepared raises it too. Where it is not, the read costs a second round trip; so it is tried only after many looks that
//! showed the same, and after one that did not, not before as many again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many looks have to show the same.
const MANY: u32 = 64;

/// What the server has told of a partition's `seq`.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    seq: AtomicU64,
    looks: AtomicU32,
}

impl Quiet {
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
        let quiet = Quiet::default();
        (0..=MANY).for_each(|_| {
            assert_eq!(quiet.seq(), None);
            quiet.saw(7, true);
        });
        assert_eq!(quiet.seq(), Some(7));
        quiet.wrote(8);
        assert_eq!(quiet.seq(), Some(8), "only this handle wrote");
        quiet.wrote(10);
        assert_eq!(quiet.seq(), None, "somebody else wrote too");
    }

    #[test]
    fn a_look_that_shows_another_ends_the_quiet() {
        let quiet = Quiet::default();
        (0..=MANY).for_each(|_| quiet.saw(7, true));
        quiet.saw(8, true);
        assert_eq!(quiet.seq(), None);
    }
}
