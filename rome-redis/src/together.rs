//! Calls that come together go out together, as one pipeline.
//!
//! Each pipeline costs both sides wake-ups and system calls, and a look at `seq` costs the server as much as a get. So the
//! small calls of many tasks are gathered: whoever finds nobody gathering leads, lets the other tasks run once if such
//! calls are under way at all, and sends what has come. A lone caller waits for nobody. What may take the server
//! long goes out by itself, so that nobody waits for another's scan.
//!
//! Reads are gathered between two looks at `seq` for all of them. Commits are gathered apart from them, since a write between
//! two looks would spoil the reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{Pipeline, Value};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::oneshot;

use crate::link::{Link, Live};

/// The most commands that are gathered: the replies to the first wait for the last.
const MOST: usize = 64;

/// Where calls meet.
#[derive(Debug, Default)]
pub(crate) struct Together {
    gathering: Mutex<Gathering>,
    under_way: AtomicUsize,
}

#[derive(Debug, Default)]
struct Gathering {
    /// Whether somebody will send it.
    led: bool,
    commands: Pipeline,
    /// The place of the look at `seq` before the commands after it.
    look: Option<usize>,
    followers: Vec<Follower>,
}

/// Which looks at `seq` a call needs. Callers that meet need one after them all or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    None,
    After,
    BeforeAndAfter,
}

/// A call that another task sends.
#[derive(Debug)]
struct Follower {
    commands: usize,
    answer: oneshot::Sender<Answer>,
}

/// How a call takes part: it leads with so many commands, or waits for its answer.
enum Joined {
    Leads(usize),
    Follows(oneshot::Receiver<Answer>),
}

/// What a call gave.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The reply to the look before it.
    pub(crate) before: Option<Value>,
    pub(crate) replies: Vec<Value>,
    /// The reply to the look after it.
    pub(crate) after: Option<Value>,
}

impl Together {
    /// Sends the commands that `ask` adds, with those of others.
    ///
    /// # Errors
    /// As [`Link::call`]; `Unavailable` also if the caller who sent them was dropped, in which case they may have been
    /// carried out or not.
    pub(crate) async fn send(
        &self,
        link: &Link,
        live: &Live,
        looks: Looks,
        ask: impl FnOnce(&mut Pipeline),
    ) -> StoreResult<Answer> {
        if self.gathering().commands.len() >= MOST {
            return alone(link, live, looks, ask).await;
        }
        match self.join(link, looks, ask) {
            Joined::Leads(commands) => self.lead(link, live, looks, commands).await,
            Joined::Follows(answer) => answer.await.map_err(|_| given_up()),
        }
    }

    fn join(&self, link: &Link, looks: Looks, ask: impl FnOnce(&mut Pipeline)) -> Joined {
        let mut gathering = self.gathering();
        if looks == Looks::BeforeAndAfter && gathering.look.is_none() {
            gathering.look = Some(gathering.commands.len());
            gathering.commands.add_command(link.ask_seq.clone());
        }
        let before = gathering.commands.len();
        ask(&mut gathering.commands);
        let commands = gathering.commands.len() - before;
        if !gathering.led {
            gathering.led = true;
            return Joined::Leads(commands);
        }
        let (answer, receiver) = oneshot::channel();
        gathering.followers.push(Follower { commands, answer });
        Joined::Follows(receiver)
    }

    /// Sends what was gathered, of which the first `own` commands, but for a look, are the leader's.
    async fn lead(&self, link: &Link, live: &Live, looks: Looks, own: usize) -> StoreResult<Answer> {
        let lead = Lead(Some(self));
        if self.under_way.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        let Gathering { mut commands, look, followers, .. } = lead.end();
        if looks != Looks::None {
            commands.add_command(link.ask_seq.clone());
        }
        let replies = {
            let _under_way = UnderWay::new(&self.under_way);
            link.call(live, &commands).await?
        };
        let mut replies = replies.into_iter();
        let after = if looks == Looks::None { None } else { replies.next_back() };
        let mut before = None;
        let mut at = 0;
        let mut take = |commands: usize| {
            if look == Some(at) {
                before = replies.next();
                at += 1;
            }
            at += commands;
            Answer { before: before.clone(), replies: replies.by_ref().take(commands).collect(), after: after.clone() }
        };
        let answer = take(own);
        for follower in followers {
            // Who no longer waits for it does not need it.
            follower.answer.send(take(follower.commands)).ok();
        }
        Ok(answer)
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the commands that `ask` adds by themselves.
pub(crate) async fn alone(
    link: &Link,
    live: &Live,
    looks: Looks,
    ask: impl FnOnce(&mut Pipeline),
) -> StoreResult<Answer> {
    let mut commands = Pipeline::with_capacity(8);
    if looks == Looks::BeforeAndAfter {
        commands.add_command(link.ask_seq.clone());
    }
    ask(&mut commands);
    if looks != Looks::None {
        commands.add_command(link.ask_seq.clone());
    }
    let mut replies = link.call(live, &commands).await?.into_iter();
    let after = if looks == Looks::None { None } else { replies.next_back() };
    let before = if looks == Looks::BeforeAndAfter { replies.next() } else { None };
    Ok(Answer { before, replies: replies.collect(), after })
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
