//! Past states of the in-memory store, for its snapshots: the present state, and what has changed since as it was.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;

use super::key::{Key, Probe};
use super::state::{Record, Records};
use crate::{Space, Span};

/// Records that have changed since, as they were; `None`: there was none.
pub(super) type Changed = BTreeMap<Space, Before>;
type Before = BTreeMap<Key, Option<Record>>;

/// A state that readers keep.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) seq: u64,
    pub(super) retired: BTreeSet<Space>,
    changed: RwLock<Changed>,
}

impl Past {
    /// The present state.
    pub(super) fn new(seq: u64, retired: BTreeSet<Space>) -> Self {
        Self { seq, retired, changed: RwLock::default() }
    }

    /// Keeps a record as it is before a change of it, unless it has changed since already.
    pub(super) fn note(&self, space: Space, key: &Bytes, record: Option<&Record>) {
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        changed.entry(space).or_default().entry(Key::new(key.clone())).or_insert_with(|| record.cloned());
    }

    pub(super) fn changed(&self) -> RwLockReadGuard<'_, Changed> {
        self.changed.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of one space in one state.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    now: Option<&'a Records>,
    before: Option<&'a Before>,
}

impl<'a> Table<'a> {
    pub(super) fn new(space: Space, spaces: &'a BTreeMap<Space, Records>, changed: Option<&'a Changed>) -> Self {
        Self { now: spaces.get(&space), before: changed.and_then(|changed| changed.get(&space)) }
    }

    pub(super) fn get(self, key: &[u8]) -> Option<&'a Record> {
        let key = Probe::new(key);
        match self.before.and_then(|before| before.get(&key)) {
            Some(before) => before.as_ref(),
            None => self.now?.get(&key),
        }
    }

    /// Shows the members of a span in its direction until `show` says that it wants no more. Its limit is the caller's.
    pub(super) fn walk<E>(
        self,
        span: &Span,
        show: impl FnMut(&'a [u8], &'a Record) -> Result<bool, E>,
    ) -> Result<(), E> {
        if !span.is_possible() {
            return Ok(());
        }
        let now = self.now.map(|records| within(records, span)).unwrap_or_default();
        match (self.before.map(|before| within(before, span)), span.reverse) {
            (None, false) => until(now, show),
            (None, true) => until(now.rev(), show),
            (Some(before), false) => until(merged(now, before, Ord::cmp), show),
            (Some(before), true) => until(merged(now.rev(), before.rev(), |a, b| b.cmp(a)), show),
        }
    }
}

fn within<'a, V>(records: &'a BTreeMap<Key, V>, span: &Span) -> btree_map::Range<'a, Key, V> {
    let (lo, hi) = (span.lo.as_ref().map(|key| Probe::new(key)), span.hi.as_ref().map(|key| Probe::new(key)));
    records.range::<Probe<'_>, _>((lo.as_ref(), hi.as_ref()))
}

/// The records as they were: those of now, but where something was kept from before, that.
fn merged<'a>(
    now: impl Iterator<Item = (&'a Key, &'a Record)>,
    before: impl Iterator<Item = (&'a Key, &'a Option<Record>)>,
    compare: impl Fn(&Key, &Key) -> Ordering,
) -> impl Iterator<Item = (&'a Key, &'a Record)> {
    let (mut now, mut before) = (now.peekable(), before.peekable());
    std::iter::from_fn(move || {
        loop {
            let order = match (now.peek(), before.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => compare(a, b),
            };
            if order.is_lt() {
                return now.next();
            }
            if order.is_eq() {
                now.next();
            }
            if let Some((key, Some(record))) = before.next() {
                return Some((key, record));
            }
        }
    })
}

fn until<'a, E>(
    members: impl Iterator<Item = (&'a Key, &'a Record)>,
    mut show: impl FnMut(&'a [u8], &'a Record) -> Result<bool, E>,
) -> Result<(), E> {
    for (key, record) in members {
        if !show(key.as_ref(), record)? {
            break;
        }
    }
    Ok(())
}
