//! Which connections there are, and which of them wait for a request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The connections of a service.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The signal to each that it has to go.
    all: HashMap<u64, Arc<Notify>>,
    /// Those that wait for a request, by when they began to.
    idle: BTreeMap<u64, u64>,
    /// Counts connections, and the times that one begins to wait.
    clock: u64,
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Sends away the connection that has waited longest; whether there is one.
    fn make_room(&mut self) -> bool {
        let Some((_, id)) = self.idle.pop_first() else { return false };
        if let Some(evict) = self.all.remove(&id) {
            evict.notify_one();
        }
        true
    }
}

/// The place of a connection, until it is dropped. It waits for a request unless it is [`busy`](Self::busy).
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    id: u64,
    evict: Arc<Notify>,
    state: Arc<Mutex<Work>>,
}

/// What a connection does. It is looked at under the lock of [`State`].
#[derive(Debug)]
struct Work {
    /// Requests under way.
    requests: usize,
    /// Since when it waits for one.
    idle: Option<u64>,
}

/// That a connection has a request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Busy {
    connections: Arc<Connections>,
    id: u64,
    state: Arc<Mutex<Work>>,
}

impl Connections {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection; `None` if all have a request under way.
    pub fn take(self: &Arc<Self>) -> Option<Seat> {
        let mut state = self.state();
        if state.all.len() >= self.most && !state.make_room() {
            return None;
        }
        let id = state.tick();
        let evict = Arc::new(Notify::new());
        state.all.insert(id, Arc::clone(&evict));
        state.idle.insert(id, id);
        Some(Seat {
            connections: Arc::clone(self),
            id,
            evict,
            state: Arc::new(Mutex::new(Work { requests: 0, idle: Some(id) })),
        })
    }

    /// Sends away the connection that has waited longest, if there is one.
    pub fn make_room(&self) {
        self.state().make_room();
    }
}

fn work(state: &Mutex<Work>) -> MutexGuard<'_, Work> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    /// Notes that a request is under way.
    pub fn busy(&self) -> Busy {
        let mut state = self.connections.state();
        let mut work = work(&self.state);
        work.requests += 1;
        if let Some(since) = work.idle.take() {
            state.idle.remove(&since);
        }
        Busy { connections: Arc::clone(&self.connections), id: self.id, state: Arc::clone(&self.state) }
    }

    /// Returns when the connection has to go.
    pub async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        let mut work = work(&self.state);
        work.requests = work.requests.saturating_sub(1);
        if work.requests == 0 && state.all.contains_key(&self.id) {
            let now = state.tick();
            state.idle.insert(now, self.id);
            work.idle = Some(now);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        state.all.remove(&self.id);
        if let Some(since) = work(&self.state).idle.take() {
            state.idle.remove(&since);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use futures::FutureExt;

    use super::Connections;

    #[test]
    fn the_connection_that_waited_longest_makes_room() {
        let connections = Connections::new(2);
        let (first, second) = (connections.take().unwrap(), connections.take().unwrap());
        drop(first.busy());
        let third = connections.take().unwrap();
        assert_eq!((first.evicted().now_or_never(), second.evicted().now_or_never()), (None, Some(())));
        drop(second);
        let (_one, _other) = (first.busy(), third.busy());
        assert!(connections.take().is_none());
        drop(third);
        assert!(connections.take().is_some());
    }

    #[test]
    fn nothing_is_left_of_connections_that_ended() {
        let connections = Connections::new(2);
        for _ in 0..10 {
            let seat = connections.take().unwrap();
            let busy = seat.busy();
            drop(seat);
            drop(busy);
            drop(connections.take().unwrap());
        }
        let state = connections.state();
        assert!(state.all.is_empty() && state.idle.is_empty());
    }
}
