//! Calls that come together go out together, as one pipeline.
//!
//! Each pipeline costs both sides wake-ups and system calls, whatever is in it. So the small calls of many tasks are gathered:
//! whoever finds nobody gathering leads, lets the other tasks run once if such calls are under way at all, and sends what
//! has come. A lone caller waits for nobody. What may take the server long goes out by itself, so that nobody waits for
//! another's scan.
//!
//! A read begins and ends with a look at its partition. Where one caller's commands end with the look that the next one's begin
//! with, it is sent once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, Value};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::oneshot;

use crate::link::{Link, Live};

/// The most commands that are gathered: the replies to the first wait for the last.
const MOST: usize = 64;

/// The words of a look.
const LOOK: usize = 4;

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
    /// The last of them, if it is a look.
    look: Option<Cmd>,
    followers: Vec<Follower>,
}

/// A call that another task sends.
#[derive(Debug)]
struct Follower {
    /// Whether its first reply is the last one of the caller before.
    shares: bool,
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
        let shares =
            gathering.look.as_ref().is_some_and(|look| commands.cmd_iter().next().is_some_and(|c| same(c, look)));
        for command in commands.cmd_iter().skip(usize::from(shares)) {
            gathering.commands.add_command(command.clone());
        }
        gathering.look = commands.cmd_iter().last().filter(|last| is_look(last)).cloned();
        if gathering.by.is_none() {
            gathering.by = Some(live.clone());
            return Joined::Leads;
        }
        let (replies, receiver) = oneshot::channel();
        let commands = commands.len() - usize::from(shares);
        gathering.followers.push(Follower { shares, commands, replies });
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
        let replies_to_own: Vec<Value> = replies.by_ref().take(own).collect();
        let mut last = replies_to_own.last().cloned();
        for follower in followers {
            let shared = last.filter(|_| follower.shares);
            let part: Vec<Value> = shared.into_iter().chain(replies.by_ref().take(follower.commands)).collect();
            last = part.last().cloned();
            // Who no longer waits for them does not need them.
            follower.replies.send(part).ok();
        }
        Ok(replies_to_own)
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a command is a look, or reads as one does: what may be sent once for two.
fn is_look(command: &Cmd) -> bool {
    matches!(command.args_iter().next(), Some(redis::Arg::Simple(b"HMGET"))) && command.args_iter().len() == LOOK
}

fn same(a: &Cmd, b: &Cmd) -> bool {
    a.args_iter().len() == b.args_iter().len() && a.args_iter().zip(b.args_iter()).all(|(a, b)| a == b)
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
