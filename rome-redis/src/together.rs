//! Calls that come together go out together, as one pipeline.
//!
//! Each pipeline costs both sides wake-ups and system calls, whatever is in it. So the small calls of many tasks are gathered:
//! whoever finds nobody gathering leads, lets the other tasks run once if such calls are under way at all, and sends what
//! has come. A lone caller waits for nobody. What may take the server long goes out by itself, so that nobody waits for
//! another's scan.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{Pipeline, Value};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::oneshot;

use crate::link::{Link, Live};

/// The most commands that are gathered: the replies to the first wait for the last.
const MOST: usize = 64;

/// Where calls to a server meet.
#[derive(Debug, Default)]
pub(crate) struct Together {
    gathering: Mutex<Gathering>,
    under_way: AtomicUsize,
}

#[derive(Debug, Default)]
struct Gathering {
    /// The connection of the one who will send it.
    by: Option<Live>,
    commands: Pipeline,
    followers: Vec<Follower>,
}

/// A call that another task sends.
#[derive(Debug)]
struct Follower {
    commands: usize,
    replies: oneshot::Sender<Vec<Value>>,
}

/// How a call takes part: it leads, waits for its replies, or goes alone.
enum Joined<'p> {
    Leads,
    Follows(oneshot::Receiver<Vec<Value>>),
    NotAtAll(&'p Pipeline),
}

impl Together {
    /// Sends commands, with those of others that come now.
    ///
    /// # Errors
    /// As [`Link::call`]; `Unavailable` also if the caller who should have sent them was dropped or could not.
    pub(crate) async fn call(&self, link: &Link, live: &Live, commands: &Pipeline) -> StoreResult<Vec<Value>> {
        match self.join(live, commands) {
            Joined::Leads => self.lead(link, live, commands.len()).await,
            Joined::Follows(replies) => replies.await.map_err(|_| given_up()),
            Joined::NotAtAll(commands) => link.call(live, commands).await,
        }
    }

    fn join<'p>(&self, live: &Live, commands: &'p Pipeline) -> Joined<'p> {
        let mut gathering = self.gathering();
        // Another connection may be to another process, for which the partition is not adopted.
        let fits = gathering.by.as_ref().is_none_or(|by| by.is_same(live));
        if !fits || gathering.commands.len() >= MOST {
            return Joined::NotAtAll(commands);
        }
        for command in commands.cmd_iter() {
            gathering.commands.add_command(command.clone());
        }
        if gathering.by.is_none() {
            gathering.by = Some(live.clone());
            return Joined::Leads;
        }
        let (replies, receiver) = oneshot::channel();
        gathering.followers.push(Follower { commands: commands.len(), replies });
        Joined::Follows(receiver)
    }

    /// Sends what was gathered, of which the first `own` commands are the leader's.
    async fn lead(&self, link: &Link, live: &Live, own: usize) -> StoreResult<Vec<Value>> {
        let lead = Lead(Some(self));
        if self.under_way.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        let Gathering { commands, followers, .. } = lead.end();
        let replies = {
            let _under_way = UnderWay::new(&self.under_way);
            link.call(live, &commands).await?
        };
        if followers.is_empty() {
            return Ok(replies);
        }
        let mut replies = replies.into_iter();
        let replies_to_own = replies.by_ref().take(own).collect();
        for follower in followers {
            // Who no longer waits for them does not need them.
            follower.replies.send(replies.by_ref().take(follower.commands).collect()).ok();
        }
        Ok(replies_to_own)
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the gathering, also when the leader is dropped: then its followers learn it from their channels.
struct Lead<'t>(Option<&'t Together>);

impl Lead<'_> {
    fn end(mut self) -> Gathering {
        self.0.take().map(|together| std::mem::take(&mut *together.gathering())).unwrap_or_default()
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if let Some(together) = self.0.take() {
            drop(std::mem::take(&mut *together.gathering()));
        }
    }
}

/// Counts a pipeline that is under way.
struct UnderWay<'t>(&'t AtomicUsize);

impl<'t> UnderWay<'t> {
    fn new(count: &'t AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The caller who sent these commands was dropped, or could not send them.
fn given_up() -> StoreError {
    let message = "the connection was lost by the call that this one went out with";
    StoreError::new(StoreErrorKind::Unavailable, message).with_unknown_outcome()
}
