//! Who goes first where many want the same rows, always.
//!
//! With optimistic checks somebody commits in each round, and nothing says that it is not the same ones each time: whoever has
//! just committed is the first to read what is there now. So the transactions of a database that lose again and again try one
//! at a time, first come, first served; and if the one whose turn it is still loses, others begin a little later.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task;
use tokio::time::{sleep, timeout};

use crate::database::Shared;

/// For how long a transaction waits for its turn, so that a long one cannot hold up the others for ever. Many may stand before it.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// After how many further attempts others have to let it pass.
const HUMBLE: u32 = 4;
/// The longest that others are held up, each time that they begin.
const LONGEST_COURTESY: Duration = Duration::from_millis(50);

/// The turns of a database's transactions.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    turn: Mutex<()>,
    /// The task whose turn it is; that of a runtime's `block_on` has no id.
    holder: std::sync::Mutex<Option<Option<task::Id>>>,
    /// What an attempt takes of the transaction that others have to let pass, in microseconds; 0 if there is none.
    pressing: AtomicU64,
}

/// The turn of one transaction, until this is dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    _turn: MutexGuard<'a, ()>,
    lost: u32,
}

impl Turns {
    /// Waits for a turn, and no longer than what time is left; none if that is too long, or if the turn is that of the transaction
    /// in whose body this one runs.
    pub async fn wait(&self, left: Duration) -> Option<Turn<'_>> {
        let own = task::try_id();
        if *self.holder.lock().unwrap_or_else(PoisonError::into_inner) == Some(own) {
            return None;
        }
        let turn = timeout(LONGEST_WAIT.min(left), self.turn.lock()).await.ok()?;
        self.set_holder(Some(own));
        Some(Turn { turns: self, _turn: turn, lost: 0 })
    }

    fn set_holder(&self, holder: Option<Option<task::Id>>) {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = holder;
    }

    /// Holds up a transaction that begins if another one has waited for long enough.
    pub async fn let_pass(&self, shared: &Shared) {
        let micros = self.pressing.load(Ordering::Relaxed);
        if micros > 0 {
            let most = Duration::from_micros(micros.saturating_mul(4)).min(LONGEST_COURTESY);
            sleep(Duration::from_micros(micros).min(most) + shared.committer.random_pause(most)).await;
        }
    }
}

impl Turn<'_> {
    /// Notes that an attempt was lost although it was its turn. Says whether to pause: a process does not know whose turn it is in
    /// another one, and two that always try at the same moment would go on to meet.
    pub fn lost(&mut self, took: Duration) -> bool {
        self.lost += 1;
        if self.lost >= HUMBLE {
            self.turns.pressing.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        }
        self.lost.is_multiple_of(HUMBLE)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.set_holder(None);
        if self.lost >= HUMBLE {
            self.turns.pressing.store(0, Ordering::Relaxed);
        }
    }
}
