//! The buffered rows by where they are in indexes, so that a query in a session looks at those that it may find and not at
//! all that the session has written.
//!
//! A row is found by what it has in an index before the session's writes and by what it will have after them: by the first
//! a query knows that a stored row is another one by now, by the second that there is one that is not stored. It is made for the first query
//! that asks, and then kept up with each write: a session that does not query does not pay for it.

use std::collections::BTreeSet;
use std::ops::Bound;

use bytes::Bytes;

use super::overlay::Pending;
use crate::store::{Range, Space};

/// What rows have in indexes, each with the key of the row.
#[derive(Debug, Default)]
pub(super) struct Touched(BTreeSet<(Space, Bytes, Bytes)>);

impl Touched {
    /// Adds a row.
    pub fn add(&mut self, key: &Bytes, pending: &Pending) {
        pending.for_each_place(&mut |space, at| {
            self.0.insert((space, at.clone(), key.clone()));
        });
    }

    /// Removes a row.
    pub fn remove(&mut self, key: &Bytes, pending: &Pending) {
        pending.for_each_place(&mut |space, at| {
            self.0.remove(&(space, at.clone(), key.clone()));
        });
    }

    /// The rows that have something at this place.
    pub fn at(&self, space: Space, at: &Bytes, found: &mut BTreeSet<Bytes>) {
        self.within(space, &(Bound::Included(at.clone()), Bound::Included(at.clone())), found);
    }

    /// The rows that have something in a range.
    pub fn within(&self, space: Space, (lo, hi): &Range, found: &mut BTreeSet<Bytes>) {
        let from = match lo {
            Bound::Included(lo) | Bound::Excluded(lo) => lo.clone(),
            Bound::Unbounded => Bytes::new(),
        };
        let is_above = |at: &Bytes| !matches!(lo, Bound::Excluded(lo) if at == lo);
        let is_below = |at: &Bytes| match hi {
            Bound::Included(hi) => at <= hi,
            Bound::Excluded(hi) => at < hi,
            Bound::Unbounded => true,
        };
        let places = self.0.range((space, from, Bytes::new())..).skip_while(|(_, at, _)| !is_above(at));
        found.extend(places.take_while(|(of, at, _)| *of == space && is_below(at)).map(|(.., key)| key.clone()));
    }
}
