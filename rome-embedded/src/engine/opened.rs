//! The tables of one state that are open, found without a lock.
//!
//! Chains that only grow: looking a table up writes nothing, so that readers on many threads do not slow each other
//! down, and what was found stays where it is.

use std::sync::OnceLock;

use rome_store::StoreResult;

use crate::place::Place;

const CHAINS: usize = 16;

/// What has been opened, by place.
pub(crate) struct Opened<T> {
    chains: [Link<T>; CHAINS],
}

type Link<T> = OnceLock<Box<Node<T>>>;

struct Node<T> {
    place: Place,
    table: T,
    next: Link<T>,
}

impl<T> Opened<T> {
    pub(crate) const fn new() -> Self {
        Self { chains: [const { OnceLock::new() }; CHAINS] }
    }

    /// The table of a place, opened if it is not. Two threads may open it at once; one of the two is kept.
    pub(crate) fn find_or_open(&self, place: Place, open: impl FnOnce() -> StoreResult<T>) -> StoreResult<&T> {
        let mut link = self.chain(place);
        while let Some(node) = link.get() {
            if node.place == place {
                return Ok(&node.table);
            }
            link = &node.next;
        }
        let mut new = Box::new(Node { place, table: open()?, next: OnceLock::new() });
        loop {
            match link.set(new) {
                Ok(()) => {}
                Err(refused) => {
                    new = refused;
                    let other = link.get().expect("a link that refuses has a node");
                    if other.place != place {
                        link = &other.next;
                        continue;
                    }
                }
            }
            return Ok(&link.get().expect("it was set above").table);
        }
    }

    /// The table of a place that is open.
    pub(crate) fn find_mut(&mut self, place: Place) -> Option<&mut T> {
        let mut link = self.chains.get_mut(place.spread() % CHAINS)?;
        loop {
            let node = link.get_mut()?;
            if node.place == place {
                return Some(&mut node.table);
            }
            link = &mut node.next;
        }
    }

    fn chain(&self, place: Place) -> &Link<T> {
        &self.chains[place.spread() % CHAINS]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rome_store::{Space, StoreError, StoreErrorKind, TableId};

    use super::*;

    fn place(number: u32) -> Place {
        Space::Rows(TableId(number)).into()
    }

    #[test]
    fn each_place_is_opened_once_and_stays() {
        let mut opened = Opened::new();
        let first = std::ptr::from_ref(opened.find_or_open(place(0), || Ok(0)).unwrap());
        for number in 0..100 {
            assert_eq!(*opened.find_or_open(place(number), || Ok(number)).unwrap(), number);
        }
        for number in 0..100 {
            assert_eq!(*opened.find_or_open(place(number), || unreachable!("it is open")).unwrap(), number);
            assert_eq!(opened.find_mut(place(number)), Some(&mut { number }));
        }
        assert_eq!(first, std::ptr::from_ref(opened.find_or_open(place(0), || Ok(7)).unwrap()));
        assert_eq!(opened.find_mut(place(100)), None);
    }

    #[test]
    fn a_table_that_cannot_be_opened_is_tried_again() {
        let opened = Opened::new();
        let error = || Err(StoreError::new(StoreErrorKind::Other, "not now"));
        assert!(opened.find_or_open(place(1), error).is_err());
        assert_eq!(*opened.find_or_open(place(1), || Ok(5)).unwrap(), 5);
    }

    #[test]
    fn threads_that_open_at_once_agree() {
        let opened = Opened::new();
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let opened = &opened;
                scope.spawn(move || {
                    for number in 0..200 {
                        let mine = opened.find_or_open(place(number), || Ok((number, thread))).unwrap();
                        let again = opened.find_or_open(place(number), || Ok((number, 9))).unwrap();
                        assert_eq!((mine.0, mine), (number, again));
                    }
                });
            }
        });
    }
}
