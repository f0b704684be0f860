//! The bytes of uploads that nobody announced, while they come.
//!
//! The database knows what a project has and what is announced. What comes unannounced it learns of at the end only, and of
//! several uploads at once each would find the same room. So their bytes are counted here, and each is cut at the first byte
//! for which there is no room. Another service on the same database counts its own; the transaction at the end is what
//! decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::data::Area;

/// The uploads on their way, by the project that they count for and where they go.
#[derive(Debug, Default, Clone)]
pub(super) struct Flights(Arc<Mutex<HashMap<(String, Area), Bytes>>>);

#[derive(Debug, Default)]
struct Bytes {
    uploads: u64,
    /// Of those that are not over.
    flying: u64,
    /// Of those that are over and that the database knows of.
    landed: u64,
}

/// One upload. Once it is dropped its bytes count no more, unless it [landed](Self::landed).
#[derive(Debug)]
pub(super) struct Flight {
    flights: Flights,
    key: (String, Area),
    /// What of [`Bytes::landed`] the database knew of when it was asked how much room there is.
    known: u64,
    came: u64,
}

impl Flights {
    fn all(&self) -> MutexGuard<'_, HashMap<(String, Area), Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new upload. It has to begin before the database is asked how much room there is.
    pub fn begin(&self, project: &str, area: Area) -> Flight {
        let key = (project.to_owned(), area);
        let mut all = self.all();
        let bytes = all.entry(key.clone()).or_default();
        bytes.uploads += 1;
        Flight { flights: self.clone(), key, known: bytes.landed, came: 0 }
    }
}

impl Flight {
    /// Counts bytes that came; whether they fit what was left when the database was asked.
    pub fn fits(&mut self, more: u64, left: u64) -> bool {
        let mut all = self.flights.all();
        let bytes = all.entry(self.key.clone()).or_default();
        let since = bytes.landed.saturating_sub(self.known);
        if bytes.flying.saturating_add(since).saturating_add(more) > left {
            return false;
        }
        bytes.flying += more;
        self.came += more;
        true
    }

    /// Notes that the database knows of the bytes now.
    pub fn landed(mut self) {
        let mut all = self.flights.all();
        if let Some(bytes) = all.get_mut(&self.key) {
            bytes.flying = bytes.flying.saturating_sub(self.came);
            bytes.landed = bytes.landed.saturating_add(self.came);
        }
        drop(all);
        self.came = 0;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut all = self.flights.all();
        if let Some(bytes) = all.get_mut(&self.key) {
            bytes.flying = bytes.flying.saturating_sub(self.came);
            bytes.uploads = bytes.uploads.saturating_sub(1);
            if bytes.uploads == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Flights;
    use crate::data::Area;

    #[test]
    fn uploads_at_once_share_what_is_left() {
        let flights = Flights::default();
        let (mut first, mut second) = (flights.begin("p", Area::Store), flights.begin("p", Area::Store));
        let mut elsewhere = flights.begin("p", Area::Staging);
        assert!(first.fits(6, 10) && second.fits(4, 10) && elsewhere.fits(10, 10));
        assert!(!first.fits(1, 10) && !second.fits(1, 10));
        // What is over and kept still takes room of those that began before it.
        first.landed();
        assert!(!second.fits(1, 10));
        // One that begins now learns it from the database.
        let mut third = flights.begin("p", Area::Store);
        assert!(!third.fits(1, 4));
        drop(second);
        assert!(third.fits(4, 4) && !third.fits(1, 4));
        drop((third, elsewhere));
        assert!(flights.all().is_empty());
    }
}
