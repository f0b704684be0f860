//! Reads of a statement that writes nothing: all that they need is to be of one moment.
//!
//! Where the store keeps [snapshots](crate::store::Store::snapshot), all reads of a statement are of one, and nothing has to
//! be checked. Where it does not, mostly nothing changes between the first read and the last: the first attempt notes the state
//! of each partition alone, not what it read there. Where a state has passed, or the store has given the snapshot up, the
//! statement runs again as a session that can check each of its reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::attempt::{Attempts, Body, Ended};
use super::retry::{ended_reading, repeat};
use super::{Purpose, Session, TransactionOptions, TxBody};
use crate::error::{Error, Result};
use crate::session::Shared;

/// How many statements check their reads at once after one whose moment had passed.
const WARY: u32 = 16;

/// Whether something was changed lately while a statement read.
#[derive(Debug, Default)]
pub(crate) struct Calm(AtomicU32);

impl Calm {
    fn is_likely(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }

    fn note_contention(&self) {
        self.0.store(WARY, Ordering::Relaxed);
    }
}

/// Runs what only reads, and reads more than once or in more than one partition, so that all of it is of one moment.
pub(crate) async fn read<F, T>(shared: &Arc<Shared>, body: F) -> Result<T>
where
    F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Clone + Send,
    T: Send,
{
    let mut body = Body::new(body).that_fails(failed);
    let ran = read_calmly(shared, &mut body).await;
    body.result(ran)
}

fn failed(error: &Error) -> Ended {
    if error.is_conflict() { Ended::Conflict } else { Ended::Failed }
}

fn read_calmly<'a>(shared: &'a Arc<Shared>, body: &'a mut dyn Attempts) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let options = TransactionOptions::new().read_only(true);
        if shared.calm.is_likely() {
            let begun = Instant::now();
            let session = Session::new(shared.clone(), options.clone(), Purpose::SnapshotRead);
            let ended = body.attempt(&session).await;
            if ended != Ended::Conflict && session.saw_one_moment().await? {
                ended_reading(shared, ended == Ended::Well, begun);
                return Ok(());
            }
            shared.calm.note_contention();
        }
        repeat(shared, options, Purpose::Transaction, body).await
    })
}

impl Session {
    /// Whether all reads of a session that noted states alone were of one moment. Costs one round trip if they were of several
    /// partitions.
    async fn saw_one_moment(&self) -> Result<bool> {
        let states = {
            let state = self.state();
            if state.reads.saw_one_state() {
                return Ok(true);
            }
            state.reads.states()
        };
        match states {
            Some(states) => self.shared.committer.still(&states).await,
            None => Ok(false),
        }
    }
}
