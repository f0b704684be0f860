//! Who goes first where many want the same rows, always.
//!
//! With optimistic checks somebody commits in each round, and nothing says that it is not the same ones each time: whoever has
//! just committed is the first to read what is there now. So the transactions of a database that lose again and again try one
//! at a time, first come, first served. One that still loses, or whose attempts take long, tries alone: the others commit before it or
//! after it. They wait for as long as such an attempt may take and no longer, so that nobody waits for ever for a body that waits for
//! them. Other processes know nothing of that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::{sleep, timeout};

use crate::commit::Committer;

/// For how long a transaction waits for its turn, so that a long one cannot hold up the others for ever. Many may stand before it.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// After how many further attempts others have to let it pass.
const HUMBLE: u32 = 4;
/// What takes so long is not tried often before others have to wait for it.
const LONG: Duration = Duration::from_millis(20);
/// How long all attempts of a transaction may take before it waits for its turn, although they were few.
const LONG_IN_ALL: Duration = Duration::from_millis(100);
/// The shortest and the longest that a commit waits for one that tries alone.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(50);
const LONGEST_PATIENCE: Duration = Duration::from_secs(5);
/// The longest that others are held up, each time that they begin.
const LONGEST_COURTESY: Duration = Duration::from_millis(50);

tokio::task_local! {
    /// Where the turns are of the transaction in whose body this runs, while it has its turn.
    static INSIDE: usize;
}

/// The turns of a database's transactions.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    turn: Mutex<()>,
    /// What an attempt takes of the transaction that others have to let pass, in microseconds; 0 if there is none.
    pressing: AtomicU64,
    /// Held by each commit, by all together; by an attempt that is made alone from its begin to its commit.
    commits: RwLock<()>,
    /// How long a commit waits for an attempt that is made alone, in microseconds.
    patience: AtomicU64,
}

/// The turn of one transaction, until this is dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    _turn: MutexGuard<'a, ()>,
    lost: u32,
    /// Whether the next attempt is made alone.
    is_long: bool,
}

/// Whether to wait for a turn after so many attempts, which took so long in all.
pub(super) fn is_time_for_a_turn(attempt: u32, eager: u32, all: Duration) -> bool {
    attempt >= eager || (attempt > 1 && all >= LONG_IN_ALL)
}

impl Turns {
    /// Waits for a turn, and no longer than what time is left; none if that is too long, or if the turn is that of the transaction
    /// in whose body this one runs.
    pub async fn wait(&self, left: Duration) -> Option<Turn<'_>> {
        if self.is_inside() {
            return None;
        }
        let turn = timeout(LONGEST_WAIT.min(left), self.turn.lock()).await.ok()?;
        Some(Turn { turns: self, _turn: turn, lost: 0, is_long: false })
    }

    /// Lets a commit through that does not belong to an attempt that is made alone. Waits while another one is.
    pub async fn pass(&self) -> Option<RwLockReadGuard<'_, ()>> {
        if let Ok(pass) = self.commits.try_read() {
            return Some(pass);
        }
        if self.is_inside() {
            return None;
        }
        let patience = Duration::from_micros(self.patience.load(Ordering::Relaxed));
        timeout(patience.clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE), self.commits.read()).await.ok()
    }

    /// Runs the body of a transaction that has its turn: what that begins itself does not wait for it.
    pub async fn inside<F: Future>(&self, body: F) -> F::Output {
        INSIDE.scope(self.place(), body).await
    }

    fn is_inside(&self) -> bool {
        INSIDE.try_with(|place| *place == self.place()).unwrap_or(false)
    }

    fn place(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Holds up a transaction that begins if another one has waited for long enough.
    pub async fn let_pass(&self, committer: &Committer) {
        let micros = self.pressing.load(Ordering::Relaxed);
        if micros > 0 {
            let most = Duration::from_micros(micros.saturating_mul(4)).min(LONGEST_COURTESY);
            sleep(Duration::from_micros(micros).min(most) + committer.random_pause(most)).await;
        }
    }
}

impl Turn<'_> {
    /// Begins an attempt before and after which all others commit, if it has come to that; `None` if they do not end for too long.
    pub async fn alone(&self, took: Duration, left: Duration) -> Option<RwLockWriteGuard<'_, ()>> {
        if !self.is_long && self.lost < HUMBLE {
            return None;
        }
        let patience = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).saturating_mul(4);
        self.turns.patience.store(patience, Ordering::Relaxed);
        timeout(LONGEST_PATIENCE.min(left), self.turns.commits.write()).await.ok()
    }

    /// Notes how long the attempt before the turn took.
    pub fn took(&mut self, took: Duration) {
        self.is_long |= took >= LONG;
    }

    /// Notes that an attempt was lost although it was its turn. Says whether to pause: a process does not know whose turn it is in
    /// another one, and two that always try at the same moment would go on to meet.
    pub fn record_loss(&mut self, took: Duration) -> bool {
        self.lost += 1;
        self.took(took);
        if self.lost >= HUMBLE {
            self.turns.pressing.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        }
        self.lost.is_multiple_of(HUMBLE)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.lost >= HUMBLE {
            self.turns.pressing.store(0, Ordering::Relaxed);
        }
    }
}
