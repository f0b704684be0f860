//! A partition of the simulated store: a log of what was applied, and the state that it gives.
//!
//! A crash takes away the end of the log, and the state is made again from the rest. What must outlive it depends on the
//! [`Survival`] that is simulated: where acknowledged writes survive, a reply is released only when all that it tells of is
//! safe, also the reply to a read.
//!
//! As a backend has to, it moves on after a crash: its `seq` goes up by far more than may have been lost, and numbers of
//! sequences are never given again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rome_store::{
    Applied, ApplyOptions, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Step, Store,
    StoreResult, TxId,
};

use super::Survival;

/// Where the state behind it has its data.
const HERE: Partition = Partition(0);
/// How far `seq` moves at a crash.
const FAR: u64 = 1 << 32;

/// Makes the empty state of a partition.
pub(super) type Make = Arc<dyn Fn() -> Arc<dyn Store> + Send + Sync>;

pub(super) struct Server {
    make: Make,
    survival: Survival,
    state: Mutex<State>,
}

struct State {
    /// What the log gives.
    store: Arc<dyn Store>,
    log: Vec<MiniTx>,
    /// The seq after each whole transaction that was carried out.
    done: BTreeMap<TxId, u64>,
    /// How much of the log survives a crash.
    safe: usize,
    /// Rises with each crash.
    epoch: u64,
    is_up: bool,
    /// By how much `seq` moved in all crashes.
    moved: u64,
    sequences: BTreeMap<SequenceId, u64>,
}

/// Something that was done at a partition and that nobody knows of yet.
pub(super) struct Answer<T> {
    pub(super) value: T,
    epoch: u64,
    /// How much of the log it tells of.
    tells: usize,
}

impl Server {
    pub(super) fn new(make: Make, survival: Survival) -> Self {
        let state = State {
            store: make(),
            log: Vec::new(),
            done: BTreeMap::new(),
            safe: 0,
            epoch: 0,
            is_up: true,
            moved: 0,
            sequences: BTreeMap::new(),
        };
        Self { make, survival, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state itself, to be looked at.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.state().store.clone()
    }

    /// Carries out a minitransaction; none if it is down.
    pub(super) async fn apply(&self, mut tx: MiniTx) -> Option<Answer<StoreResult<Applied>>> {
        let (store, epoch, moved) = self.serving()?;
        // What was read before a crash may be gone.
        tx.unchanged_since = tx.unchanged_since.and_then(|seq| seq.checked_sub(moved));
        let applied = apply(&*store, tx.clone()).await;
        let mut state = self.state();
        if state.epoch != epoch {
            return None;
        }
        if let (Ok(Applied::Done { seq }), Step::One) = (&applied, tx.step) {
            state.done.insert(tx.id, *seq);
        }
        state.log.push(tx);
        Some(Answer { value: applied.map(|it| shifted(it, moved)), epoch, tells: state.log.len() })
    }

    pub(super) async fn read(&self, reads: Vec<Read>) -> Option<Answer<StoreResult<ReadReply>>> {
        let (store, epoch, moved) = self.serving()?;
        let tells = self.state().log.len();
        let reply = store.read(&[(HERE, reads)], ReadOptions::new()).await;
        let value = reply.map(|mut replies| {
            let mut reply = replies.remove(0);
            reply.seq += moved;
            reply
        });
        Some(Answer { value, epoch, tells })
    }

    pub(super) fn reserve(&self, sequence: SequenceId, n: u32) -> Option<Answer<StoreResult<u64>>> {
        let (_, epoch, _) = self.serving()?;
        let mut state = self.state();
        let next = state.sequences.entry(sequence).or_insert(1);
        let first = *next;
        *next += u64::from(n);
        Some(Answer { value: Ok(first), epoch, tells: 0 })
    }

    fn serving(&self) -> Option<(Arc<dyn Store>, u64, u64)> {
        let state = self.state();
        state.is_up.then(|| (state.store.clone(), state.epoch, state.moved))
    }

    /// Lets an answer go out, and all that it tells of is safe from then on; none if the partition has crashed
    /// meanwhile.
    pub(super) fn release<T>(&self, answer: Answer<T>) -> Option<T> {
        let mut state = self.state();
        if state.epoch != answer.epoch {
            return None;
        }
        if self.survival == Survival::Acknowledged {
            state.safe = state.safe.max(answer.tells);
        }
        Some(answer.value)
    }

    /// The seq after a whole transaction that was carried out.
    pub(super) fn done(&self, id: TxId) -> Option<u64> {
        let state = self.state();
        state.done.get(&id).map(|seq| seq + state.moved)
    }

    /// From now on all that was applied survives.
    pub(super) fn make_safe(&self) {
        let mut state = self.state();
        state.safe = state.log.len();
    }

    /// How many applies a crash could take away, and how many there are.
    pub(super) fn at_risk(&self) -> (usize, usize) {
        let state = self.state();
        (state.log.len() - state.safe, state.log.len())
    }

    /// Goes down and forgets this many of the last applies.
    pub(super) async fn crash(&self, forgotten: usize) {
        let log = {
            let mut state = self.state();
            state.is_up = false;
            state.epoch += 1;
            state.moved += FAR;
            let left = state.log.len() - forgotten;
            state.log.truncate(left);
            state.log.clone()
        };
        let store = (self.make)();
        let mut done = BTreeMap::new();
        for tx in log {
            let (id, step) = (tx.id, tx.step);
            if let (Ok(Applied::Done { seq }), Step::One) = (apply(&*store, tx).await, step) {
                done.insert(id, seq);
            }
        }
        let mut state = self.state();
        (state.store, state.done) = (store, done);
    }

    pub(super) fn come_back(&self) {
        self.state().is_up = true;
    }
}

async fn apply(store: &dyn Store, tx: MiniTx) -> StoreResult<Applied> {
    Ok(store.apply(vec![(HERE, tx)], ApplyOptions::new(Durability::Memory)).await?.remove(0))
}

fn shifted(applied: Applied, moved: u64) -> Applied {
    match applied {
        Applied::Done { seq } => Applied::Done { seq: seq + moved },
        other => other,
    }
}
