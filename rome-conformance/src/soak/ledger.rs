//! What a client was told.

use std::collections::{BTreeMap, HashMap};

use super::deed::{Deed, End, Seen};
use super::figures::{Figures, STEPS};

/// Whether a client knows that something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Done,
    Maybe,
}

/// What a client was told.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) committed: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    pub(super) deaths: [u64; STEPS as usize],
    /// Increments of the counter.
    pub(super) counted: u64,
    pub(super) maybe_counted: u64,
    /// The numbers that its pair was written with and may have now, or since when.
    pub(super) numbers: BTreeMap<u64, Known>,
    /// The seats that it has or may have, by holder.
    pub(super) seats: HashMap<u64, (u64, Known)>,
    /// What it found on the way.
    pub(super) found: Figures,
}

impl Ledger {
    /// Before anything is sent: until the answer comes it may have been done.
    pub(super) fn begin(&mut self, deed: &Deed) {
        match deed {
            Deed::Pair { n, .. } => _ = self.numbers.insert(*n, Known::Maybe),
            Deed::Take { number, holder } => _ = self.seats.insert(*holder, (*number, Known::Maybe)),
            Deed::Leave { holder, .. } => {
                self.seats.entry(*holder).and_modify(|seat| seat.1 = Known::Maybe);
            }
            _ => {}
        }
    }

    /// The answer; none if the client died before it came. `was` is how well the seat was known that was to be left.
    pub(super) fn end(&mut self, deed: &Deed, was: Option<Known>, end: Option<End>) {
        match end {
            Some(End::Committed(seen)) => {
                self.committed += 1;
                self.committed(deed, was, seen);
            }
            Some(End::Failed) => {
                self.failed += 1;
                match deed {
                    Deed::Pair { n, .. } => _ = self.numbers.remove(n),
                    Deed::Take { holder, .. } => _ = self.seats.remove(holder),
                    Deed::Leave { holder, .. } => {
                        self.seats.entry(*holder).and_modify(|seat| seat.1 = was.unwrap_or(Known::Maybe));
                    }
                    _ => {}
                }
            }
            Some(End::Wrong(what)) => {
                self.found.anomalies += 1;
                self.found.violations.push(what);
            }
            Some(End::Unknown) | None => {
                // A look changes nothing, so nothing about it is open.
                if matches!(deed, Deed::Look) {
                    return;
                }
                self.unknown += 1;
                self.maybe_counted += u64::from(matches!(deed, Deed::Count { .. }));
            }
        }
    }

    fn committed(&mut self, deed: &Deed, was: Option<Known>, seen: Seen) {
        match (deed, seen) {
            (Deed::Count { .. }, _) => self.counted += 1,
            (Deed::Pair { pair, n }, Seen::Pair(there)) => {
                self.numbers.remove(n);
                self.pair_was(*pair, there);
                self.numbers.insert(*n, Known::Done);
            }
            (Deed::Take { number, holder }, _) => _ = self.seats.insert(*holder, (*number, Known::Done)),
            (Deed::Leave { holder, .. }, Seen::Seat(there)) => {
                self.seats.remove(holder);
                self.found.lost += u64::from(!there && was == Some(Known::Done));
            }
            _ => {}
        }
    }

    /// What its pair was found to be, and so which of its numbers are not there.
    pub(super) fn pair_was(&mut self, pair: u64, there: [u64; 2]) {
        let [n, other] = there;
        if n != other {
            self.found.torn += 1;
            self.found.violations.push(format!("the pair {pair} was written as {n} and {other}"));
        }
        for (number, known) in std::mem::take(&mut self.numbers) {
            match known {
                Known::Done if number > n => self.found.lost += 1,
                Known::Maybe if number > n => self.found.unknown_not_applied += 1,
                Known::Maybe if number == n => self.found.unknown_applied += 1,
                _ => {}
            }
        }
    }
}
