//! How many of something there may be at once: so many in all, and so many of one caller, so that no caller has them all.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Something of which there is so much.
#[derive(Debug)]
pub struct Slots {
    what: &'static str,
    most: u64,
    each: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u64,
    by: HashMap<String, u64>,
}

/// A part of it that somebody has, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    who: String,
    weight: u64,
}

/// That there is no more of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    what: &'static str,
    most: u64,
    own: bool,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, most, own } = self;
        let whose = if *own { "one project" } else { "all callers together" };
        write!(f, "There are too many {what}: the most at the same time for {whose} is {most}. Please try again later.")
    }
}

impl Slots {
    /// So many in all, so many for each.
    #[must_use]
    pub fn new(what: &'static str, most: u64, each: u64) -> Arc<Self> {
        Arc::new(Self { what, most, each: each.min(most), taken: Mutex::default() })
    }

    /// Takes some for a caller.
    ///
    /// # Errors
    /// When there are not as many left, for the caller or at all. What is larger than all there may be is given to one who
    /// has none of it, so that it is possible at all.
    pub fn take(self: &Arc<Self>, who: &str, weight: u64) -> Result<Slot, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by.get(who).copied().unwrap_or_default();
        let fits = |used: u64, most: u64| used == 0 || used.saturating_add(weight) <= most;
        if !fits(own, self.each) {
            return Err(Full { what: self.what, most: self.each, own: true });
        }
        if !fits(taken.all, self.most) {
            return Err(Full { what: self.what, most: self.most, own: false });
        }
        taken.all = taken.all.saturating_add(weight);
        *taken.by.entry(who.to_owned()).or_default() += weight;
        Ok(Slot { slots: Arc::clone(self), who: who.to_owned(), weight })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(self.weight);
        if let Some(own) = taken.by.get_mut(&self.who) {
            *own = own.saturating_sub(self.weight);
            if *own == 0 {
                taken.by.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::Slots;

    #[test]
    fn one_caller_has_its_share_and_all_have_no_more_than_there_is() {
        let slots = Slots::new("uploads", 3, 2);
        let first = slots.take("ann", 1).unwrap();
        let _second = slots.take("ann", 1).unwrap();
        assert!(slots.take("ann", 1).unwrap_err().to_string().contains("one project is 2"));
        let _third = slots.take("bob", 1).unwrap();
        assert!(slots.take("bob", 1).unwrap_err().to_string().contains("all callers together is 3"));
        drop(first);
        slots.take("bob", 1).unwrap();
        slots.take("ann", 1).unwrap();
    }

    #[test]
    fn what_is_larger_than_all_goes_alone() {
        let slots = Slots::new("answers", 10, 10);
        let large = slots.take("ann", 11).unwrap();
        assert!(slots.take("bob", 1).is_err());
        drop(large);
        slots.take("bob", 1).unwrap();
        assert!(slots.taken.lock().unwrap().by.is_empty());
    }
}
